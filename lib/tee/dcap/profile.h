// What another verifier would say of a quote: the on-chain verifier of Automata Network, release by release.
//
// A profile is what the published source of a release says, read and never run: the contracts
// AutomataDcapAttestationFee and V3-, V4- and V5QuoteVerifier of automata-network/automata-dcap-attestation, and the
// on-chain PCCS of automata-network/automata-on-chain-pccs that they read Intel's collateral from. Its way through
// zero-knowledge proofs is another program, and none of this. specs/appraisal.md has the table.
#pragma once

#include "lib/tee/dcap/verify.h"

namespace hallmark::dcap {

struct Profile {
  std::string_view name;         // "automata-v1.1"
  std::string_view releases;     // the verifier's tags
  std::string_view commit;       // of the verifier
  std::string_view pccs_commit;  // of the on-chain PCCS that was read with it
  // Versions of quotes, from 3 to this one.
  std::uint16_t newest_quote = 5;
  TcbRules tcb;
  // What the releases differ in otherwise; as in the newest one.
  bool has_error_codes = true;            // hands out a code where it refuses, and not a sentence
  bool holds_dates = true;                // uses no collateral that has expired
  bool numbered_collateral = true;        // the caller may name a TCB evaluation number
  bool last_second_counts = true;         // a certificate is good in its first and in its last second
  bool checks_every_link = true;          // no certificate passes on the result of the one before
  bool knows_first_module = true;         // has values to hold a TDX module of version 0 against
  bool levels_before_signatures = false;  // version 3: looks at levels before it looks at any signature
  bool revoked_qe_succeeds = false;       // version 3: a revoked quoting enclave is an error that counts as success
  std::int64_t tcb_info_for_v3 = 3;       // the version of TCB info that it reads for quotes of version 3
};

std::span<const Profile> profiles();
std::vector<std::string> profile_names();
const Profile* find_profile(std::string_view name);

// With collateral that was verified as ours, whatever came of that; `ours` is what it is compared with. The policy has
// not been asked yet: what a policy may forgive is a difference all the same.
Prediction predict(const Profile& profile, const AppraiseRequest& request, const VerifiedCollateral& collateral,
                   const Appraisal& ours);

}  // namespace hallmark::dcap
