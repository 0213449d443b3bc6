#include "lib/tee/nitro/appraise.h"

#include <algorithm>

#include "lib/tee/nitro/verify.h"

namespace hallmark::nitro {
namespace {

// The registers of the image, which are never without a value.
constexpr std::uint32_t kImagePcrs = 3;

// Nothing was measured into it. That of the image it says all the same, so that it is seen.
bool is_unset(std::uint32_t index, ByteView pcr) { return index >= kImagePcrs && all_zero(pcr); }

// An enclave in debug mode measures nothing: the registers of its image are zero. No image has a register of zeros.
void flag_debug(Appraisal& out, const Document& document) {
  if (document.tpm) return;
  for (const auto& [index, pcr] : document.pcrs)
    if (index < kImagePcrs && all_zero(pcr)) {
      out.flags.push_back({"nitro.debug", "PCR" + std::to_string(index) +
                                              " is all zeros: the enclave runs in debug mode, and its host reads its "
                                              "console"});
      return;
    }
}

UnixTime seconds(std::uint64_t milliseconds) { return static_cast<UnixTime>(milliseconds / 1000); }

Json hex_or_null(const std::optional<ByteView>& bytes) { return bytes ? Json(to_hex(*bytes)) : Json(); }

void add_claims(Appraisal& out, const Document& document) {
  for (const auto& [index, pcr] : document.pcrs)
    if (!is_unset(index, pcr)) out.registers.push_back({"pcr" + std::to_string(index), Bytes(pcr.begin(), pcr.end())});
  out.attested = Json::object({{"module_id", document.module_id},
                               {"timestamp_ms", document.timestamp_ms},
                               {"digest", "SHA384"},
                               {"pcrs_of", document.tpm ? "nitrotpm" : "enclave"},
                               {"public_key", hex_or_null(document.public_key)},
                               {"user_data", hex_or_null(document.user_data)},
                               {"nonce", hex_or_null(document.nonce)}});
  out.made = seconds(document.timestamp_ms);
  const ByteView binding = document.binding();
  out.report_data.assign(binding.begin(), binding.end());
  // An instance has many enclaves one after the other, and several at once: they are one machine.
  if (const std::string_view instance = instance_of(document.module_id); !instance.empty())
    out.machine = "aws-module:" + std::string(instance);
  flag_debug(out, document);
}

}  // namespace

std::optional<UnixTime> made_at(ByteView bytes) {
  const auto document = parse_document(bytes, true);
  return document ? std::optional(seconds(document->timestamp_ms)) : std::nullopt;
}

Result<Appraisal> appraise(const AppraiseRequest& request) {
  Appraisal out;
  out.evidence = "nitro-document";
  out.tee = "aws-nitro";
  out.vendor = "aws";
  out.time = request.time;
  DigestOf<Alg::sha256> root_key = kAwsRootKey;
  if (request.trust_anchor) {
    TRY(const Certificate anchor, Certificate::parse(*request.trust_anchor, "trust anchor"));
    out.private_anchor = to_hex(anchor.sha256());
    root_key = anchor.spki_sha256();
  }

  out.authentic.reached = true;
  const auto malformed = [&out](const Error& error) {
    out.malformed = true;
    out.authentic.reasons.push_back(reason_of(error));
    return out;
  };
  const auto document = parse_document(request.evidence, request.allow_trailing);
  if (!document) return malformed(document.error());
  add_claims(out, *document);
  const auto chain = read_chain(*document);
  if (!chain) return malformed(chain.error());
  out.tcb_details = Json::object({{"chain_len", std::uint64_t{chain->size()}}});
  for (const Certificate& certificate : *chain)
    out.validity.narrow("the certificate of " + certificate.subject(), certificate.not_before(),
                        certificate.not_after());

  if (auto reason = verify_document(*document, *chain, root_key, request.time))
    out.authentic.reasons.push_back(*std::move(reason));
  // AWS vouches for its platform with the chain alone.
  out.tcb.reached = out.authentic.ok();
  return out;
}

}  // namespace hallmark::nitro
