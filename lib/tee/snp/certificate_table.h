// The table in which a host hands a guest the certificates for its report: SEV-ES Guest-Hypervisor Communication Block
// Standardization (AMD 56421), "SNP Extended Guest Request". Entries of 24 bytes (GUID, u32 offset from the start of
// the table, u32 length, little-endian) up to one of zeros, then what they point to. The GUIDs stand in the order of
// their text (RFC 4122), not in UEFI's.
#pragma once

#include <vector>

#include "lib/base/bytes.h"

namespace hallmark::snp {

enum class TableEntry { vcek, vlek, ask, ark, crl, other };

struct TablePart {
  TableEntry entry = TableEntry::other;
  ByteView bytes;  // a certificate or a list, in whatever form the host has it
};

// Whether the first entry is one whose GUID is known.
bool is_certificate_table(ByteView bytes);

// `bytes` must outlive the result. Fails with the code snp.certificate_table.
Result<std::vector<TablePart>> parse_certificate_table(ByteView bytes);

}  // namespace hallmark::snp
