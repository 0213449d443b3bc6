// The user's own qemu-system-x86_64 command line, made to run here: without KVM, TDX, network, disks or a terminal,
// with the same machine in front of the firmware, so that its ACPI tables are the ones that a TDX guest is given.
//
// QEMU "Invocation" (qemu-options.hx) says which options there are and which take a value; QEMU target/i386/kvm/tdx.c
// which machine properties a TDX guest changes.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"

namespace hallmark {

// Words as a POSIX shell cuts them (XCU section 2.2): quotes and backslashes mean what they mean there, and a backslash
// at the end of a line goes on in the next. What a shell would compute ($, `, *, ?, ~, ;, |, &, <, >, (, ), a comment)
// is a usage fault, not passed on.
Result<std::vector<std::string>> split_arguments(std::string_view text);

struct ReplacedArgument {
  std::string was, is, why;     // `is` is empty for one that was left out
  bool changes_tables = false;  // the ACPI tables can be others than with what was replaced
};

struct QemuArguments {
  std::string program;  // if the words began with one, as a pasted command line does; else empty
  std::vector<std::string> arguments;
  std::vector<ReplacedArgument> replaced;
  bool has_tpm = false;  // which is at the other end of the socket kTpmDescriptor
};

// The guest's own TPM is not spoken with: it keeps what firmware does to it. An emulator without a state stands in.
inline constexpr int kTpmDescriptor = 5;

// What `-cpu host` becomes without a host that QEMU may ask: a model of the processors that have TDX, with the address
// width that they have left (52 bits less the bits for keys). The firmware places 64-bit BARs by that width.
inline constexpr std::string_view kTdxCpu = "Skylake-Server,phys-bits=46";

// `cpu` stands in for "host" and "max". An option that cannot be honoured here (a passed-through device, a state to
// start from) is unsupported and one that QEMU does not document is a usage fault; both are named.
Result<QemuArguments> rewrite_qemu_arguments(const std::vector<std::string>& words, std::string_view cpu = kTdxCpu);

}  // namespace hallmark
