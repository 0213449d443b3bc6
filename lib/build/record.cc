#include "lib/build/record.h"

namespace hallmark::build {
namespace {

constexpr std::size_t kMaxConditions = 1256, kMaxOutputs = 1024;
constexpr std::int64_t kMaxInteger = std::int64_t{1} << 53;
constexpr std::size_t kSha256 = 32;

UnixTime read_time(Fields& doc, std::string_view key) {
  const auto time = parse_time(doc.text(key));
  if (time) return *time;
  doc.reject(key, time.error().what);
  return 0;
}

OutputRecord read_output(Fields doc) {
  OutputRecord out;
  out.path = doc.text("path");
  if (!is_plain_relative(out.path)) doc.reject("path", "is not a plain relative path");
  out.kind = doc.text("kind");
  out.with = pin::read_measured_with(doc);
  out.sha256 = doc.hex("sha256", kSha256);
  out.size = static_cast<std::uint64_t>(doc.integer("size", 0, kMaxInteger));
  const std::string mode = doc.text("mode");
  if (mode != "0644" && mode != "0755") doc.reject("mode", "is neither \"0644\" nor \"0755\"");
  out.mode = mode == "0755" ? 0755 : 0644;
  return out;
}

}  // namespace

Json to_json(const BuildRecord& record) {
  Json fixed = Json::object(), outputs = Json::array();
  for (const auto& [name, value] : record.fixed) fixed[name] = value;
  for (const OutputRecord& output : record.outputs) {
    Json one = Json::object({{"path", output.path}, {"kind", output.kind}});
    pin::add_measured_with(output.with, one);
    one["sha256"] = output.sha256;
    one["size"] = output.size;
    one["mode"] = output.mode == 0755 ? "0755" : "0644";
    outputs.push_back(std::move(one));
  }
  return Json::object({
      {"hallmark_build_record", 1},
      {"lock_sha256", record.lock_sha256},
      {"box", record.box},
      {"fixed", std::move(fixed)},
      {"host", Json::object({
                   {"kernel", record.host.kernel},
                   {"machine", record.host.machine},
                   {"cpu_model", record.host.cpu_model},
                   {"cpus", std::uint64_t{record.host.cpus}},
                   {"backend", record.host.backend},
                   {"root", record.host.root},
               })},
      {"started", format_time(record.started)},
      {"finished", format_time(record.finished)},
      {"log_sha256", record.log_sha256},
      {"hallmark_version", record.hallmark_version},
      {"outputs", std::move(outputs)},
  });
}

Result<BuildRecord> parse_record(std::string_view text, const std::string& name) {
  TRY(const Json json, in(name, parse_json(text)));
  Fields doc(json, name);
  BuildRecord record;
  doc.integer("hallmark_build_record", 1, 1);
  record.lock_sha256 = doc.hex("lock_sha256", kSha256);
  record.box = doc.text("box");
  record.fixed = doc.text_map("fixed", kMaxConditions);
  Fields host = doc.object("host");
  record.host.kernel = host.text("kernel");
  record.host.machine = host.text("machine");
  record.host.cpu_model = host.text("cpu_model");
  record.host.cpus = static_cast<std::uint32_t>(host.integer("cpus", 1, 65536));
  record.host.backend = host.text("backend");
  record.host.root = host.boolean("root");
  record.started = read_time(doc, "started");
  record.finished = read_time(doc, "finished");
  record.log_sha256 = doc.hex("log_sha256", kSha256);
  record.hallmark_version = doc.text("hallmark_version");
  for (Fields output : doc.objects("outputs", kMaxOutputs)) record.outputs.push_back(read_output(std::move(output)));
  return doc.finish(std::move(record));
}

}  // namespace hallmark::build
