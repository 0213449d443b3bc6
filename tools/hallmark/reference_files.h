// Reference values as commands take them: what certificates say, and files that nobody signed.
#pragma once

#include "lib/tee/references/reference_format.h"
#include "tools/hallmark/trust.h"

namespace hallmark::cli {

// What a certificate says of each of its measured outputs; what only tells something is left out.
std::vector<ReferenceValues> references_of(const OpenCertificate& open);

struct ReferenceFile {
  std::string file, sha256;
  std::string_view format;
  references::ImportedReferences values;
};

// `format` names one of the table's; without it the content tells.
Result<ReferenceFile> read_reference_file(const std::string& file, const std::string& format = {});

// {file, sha256, format, sets, not_taken}
Json to_json(const ReferenceFile& file);
// Who vouches for it, and a line for each warning.
std::string to_text(const ReferenceFile& file);

}  // namespace hallmark::cli
