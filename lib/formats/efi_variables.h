// The variables that an UEFI image carries: a firmware volume of its own (OVMF_VARS.fd, the first part of OVMF.fd).
//
// The store's format is edk2's (MdeModulePkg/Include/Guid/VariableFormat.h), in the authenticated form that it has used
// since secure boot (EFI_AUTHENTICATED_VARIABLE_GUID) or in the form before that (EFI_VARIABLE_GUID). A variable that
// is written anew is added behind the others and the old record marked; what holds is said in FindVariableEx there. A
// write that was interrupted and that the firmware would finish at its start (fault tolerant write) is not looked at.
#pragma once

#include <string>
#include <vector>

#include "lib/base/layout.h"
#include "lib/formats/guid.h"

namespace hallmark {

inline constexpr Layout<6> kVariableStoreHeader{"VARIABLE_STORE_HEADER",
                                                28,
                                                {{
                                                    {0, 16, "signature"},
                                                    {16, 4, "size"},
                                                    {20, 1, "format"},
                                                    {21, 1, "state"},
                                                    {22, 2, "reserved"},
                                                    {24, 4, "reserved1"},
                                                }}};

inline constexpr Layout<10> kAuthenticatedVariableHeader{"AUTHENTICATED_VARIABLE_HEADER",
                                                         60,
                                                         {{
                                                             {0, 2, "start_id"},
                                                             {2, 1, "state"},
                                                             {3, 1, "reserved"},
                                                             {4, 4, "attributes"},
                                                             {8, 8, "monotonic_count"},
                                                             {16, 16, "time_stamp"},
                                                             {32, 4, "pub_key_index"},
                                                             {36, 4, "name_size"},
                                                             {40, 4, "data_size"},
                                                             {44, 16, "vendor_guid"},
                                                         }}};

inline constexpr Layout<7> kVariableHeader{"VARIABLE_HEADER",
                                           32,
                                           {{
                                               {0, 2, "start_id"},
                                               {2, 1, "state"},
                                               {3, 1, "reserved"},
                                               {4, 4, "attributes"},
                                               {8, 4, "name_size"},
                                               {12, 4, "data_size"},
                                               {16, 16, "vendor_guid"},
                                           }}};

inline constexpr Guid kEfiGlobalVariable = guid("8be4df61-93ca-11d2-aa0d-00e098032b8c");
inline constexpr Guid kEfiImageSecurityDatabase = guid("d719b2cb-3d3a-4596-a3bc-dad00e67656f");

struct EfiVariable {
  Guid vendor{};
  std::string name;  // UTF-8
  std::uint32_t attributes = 0;
  Bytes data;
};

// Those that hold, in the order of the store, no two of the same vendor and name. `volume` begins with the volume's
// header. An empty store is no error; one that is not formatted is.
Result<std::vector<EfiVariable>> efi_variables(ByteView volume);

// Null if there is none.
const EfiVariable* find_variable(const std::vector<EfiVariable>& variables, const Guid& vendor, std::string_view name);

}  // namespace hallmark
