// What a verifier says of a piece of evidence (RFC 9334: the appraisal of evidence), whatever hardware it comes from.
//
// Four questions, never merged, each answered with reasons that have stable names:
//   authentic  did the vendor's hardware sign it: a chain to the pinned root at that time, revocation, signatures
//   tcb        what the vendor says of the platform's firmware and microcode
//   policy     what the evidence shows that a verifier must not accept unless told to: debug, reserved bits, old levels
//   match      whether what runs is what was certified
// A platform answers the first two and names what it saw; lib/tee/appraise.h answers the others for all platforms
// alike.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/files.h"
#include "lib/base/json.h"
#include "lib/tee/model/measurement.h"

namespace hallmark {

struct Reason {
  std::string code;    // stable, for programs: "pck.leaf.revoked"
  std::string detail;  // one sentence, for people
  // Where a value falls short: what there is, and what there should be.
  std::string have = {}, need = {};
  bool operator==(const Reason&) const = default;
};

struct LayerResult {
  bool reached = false;  // false: an earlier layer kept us from asking
  std::vector<Reason> reasons;

  // A layer that was not reached is not passed.
  bool ok() const { return reached && reasons.empty(); }
};

// From when until when a verdict stands, and what bounds it.
struct Validity {
  UnixTime from = std::numeric_limits<UnixTime>::min(), until = std::numeric_limits<UnixTime>::max();
  std::string from_what, until_what;  // "the TCB info", "the PCK certificate"

  void narrow(const std::string& what, UnixTime begins, UnixTime ends);
  void narrow(const Validity& by);
};

// Until when a document stands by itself, before any grace that a verifier gives it.
struct Expiry {
  std::string what;  // "the TCB info"
  UnixTime time = 0;
};

// What the evidence shows that a policy may have to forgive; policies name it ("sgx.debug").
struct Flag {
  std::string code;
  std::string detail;
};

// What another verifier would say of the same evidence, as far as its published source tells: it stands beside the
// verdict, and changes nothing of it.
struct Prediction {
  struct Difference {
    std::string code;  // the reason or flag that is concerned, or "tcb.status", "tcb.open", "advisories", "verdict"
    std::string ours, theirs, why;
  };

  std::string profile;  // "automata-v1.1"
  std::string of;       // whose verdict, of which revision, and how that is known
  std::string outcome;  // "accepted", "refused", "reverted" or "unknown"
  std::string detail;   // why it is not accepted; what is odd where it is
  std::string output;   // the error code that it hands out, where it has one: "TCBR"
  // Its own number and name of the platform's status, and the vendor's word for that.
  struct Word {
    std::int64_t number = 0;
    std::string name, word;
  };
  std::optional<Word> tcb_status;
  std::vector<std::string> advisories;
  std::vector<std::string> assumptions;  // what the prediction takes for granted
  std::vector<Difference> differences;   // from the verdict that it stands beside
};

struct Appraisal {
  std::string evidence;  // "sgx-quote", "tdx-quote", "snp-report", "nitro-document", "vtpm-quote"
  std::string tee;       // as in certificates: "intel-sgx"
  std::string vendor;    // "intel", "amd", "aws"
  UnixTime time = 0;     // at which it was appraised
  // The SHA-256 of a root that the caller gave in the place of the vendor's; empty: the vendor's own, pinned here.
  std::string private_anchor;

  LayerResult authentic, tcb, policy, match;
  // The vendor's word for the state of the platform ("UpToDate"); empty where there is none.
  std::string tcb_status;
  Json tcb_details = Json::object();
  std::vector<std::string> advisories;
  std::optional<std::int64_t> tcb_evaluation_number;
  std::optional<UnixTime> tcb_date;  // of what the platform reaches; Intel's tcbDate, the earliest of them
  std::vector<Expiry> lapsed;        // what had expired, and was used since the caller gave it grace

  std::vector<Flag> flags;
  // What it attests, by the names that measurements and certificates have.
  std::vector<Register> registers;
  Json identity = Json::object();  // mrsigner, isvprodid, isvsvn
  Json attested = Json::object();  // attributes, masks, versions: what is attested besides
  Bytes report_data;               // what the prover bound into it
  std::optional<UnixTime> made;    // when it says that it was made; most evidence does not
  // A name of the one machine that it comes from, for counting machines: "intel-ppid:…". Empty: it does not tell.
  std::string machine;
  Validity validity;

  // The evidence could not be read to its end: `authentic` says where.
  bool malformed = false;

  std::optional<Prediction> prediction;  // where the request names a profile
};

// {"ok", "reasons": [{"code", "detail", "have", "need"}]}
Json to_json(const LayerResult&);
// {"profile", "of", "outcome", "detail", "output", "tcb_status", "advisory_ids", "assumptions", "differences"}
Json to_json(const Prediction&);

// A file that came with the evidence: collateral, certificates, revocation lists, the other parts of a vTPM's quote.
struct Endorsement {
  std::string name;  // in messages
  Bytes bytes;
};

struct AppraiseRequest {
  ByteView evidence;  // in binary
  std::string name;   // in messages
  UnixTime time = 0;
  std::vector<Endorsement> endorsements;
  // A certificate in DER that stands in for the vendor's root: a private PKI, or a test.
  std::optional<Bytes> trust_anchor;
  std::int64_t collateral_grace = 0;  // seconds for which Intel's documents and lists are used after they expired
  bool allow_trailing = false;        // other bytes than zeros may follow the evidence
  std::string profile = {};           // another verifier whose verdict is to be predicted; empty: none
};

// Evidence is at most this long, and so is every file that comes with it.
inline constexpr std::uint64_t kMaxEvidence = std::uint64_t{1} << 20;

// The failure of a reader, as the reason why evidence is not authentic.
Reason reason_of(const Error& error);

}  // namespace hallmark
