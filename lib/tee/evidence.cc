#include "lib/tee/evidence.h"

#include <algorithm>
#include <array>

#include "lib/tee/dcap/appraise.h"
#include "lib/tee/dcap/inspect.h"
#include "lib/tee/dcap/profile.h"
#include "lib/tee/nitro/appraise.h"
#include "lib/tee/nitro/evidence.h"
#include "lib/tee/nitro/inspect.h"
#include "lib/tee/snp/appraise.h"
#include "lib/tee/snp/evidence.h"
#include "lib/tee/snp/inspect.h"
#include "lib/tee/vtpm/appraise.h"
#include "lib/tee/vtpm/inspect.h"

namespace hallmark {
namespace {

template <VerifyingKey::Kind K>
VerifyingKey::Kind always(ByteView) {
  return K;
}
VerifyingKey::Kind root_of_vtpm(ByteView evidence) {
  return vtpm::rests_on_intel(evidence) ? VerifyingKey::Kind::p256 : VerifyingKey::Kind::rsa;
}

constexpr std::array kKinds{
    EvidenceKind{"dcap", "quote of Intel SGX or TDX", dcap::recognises_quote, dcap::appraise_quote, dcap::inspect_quote,
                 always<VerifyingKey::Kind::p256>, nullptr, dcap::profile_names},
    EvidenceKind{"nitro", "attestation document of AWS Nitro", nitro::is_document, nitro::appraise,
                 nitro::inspect_bytes, always<VerifyingKey::Kind::p384>, nitro::made_at},
    EvidenceKind{"vtpm", "quote of a confidential guest's TPM", vtpm::is_evidence, vtpm::appraise, vtpm::inspect,
                 root_of_vtpm},
    // Last: a report has no magic number.
    EvidenceKind{"snp", "report of AMD SEV-SNP", snp::looks_like_report, snp::appraise, snp::inspect,
                 always<VerifyingKey::Kind::rsa>},
};

// Shorter text is no evidence; what decodes by chance is not looked at.
constexpr std::size_t kMinText = 64;
constexpr std::size_t kMaxDepth = 16;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto start = text.find_first_not_of(kSpace);
  if (start == text.npos) return {};
  return text.substr(start, text.find_last_not_of(kSpace) - start + 1);
}

std::optional<Bytes> decoded(std::string_view text) {
  text = trimmed(text);
  if (text.size() < kMinText) return std::nullopt;
  std::string joined;  // base64 comes in lines
  for (char c : text)
    if (c != '\n' && c != '\r') joined += c;
  std::string_view digits = joined;
  if (digits.starts_with("0x")) digits.remove_prefix(2);
  for (auto bytes : {from_hex(digits), from_base64(joined)})
    if (bytes && find_evidence_kind(*bytes) != nullptr) return *std::move(bytes);
  return std::nullopt;
}

void find_in(const Json& json, std::size_t depth, std::vector<Bytes>& found) {
  if (json.is_string()) {
    auto bytes = decoded(json.string());
    if (bytes && std::ranges::find(found, *bytes) == found.end()) found.push_back(*std::move(bytes));
    return;
  }
  if (depth == 0) return;
  if (json.is_array())
    for (const Json& item : json.items()) find_in(item, depth - 1, found);
  if (json.is_object())
    for (const Json::Member& member : json.members()) find_in(member.value, depth - 1, found);
}

}  // namespace

std::span<const EvidenceKind> evidence_kinds() { return kKinds; }

std::vector<std::string> profile_names() {
  std::vector<std::string> out;
  for (const EvidenceKind& kind : kKinds)
    if (kind.profiles != nullptr)
      for (std::string& name : kind.profiles()) out.push_back(std::move(name));
  return out;
}

const EvidenceKind* find_evidence_kind(ByteView evidence) {
  const auto it = std::ranges::find_if(kKinds, [&](const EvidenceKind& kind) { return kind.recognises(evidence); });
  return it == kKinds.end() ? nullptr : &*it;
}

Result<Bytes> unwrap_evidence(ByteView file) {
  if (file.size() > kMaxEvidence)
    return fail(Fault::format, "evidence.size",
                "has " + std::to_string(file.size()) + " bytes, at most " + std::to_string(kMaxEvidence) + " are read");
  if (find_evidence_kind(file) != nullptr) return Bytes(file.begin(), file.end());
  const std::string_view text = trimmed(as_text(file));
  if (text.starts_with('{') || text.starts_with('[')) {
    TRY(const Json json, parse_json(text, {.bytes = kMaxEvidence, .depth = kMaxDepth}));
    std::vector<Bytes> found;
    find_in(json, kMaxDepth, found);
    if (found.size() == 1) return std::move(found.front());
    return fail(Fault::unsupported, "is JSON with " + std::to_string(found.size()) +
                                        " pieces of evidence in hexadecimal or base64, exactly one is wanted");
  }
  if (auto bytes = decoded(text)) return *std::move(bytes);
  return fail(
      Fault::unsupported,
      "is no evidence that is known: neither a quote, a report nor a document, in binary, hexadecimal, base64 or "
      "JSON");
}

Result<Appraisal> appraise(const AppraiseRequest& request) {
  const EvidenceKind* kind = find_evidence_kind(request.evidence);
  if (kind == nullptr) return fail(Fault::unsupported, request.name + ": is no evidence that is known");
  return in("appraising " + request.name, kind->appraise(request));
}

}  // namespace hallmark
