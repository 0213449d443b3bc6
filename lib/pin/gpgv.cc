#include "lib/pin/gpgv.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "lib/base/files.h"
#include "lib/base/process.h"

namespace hallmark::pin {
namespace {

constexpr std::size_t kMaxDocument = std::size_t{16} << 20;

// Calls `each` with every line, without its line break.
template <class F>
void for_each_line(std::string_view text, F each) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    each(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// One cleartext-signed message and nothing around it: gpgv would pass over
// text before and after, and a person who reads the file would not.
Status check_frame(std::string_view document, const std::string& what) {
  constexpr std::string_view kBegin = "-----BEGIN PGP SIGNED MESSAGE-----\n", kEnd = "\n-----END PGP SIGNATURE-----\n";
  if (document.size() > kMaxDocument)
    return fail(Fault::format, what + ": has " + std::to_string(document.size()) + " bytes, at most " +
                                   std::to_string(kMaxDocument) + " allowed");
  if (!document.starts_with(kBegin))
    return fail(Fault::format, what + ": does not begin with \"-----BEGIN PGP SIGNED MESSAGE-----\"");
  if (!document.ends_with(kEnd))
    return fail(Fault::format, what + ": does not end with \"-----END PGP SIGNATURE-----\"");
  // Within the message RFC 9580, section 7.1 escapes every line that begins with '-'.
  std::size_t armour = 0;
  for_each_line(document, [&](std::string_view line) { armour += line.starts_with("-----"); });
  if (armour != 3)
    return fail(Fault::format,
                what + ": has " + std::to_string(armour) + " lines of armour, wanted 3 (one signed message)");
  return {};
}

std::vector<std::string> words(std::string_view line) {
  std::istringstream in{std::string(line)};
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

bool is_fingerprint(const std::string& text) {
  return (text.size() == 40 || text.size() == 64) && text.find_first_not_of("0123456789ABCDEF") == text.npos;
}

struct Verdicts {
  std::set<std::string> valid;  // fingerprints of primary keys
  std::set<std::string> other;  // "648ACFD622F3D138 (not in the keyring)"
  bool bad = false;
};

// GnuPG, doc/DETAILS, "Format of the --status-fd output". For each signature: NEWSIG, one verdict
// (GOODSIG, EXPSIG, EXPKEYSIG, REVKEYSIG, BADSIG, ERRSIG), and VALIDSIG after all but the last two.
Verdicts read_status(std::string_view status, bool expired_keys) {
  Verdicts out;
  bool counts = false;
  for_each_line(status, [&](std::string_view line) {
    const std::vector<std::string> w = words(line);
    if (w.size() < 2 || w[0] != "[GNUPG:]") return;
    const std::string key = w.size() > 2 ? printable(w[2]) : "";
    if (w[1] == "NEWSIG") {
      counts = false;
    } else if (w[1] == "GOODSIG") {
      counts = true;
    } else if (w[1] == "EXPKEYSIG") {
      counts = expired_keys;
      if (!counts) out.other.insert(key + " (expired key)");
    } else if (w[1] == "REVKEYSIG") {
      out.other.insert(key + " (revoked key)");
    } else if (w[1] == "EXPSIG") {
      out.other.insert(key + " (expired signature)");
    } else if (w[1] == "ERRSIG") {
      // ERRSIG <keyid> <pkalgo> <hashalgo> <sig_class> <time> <rc> <fpr>; rc 9: no public key
      out.other.insert(key + (w.size() > 7 && w[7] == "9" ? " (not in the keyring)" : " (cannot be checked)"));
    } else if (w[1] == "BADSIG") {
      out.bad = true;
    } else if (w[1] == "VALIDSIG" && counts) {
      // VALIDSIG <fpr> <date> <time> <expires> <version> <reserved> <pkalgo> <hashalgo> <class> <primary fpr>
      // Hash algorithms 8 to 10 are SHA-256, SHA-384 and SHA-512 (RFC 9580, section 9.5).
      counts = false;
      if (w.size() < 12 || !is_fingerprint(w[11])) return;
      const bool sound = w[9] == "8" || w[9] == "9" || w[9] == "10";
      if (sound) out.valid.insert(w[11]);
      if (!sound) out.other.insert(w[11] + " (weak hash algorithm)");
    }
  });
  return out;
}

std::string joined(const std::set<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return out.empty() ? "none" : out;
}

}  // namespace

Result<Bytes> dearmour(ByteView keyring, const std::string& what) {
  constexpr std::string_view kBegin = "-----BEGIN PGP PUBLIC KEY BLOCK-----",
                             kEnd = "-----END PGP PUBLIC KEY BLOCK-----";
  // A binary certificate begins with a packet header, whose first bit is set (RFC 9580, section 4.2).
  if (keyring.empty() || (keyring[0] & 0x80) != 0) return Bytes(keyring.begin(), keyring.end());
  enum class At { outside, headers, data } at = At::outside;
  std::string base64;
  Bytes out;
  std::size_t number = 0;
  std::optional<Failure> failure;
  const auto reject = [&](std::string why) {
    if (!failure) failure = fail(Fault::format, what + ":" + std::to_string(number) + ": " + std::move(why));
  };
  for_each_line(as_text(keyring), [&](std::string_view line) {
    number++;
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t')) line.remove_suffix(1);
    if (at == At::outside) {
      if (line == kBegin) at = At::headers;
    } else if (at == At::headers) {
      if (line.empty()) at = At::data;
    } else if (line == kEnd) {
      auto block = from_base64(base64);
      if (!block) return reject("the armoured block that ends here is not Base64");
      out.insert(out.end(), block->begin(), block->end());
      base64.clear();
      at = At::outside;
    } else if (!line.starts_with('=')) {  // that is the checksum, which RFC 9580, section 6.1 tells to ignore
      base64 += line;
    }
  });
  if (at != At::outside) reject("the armoured block does not end");
  if (failure) return *failure;
  if (out.empty()) return fail(Fault::format, what + ": holds no OpenPGP certificate, neither binary nor armoured");
  return out;
}

Result<SignedText> verify_cleartext(ByteView document, ByteView keyring, const std::string& what,
                                    const SignaturePolicy& policy) {
  CHECK(check_frame(as_text(document), what));
  TRY(const Bytes keys, dearmour(keyring, "keyring"));

  TRY(const TemporaryFolder folder, TemporaryFolder::make("hallmark-gpgv-"));
  const fs::path keyring_file = folder.path() / "keyring.gpg", document_file = folder.path() / "document",
                 text_file = folder.path() / "text";
  CHECK(write_file(keyring_file, ByteView(keys)));
  CHECK(write_file(document_file, document));
  // Status lines alone go to standard output, so that no user id printed for people can pass for one.
  TRY(const Finished gpgv,
      run_process({.arguments = {"gpgv", "--homedir", folder.path(), "--status-fd", "1", "--weak-digest", "SHA1",
                                 "--keyring", keyring_file, "--output", text_file, document_file}}));

  const Verdicts verdicts = read_status(gpgv.output, policy.expired_keys);
  if (verdicts.bad)
    return fail(Fault::mismatch, what + ": a signature does not fit the text: it was changed after signing");
  if (verdicts.valid.size() < policy.require_signers || verdicts.valid.empty())
    return fail(Fault::mismatch, what + ": is signed by " + std::to_string(verdicts.valid.size()) +
                                     " keys of the keyring, wanted " + std::to_string(policy.require_signers) +
                                     "; valid: " + joined(verdicts.valid) + "; others: " + joined(verdicts.other));
  TRY(std::string text, read_text(text_file, kMaxDocument));
  return SignedText{std::move(text), {verdicts.valid.begin(), verdicts.valid.end()}};
}

}  // namespace hallmark::pin
