// The enclave as Gramine builds it when it starts: out of its own library (libpal.so) and the manifest, which names the
// programs and files by their hashes and so has them measured. What the pages look like is known from Gramine's sources
// alone (sgx_sign.py, pal_tcb.h, generated_offsets.c of gramine 1.9); specs/tee/sgx.md states what is read here.
#pragma once

#include <optional>
#include <string>

#include "lib/base/layout.h"
#include "lib/tee/sgx/load.h"

namespace hallmark::sgx {

// What a page of a thread's own data begins with: struct pal_enclave_tcb.
inline constexpr Layout<16> kGramineThread{"Gramine thread data",
                                           440,
                                           {{
                                               {0, 8, "self"},
                                               {8, 8, "stack_protector_canary"},
                                               {16, 256, "libos_tcb"},
                                               {272, 8, "enclave_size"},
                                               {280, 8, "tcs_offset"},
                                               {288, 8, "initial_stack_addr"},
                                               {296, 8, "tmp_rip"},
                                               {304, 8, "sig_stack_low"},
                                               {312, 8, "sig_stack_high"},
                                               {320, 8, "ecall_return_addr"},
                                               {328, 8, "ssa"},
                                               {336, 8, "gpr"},
                                               {344, 72, "runtime"},
                                               {416, 8, "manifest_size"},
                                               {424, 8, "heap_min"},
                                               {432, 8, "heap_max"},
                                           }}};

// The numbers that are compiled into a release; libpal.so does not say of which release it is. In all releases of the
// table thread data has the layout above. Sizes are in pages.
struct GramineRelease {
  std::string_view name;
  std::uint32_t ssa_frame, ssa_frames;
  std::uint64_t stack, signal_stack;
  std::uint64_t heap_min;  // an address
  std::uint64_t canary;    // before the enclave chooses its own
};

// Oldest first; the last one is what is assumed where nothing is said.
std::span<const GramineRelease> gramine_releases();
// An unsupported fault names the known ones.
Result<GramineRelease> find_gramine_release(const std::optional<std::string>& name);

// Whether these bytes begin as a manifest may: TOML with the tables that Gramine reads.
bool is_gramine_manifest(ByteView first_bytes);

struct GramineManifest {
  std::uint64_t enclave_size = 0;
  std::uint64_t threads = 0;
  bool edmm = false;  // pages of the heap are added while the enclave runs
  std::uint64_t trusted_files = 0;
};

inline constexpr std::uint64_t kMaxGramineManifest = std::uint64_t{64} << 20;

// The manifest as gramine-sgx-sign writes it (*.manifest.sgx): one whose trusted files have no hashes yet is an
// unsupported fault.
Result<GramineManifest> parse_gramine_manifest(ByteView text);

// `manifest` is the file, byte by byte, and `read` what it says. Both views must outlive the result.
Result<Load> load_gramine(ByteView manifest, const GramineManifest& read, ByteView libpal,
                          const GramineRelease& release);

}  // namespace hallmark::sgx
