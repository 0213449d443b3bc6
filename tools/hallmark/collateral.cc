// hallmark collateral: gets what Intel publishes for one platform into one file, once and beforehand.
#include "lib/pin/fetch.h"
#include "lib/tee/dcap/service.h"
#include "lib/tee/evidence.h"
#include "tools/hallmark/command.h"

namespace hallmark::cli {
namespace {

class Collateral final : public Command {
 public:
  void options(CLI::App& app) override {
    app.require_subcommand(1);
    CLI::App* fetch = app.add_subcommand("fetch", "ask a service for the collateral of a quote's platform");
    fetch->add_option("quote", quote_, "quote of Intel SGX or TDX, in any wrapping")->required()->type_name("FILE");
    fetch->add_option("--out,-o", out_, "write it to this file")->type_name("FILE")->default_str("collateral.json");
    fetch->add_option("--service", urls_.service, "Intel's service, or one that caches it: what stands before /sgx/...")
        ->type_name("URL")
        ->default_str(std::string(dcap::kIntelService));
    fetch->add_option("--root-crl", urls_.root_crl, "the root's revocation list; Intel's, if not given")
        ->type_name("URL");
    fetch->add_option("--update", urls_.update, "which of Intel's evaluations: early is the newest, and stricter")
        ->check(CLI::IsMember({"standard", "early"}))
        ->default_str("standard");
  }

  Result<Report> run(Session& session) override {
    TRY(const Bytes file, read_file(quote_, kMaxEvidence));
    TRY(const Bytes quote, in(quote_, unwrap_evidence(file)));
    TRY(const dcap::Platform platform, in(quote_, dcap::platform_of(quote)));
    session.progress.phase("asking for collateral of " + to_hex(platform.fmspc));
    TRY(const std::string text,
        dcap::ask_for_collateral(
            platform, urls_, [&](const std::string& url, const std::string& header) -> Result<dcap::ServiceAnswer> {
              std::vector<std::string> headers;
              if (!header.empty()) headers.push_back(header);
              TRY(pin::Answer answer, pin::fetch_answer(url, kMaxEvidence, headers, session.progress));
              return dcap::ServiceAnswer{std::move(answer.body), answer.headers[header]};
            }));
    CHECK(write_file(out_, text));
    const std::string sha256 = to_hex(digest<Alg::sha256>(as_bytes(text)));
    return Report{Json::object({{"schema", "collateral-v1"},
                                {"file", out_},
                                {"sha256", sha256},
                                {"tee", platform.tdx ? "intel-tdx" : "intel-sgx"},
                                {"fmspc", to_hex(platform.fmspc)},
                                {"ca", platform.ca}}),
                  "wrote " + printable(out_) + "\n    sha256 " + sha256 + "\n    for " +
                      (platform.tdx ? "TDX" : "SGX") + " platforms of FMSPC " + to_hex(platform.fmspc) +
                      "; nothing in it was verified: `hallmark appraise` does that\n"};
  }

 private:
  std::string quote_, out_ = "collateral.json";
  dcap::ServiceUrls urls_;
};

}  // namespace

std::unique_ptr<Command> make_collateral() { return std::make_unique<Collateral>(); }

}  // namespace hallmark::cli
