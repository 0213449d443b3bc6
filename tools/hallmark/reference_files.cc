#include "tools/hallmark/reference_files.h"

#include "lib/base/files.h"
namespace hallmark::cli {
namespace {

// What a measurement tells of a file besides what evidence could show.
bool only_tells(std::string_view name) {
  return name == "vendor" || name == "date" || name == "debug_launchable" || name == "debug_allowed";
}

}  // namespace

std::vector<ReferenceValues> references_of(const OpenCertificate& open) {
  std::vector<ReferenceValues> out;
  for (const cert::OutputMeasurement& m : open.certificate.outputs.measurements) {
    ReferenceValues values{.name = open.sha256 + " " + m.path, .tee = m.tee};
    for (const auto& [from, to] : {std::pair{&m.identity, &values.identity}, {&m.policy, &values.policy}})
      for (const Json::Member& member : from->members())
        if (!only_tells(member.key)) to->members().push_back(member);
    for (const Register& r : m.registers) values.registers[r.name] = {r.digest};
    out.push_back(std::move(values));
  }
  return out;
}

Result<ReferenceFile> read_reference_file(const std::string& file, const std::string& format) {
  TRY(const Bytes bytes, read_file(file, kMaxEvidence));
  const std::string_view text = as_text(bytes);
  const references::ReferenceFormat* found = references::find_reference_format(format);
  if (found == nullptr) {
    TRY(found, references::detect_reference_format(text, file));
  }
  TRY(references::ImportedReferences values, found->read(text, file));
  return ReferenceFile{file, to_hex(digest<Alg::sha256>(bytes)), found->name, std::move(values)};
}

Json to_json(const ReferenceFile& file) {
  Json not_taken = Json::array();
  for (const std::string& sentence : file.values.not_taken) not_taken.push_back(sentence);
  return Json::object({{"file", file.file},
                       {"sha256", file.sha256},
                       {"format", file.format},
                       {"sets", static_cast<std::int64_t>(file.values.sets.size())},
                       {"not_taken", std::move(not_taken)}});
}

std::string to_text(const ReferenceFile& file) {
  std::string out = "reference values " + printable(file.file) + " (" + std::string(file.format) +
                    "): NOBODY SIGNED THEM, they are trusted because you named them\n";
  for (const std::string& sentence : file.values.not_taken) out += "    warning: " + printable(sentence) + "\n";
  return out;
}

}  // namespace hallmark::cli
