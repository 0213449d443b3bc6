// A complete enclave that does one useful thing: it hands out an attestation
// report (EREPORT) over 64 bytes of the caller's, for example a public key.
//
// Freestanding: no libc, no SDK, one thread, no relocations. What is measured
// is what stands in this folder.
#include "enclave.h"

// Placed by enclave.ld: the first and the last byte of this enclave's range.
extern const uint8_t enclave_base[], enclave_end[];

static void copy(void *to, const void *from, uint64_t n) {
  uint8_t *t = to;
  const uint8_t *f = from;
  while (n--) *t++ = *f++;
}

// A host's pointer must point wholly outside: otherwise the host could make the
// enclave read or overwrite its own secrets.
static int is_outside(const void *p, uint64_t n) {
  const uint64_t from = (uint64_t)p, to = from + n;
  if (to < from) return 0;
  return to <= (uint64_t)enclave_base || from >= (uint64_t)enclave_end;
}

// ENCLU[EREPORT]: RAX = 0, RBX = TARGETINFO (512-byte aligned), RCX = REPORTDATA
// (128-byte aligned), RDX = where the REPORT goes (512-byte aligned); all inside the enclave.
static void ereport(const void *target_info, const void *report_data, void *report) {
  __asm__ volatile("enclu" ::"a"(0), "b"(target_info), "c"(report_data), "d"(report) : "memory");
}

static _Alignas(512) uint8_t target_info[TARGETINFO_SIZE];
static _Alignas(128) uint8_t report_data[REPORTDATA_SIZE];
static _Alignas(512) uint8_t report[512];

// Called by entry.S on the enclave's own stack.
__attribute__((used)) enum status serve(struct request *request) {
  if (!is_outside(request, sizeof *request)) return NOT_OUTSIDE;
  // Copied in first: the host can change its own memory while we look at it.
  copy(target_info, request->target_info, TARGETINFO_SIZE);
  copy(report_data, request->report_data, REPORTDATA_SIZE);
  ereport(target_info, report_data, report);
  copy(request->report, report, REPORT_SIZE);
  return DONE;
}
