#include "tools/hallmark/outputs.h"

#include <algorithm>

#include "lib/base/interrupt.h"
#include "lib/crypto/file_digest.h"
#include "lib/tee/platform.h"

namespace hallmark::cli {
namespace {

constexpr std::uint64_t kMaxLock = std::uint64_t{32} << 20;

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : "; ") + line;
  return out;
}

Json object_or_empty(Json json) { return json.is_object() ? json : Json::object(); }

}  // namespace

Result<BuildFolder> read_build_folder(const fs::path& folder) {
  BuildFolder out;
  TRY(out.record, build::read_build(folder));
  const fs::path file = folder / build::kLockFile;
  TRY(const std::string text, read_text(file, kMaxLock));
  TRY(out.lock, pin::parse_lock(text, file.string()));
  const std::string digest = to_hex(pin::lock_digest(out.lock));
  if (digest != out.record.lock_sha256)
    return fail(Fault::mismatch, file.string() + ": has the digest " + digest + ", the build was made from the lock " +
                                     out.record.lock_sha256);
  const auto same = [](const build::OutputRecord& built, const pin::Output& asked) {
    return built.path == asked.path && built.kind == asked.kind && built.with == asked.with;
  };
  if (!std::ranges::equal(out.record.outputs, out.lock.recipe.outputs, same))
    return fail(Fault::format, (folder / build::kRecordFile).string() + ": outputs: are not those of the lock");
  return out;
}

Result<cert::OutputMeasurement> measure_output(const pin::Output& output, const fs::path& file, const FindOutput& find,
                                               std::vector<std::string>& warnings) {
  const Platform* platform = find_platform(output.kind);
  if (!platform)
    return fail(Fault::unsupported,
                output.path + ": is of kind \"" + output.kind + "\", which this version cannot measure");
  MeasureRequest request{.image = file};
  cert::OutputMeasurement out;
  out.companions = output.with.companions;
  out.options = output.with.options;
  request.options = output.with.options;
  for (const auto& [role, path] : output.with.companions)
    if (const auto place = find(path)) request.companions.emplace(role, *place);
  TRY(Measurement m, in("measuring " + output.path, measure(*platform, request)));
  if (m.state == State::mismatch)
    return fail(Fault::mismatch, output.path + ": is not what it says of itself: " + joined(m.problems));
  if (m.state == State::embedded)
    return fail(Fault::unsupported, output.path + ": says what it measures to, and that could not be recomputed");
  for (const std::string& warning : m.warnings) warnings.push_back(output.path + ": " + warning);
  out.path = output.path;
  out.platform = platform->name;
  out.tee = m.tee;
  out.format = m.format;
  out.calculator = m.calculator;
  out.registers = std::move(m.registers);
  std::ranges::sort(out.registers, {}, &Register::name);
  out.identity = object_or_empty(std::move(m.identity));
  out.policy = object_or_empty(std::move(m.policy));
  out.inputs = object_or_empty(std::move(m.inputs));
  out.digest_name = m.subject_digest_name;
  out.digest = m.subject_digest;
  return out;
}

Result<Survey> survey(const fs::path& folder, const std::vector<pin::Output>& outputs, Progress& progress) {
  Survey out;
  const FindOutput find = [&](const std::string& path) { return std::optional(folder / path); };
  progress.phase("measuring " + folder.string());
  std::uint64_t done = 0;
  for (const pin::Output& output : outputs) {
    CHECK(not_interrupted());
    TRY(const FileDigest digest, digest_file(folder / output.path));
    out.outputs.files.push_back({output.path, to_hex(digest.sha256)});
    if (output.kind != "file") {
      TRY(cert::OutputMeasurement m, measure_output(output, folder / output.path, find, out.warnings));
      out.outputs.measurements.push_back(std::move(m));
    }
    progress.advance(++done, outputs.size());
  }
  return out;
}

}  // namespace hallmark::cli
