#include "lib/pin/recipe.h"

#include <array>
#include <set>
#include <span>

#include "lib/base/files.h"
#include "lib/pin/names.h"

namespace hallmark::pin {
namespace {

constexpr std::size_t kMaxSteps = 1000;
constexpr std::size_t kMaxVariables = 1000;
constexpr std::size_t kMaxOutputs = 1000;
constexpr std::size_t kMaxText = std::size_t{64} << 10;  // below MAX_ARG_STRLEN of the kernel, 128 KiB

// YAML and JSON can both spell a NUL; neither execve(2) nor a shell can take one.
std::optional<std::string> problem_with_text(std::string_view text) {
  if (text.find('\0') != text.npos) return "has a NUL in it";
  if (text.size() > kMaxText) return "has more than " + std::to_string(kMaxText) + " bytes";
  return std::nullopt;
}

// How a document spells a role or an option of `measure`.
struct Spelling {
  std::string_view key, name;
};
constexpr std::array kCompanions{
    Spelling{"signature", "sigstruct"},     Spelling{"config", "config"},     Spelling{"libpal", "libpal"},
    Spelling{"ego_enclave", "ego-enclave"}, Spelling{"module", "module"},     Spelling{"vars", "vars"},
    Spelling{"kernel", "kernel"},           Spelling{"initrd", "initrd"},     Spelling{"uki", "uki"},
    Spelling{"acpi_tables", "acpi-tables"}, Spelling{"boot_log", "boot-log"}, Spelling{"runtime_log", "runtime-log"},
    Spelling{"app_compose", "app-compose"}};
constexpr std::array kOptions{Spelling{"gramine_version", "gramine-version"},
                              Spelling{"cmdline", "cmdline"},
                              Spelling{"memory", "memory"},
                              Spelling{"vcpus", "vcpus"},
                              Spelling{"acpi_digests", "acpi-digests"},
                              Spelling{"smbios_digest", "smbios-digest"},
                              Spelling{"profile", "profile"},
                              Spelling{"stub", "stub"},
                              Spelling{"dstack", "dstack"},
                              Spelling{"app_id", "app-id"},
                              Spelling{"instance_id", "instance-id"},
                              Spelling{"mr_kms", "mr-kms"},
                              Spelling{"os_image_hash", "os-image-hash"},
                              Spelling{"key_provider", "key-provider"},
                              Spelling{"tdattributes", "tdattributes"},
                              Spelling{"xfam", "xfam"},
                              Spelling{"mrconfigid", "mrconfigid"},
                              Spelling{"mrowner", "mrowner"},
                              Spelling{"mrownerconfig", "mrownerconfig"},
                              Spelling{"mrseam", "mrseam"},
                              Spelling{"allow_debug", "allow-debug"},
                              Spelling{"report_data", "report-data"}};

void check_measured_with(const Output& output, const std::set<std::string>& paths, const std::string& where,
                         Fields& doc) {
  const auto reject = [&](const Spelling& s, const std::string& why) {
    doc.reject(where + "." + std::string(s.key), why);
  };
  for (const Spelling& s : kCompanions) {
    const auto it = output.with.companions.find(std::string(s.name));
    if (it == output.with.companions.end()) continue;
    if (output.kind == "file") reject(s, "has no meaning for an output of kind \"file\"");
    if (!paths.contains(it->second) || it->second == output.path)
      reject(s, in_quotes(it->second) + " is not the path of another output");
  }
  for (const Spelling& s : kOptions) {
    const auto it = output.with.options.find(std::string(s.name));
    if (it == output.with.options.end()) continue;
    if (output.kind == "file") reject(s, "has no meaning for an output of kind \"file\"");
    if (auto why = problem_with_text(it->second)) reject(s, *why);
  }
}

std::vector<Output> read_outputs(Fields& doc) {
  std::vector<Output> outputs;
  std::set<std::string> paths;
  for (Fields& o : doc.objects("outputs", kMaxOutputs)) {
    Output output{o.text("path"), o.text_or("kind", "file"), read_measured_with(o)};
    if (!is_into(output.path) || output.path == ".")
      o.reject("path", in_quotes(output.path) + " is not a plain path below /build");
    if (!paths.insert(output.path).second) o.reject("path", in_quotes(output.path) + " is listed twice");
    if (!is_output_kind(output.kind)) o.reject("kind", in_quotes(output.kind) + " is not the name of a kind");
    outputs.push_back(std::move(output));
  }
  if (outputs.empty()) doc.reject("outputs", "is empty; a build must have an output");
  for (std::size_t i = 0; i < outputs.size(); i++) {
    const std::string where = "outputs[" + std::to_string(i) + "]";
    // One output inside another could not both be regular files.
    for (auto slash = outputs[i].path.find('/'); slash != std::string::npos;
         slash = outputs[i].path.find('/', slash + 1))
      if (paths.contains(outputs[i].path.substr(0, slash)))
        doc.reject(where + ".path", in_quotes(outputs[i].path) + " lies inside another output");
    check_measured_with(outputs[i], paths, where, doc);
  }
  return outputs;
}

}  // namespace

MeasuredWith read_measured_with(Fields& output) {
  MeasuredWith out;
  const auto read = [&](std::span<const Spelling> spellings, std::map<std::string, std::string>& into) {
    for (const Spelling& s : spellings)
      if (output.has(s.key)) into.emplace(s.name, output.text(s.key));
  };
  read(kCompanions, out.companions);
  read(kOptions, out.options);
  return out;
}

void add_measured_with(const MeasuredWith& with, Json& output) {
  const auto add = [&](std::span<const Spelling> spellings, const std::map<std::string, std::string>& from) {
    for (const Spelling& s : spellings)
      if (const auto it = from.find(std::string(s.name)); it != from.end()) output[s.key] = it->second;
  };
  add(kCompanions, with.companions);
  add(kOptions, with.options);
}

Recipe read_recipe(Fields& build, Fields& doc) {
  Recipe recipe;
  recipe.cpus = static_cast<std::uint32_t>(build.integer_or("cpus", 1, 1024, 1));
  if (build.has("env")) recipe.environment = build.text_map("env", kMaxVariables);
  for (const auto& [name, value] : recipe.environment) {
    const std::string where = "env." + printable(name);
    if (!is_variable_name(name)) build.reject(where, "is not a valid name for an environment variable");
    if (is_reserved_variable(name)) build.reject(where, "is set by the box itself and cannot be changed");
    if (auto why = problem_with_text(value)) build.reject(where, *why);
  }
  recipe.steps = build.texts("steps", kMaxSteps);
  if (recipe.steps.empty()) build.reject("steps", "is empty; a build must have a step");
  for (std::size_t i = 0; i < recipe.steps.size(); i++) {
    const std::string where = "steps[" + std::to_string(i) + "]";
    if (recipe.steps[i].empty()) build.reject(where, "is empty");
    if (auto why = problem_with_text(recipe.steps[i])) build.reject(where, *why);
  }
  recipe.outputs = read_outputs(doc);
  return recipe;
}

Json build_to_json(const Recipe& recipe) {
  Json env = Json::object();
  for (const auto& [name, value] : recipe.environment) env[name] = value;
  return Json::object(
      {{"cpus", std::uint64_t{recipe.cpus}}, {"env", std::move(env)}, {"steps", text_list(recipe.steps)}});
}

Json outputs_to_json(const Recipe& recipe) {
  Json outputs = Json::array();
  for (const Output& o : recipe.outputs) {
    Json output = Json::object({{"path", o.path}, {"kind", o.kind}});
    add_measured_with(o.with, output);
    outputs.push_back(std::move(output));
  }
  return outputs;
}

Json text_list(const std::vector<std::string>& texts) {
  Json out = Json::array();
  for (const std::string& text : texts) out.push_back(text);
  return out;
}

}  // namespace hallmark::pin
