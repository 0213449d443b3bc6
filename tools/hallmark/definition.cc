#include "tools/hallmark/definition.h"

#include <algorithm>

#include "lib/cert/compare.h"
#include "lib/pin/names.h"

namespace hallmark::cli {
namespace {

// The SHA-256 of a tree's hallmark-tar-1 archive; specs/formats/certificate.md, "Digests".
constexpr const char* kTreeDigest = "hallmarkTar1";

cert::Resource describe(const pin::SourcePin& source) {
  cert::Resource out;
  out.name = "source:" + source.name;
  out.digest = {{kTreeDigest, source.tree_sha256}};
  const auto add = [&](const char* algorithm, const std::string& value) {
    if (!value.empty()) out.digest.emplace(algorithm, value);
  };
  if (const auto* git = std::get_if<pin::GitPin>(&source.origin)) {
    // A path on the builder's machine is no URI and means nothing elsewhere.
    if (pin::is_url(git->url)) out.uri = "git+" + git->url + "@" + git->ref;
    add("gitCommit", git->commit);
    add("gitTree", git->tree);
  } else if (const auto* path = std::get_if<pin::PathPin>(&source.origin)) {
    add("gitCommit", path->commit);
    add("gitTree", path->tree);
  } else if (const auto* archive = std::get_if<pin::ArchivePin>(&source.origin)) {
    const auto uri = std::ranges::find_if(archive->urls, pin::is_url);
    if (uri != archive->urls.end()) out.uri = *uri;
    add("sha256", archive->sha256);
  }
  return out;
}

// The package URL specification: everything but unreserved characters and ':' is percent-encoded.
std::string purl_encode(std::string_view text) {
  static constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_~:";
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (kPlain.find(c) != kPlain.npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

cert::Resource describe(const pin::PackagePin& package) {
  return {package.name,
          "pkg:deb/debian/" + purl_encode(package.name) + "@" + purl_encode(package.version) +
              "?arch=" + purl_encode(package.arch),
          {{"sha256", package.sha256}}};
}

}  // namespace

void define_build(const pin::Lock& lock, const std::map<std::string, std::string>& fixed, cert::Certificate& out) {
  out.lock = to_json(lock);
  out.dependencies.clear();
  Json sources = Json::array();
  for (const pin::SourcePin& source : lock.sources) {
    out.dependencies.push_back(describe(source));
    Json entry = cert::to_json(out.dependencies.back());
    entry["name"] = source.name;
    entry["into"] = source.into;
    sources.push_back(std::move(entry));
  }
  for (const pin::PackagePin& package : lock.debian.packages) out.dependencies.push_back(describe(package));
  out.dependencies.push_back({"root", "", {{kTreeDigest, lock.root.sha256}}});

  out.external_parameters = Json::object({{"name", lock.name},
                                          {"specification", Json::object({{"sha256", lock.spec_sha256}})},
                                          {"sources", std::move(sources)},
                                          {"build", pin::build_to_json(lock.recipe)},
                                          {"outputs", pin::outputs_to_json(lock.recipe)}});
  Json conditions = Json::object();
  for (const auto& [name, value] : fixed) conditions[name] = value;
  out.internal_parameters = Json::object(
      {{"SOURCE_DATE_EPOCH", lock.epoch},
       {"arch", "linux/" + lock.debian.arch},
       {"rules", Json::object({{"source", pin::kTarRules}, {"root", pin::kRootRules}, {"box", pin::kBoxRules}})},
       {"fixed", std::move(conditions)}});
}

Result<pin::Lock> lock_of(const cert::Certificate& certificate, const std::string& name) {
  TRY(pin::Lock lock, pin::lock_from_json(certificate.lock, name + ": predicate.hallmark_lock"));
  std::map<std::string, std::string> fixed;
  if (const Json* conditions = certificate.internal_parameters.find("fixed"); conditions && conditions->is_object())
    for (const Json::Member& m : conditions->members())
      if (m.value.is_string()) fixed.emplace(m.key, m.value.string());
  cert::Certificate derived;
  define_build(lock, fixed, derived);

  const auto definition = [](const cert::Certificate& c) {
    Json dependencies = Json::array();
    for (const cert::Resource& r : c.dependencies) dependencies.push_back(cert::to_json(r));
    return Json::object({{"externalParameters", c.external_parameters},
                         {"internalParameters", c.internal_parameters},
                         {"resolvedDependencies", std::move(dependencies)},
                         {"hallmark_lock", c.lock}});
  };
  const Json stated = definition(certificate), follows = definition(derived);
  if (stated.canonical() != follows.canonical()) {
    const auto lines = cert::describe_differences(stated, follows, {"stated", "by its own lock"}, 1);
    return fail(Fault::format, name + ": predicate.buildDefinition: does not follow from the lock" +
                                   (lines.empty() ? std::string() : ": " + lines.front()));
  }
  const auto same_path = [](const cert::OutputFile& file, const pin::Output& output) {
    return file.path == output.path;
  };
  if (!std::ranges::equal(certificate.outputs.files, lock.recipe.outputs, same_path))
    return fail(Fault::format, name + ": subject: does not list the outputs of the lock, in its order");
  for (const cert::OutputMeasurement& m : certificate.outputs.measurements) {
    const auto output = std::ranges::find(lock.recipe.outputs, m.path, &pin::Output::path);
    if (output->kind != m.platform || m.companions != output->with.companions || m.options != output->with.options)
      return fail(Fault::format, name + ": hallmark_measurements: \"" + m.path + "\" is of kind \"" + output->kind +
                                     "\" in the lock, and measured as another or with other companions or options");
  }
  for (const pin::Output& output : lock.recipe.outputs)
    if (output.kind != "file" &&
        std::ranges::find(certificate.outputs.measurements, output.path, &cert::OutputMeasurement::path) ==
            certificate.outputs.measurements.end())
      return fail(Fault::format, name + ": hallmark_measurements: has none of \"" + output.path +
                                     "\", which is of kind \"" + output.kind + "\"");
  return lock;
}

}  // namespace hallmark::cli
