// What the host and the enclave agree on.
#pragma once

#include <stdint.h>

// Intel SDM Vol. 3D, "Enclave Access Control and Data Structures": TARGETINFO, REPORTDATA, REPORT.
enum { TARGETINFO_SIZE = 512, REPORTDATA_SIZE = 64, REPORT_SIZE = 432 };

// The host enters with a pointer to one of these in RDI; all of it lies outside the enclave.
struct request {
  uint8_t target_info[TARGETINFO_SIZE];  // in: the enclave that shall be able to check the report
  uint8_t report_data[REPORTDATA_SIZE];  // in: bound into the report
  uint8_t report[REPORT_SIZE];           // out
};

// What the enclave leaves in RSI.
enum status { DONE = 0, NOT_OUTSIDE = 1, BUSY = 2 };
