// "nitro-pcrs": the PCRs of AWS Nitro enclaves, as AWS's programs print and ask for them.
//
// Read: what nitro-cli prints of an image, {"Measurements": {"HashAlgorithm": "Sha384 { ... }", "PCR0": HEX, ...}} with
// or without the other members around it; the inner object alone; and a policy of an AWS KMS key, in which each
// statement that allows something under "kms:RecipientAttestation:PCR<n>" or ":ImageSha384" (PCR0) is a set. In a key's
// policy the operators are StringEquals and StringEqualsIgnoreCase, and a list of values means any of them; others, and
// the PCRs of a NitroTPM, are unsupported, as is a statement that denies under such a condition.
//
// A PCR is 48 bytes. An image's (0 to 2) of zeros is that of an enclave in debug mode, and is refused. An instance also
// has PCRs of its own (3: the role, 4: the instance), which documents show and these files mostly do not name.
//
// Written: nitro-cli's form, for one set with one value of each PCR.
//
// Source: AWS Nitro Enclaves User Guide, "nitro-cli build-enclave", "Cryptographic attestation";
// aws/aws-nitro-enclaves-cli at 2950b36, docs/image_signing.md; AWS KMS Developer Guide, "Condition keys for Nitro
// Enclaves".
#pragma once

#include "lib/tee/references/reference_format.h"

namespace hallmark::references {

bool recognises_nitro_pcrs(std::string_view text);
Result<ImportedReferences> read_nitro_pcrs(std::string_view text, const std::string& name);
Result<ExportedReferences> write_nitro_pcrs(std::span<const ReferenceValues> sets);

}  // namespace hallmark::references
