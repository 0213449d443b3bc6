// Writes evidence of our own making into a folder, for tests of the command line.
//
//   make_evidence FOLDER [NAME=VALUE...]
//   make_evidence FOLDER kind=snp [measurement=…] [report_data=…] [policy=…]
//   make_evidence FOLDER kind=nitro [pcr0=…] [user_data=…] [time=…]
//
// Writes FOLDER/quote.bin, collateral.json and root.pem. NAME is a member of made::Dcap (tests/evidence/dcap.h):
// numbers in decimal or 0x…, bytes in hexadecimal; tdx=1, rtmr0=…, advisory=… Of SEV-SNP: report.bin, chain.pem and
// root.pem, in force around 2026-02-01; of Nitro: document.bin and root.pem, for three hours from `time` on, in Unix
// seconds.
#include <algorithm>
#include <array>
#include <charconv>
#include <iostream>

#include "lib/base/files.h"
#include "tests/evidence/dcap.h"
#include "tests/evidence/nitro.h"
#include "tests/evidence/snp.h"

namespace hallmark::made {
namespace {

std::uint64_t number(const std::string& text) {
  std::uint64_t out = 0;
  const bool hex = text.starts_with("0x");
  const auto end = std::from_chars(text.data() + (hex ? 2 : 0), text.data() + text.size(), out, hex ? 16 : 10);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size()) throw std::runtime_error("no number: " + text);
  return out;
}

// As many bytes as the member has, zeros behind the given ones.
Bytes bytes(const std::string& text, std::size_t size) {
  auto out = from_hex(text);
  if (!out || out->size() > size) throw std::runtime_error("not " + std::to_string(size) + " bytes: " + text);
  out->resize(size);
  return *std::move(out);
}

void set(Dcap& d, const std::string& name, const std::string& value) {
  if (name == "version") d.version = static_cast<std::uint16_t>(number(value));
  else if (name == "tdx") d.tdx = number(value) != 0;
  else if (name == "body_type") d.body_type = static_cast<std::uint16_t>(number(value));
  else if (name == "mrenclave") d.mrenclave = bytes(value, 32);
  else if (name == "mrsigner") d.mrsigner = bytes(value, 32);
  else if (name == "isvprodid") d.isvprodid = static_cast<std::uint16_t>(number(value));
  else if (name == "isvsvn") d.isvsvn = static_cast<std::uint16_t>(number(value));
  else if (name == "attributes") d.attributes = number(value);
  else if (name == "xfrm") d.xfrm = number(value);
  else if (name == "misc_select") d.misc_select = static_cast<std::uint32_t>(number(value));
  else if (name == "mrtd") d.mrtd = bytes(value, 48);
  else if (name == "mrseam") d.mrseam = bytes(value, 48);
  else if (name == "mrconfigid") d.mrconfigid = bytes(value, 48);
  else if (name == "mrowner") d.mrowner = bytes(value, 48);
  else if (name == "mrownerconfig") d.mrownerconfig = bytes(value, 48);
  else if (name.size() == 5 && name.starts_with("rtmr")) d.rtmrs.at(std::size_t(name[4] - '0')) = bytes(value, 48);
  else if (name == "tdattributes") d.tdattributes = number(value);
  else if (name == "xfam") d.xfam = number(value);
  else if (name == "report_data") d.report_data = bytes(value, 64);
  else if (name == "root") d.root = value;
  else if (name == "ppid") d.ppid = bytes(value, 16);
  else if (name == "fmspc") d.fmspc = bytes(value, 6);
  else if (name == "component0") d.components[0] = static_cast<unsigned>(number(value));
  else if (name == "status") d.status = value;
  else if (name == "revoke_pck") d.revoke_pck = number(value) != 0;
  else if (name == "evaluation_number") d.evaluation_number = static_cast<int>(number(value));
  else if (name == "advisory") d.advisories.push_back(value);
  else throw std::runtime_error("no such member: " + name);
}

using Names = std::vector<std::pair<std::string, std::string>>;
using Files = std::vector<std::pair<const char*, Bytes>>;

Bytes text_bytes(const std::string& text) { return {text.begin(), text.end()}; }

Files make_dcap(const Names& names) {
  Dcap dcap;
  for (const auto& [name, value] : names) set(dcap, name, value);
  const MadeEvidence made = make(dcap);
  return {{"quote.bin", made.evidence},
          {"collateral.json", text_bytes(made.collateral)},
          {"root.pem", text_bytes(to_pem("CERTIFICATE", made.root))}};
}

template <std::size_t N>
std::array<std::uint8_t, N> array(const std::string& text) {
  std::array<std::uint8_t, N> out;
  std::ranges::copy(bytes(text, N), out.begin());
  return out;
}

Files make_snp(const Names& names) {
  SnpReport report;
  for (const auto& [name, value] : names) {
    if (name == "measurement")
      report.fields.set<"measurement">(array<48>(value));
    else if (name == "report_data")
      report.fields.set<"report_data">(array<64>(value));
    else if (name == "policy")
      report.fields.set<"policy">(number(value));
    else
      throw std::runtime_error("no such member: " + name);
  }
  // AMD's root is of RSA, and a private one has to be too.
  SnpCertificate ark = snp_ark(), ask = snp_ask();
  ark.key = ark.issuer_key = ask.issuer_key = "rsa4096";
  return {{"report.bin", report.bytes()},
          {"chain.pem", pem_file({snp_vcek().der(), ask.der()})},
          {"root.pem", pem_file({ark.der()})}};
}

Files make_nitro(const Names& names) {
  NitroDocument document;
  for (const auto& [name, value] : names) {
    if (name == "time")
      document.time = static_cast<UnixTime>(number(value));
    else if (name == "user_data")
      document.user_data = bytes(value, value.size() / 2);
    else if (name.starts_with("pcr"))
      document.pcrs[static_cast<std::uint32_t>(number(name.substr(3)))] = bytes(value, 48);
    else
      throw std::runtime_error("no such member: " + name);
  }
  return {{"document.bin", document.bytes()}, {"root.pem", pem_file({nitro_root()})}};
}

int run(std::span<char*> arguments) {
  if (arguments.size() < 2) throw std::runtime_error("usage: make_evidence FOLDER [NAME=VALUE...]");
  const fs::path folder = arguments[1];
  Names names;
  std::string kind;
  for (const char* argument : arguments.subspan(2)) {
    const std::string text = argument;
    const auto equals = text.find('=');
    if (equals == text.npos) throw std::runtime_error("no NAME=VALUE: " + text);
    if (text.starts_with("kind="))
      kind = text.substr(equals + 1);
    else
      names.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  if (!kind.empty() && kind != "snp" && kind != "nitro") throw std::runtime_error("no such kind: " + kind);
  fs::create_directories(folder);
  for (const auto& [name, content] : kind == "snp"     ? make_snp(names)
                                     : kind == "nitro" ? make_nitro(names)
                                                       : make_dcap(names))
    if (auto written = write_file(folder / name, content); !written)
      throw std::runtime_error(written.error().message());
  return 0;
}

}  // namespace
}  // namespace hallmark::made

int main(int argc, char** argv) try {
  return hallmark::made::run(std::span(argv, static_cast<std::size_t>(argc)));
} catch (const std::exception& e) {
  std::cerr << "make_evidence: " << e.what() << "\n";
  return 2;
}
