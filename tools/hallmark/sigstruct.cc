// hallmark sigstruct: the two steps of signing an enclave around the one that takes a key.
#include <charconv>
#include <limits>
#include <map>

#include "lib/base/files.h"
#include "lib/base/version.h"
#include "lib/tee/sgx/signing.h"
#include "tools/hallmark/command.h"

namespace hallmark::cli {
namespace {

constexpr std::uint64_t kMaxKeyFile = std::uint64_t{64} << 10;

// A number in decimal, or in hexadecimal after 0x, of at most `max`.
Result<std::uint64_t> parse_number(const std::string& option, const std::string& text, std::uint64_t max) {
  const bool hex = text.starts_with("0x");
  const std::string_view digits = std::string_view(text).substr(hex ? 2 : 0);
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n, hex ? 16 : 10);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || n > max)
    return fail(Fault::usage, option + ": \"" + text + "\" is no number from 0 to " + hex_offset(max));
  return n;
}

template <class T>
Status take(const std::string& option, const std::string& text, T& into) {
  if (text.empty()) return {};
  TRY(const std::uint64_t n, parse_number(option, text, std::numeric_limits<T>::max()));
  into = static_cast<T>(n);
  return {};
}

template <std::size_t N>
Status take_bytes(const std::string& option, const std::string& text, std::array<std::uint8_t, N>& into) {
  if (text.empty()) return {};
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != N)
    return fail(Fault::usage, option + ": \"" + text + "\" is not " + std::to_string(N) + " bytes in hexadecimal");
  std::ranges::copy(*bytes, into.begin());
  return {};
}

class SigstructCommand final : public Command {
 public:
  void options(CLI::App& app) override {
    app.require_subcommand(1);
    material_ = app.add_subcommand("material", "write what the key is to sign, from an MRENCLAVE and fields");
    const auto field = [&](const char* name, const char* type, const char* what) {
      return material_->add_option(name, values_[name], what)->type_name(type);
    };
    field("--mrenclave", "HEX", "what `hallmark measure` computed")->required();
    field("--date", "YYYYMMDD", "the date in the signature; never the clock's")->required();
    field("--isvprodid", "N", "the product's number")->required();
    field("--isvsvn", "N", "its security version")->required();
    field("--vendor", "N", "0x8086 for Intel")->default_str("0");
    field("--swdefined", "N", "for the author's own use")->default_str("0");
    field("--attributes", "N", "ATTRIBUTES.FLAGS")->default_str("0x4");
    field("--attributes-mask", "N", "bits of it that must be as signed")->default_str("0xffffffffffffffff");
    field("--xfrm", "N", "ATTRIBUTES.XFRM")->default_str("0x3");
    field("--xfrm-mask", "N", "bits of it that must be as signed")->default_str("0xffffffffffffff1b");
    field("--misc-select", "N", "MISCSELECT")->default_str("0");
    field("--misc-mask", "N", "bits of it that must be as signed")->default_str("0xffffffff");
    field("--isv-family-id", "HEX", "ISVFAMILYID, 16 bytes")->default_str("zeros");
    field("--isv-ext-prod-id", "HEX", "ISVEXTPRODID, 16 bytes")->default_str("zeros");
    material_->add_option("--out,-o", out_, "write the 256 bytes here")->required()->type_name("FILE");

    assemble_ = app.add_subcommand("assemble", "make a SIGSTRUCT of material, signature and public key");
    assemble_->add_option("--material", material_file_, "what was signed")->required()->type_name("FILE");
    assemble_->add_option("--signature", signature_file_, "384 bytes, as openssl writes them")
        ->required()
        ->type_name("FILE");
    assemble_->add_option("--key,-k", key_file_, "public key in PEM, RSA of 3072 bits with exponent 3")
        ->required()
        ->type_name("FILE");
    assemble_->add_option("--out,-o", out_, "write the SIGSTRUCT here")->required()->type_name("FILE");
  }

  Result<Report> run(Session&) override { return material_->parsed() ? make_material() : assemble(); }

 private:
  Result<Report> make_material() {
    sgx::SigningFields f;
    CHECK(take_bytes("--mrenclave", values_["--mrenclave"], f.enclavehash));
    TRY(f.date, in("--date", sgx::signing_date(values_["--date"])));
    CHECK(take("--isvprodid", values_["--isvprodid"], f.isvprodid));
    CHECK(take("--isvsvn", values_["--isvsvn"], f.isvsvn));
    CHECK(take("--vendor", values_["--vendor"], f.vendor));
    CHECK(take("--swdefined", values_["--swdefined"], f.swdefined));
    CHECK(take("--attributes", values_["--attributes"], f.attributes));
    CHECK(take("--attributes-mask", values_["--attributes-mask"], f.attributes_mask));
    CHECK(take("--xfrm", values_["--xfrm"], f.xfrm));
    CHECK(take("--xfrm-mask", values_["--xfrm-mask"], f.xfrm_mask));
    CHECK(take("--misc-select", values_["--misc-select"], f.miscselect));
    CHECK(take("--misc-mask", values_["--misc-mask"], f.miscmask));
    CHECK(take_bytes("--isv-family-id", values_["--isv-family-id"], f.isvfamilyid));
    CHECK(take_bytes("--isv-ext-prod-id", values_["--isv-ext-prod-id"], f.isvextprodid));
    const Bytes bytes = sgx::signing_material(f);
    CHECK(write_file(out_, bytes));
    const std::string sha256 = to_hex(digest<Alg::sha256>(bytes));
    return Report{Json::object({{"schema", "sigstruct-v1"},
                                {"hallmark_version", version()},
                                {"made", "material"},
                                {"file", printable(out_)},
                                {"sha256", sha256},
                                {"mrenclave", to_hex(f.enclavehash)}}),
                  "to be signed: " + printable(out_) + ", sha256 " + sha256 + "\n"};
  }

  Result<Report> assemble() const {
    TRY(const Bytes material_bytes, read_file(material_file_, sgx::kSigstruct.size));
    TRY(const sgx::SigningMaterial material, in(material_file_, sgx::parse_signing_material(material_bytes)));
    TRY(const Bytes signature, read_file(signature_file_, kMaxKeyFile));
    TRY(const std::string pem, read_text(key_file_, kMaxKeyFile));
    TRY(const Rsa3072Number modulus, parse_rsa3072_e3_public_key(pem, key_file_));
    TRY(const Bytes bytes, in(signature_file_, sgx::assemble_sigstruct(material, signature, modulus)));
    TRY(const sgx::Sigstruct s, sgx::parse_sigstruct(bytes));
    CHECK(write_file(out_, bytes));
    const std::string sha256 = to_hex(digest<Alg::sha256>(bytes)), mrenclave = to_hex(s.get<"enclavehash">());
    const std::string mrsigner = to_hex(sgx::mrsigner(s));
    return Report{Json::object({{"schema", "sigstruct-v1"},
                                {"hallmark_version", version()},
                                {"made", "sigstruct"},
                                {"file", printable(out_)},
                                {"sha256", sha256},
                                {"mrenclave", mrenclave},
                                {"identity", sgx::identity_of(s)},
                                {"policy", sgx::policy_of(s)}}),
                  "SIGSTRUCT: " + printable(out_) + ", and its signature holds\n    mrenclave: " + mrenclave +
                      "\n    mrsigner:  " + mrsigner + "\n"};
  }

  CLI::App *material_ = nullptr, *assemble_ = nullptr;
  std::map<std::string, std::string> values_;
  std::string material_file_, signature_file_, key_file_, out_;
};

}  // namespace

std::unique_ptr<Command> make_sigstruct() { return std::make_unique<SigstructCommand>(); }

}  // namespace hallmark::cli
