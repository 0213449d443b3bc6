#include "lib/tee/vtpm/evidence.h"

#include <algorithm>

namespace hallmark::vtpm {
namespace {

constexpr std::string_view kHclMagic = "HCLA";
constexpr std::uint32_t kMaxHclVersion = 2, kHclDataVersion = 1;
constexpr std::uint32_t kReportOfSnp = 2, kReportOfTdx = 4;
constexpr std::string_view kAttestationKey = "HCLAkPub";
// Keys in the runtime data: the attestation key and one for secrets.
constexpr std::size_t kMaxKeys = 16;

// TPM_GENERATED_VALUE, TPM_ST_ATTEST_QUOTE
constexpr std::uint32_t kGenerated = 0xff544347;
constexpr std::uint16_t kAttestQuote = 0x8018;
// TPM2B_NAME, TPM2B_DATA, TPM2B_DIGEST: no hash is longer than SHA-512.
constexpr std::uint16_t kMaxName = 2 + 64, kMaxData = 64, kMaxDigest = 64;
// A TPM has at most as many banks as hashes.
constexpr std::uint32_t kMaxSelections = 16;
constexpr std::uint8_t kMaxSelect = 4;
// TPM_ALG_RSASSA, TPM_ALG_SHA256, TPM2B of 256 bytes
constexpr std::array<std::uint8_t, 6> kRsassaSha256{0x00, 0x14, 0x00, 0x0b, 0x01, 0x00};

// The failure of a reader that knows no names of ours.
template <class T>
Result<T> named(std::string_view code, Result<T> result) {
  if (!result) result.error().code = code;
  return result;
}

Failure refuse(Fault fault, std::string_view code, std::string_view field, std::size_t at, const std::string& why) {
  return fail(fault, code, "HCL report: " + std::string(field) + " at " + hex_offset(at) + ": " + why);
}

// What a JWK has in base64url (RFC 7518 section 6.3.1).
Result<Bytes> read_number(const Json& key, std::string_view member) {
  const Json* value = key.find(member);
  if (value == nullptr || !value->is_string() || value->string().size() > 1024)
    return fail(Fault::format, "hcl.ak",
                "runtime data: " + std::string(kAttestationKey) + " has no " + std::string(member));
  return named("hcl.ak", in("runtime data: " + std::string(kAttestationKey) + "." + std::string(member),
                            from_base64(value->string())));
}

bool has_text(const Json& object, std::string_view member, std::string_view text) {
  const Json* value = object.find(member);
  return value != nullptr && value->is_string() && value->string() == text;
}

// TPML_PCR_SELECTION
std::vector<PcrSelection> read_selections(ByteReader& r) {
  std::vector<PcrSelection> out;
  const auto count = r.be_at_most<std::uint32_t>(kMaxSelections, "pcrSelect.count");
  for (std::uint32_t i = 0; i < count && r.ok(); i++) {
    PcrSelection selection;
    selection.hash = r.be<std::uint16_t>("pcrSelect.hash");
    const auto size = r.le_at_most<std::uint8_t>(kMaxSelect, "pcrSelect.sizeofSelect");
    const ByteView select = r.view(size, "pcrSelect.pcrSelect");
    for (unsigned pcr = 0; pcr < select.size() * 8; pcr++) {
      if ((select[pcr / 8] >> (pcr % 8) & 1) == 0) continue;
      if (pcr >= kPcrs) r.reject("pcrSelect.pcrSelect", "selects PCR " + std::to_string(pcr));
      selection.pcrs.push_back(pcr);
    }
    for (const PcrSelection& other : out)
      if (other.hash == selection.hash) r.reject("pcrSelect.hash", "selects one bank twice");
    out.push_back(std::move(selection));
  }
  return out;
}

ByteView read_sized(ByteReader& r, std::uint16_t most, std::string_view field) {
  const auto size = r.be_at_most<std::uint16_t>(most, field);
  return r.view(size, field);
}

}  // namespace

std::string_view to_text(Hardware hardware) { return hardware == Hardware::snp ? "SEV-SNP report" : "TDX TDREPORT"; }

bool is_hcl_report(ByteView bytes) { return as_text(bytes).starts_with(kHclMagic); }

Result<HclReport> parse_hcl_report(ByteView bytes) {
  if (bytes.size() < kRuntimeDataAt || !is_hcl_report(bytes))
    return fail(Fault::format, "hcl.size",
                "HCL report: has " + std::to_string(bytes.size()) + " bytes and no \"HCLA\" in front, or less than " +
                    std::to_string(kRuntimeDataAt));
  TRY(const auto header, Record<kHclHeader>::parse(bytes.first(kHclHeader.size)));
  TRY(const auto data, Record<kHclData>::parse(bytes.subspan(kHclDataAt, kHclData.size)));
  HclReport out;
  out.version = header.num<"version">();
  if (out.version < 1 || out.version > kMaxHclVersion)
    return refuse(Fault::unsupported, "hcl.version", "version", 4,
                  "is " + std::to_string(out.version) + ", 1 and 2 are known");
  if (data.num<"version">() != kHclDataVersion)
    return refuse(Fault::unsupported, "hcl.version", "data version", kHclDataAt + 4,
                  "is " + std::to_string(data.num<"version">()) + ", 1 is known");

  switch (data.num<"report_type">()) {
    case kReportOfSnp: out.hardware = Hardware::snp; break;
    case kReportOfTdx: out.hardware = Hardware::tdx; break;
    default:
      return refuse(Fault::unsupported, "hcl.report_type", "report_type", kHclDataAt + 8,
                    "is " + std::to_string(data.num<"report_type">()) + "; 2 (SEV-SNP) and 4 (TDX) are known");
  }
  switch (data.num<"hash_type">()) {
    case 1: out.hash = Alg::sha256; break;
    case 2: out.hash = Alg::sha384; break;
    case 3: out.hash = Alg::sha512; break;
    default:
      return refuse(Fault::unsupported, "hcl.hash_type", "hash_type", kHclDataAt + 12,
                    "is " + std::to_string(data.num<"hash_type">()) + "; 1, 2 and 3 are known");
  }

  const std::size_t left = bytes.size() - kRuntimeDataAt;
  const std::uint32_t size = data.num<"runtime_data_size">();
  if (size > std::min(left, kMaxRuntimeData))
    return refuse(Fault::format, "hcl.size", "runtime_data_size", kHclDataAt + 16,
                  "is " + std::to_string(size) + ", " + std::to_string(std::min(left, kMaxRuntimeData)) + " possible");
  if (data.num<"data_size">() != kHclData.size + size)
    return refuse(
        Fault::format, "hcl.size", "data_size", kHclDataAt,
        "is " + std::to_string(data.num<"data_size">()) + ", " + std::to_string(kHclData.size + size) + " wanted");
  if (header.num<"report_size">() != kRuntimeDataAt + size)
    return refuse(
        Fault::format, "hcl.size", "report_size", 8,
        "is " + std::to_string(header.num<"report_size">()) + ", " + std::to_string(kRuntimeDataAt + size) + " wanted");
  if (std::ranges::any_of(bytes.subspan(kRuntimeDataAt + size), [](auto c) { return c != 0; }))
    return refuse(Fault::format, "hcl.size", "end", kRuntimeDataAt + size, "is followed by bytes that are not zero");
  out.bytes = bytes.first(kRuntimeDataAt + size);
  out.hardware_report = bytes.subspan(kHardwareReportAt, kHardwareReportSize);
  out.runtime_data = bytes.subspan(kRuntimeDataAt, size);
  return out;
}

Result<RuntimeData> parse_runtime_data(ByteView text) {
  RuntimeData out;
  TRY(out.json, named("hcl.runtime_data", in("runtime data", parse_json(as_text(text), {kMaxRuntimeData, 16}))));
  const Json* keys = out.json.find("keys");
  if (keys == nullptr || !keys->is_array() || keys->items().size() > kMaxKeys)
    return fail(Fault::format, "hcl.ak", "runtime data: keys: is no list of at most " + std::to_string(kMaxKeys));
  const Json* found = nullptr;
  for (const Json& key : keys->items()) {
    if (!has_text(key, "kid", kAttestationKey)) continue;
    if (found != nullptr) return fail(Fault::format, "hcl.ak", "runtime data: has two keys HCLAkPub");
    found = &key;
  }
  if (found == nullptr || !has_text(*found, "kty", "RSA"))
    return fail(Fault::format, "hcl.ak", "runtime data: has no RSA key HCLAkPub");
  TRY(out.modulus, read_number(*found, "n"));
  TRY(out.exponent, read_number(*found, "e"));
  return out;
}

bool is_tpm_quote(ByteView bytes) { return bytes.size() >= 6 && load_be<std::uint32_t>(bytes) == kGenerated; }

Result<TpmQuote> parse_tpm_quote(ByteView bytes) {
  ByteReader r(bytes, "TPMS_ATTEST");
  TpmQuote out;
  out.bytes = bytes;
  if (const auto magic = r.be<std::uint32_t>("magic"); r.ok() && magic != kGenerated)
    r.reject("magic", "is " + hex_offset(magic) + ", not TPM_GENERATED_VALUE");
  const auto type = r.be<std::uint16_t>("type");
  if (r.ok() && type != kAttestQuote)
    return fail(Fault::unsupported, "tpm.type",
                "TPMS_ATTEST: type at 0x4: is " + hex_offset(type) + ", 0x8018 (a quote) wanted");
  out.qualified_signer = read_sized(r, kMaxName, "qualifiedSigner");
  out.extra_data = read_sized(r, kMaxData, "extraData");
  out.clock = r.be<std::uint64_t>("clockInfo.clock");
  out.reset_count = r.be<std::uint32_t>("clockInfo.resetCount");
  out.restart_count = r.be<std::uint32_t>("clockInfo.restartCount");
  const auto safe = r.le_at_most<std::uint8_t>(1, "clockInfo.safe");
  out.safe = safe == 1;
  out.firmware_version = r.be<std::uint64_t>("firmwareVersion");
  out.selections = read_selections(r);
  out.pcr_digest = read_sized(r, kMaxDigest, "pcrDigest");
  return coded("tpm", r.finish_exactly(std::move(out)));
}

bool is_tpm_signature(ByteView bytes) {
  return bytes.size() == kSignatureSize || (bytes.size() == kRsassaSha256.size() + kSignatureSize &&
                                            std::ranges::equal(bytes.first(kRsassaSha256.size()), kRsassaSha256));
}

Result<ByteView> parse_tpm_signature(ByteView bytes) {
  if (!is_tpm_signature(bytes))
    return fail(Fault::format, "tpm.malformed",
                "TPM signature: has " + std::to_string(bytes.size()) + " bytes and is none of RSA with SHA-256");
  return bytes.last(kSignatureSize);
}

bool is_pcr_values(ByteView bytes) {
  const auto first =
      std::ranges::find_if(bytes, [](auto c) { return c != ' ' && c != '\t' && c != '\r' && c != '\n'; });
  return first != bytes.end() && *first == '{';
}

Result<PcrBank> parse_pcr_values(ByteView text) {
  TRY(const Json json, named("tpm.pcrs", in("PCR values", parse_json(as_text(text), {kMaxRuntimeData, 4}))));
  const Json* bank = json.find("sha256");
  if (bank == nullptr || !bank->is_array() || bank->items().size() != kPcrs)
    return fail(Fault::format, "tpm.pcrs", "PCR values: sha256: is no list of " + std::to_string(kPcrs) + " values");
  PcrBank out{};
  for (unsigned pcr = 0; pcr < kPcrs; pcr++) {
    const Json& value = bank->items()[pcr];
    const std::string where = "PCR values: sha256[" + std::to_string(pcr) + "]";
    if (!value.is_string()) return fail(Fault::format, "tpm.pcrs", where + ": is " + std::string(value.kind()));
    TRY(out[pcr], named("tpm.pcrs", in(where, digest_from_hex<Alg::sha256>(value.string()))));
  }
  return out;
}

}  // namespace hallmark::vtpm
