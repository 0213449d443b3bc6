// Writes evidence of our own making into a folder, for tests of the command line.
//
//   make_evidence FOLDER [NAME=VALUE...]
//
// Writes FOLDER/quote.bin, collateral.json and root.pem. NAME is a member of made::Dcap (tests/evidence/dcap.h): numbers in
// decimal or 0x…, bytes in hexadecimal; tdx=1, rtmr0=…, advisory=…
#include <charconv>
#include <iostream>

#include "lib/base/files.h"
#include "tests/evidence/dcap.h"

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

int run(std::span<char*> arguments) {
  if (arguments.size() < 2) throw std::runtime_error("usage: make_evidence FOLDER [NAME=VALUE...]");
  const fs::path folder = arguments[1];
  Dcap dcap;
  for (const char* argument : arguments.subspan(2)) {
    const std::string text = argument;
    const auto equals = text.find('=');
    if (equals == text.npos) throw std::runtime_error("no NAME=VALUE: " + text);
    set(dcap, text.substr(0, equals), text.substr(equals + 1));
  }
  const MadeEvidence made = make(dcap);
  fs::create_directories(folder);
  const std::string root = to_pem("CERTIFICATE", made.root);
  for (const auto& [name, content] : {std::pair<const char*, ByteView>{"quote.bin", made.evidence},
                                      {"collateral.json", as_bytes(made.collateral)},
                                      {"root.pem", as_bytes(root)}})
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
