// What the policies of go-tdx-guest and go-sev-guest have in common: textproto, read field by field and written.
#pragma once

#include <optional>
#include <string>

#include "lib/formats/textproto.h"
#include "lib/tee/references/reference_format.h"

namespace hallmark::references {

// Whether the text is the message of the check tools that has the policy as one of its fields.
bool is_check_config(std::string_view text);

// The message in a file of at most kMaxEvidence; `name` is the file's.
Result<Json> read_message(std::string_view text, const textproto::MessageType& type, const std::string& name);

// Bytes of exactly that size; nothing where the field is not there. An empty field is refused: to one side it is a
// value, to the other none.
std::optional<Bytes> take_bytes(Fields& fields, std::string_view key, std::size_t size);

// A field that is compared as it stands: its name, its bytes, and where appraisals or certificates have it.
struct Exact {
  std::string_view theirs;
  std::size_t size;
  const char* ours;
};

// Which roots to trust is what --trust-anchor says: a file that names others is unsupported.
void refuse_bundles(Fields& root_of_trust);

// Fields, one a line, in messages.
class TextprotoWriter {
 public:
  void open(std::string_view name);
  void close();
  void bytes(std::string_view name, ByteView value) { line(std::string(name) + ": " + textproto::literal(value)); }
  void plain(std::string_view name, const std::string& value) { line(std::string(name) + ": " + value); }
  // Letters, digits and dots.
  void text(std::string_view name, const std::string& value) { line(std::string(name) + ": \"" + value + '"'); }
  const std::string& str() const { return out_; }

 private:
  void line(const std::string& content) { out_ += std::string(2 * depth_, ' ') + content + "\n"; }

  std::string out_;
  std::size_t depth_ = 0;
};

}  // namespace hallmark::references
