// Quotes of Intel SGX and TDX (DCAP): parsed, and not verified.
//
// Intel SGX ECDSA Quote Library Reference, appendix A.4 "Quote Format" (version 3), and Intel TDX DCAP Quoting Library
// API, appendix A.3 "Quote Format" (versions 4 and 5). A quote is a header, a body that the hardware filled, and
// signature data (signature_data.h): who reads a body believes it only once the signature is verified.
//
// Failures have the codes quote.truncated, quote.version, quote.att_key_type, quote.tee_type, quote.qe_vendor,
// quote.body_type, quote.body_size, quote.trailing and quote.size.
#pragma once

#include <optional>
#include <string_view>

#include "lib/base/layout.h"

namespace hallmark::dcap {

inline constexpr Layout<7> kQuoteHeader{"Quote header",
                                        48,
                                        {{
                                            {0, 2, "version"},
                                            {2, 2, "att_key_type"},
                                            {4, 4, "tee_type"},
                                            {8, 2, "qe_svn"},    // reserved in versions 4 and 5
                                            {10, 2, "pce_svn"},  // reserved in versions 4 and 5
                                            {12, 16, "qe_vendor_id"},
                                            {28, 20, "user_data"},
                                        }}};

// sgx_report_body_t
inline constexpr Layout<17> kSgxReport{"SGX enclave report",
                                       384,
                                       {{
                                           {0, 16, "cpu_svn"},
                                           {16, 4, "misc_select"},
                                           {20, 12, "reserved_20"},
                                           {32, 16, "isv_ext_prod_id"},
                                           {48, 8, "attributes"},
                                           {56, 8, "xfrm"},
                                           {64, 32, "mr_enclave"},
                                           {96, 32, "reserved_96"},
                                           {128, 32, "mr_signer"},
                                           {160, 32, "reserved_160"},
                                           {192, 64, "config_id"},
                                           {256, 2, "isv_prod_id"},
                                           {258, 2, "isv_svn"},
                                           {260, 2, "config_svn"},
                                           {262, 42, "reserved_262"},
                                           {304, 16, "isv_family_id"},
                                           {320, 64, "report_data"},
                                       }}};

// sgx_report2_body_t of TDX 1.0
inline constexpr Layout<15> kTdReport10{"TD report 1.0",
                                        584,
                                        {{
                                            {0, 16, "tee_tcb_svn"},
                                            {16, 48, "mr_seam"},
                                            {64, 48, "mr_signer_seam"},
                                            {112, 8, "seam_attributes"},
                                            {120, 8, "td_attributes"},
                                            {128, 8, "xfam"},
                                            {136, 48, "mr_td"},
                                            {184, 48, "mr_config_id"},
                                            {232, 48, "mr_owner"},
                                            {280, 48, "mr_owner_config"},
                                            {328, 48, "rtmr0"},
                                            {376, 48, "rtmr1"},
                                            {424, 48, "rtmr2"},
                                            {472, 48, "rtmr3"},
                                            {520, 64, "report_data"},
                                        }}};

// sgx_report2_body_v1_5_t: the same, and two fields more
inline constexpr Layout<2> kTdReport15{"TD report 1.5, behind 1.0",
                                       64,
                                       {{
                                           {0, 16, "tee_tcb_svn2"},
                                           {16, 48, "mr_service_td"},
                                       }}};

// sgx_report2_body_v1_5_ex_t: fields more behind those, of a domain that can be partitioned
inline constexpr Layout<10> kTdReport15Ex{"TD report 1.5 Ex, behind 1.5",
                                          237,
                                          {{
                                              {0, 1, "vm_id"},
                                              {1, 32, "td_id"},
                                              {33, 48, "dev_info"},
                                              {81, 48, "init_serv_td_hash"},
                                              {129, 8, "init_serv_td_attr"},
                                              {137, 16, "init_cpu_svn"},
                                              {153, 16, "init_tee_tcb_svn"},
                                              {169, 12, "init_tee_fmspc"},
                                              {181, 48, "cur_serv_td_hash"},
                                              {229, 8, "cur_serv_td_attr"},
                                          }}};

enum class Body { sgx, td10, td15, td15ex };
std::string_view to_text(Body);

struct Quote {
  std::uint16_t version = 0;  // 3, 4 or 5
  Body body_type = Body::sgx;
  ByteView header, body;  // 48 bytes; 384, 584, 648 or 885 bytes
  std::uint64_t body_offset = 0;
  ByteView signature;  // the signature data
  std::uint64_t signature_offset = 0;
  ByteView signed_part;      // what the attestation key signed: all before the length of the signature data
  std::size_t trailing = 0;  // bytes that follow

  bool is_td() const { return body_type != Body::sgx; }
  // Of a TD, of any version of its report; of an enclave. The caller has asked is_td().
  Record<kTdReport10> td_report() const;
  Record<kSgxReport> sgx_report() const;
  // What TDX 1.5 and 1.5 Ex have more; nothing of an earlier report.
  std::optional<Record<kTdReport15>> td15() const;
  std::optional<Record<kTdReport15Ex>> td15ex() const;
};

inline constexpr std::uint64_t kMaxQuote = std::uint64_t{1} << 20;

// Whether bytes begin as a quote does: version 3, 4 or 5 and Intel's vendor of the quoting enclave.
bool is_quote(ByteView bytes);

enum class Trailing { zeros, anything };

// `bytes` must outlive the result. Zeros may follow the signature data, as in buffers of a fixed size; anything else
// only where the caller says so.
Result<Quote> parse_quote(ByteView bytes, Trailing trailing = Trailing::zeros);

}  // namespace hallmark::dcap
