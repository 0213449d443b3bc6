#include "lib/cert/statement.h"

#include <algorithm>

#include "lib/base/files.h"
#include "lib/cert/envelope.h"
#include "lib/crypto/digest.h"

namespace hallmark::cert {
namespace {

constexpr std::size_t kMaxOutputs = 4096;
constexpr std::size_t kMaxDependencies = 65536;
constexpr std::size_t kMaxDigests = 8;
constexpr std::size_t kMaxRegisters = 64;
constexpr std::size_t kMaxRegisterSize = 64;  // SHA-512

std::string sha256_of(const Json& json) { return to_hex(digest<Alg::sha256>(as_bytes(json.canonical()))); }

Json from_map(const std::map<std::string, std::string>& map) {
  Json out = Json::object();
  for (const auto& [key, value] : map) out[key] = value;
  return out;
}

Json list_of(const std::vector<Resource>& resources) {
  Json out = Json::array();
  for (const Resource& resource : resources) out.push_back(to_json(resource));
  return out;
}

Json subject(const std::string& name, const std::string& algorithm, const std::string& value) {
  return Json::object({{"name", name}, {"digest", Json::object({{algorithm, value}})}});
}

// in-toto digest_set.md: two sets match if any one digest does. A file's hash and the identity that the
// hardware will report are therefore two subjects, and an identity of several registers is one value.
Json subjects(const Outputs& outputs) {
  Json out = Json::array();
  for (const OutputFile& file : outputs.files) out.push_back(subject(file.path, "sha256", file.sha256));
  for (const OutputMeasurement& m : outputs.measurements) out.push_back(subject(m.id(), m.digest_name, m.digest));
  return out;
}

Json build_definition(const Certificate& certificate) {
  Json dependencies = list_of(certificate.dependencies);
  dependencies.push_back(to_json(Resource{std::string(kLockName), "", {{"sha256", lock_sha256(certificate)}}}));
  return Json::object({{"buildType", kBuildType},
                       {"externalParameters", certificate.external_parameters},
                       {"internalParameters", certificate.internal_parameters},
                       {"resolvedDependencies", dependencies}});
}

Json measurements(const Outputs& outputs) {
  Json out = Json::array();
  for (const OutputMeasurement& m : outputs.measurements) {
    Json registers = Json::object();
    for (const Register& r : m.registers) registers[r.name] = to_hex(r.digest);
    out.push_back(Json::object({{"id", m.id()},
                                {"tee", m.tee},
                                {"subject", m.path},
                                {"companions", from_map(m.companions)},
                                {"format", m.format},
                                {"calculator", m.calculator},
                                {"registers", registers},
                                {"identity", m.identity},
                                {"policy", m.policy},
                                {"inputs", m.inputs}}));
    if (!m.options.empty()) out.items().back()["options"] = from_map(m.options);
  }
  return out;
}

bool is_lower_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::map<std::string, std::string> read_digest(Fields& fields) {
  auto digest = fields.text_map("digest", kMaxDigests);
  if (fields.ok() && digest.empty()) fields.reject("digest", "is empty");
  for (const auto& [algorithm, value] : digest)
    if (value.empty() || value.size() % 2 != 0 || !is_lower_hex(value))
      fields.reject("digest", "\"" + algorithm + "\" is not lower-case hexadecimal");
  return digest;
}

Resource read_resource(Fields& fields) {
  Resource resource;
  resource.name = fields.text("name");
  resource.uri = fields.text_or("uri", "");
  resource.digest = read_digest(fields);
  return resource;
}

const Json& read_object(Fields& fields, std::string_view key) {
  const Json& value = fields.raw(key);
  if (!value.is_object())
    fields.reject(key, value.is_null() ? "is missing" : "is " + std::string(value.kind()) + ", not a map");
  return value;
}

UnixTime read_time(Fields& fields, std::string_view key) {
  const std::string text = fields.text(key);
  if (!fields.ok()) return 0;
  const auto time = parse_time(text);
  if (time) return *time;
  fields.reject(key, time.error().what);
  return 0;
}

// Whether `digest` is a selection of the registers' values, one after the other in the order of their names.
bool made_of(std::string_view digest, const std::vector<Register>& registers) {
  for (const Register& r : registers) {
    const std::string value = to_hex(r.digest);
    if (digest.starts_with(value)) digest.remove_prefix(value.size());
  }
  return digest.empty();
}

OutputMeasurement read_measurement(Fields& fields) {
  OutputMeasurement m;
  m.path = fields.text("subject");
  const std::string id = fields.text("id");
  // "tee:<platform>:<path>"
  if (const std::size_t end = id.find(':', 4); id.starts_with("tee:") && end != id.npos)
    m.platform = id.substr(4, end - 4);
  if (fields.ok() && (m.platform.empty() || m.id() != id)) fields.reject("id", "is not \"tee:<platform>:<subject>\"");
  m.companions = fields.text_map("companions", kMaxOutputs);
  if (fields.has("options")) m.options = fields.text_map("options", kMaxOutputs);
  m.tee = fields.text("tee");
  m.format = fields.text("format");
  m.calculator = fields.text("calculator");
  for (const auto& [name, hex] : fields.text_map("registers", kMaxRegisters)) {
    auto bytes = from_hex(hex);
    if (name.empty() || !bytes || bytes->empty() || bytes->size() > kMaxRegisterSize || !is_lower_hex(hex))
      fields.reject("registers", "\"" + name + "\" is not the lower-case hexadecimal of 1 to " +
                                     std::to_string(kMaxRegisterSize) + " bytes");
    else
      m.registers.push_back({name, *std::move(bytes)});
  }
  if (fields.ok() && m.registers.empty()) fields.reject("registers", "is empty");
  m.identity = read_object(fields, "identity");
  m.policy = read_object(fields, "policy");
  m.inputs = read_object(fields, "inputs");
  return m;
}

// The subjects list every output file, then every identity in the order of the measurements.
void read_outputs(Fields& statement, Fields& predicate, Outputs& outputs) {
  for (Fields fields : predicate.objects("hallmark_measurements", kMaxOutputs))
    outputs.measurements.push_back(read_measurement(fields));
  std::vector<Fields> list = statement.objects("subject", 2 * kMaxOutputs);
  if (!statement.ok()) return;
  const std::size_t identities = outputs.measurements.size();
  if (list.size() <= identities)
    return statement.reject("subject", "has " + std::to_string(list.size()) + " entries for " +
                                           std::to_string(identities) + " measurements and the files they are of");
  std::set<std::string> names;
  for (std::size_t i = 0; i < list.size() && statement.ok(); i++) {
    const std::string name = list[i].text("name");
    const auto digest = read_digest(list[i]);
    if (!statement.ok()) return;
    const auto& [algorithm, value] = *digest.begin();
    if (digest.size() != 1) return list[i].reject("digest", "has more than one digest");
    if (!names.insert(name).second) return list[i].reject("name", "is the name of an earlier subject too");
    if (i < list.size() - identities) {
      if (!is_plain_relative(name) || name.starts_with("tee:"))
        return list[i].reject("name", "is no path of an output, or an identity without a measurement");
      if (algorithm != "sha256" || value.size() != 64) return list[i].reject("digest", "is not a SHA-256");
      outputs.files.push_back({name, value});
      continue;
    }
    OutputMeasurement& m = outputs.measurements[i - (list.size() - identities)];
    if (name != m.id()) return list[i].reject("name", "is not \"" + m.id() + "\", which was measured");
    if (!made_of(value, m.registers))
      return list[i].reject("digest", "is not made of the registers that were measured");
    m.digest_name = algorithm;
    m.digest = value;
    if (!names.contains(m.path)) return list[i].reject("name", "is the identity of no output");
  }
  for (const OutputMeasurement& m : outputs.measurements)
    for (const auto& [role, path] : m.companions)
      if (!names.contains(path))
        predicate.reject("hallmark_measurements", "the " + role + " of \"" + m.path + "\" is no output");
}

void read_definition(Fields definition, Certificate& out, std::string& lock_digest) {
  definition.literal("buildType", kBuildType);
  out.external_parameters = read_object(definition, "externalParameters");
  out.internal_parameters = read_object(definition, "internalParameters");
  for (Fields fields : definition.objects("resolvedDependencies", kMaxDependencies))
    out.dependencies.push_back(read_resource(fields));
  if (!definition.ok()) return;
  if (out.dependencies.empty() || out.dependencies.back().name != kLockName)
    return definition.reject("resolvedDependencies", "does not end with \"" + std::string(kLockName) + "\"");
  lock_digest = out.dependencies.back().digest["sha256"];
  out.dependencies.pop_back();
}

void read_run(Fields run, Certificate& out) {
  Fields builder = run.object("builder");
  out.builder_id = builder.text("id");
  out.builder_version = builder.object("version").text("hallmark");
  Fields metadata = run.object("metadata");
  out.invocation_id = metadata.text("invocationId");
  out.started = read_time(metadata, "startedOn");
  out.finished = read_time(metadata, "finishedOn");
  for (Fields fields : run.objects("byproducts", kMaxDependencies)) out.byproducts.push_back(read_resource(fields));
  Fields host = run.object("hallmark_host");
  out.host.kernel = host.text("kernel");
  out.host.machine = host.text("machine");
  out.host.cpu_model = host.text("cpu_model");
  out.host.backend = host.text("backend");
  out.host.cpus = host.integer("cpus", 1, 1 << 20);
  out.host.root = host.boolean("root");
}

}  // namespace

Json to_json(const Resource& resource) {
  Json out = Json::object({{"name", resource.name}});
  if (!resource.uri.empty()) out["uri"] = resource.uri;
  out["digest"] = from_map(resource.digest);
  return out;
}

Json to_json(const Host& host) {
  return Json::object({{"kernel", host.kernel},
                       {"machine", host.machine},
                       {"cpu_model", host.cpu_model},
                       {"cpus", host.cpus},
                       {"backend", host.backend},
                       {"root", host.root}});
}

std::string lock_sha256(const Certificate& certificate) { return sha256_of(certificate.lock); }

std::string compare_digest(const Certificate& certificate) {
  return sha256_of(Json::object({{"subject", subjects(certificate.outputs)},
                                 {"buildDefinition", build_definition(certificate)},
                                 {"hallmark_measurements", measurements(certificate.outputs)}}));
}

Json to_json(const Certificate& certificate) {
  const Json run =
      Json::object({{"builder", Json::object({{"id", certificate.builder_id},
                                              {"version", Json::object({{"hallmark", certificate.builder_version}})}})},
                    {"metadata", Json::object({{"invocationId", certificate.invocation_id},
                                               {"startedOn", format_time(certificate.started)},
                                               {"finishedOn", format_time(certificate.finished)}})},
                    {"byproducts", list_of(certificate.byproducts)},
                    {"hallmark_host", to_json(certificate.host)}});
  return Json::object({{"_type", kStatementType},
                       {"subject", subjects(certificate.outputs)},
                       {"predicateType", kPredicateType},
                       {"predicate", Json::object({{"buildDefinition", build_definition(certificate)},
                                                   {"runDetails", run},
                                                   {"hallmark_schema", kSchema},
                                                   {"hallmark_compareDigest", compare_digest(certificate)},
                                                   {"hallmark_measurements", measurements(certificate.outputs)},
                                                   {"hallmark_lock", certificate.lock}})}});
}

std::string encode(const Certificate& certificate) { return to_json(certificate).canonical(); }

Result<Certificate> parse_certificate(ByteView payload, const std::string& name) {
  TRY(const Json json, in(name, parse_json(as_text(payload), {.bytes = kMaxPayload, .depth = 32})));
  Certificate out;
  Fields statement(json, name);
  statement.literal("_type", kStatementType);
  statement.literal("predicateType", kPredicateType);
  Fields predicate = statement.object("predicate");
  predicate.literal("hallmark_schema", kSchema);
  std::string lock_digest;
  read_definition(predicate.object("buildDefinition"), out, lock_digest);
  read_run(predicate.object("runDetails"), out);
  read_outputs(statement, predicate, out.outputs);
  out.lock = read_object(predicate, "hallmark_lock");
  if (statement.ok() && lock_digest != lock_sha256(out))
    predicate.reject("hallmark_lock",
                     "has the digest " + lock_sha256(out) + ", resolvedDependencies says " + lock_digest);
  const std::string claimed = predicate.hex("hallmark_compareDigest", 32);
  if (statement.ok() && claimed != compare_digest(out))
    predicate.reject("hallmark_compareDigest",
                     "is " + claimed + "; what it covers has the digest " + compare_digest(out));
  TRY(out, statement.finish(std::move(out)));
  // From here on the document is exactly what `out` holds, or its bytes would be others.
  if (encode(out) != as_text(payload))
    return fail(Fault::format, name + ": is not in the canonical encoding (RFC 8785) of what it states");
  return out;
}

}  // namespace hallmark::cert
