// The metadata that the SDK's signing tool writes into an enclave for a configuration: layout, patches, thread
// templates. It is a function of the unsigned file and the configuration, and so is MRENCLAVE. As for what is read
// here, the sources are the specification: manage_metadata.cpp, sign_tool.cpp, update_global_data.hxx, global_data.h
// and thread_data.h at the tags of linux-sgx, and ema.c and bit_array.c of sgx-emm for the size of what they allocate.
#pragma once

#include "lib/base/layout.h"
#include "lib/tee/sgx/sdk_config.h"

namespace hallmark::sgx {

// thread_data_t: what a thread of the enclave finds at FS and GS. Addresses count from the thread's TCS.
inline constexpr Layout<19> kThreadData{"thread data",
                                        192,
                                        {{
                                            {0, 8, "self"},
                                            {8, 8, "last_sp"},
                                            {16, 8, "stack_base"},
                                            {24, 8, "stack_limit"},
                                            {32, 8, "first_ssa_gpr"},
                                            {40, 8, "stack_guard"},
                                            {48, 8, "flags"},
                                            {56, 8, "xsave_size"},
                                            {64, 8, "last_error"},
                                            {72, 8, "aex_mitigation_list"},
                                            {80, 8, "aex_notify_flag"},
                                            {88, 8, "first_ssa_xsave"},
                                            {96, 8, "next"},
                                            {104, 8, "tls_address"},
                                            {112, 8, "tls_array"},
                                            {120, 8, "exception_flag"},
                                            {128, 48, "cxx_thread_info"},
                                            {176, 8, "stack_commit"},
                                            {184, 8, "aex_notify_entropy"},
                                        }}};

// global_data_t of SDK 2.25 and later, the contents of the symbol g_global_data. In older ones it is smaller: it lacks
// fields, of the thread data too, and what follows moves up.
inline constexpr Layout<20> kGlobalData{
    "global data",
    1768,
    {{
        {0, 8, "sdk_version"},      {8, 8, "enclave_size"},    {16, 8, "heap_offset"},     {24, 8, "heap_size"},
        {32, 8, "rsrv_offset"},     {40, 8, "rsrv_size"},      {48, 8, "rsrv_executable"}, {56, 8, "thread_policy"},
        {64, 8, "tcs_max_num"},     {72, 8, "tcs_num"},        {80, 192, "thread_data"},   {272, 72, "tcs"},
        {344, 4, "layout_count"},   {348, 4, "unused_348"},    {352, 1376, "layout"},      {1728, 8, "image_address"},
        {1736, 8, "elrange_start"}, {1744, 8, "elrange_size"}, {1752, 8, "edmm_overhead"}, {1760, 8, "fips"},
    }}};

// The bytes of kGlobalData that are missing where g_global_data has fewer than `since`, in order of their offset.
struct GlobalDataGap {
  std::size_t offset, size;
  std::uint64_t since;
};
std::span<const GlobalDataGap> global_data_gaps();

// The copies of the metadata for this file and configuration, one behind the other, as they would stand in the section
// .note.sgxmeta; what the section holds now is not looked at. In each is what unsigned_sigstruct() makes while
// MRENCLAVE and date are open. The configuration is one read for the SDK of the file.
Result<Bytes> build_sdk_metadata(ByteView file, const SdkConfig& config);

}  // namespace hallmark::sgx
