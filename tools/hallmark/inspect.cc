// hallmark inspect: what a file says, field by field, and nothing about whether it is true.
#include "lib/base/version.h"
#include "lib/crypto/file_digest.h"
#include "lib/tee/evidence.h"
#include "lib/tee/platform.h"
#include "tools/hallmark/command.h"

namespace hallmark::cli {
namespace {

constexpr std::string_view kUnverified =
    "what the file says; nothing of it was checked: `hallmark measure` recomputes images, `hallmark appraise` verifies "
    "evidence\n";
// Bytes of a long field that a line shows; with --json all of them are there.
constexpr std::size_t kShownDigits = 64;

std::string place(const InspectedField& f) {
  return f.size == 0 ? std::string() : hex_offset(f.offset) + "+" + std::to_string(f.size);
}

std::string shown(const InspectedField& f) {
  const std::string value = f.value.size() <= kShownDigits + 2 ? f.value : f.value.substr(0, kShownDigits) + "…";
  return f.meaning.empty() ? value : value.empty() ? f.meaning : value + "  " + printable(f.meaning);
}

std::string text_of(const InspectedRecord& record) {
  std::size_t names = 0, places = 0;
  for (const InspectedField& f : record.fields) {
    names = std::max(names, f.name.size());
    places = std::max(places, place(f).size());
  }
  std::string out = "\n" + printable(record.name);
  if (record.size != 0) out += " at " + hex_offset(record.offset) + ", " + std::to_string(record.size) + " bytes";
  out += "\n";
  for (const InspectedField& f : record.fields) {
    const std::string at = place(f);
    out += "  " + at + std::string(places - at.size() + (places == 0 ? 0 : 2), ' ') + f.name +
           std::string(names - f.name.size() + 2, ' ') + shown(f) + "\n";
  }
  return out;
}

class Inspect final : public Command {
 public:
  void options(CLI::App& app) override {
    app.add_option("file", file_, "an image, a SIGSTRUCT, signing material, or a prover's evidence")
        ->required()
        ->type_name("FILE");
  }

  Result<Report> run(Session&) override {
    TRY(const Inspection inspection, inspect_file());
    TRY(const FileDigest file, digest_file(file_));
    Report report{.data = to_json(inspection), .text = {}};
    report.data["schema"] = "inspection-v1";
    report.data["file"] = printable(file_);
    report.data["size"] = file.size;
    report.data["sha256"] = to_hex(file.sha256);
    report.data["hallmark_version"] = version();
    report.data["verified"] = false;
    report.text = printable(file_) + ": " + inspection.format + "\n" + std::string(kUnverified);
    for (const InspectedRecord& record : inspection.records) report.text += text_of(record);
    return report;
  }

 private:
  // Evidence is told by its first bytes, in whatever text it is wrapped; everything else is an image or belongs to one.
  Result<Inspection> inspect_file() const {
    std::error_code error;
    if (const auto size = fs::file_size(file_, error); !error && size <= kMaxEvidence) {
      TRY(const Bytes file, read_file(file_, kMaxEvidence));
      if (const auto evidence = unwrap_evidence(file))
        return in("inspecting " + file_, find_evidence_kind(*evidence)->inspect(*evidence));
    }
    return inspect(file_);
  }

  std::string file_;
};

}  // namespace

std::unique_ptr<Command> make_inspect() { return std::make_unique<Inspect>(); }

}  // namespace hallmark::cli
