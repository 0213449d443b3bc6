// hallmark replay: what a guest's log adds up to, event by event, and whether its quote says the same.
#include "lib/base/version.h"
#include "lib/formats/tcg_event.h"
#include "lib/tee/tdx/report.h"
#include "tools/hallmark/command.h"

namespace hallmark::cli {
namespace {

using tdx::Event, tdx::GuestReport, tdx::Rtmrs;

std::string name_of(unsigned rtmr) { return "rtmr" + std::to_string(rtmr); }

Json registers(const Rtmrs& rtmrs) {
  Json out = Json::object();
  for (unsigned r = 0; r < tdx::kRtmrs; r++) out[name_of(r)] = to_hex(*rtmrs[r]);
  return out;
}

bool authenticated(const Event& event) {
  const Json* value = event.inputs.find("authenticated");
  return value != nullptr && value->is_bool() && value->boolean();
}

class Replay final : public Command {
 public:
  void options(CLI::App& app) override {
    app.add_option("log", files_, "the log; more files go on where it ends, such as IMA's log")
        ->required()
        ->type_name("FILE");
    app.add_option("--against", quote_, "the quote of the guest, to hold the registers against")->type_name("FILE");
  }

  Result<Report> run(Session&) override {
    std::vector<fs::path> files(files_.begin(), files_.end());
    if (!quote_.empty()) files.emplace_back(quote_);
    TRY(const GuestReport report, tdx::read_report(files));
    if (!report.log) return fail(Fault::usage, files_.front() + ": is a quote; replay takes a log");
    if (!quote_.empty() && !report.quote) return fail(Fault::usage, quote_ + ": is no quote");

    const Rtmrs folded = fold(*report.log);
    Json events = Json::array(), pcrs = Json::object();
    std::string text = "events:\n";
    for (const Event& e : *report.log) {
      events.push_back(to_json(e));
      text += "  " + name_of(e.rtmr) + "  " + to_hex(*e.digest).substr(0, 16) + "  " +
              (authenticated(e) ? "data " : "label") + "  " + tcg::type_name(e.type) + "  " + e.description + "\n";
    }
    for (const auto& [number, value] : report.pcrs) pcrs[std::to_string(number)] = to_hex(value);
    text += "\n\"data\": the digest is that of what is shown; \"label\": nothing vouches for what is shown\n\n";
    for (unsigned r = 0; r < tdx::kRtmrs; r++) text += "  " + name_of(r) + "  " + to_hex(*folded[r]) + "\n";
    for (const auto& [number, value] : pcrs.members()) text += "  pcr" + number + "  " + value.string() + "\n";

    Report out{.data = Json::object({{"schema", "replay-v1"},
                                     {"hallmark_version", version()},
                                     {"registers", registers(folded)},
                                     {"events", std::move(events)}}),
               .text = {},
               .agreed = !report.contradiction()};
    if (!pcrs.members().empty()) out.data["pcrs"] = std::move(pcrs);
    if (report.quoted) {
      out.data["quote"] = Json::object({{"agrees", out.agreed}, {"registers", registers(*report.quoted)}});
      text += out.agreed ? "\nthe quote has the same registers; whether the quote itself is genuine was not checked\n"
                         : "\nTHE QUOTE IS OF ANOTHER GUEST, or the log is not complete:\n";
      for (unsigned r = 0; r < tdx::kRtmrs; r++)
        if ((*report.quoted)[r] != folded[r])
          text += "  " + name_of(r) + "  the log gives " + to_hex(*folded[r]) + "\n         the quote has " +
                  to_hex(*(*report.quoted)[r]) + "\n";
    }
    out.text = std::move(text);
    return out;
  }

 private:
  std::vector<std::string> files_;
  std::string quote_;
};

}  // namespace

std::unique_ptr<Command> make_replay() { return std::make_unique<Replay>(); }

}  // namespace hallmark::cli
