#include "lib/tee/references/gramine_env.h"

#include <algorithm>
#include <charconv>

#include "lib/base/files.h"
#include "lib/tee/references/sets.h"

namespace hallmark::references {
namespace {

constexpr std::string_view kMrenclave = "RA_TLS_MRENCLAVE", kMrsigner = "RA_TLS_MRSIGNER",
                           kProdId = "RA_TLS_ISV_PROD_ID", kSvn = "RA_TLS_ISV_SVN", kAny = "any";

struct Loosening {
  std::string_view name, line;
};
constexpr Loosening kLoosenings[] = {
    {"RA_TLS_ALLOW_OUTDATED_TCB_INSECURE", "accept_tcb_status: [UpToDate, OutOfDate]"},
    {"RA_TLS_ALLOW_HW_CONFIG_NEEDED", "accept_tcb_status: [UpToDate, ConfigurationNeeded]"},
    {"RA_TLS_ALLOW_SW_HARDENING_NEEDED", "accept_tcb_status: [UpToDate, SWHardeningNeeded]"},
    {"RA_TLS_ALLOW_DEBUG_ENCLAVE_INSECURE", "forgive: [sgx.debug]"},
};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
bool is_name_character(char c, bool first) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

struct Assignment {
  std::string name, value;
  std::size_t line = 0;
};

// The part of a shell's grammar (POSIX.1-2017, XCU 2) in which nothing is computed.
class ShellReader {
 public:
  ShellReader(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Result<std::vector<Assignment>> read() {
    std::vector<Assignment> out;
    for (skip(); at_ < text_.size(); skip()) {
      std::string word;
      while (at_ < text_.size() && is_name_character(text_[at_], word.empty())) word += text_[at_++];
      if (word == "export" && at_ < text_.size() && is_blank(text_[at_])) continue;
      if (word.empty() || at_ == text_.size() || text_[at_] != '=')
        return fail(Fault::format, here() + "is no assignment, NAME=VALUE");
      at_++;
      const std::size_t line = line_;
      TRY(std::string value, read_value());
      out.push_back({std::move(word), std::move(value), line});
      if (out.size() > kMaxValues) return fail(Fault::format, file_ + ": has more assignments than are read");
    }
    return out;
  }

 private:
  std::string here() const { return file_ + ":" + std::to_string(line_) + ": "; }

  // White space, ends of lines and commands, continuations, comments.
  void skip() {
    for (; at_ < text_.size(); at_++) {
      const char c = text_[at_];
      if (c == '\n') {
        line_++;
      } else if (c == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') {
        at_++;
        line_++;
      } else if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
        if (at_ == text_.size()) return;
        line_++;
      } else if (!is_blank(c) && c != ';') {
        return;
      }
    }
  }

  Result<std::string> read_value() {
    std::string out;
    char quote = 0;
    for (; at_ < text_.size(); at_++) {
      const char c = text_[at_];
      if (quote == 0 && (is_blank(c) || c == '\n' || c == ';')) return out;
      if (c == '\n') return fail(Fault::format, here() + "a quote is not closed");
      if (c == quote) {
        quote = 0;
      } else if (quote == 0 && (c == '"' || c == '\'')) {
        quote = c;
      } else if (quote != '\'' && (c == '$' || c == '`' || c == '\\')) {
        if (quote == 0 && c == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') return out;
        return fail(Fault::unsupported, here() + "has a value that a shell computes");
      } else if (quote == 0 && (c == '&' || c == '|' || c == '<' || c == '>' || c == '(' || c == ')')) {
        return fail(Fault::format, here() + "is more than assignments");
      } else {
        out += c;
      }
    }
    if (quote != 0) return fail(Fault::format, here() + "a quote is not closed");
    return out;
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0, line_ = 1;
};

class Reader {
 public:
  explicit Reader(const std::string& file) : file_(file) {}

  Status take(std::vector<Assignment> assignments) {
    std::set<std::string> other;
    for (Assignment& a : assignments) {
      const std::string where = file_ + ":" + std::to_string(a.line) + ": " + printable(a.name);
      if (a.name == kMrenclave || a.name == kMrsigner || a.name == kProdId || a.name == kSvn) {
        if (!variables_.emplace(a.name, a).second) return fail(Fault::format, where + ": is set for a second time");
      } else if (const auto* l = std::ranges::find(kLoosenings, a.name, &Loosening::name); l != std::end(kLoosenings)) {
        if (a.value == "1")
          out_.not_taken.push_back(a.name + "=1: here the policy's line is `" + std::string(l->line) + "`");
      } else if (a.name.starts_with("RA_TLS_")) {
        return fail(Fault::unsupported, where + ": is not known");
      } else {
        other.insert(a.name);
      }
    }
    if (!other.empty())
      out_.not_taken.push_back("not about reference values: " + list_of({other.begin(), other.end()}));
    return {};
  }

  Result<ImportedReferences> finish() {
    ReferenceValues set{.name = file_, .tee = "intel-sgx"};
    TRY(const auto mrenclave, digest(kMrenclave));
    TRY(const auto mrsigner, digest(kMrsigner));
    TRY(const auto prod_id, number(kProdId));
    TRY(const auto svn, number(kSvn));
    if (!mrenclave && !mrsigner)
      return fail(Fault::format,
                  file_ + ": both RA_TLS_MRENCLAVE and RA_TLS_MRSIGNER are \"any\": that accepts any enclave");
    if (mrenclave) set.registers["mrenclave"] = {*mrenclave};
    if (mrsigner) set.identity["mrsigner"] = to_hex(*mrsigner);
    if (prod_id) set.identity["isvprodid"] = *prod_id;
    if (svn) set.requirements.push_back({.name = "identity.isvsvn", .at_least = Json(*svn)});
    if (!mrenclave)
      out_.not_taken.push_back(std::string("RA_TLS_MRENCLAVE=any: here the policy says `signer_match: {min_isvsvn: ") +
                               std::to_string(svn.value_or(0)) + "}`" +
                               (prod_id ? "" : ", which asks for a product, and RA_TLS_ISV_PROD_ID is \"any\""));
    out_.sets.push_back(std::move(set));
    return std::move(out_);
  }

 private:
  // Nothing: "any".
  Result<std::optional<Assignment>> variable(std::string_view name) {
    const auto it = variables_.find(name);
    if (it == variables_.end())
      return fail(Fault::format, file_ + ": " + std::string(name) +
                                     " is not set; Gramine asks for all four, and \"any\" leaves one unchecked");
    return it->second.value == kAny ? std::nullopt : std::optional(it->second);
  }

  Result<std::optional<Bytes>> digest(std::string_view name) {
    TRY(const auto found, variable(name));
    if (!found) return std::nullopt;
    auto bytes = hex_of_size(found->value, 32);
    if (!bytes) return refuse(*found, "is neither 32 bytes of hexadecimal nor \"any\"");
    return bytes;
  }

  Result<std::optional<std::int64_t>> number(std::string_view name) {
    TRY(const auto found, variable(name));
    if (!found) return std::nullopt;
    const std::string& text = found->value;
    std::uint16_t value = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end.ec != std::errc() || end.ptr != text.data() + text.size())
      return refuse(*found, "is neither a number of 0 to 65535 nor \"any\"");
    return std::int64_t{value};
  }

  Failure refuse(const Assignment& a, std::string_view why) const {
    return fail(Fault::format, file_ + ":" + std::to_string(a.line) + ": " + a.name + ": " + std::string(why));
  }

  const std::string& file_;
  std::map<std::string, Assignment, std::less<>> variables_;
  ImportedReferences out_;
};

}  // namespace

bool recognises_gramine_env(std::string_view text) {
  const auto start = text.find_first_not_of(" \t\r\n");
  return start != text.npos && text[start] != '{' && text[start] != '[' && text.find("RA_TLS_") != text.npos;
}

Result<ImportedReferences> read_gramine_env(std::string_view text, const std::string& name) {
  TRY(std::vector<Assignment> assignments, ShellReader(text, name).read());
  Reader reader(name);
  CHECK(reader.take(std::move(assignments)));
  return reader.finish();
}

Result<ExportedReferences> write_gramine_env(std::span<const ReferenceValues> sets) {
  if (sets.size() != 1)
    return fail(Fault::unsupported, "an environment of Gramine has one enclave, not " + std::to_string(sets.size()));
  const ReferenceValues& set = sets.front();
  if (set.tee != "intel-sgx") return fail(Fault::unsupported, set.name + ": is of " + set.tee + ", not of intel-sgx");
  std::string mrenclave(kAny);
  for (const auto& [name, values] : set.registers) {
    if (name != "mrenclave" || values.size() != 1 || values.front().size() != 32)
      return fail(Fault::unsupported, set.name + ": " + name + ": the environment has place for one MRENCLAVE alone");
    mrenclave = to_hex(values.front());
  }
  std::string mrsigner(kAny);
  const Json* signer = asked_identity(set, "mrsigner");
  if (signer != nullptr) {
    if (!signer->is_string() || !hex_of_size(signer->string(), 32))
      return fail(Fault::unsupported, set.name + ": mrsigner is not 32 bytes of hexadecimal");
    mrsigner = signer->string();
  }
  if (mrenclave == kAny && mrsigner == kAny)
    return fail(Fault::unsupported, set.name + ": names neither an enclave nor a signer: any would be accepted");
  const auto number = [&](const char* name) -> std::optional<std::int64_t> {
    const Json* value = asked_identity(set, name);
    if (value == nullptr || !value->is_integer() || value->integer() < 0 || value->integer() > UINT16_MAX) return {};
    return value->integer();
  };
  const auto prod_id = number("isvprodid");
  auto svn = number("isvsvn");
  ExportedReferences out;
  if (svn)
    out.left_out.push_back(set.name + ": isvsvn is exactly " + std::to_string(*svn) +
                           "; RA_TLS_ISV_SVN lets higher ones pass too");
  std::vector<std::string> rest;
  for (const std::string& name : asked_besides_registers(set))
    if (name != "mrsigner" && (name != "isvprodid" || !prod_id) && (name != "isvsvn" || !svn) &&
        name != "identity.isvsvn")
      rest.push_back(name);
  for (const Requirement& r : set.requirements) {
    if (r.name != "identity.isvsvn") continue;
    if (r.at_least && r.at_least->is_integer() && r.at_least->integer() >= 0 && r.at_least->integer() <= UINT16_MAX)
      svn = std::max(svn.value_or(0), r.at_least->integer());
    else
      rest.push_back(r.name);
  }
  if (auto sentence = unsaid(set, rest)) out.left_out.push_back(*std::move(sentence));
  const auto text = [](const std::optional<std::int64_t>& n) { return n ? std::to_string(*n) : std::string(kAny); };
  for (const auto& [name, value] :
       {std::pair{kMrenclave, mrenclave}, {kMrsigner, mrsigner}, {kProdId, text(prod_id)}, {kSvn, text(svn)}})
    out.text += "export " + std::string(name) + "=" + value + "\n";
  return out;
}

}  // namespace hallmark::references
