// Intel's word on a platform: TCB info, QE identity, and the status that they converge to.
//
// Intel PCS API v4 ("TCB Info V3", "Enclave Identity V2") and v3 ("TCB Info V2", for SGX); the order of evaluation is
// that of Intel's Quote Verification Library (Intel TDX DCAP Quoting Library API, "TCB Status" and "Converge"). Nothing
// here looks at signatures or at the clock.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/tee/dcap/pck.h"
#include "lib/tee/dcap/quote.h"
#include "lib/tee/model/appraisal.h"

namespace hallmark::dcap {

enum class TcbStatus {
  up_to_date,
  sw_hardening_needed,
  configuration_needed,
  configuration_and_sw_hardening_needed,
  out_of_date,
  out_of_date_configuration_needed,
  revoked,
  // Not in TCB info: what Intel's library says of a TDX 1.5 domain that was launched on an older TCB than the one in
  // force.
  td_relaunch_advised,
  td_relaunch_advised_configuration_needed,
};
std::string_view to_text(TcbStatus);  // Intel's word: "UpToDate"

// What a component is, where Intel says it: "OS/VMM", "SEAMLDR ACM".
struct ComponentName {
  std::string category, type;
  bool operator==(const ComponentName&) const = default;
};

struct TcbLevel {
  Svns sgx{};
  std::uint16_t pcesvn = 0;
  std::optional<Svns> tdx;
  UnixTime date = 0;
  TcbStatus status = TcbStatus::revoked;
  std::vector<std::string> advisories;
};

// A level of a TDX module or of a quoting enclave.
struct SvnLevel {
  std::uint16_t isvsvn = 0;
  UnixTime date = 0;
  TcbStatus status = TcbStatus::revoked;
  std::vector<std::string> advisories;
};

struct TdxModule {
  std::string id;  // "TDX_01"; empty: that of the modules before 1.5
  std::array<std::uint8_t, 48> mrsigner{};
  std::array<std::uint8_t, 8> attributes{}, attributes_mask{};
  std::vector<SvnLevel> levels;
};

struct TcbInfo {
  bool tdx = false;
  std::int64_t version = 0;
  UnixTime issued = 0, next_update = 0;
  std::array<std::uint8_t, 6> fmspc{};
  std::array<std::uint8_t, 2> pceid{};
  std::int64_t evaluation_number = 0;
  std::optional<TdxModule> module;  // version 0
  std::vector<TdxModule> modules;   // the others, by id
  std::vector<TcbLevel> levels;     // best first, whatever order the document has
  std::array<ComponentName, kComponents> sgx_names, tdx_names;
};

struct QeIdentity {
  bool tdx = false;
  std::int64_t version = 0;
  UnixTime issued = 0, next_update = 0;
  std::int64_t evaluation_number = 0;
  std::array<std::uint8_t, 4> miscselect{}, miscselect_mask{};  // as their bytes stand in a report
  std::array<std::uint8_t, 16> attributes{}, attributes_mask{};
  std::array<std::uint8_t, 32> mrsigner{};
  std::uint16_t isvprodid = 0;
  std::vector<SvnLevel> levels;  // best first
};

// The inner objects, as the signature covers them.
Result<TcbInfo> parse_tcb_info(std::string_view json);
Result<QeIdentity> parse_qe_identity(std::string_view json);

// How far a platform is from the best level that is up to date.
struct Shortfall {
  std::string component;  // "SGX component 8 (OS/VMM: SEAMLDR ACM)", "PCESVN", "TDX module", "quoting enclave"
  std::uint64_t have = 0, need = 0;
};

struct TcbVerdict {
  std::optional<TcbStatus> status;  // nothing: no level is this platform's
  std::optional<TcbStatus> platform, module, qe;
  std::optional<UnixTime> date;                  // the oldest of the levels'
  std::vector<std::string> advisories;           // of all levels that were reached
  std::vector<std::string> platform_advisories;  // of the platform's level alone
  std::vector<Shortfall> shortfalls;
  std::vector<Reason> refused;  // why there is no status
};

// What is evaluated: the PCK certificate's levels, and what the quote says.
struct TcbInputs {
  const PckExtension& pck;
  std::uint16_t qe_isvsvn = 0;
  // Of a TD: TEE_TCB_SVN, and TEE_TCB_SVN2 where its report has it.
  std::optional<Svns> tee_tcb_svn, tee_tcb_svn2;
};

// Where other verifiers evaluate the same levels otherwise. Without any of them it is Intel's procedure; profile.cc
// says which verifier has which.
struct TcbRules {
  bool all_tdx_components = false;   // the module's own two are compared too where its identity has levels for them
  bool sgx_asked_once = false;       // behind the first level that covers the SGX components, only TDX is compared
  bool revoked_level_ends = false;   // a domain's search stops at a Revoked level whose SGX components are covered
  bool no_relaunch = false;          // TEE_TCB_SVN2 changes nothing
  bool forgets_out_of_date = false;  // of two that are OutOfDate, the result is UpToDate
};

// Of three fields of the same size: the value under the mask is the one that is wanted.
bool matches(ByteView value, ByteView mask, ByteView want);

TcbVerdict evaluate(const TcbInfo& info, const QeIdentity& identity, const TcbInputs& inputs,
                    const TcbRules& rules = {});

// The module that a TD ran under, and whether it is one that Intel names; both are about who measured the domain.
std::vector<Reason> check_tdx_module(const TcbInfo& info, const Record<kTdReport10>& report);

// The quoting enclave, against its identity.
std::vector<Reason> check_qe(const QeIdentity& identity, const Record<kSgxReport>& qe);

// "what the platform has, with what a component has": the more severe word that Intel's library gives.
TcbStatus converge(TcbStatus platform, TcbStatus component);

}  // namespace hallmark::dcap
