// Intel SGX enclaves.
//
// An enclave is measured while it is loaded. The loader says ECREATE once, with the size of the enclave's address
// range (a power of two) and of a thread's save area, and then EADD for each page, with the page's offset from the
// base and its permissions. EADD takes over the page's content but does not measure it: that is what EEXTEND does, 256
// bytes at a time. The processor hashes a 64-byte record of each of these calls, and after an EEXTEND the 256 bytes
// too, into one running SHA-256. EINIT ends the hash, and its value is MRENCLAVE: the identity of everything that was
// loaded, in the order in which it was loaded. The base address and the attributes of the enclave are not in it.
//
// EINIT also wants a SIGSTRUCT: it holds the MRENCLAVE that the author expects, names and versions of the
// product, and the attributes that the enclave may run with, signed by a 3072-bit RSA key whose hash is MRSIGNER. A
// quote from the running enclave names all of this. MRSIGNER says who signed, which is not what runs; whether an
// enclave may be debugged, and then has no secrets, stands in the attributes and nowhere in MRENCLAVE.
//
// So to measure an artefact is to do what its loader would do, and to hash instead of loading:
//
//   mrenclave   the running hash, one method a leaf function
//   sigstruct   what the author signed, and whether the signature holds
//   load        what a loader adds, region by region; every format below but the last is read into it
//   sdk_image   the shared objects of the Intel SGX SDK: ELF segments, then what the metadata adds
//   sdk_config, sdk_metadata   what the SDK's signing tool makes of an unsigned one and its configuration
//   oe_image    the shared objects of the Open Enclave SDK, and the payloads of EGo
//   oe_program  how Open Enclave's loader reads an ELF file, and links one with another
//   gramine     manifests, with the library that Gramine loads
//   sgxs        streams that list the records themselves
//   request     recognises which of these a file is
//   measure     puts them together, and says what does not fit
//   signing, material   what the author's key signs, and the SIGSTRUCT made of that
//   pages, places, explain   two enclaves side by side, to where and why they part
//   inspect     what a file says, field by field
//
// The references are the Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3D, and specs/tee/sgx.md.
#pragma once

#include "lib/tee/model/measurement.h"

namespace hallmark::sgx {

// The one register of an enclave, under its name.
std::vector<Register> registers_of(ByteView mrenclave);

// Whether a file that begins like this may be an enclave, measurable or not.
bool recognises(ByteView first_bytes);

// Companions: "sigstruct", the file with the SIGSTRUCT of an image that does not carry its own; "config", the
// Enclave.config.xml of an SDK enclave that is to be measured as the signing tool would; "libpal", the library that a
// Gramine manifest is for; "ego-enclave", the base enclave that EGo loads a payload behind; "module", what an image
// of Open Enclave or a base enclave needs (DT_NEEDED). Option: "gramine-version".
Result<Measurement> measure(const MeasureRequest& request, const Trace& trace);

}  // namespace hallmark::sgx
