#include "lib/pin/secrets.h"

#include <algorithm>

namespace hallmark::pin {
namespace {

constexpr std::string_view kPemBegin = "-----BEGIN ";
constexpr std::string_view kPuttyBegin = "PuTTY-User-Key-File-";
constexpr std::size_t kMaxLabel = 64;
constexpr std::size_t kReach = 512;    // how far behind its first line the body of an embedded key is looked for
constexpr std::size_t kBodyLine = 40;  // characters of base64 that make a body
constexpr std::size_t kUnit = std::size_t{1} << 20;
constexpr std::size_t kMaxDer = 16 << 10;  // an RSA key of 16,384 bits has 9 kB

// The label of the boundary that `text` begins with, if it announces a private key.
std::optional<std::string> private_key_label(std::string_view text) {
  if (!text.starts_with(kPemBegin)) return std::nullopt;
  text = text.substr(kPemBegin.size(), kMaxLabel + 5);
  const auto end = text.find("-----");
  if (end == text.npos) return std::nullopt;
  const std::string_view label = text.substr(0, end);
  const bool plain = std::all_of(label.begin(), label.end(),
                                 [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' '; });
  if (!plain || !(label.ends_with("PRIVATE KEY") || label.ends_with("PRIVATE KEY BLOCK"))) return std::nullopt;
  return std::string(label);
}

// A key inside a string literal or a JSON document: program text that only speaks of the boundary has no body.
bool has_body(std::string_view text) {
  std::size_t run = 0;
  for (const char c : text.substr(0, kReach)) {
    const bool base64 =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    run = base64 ? run + 1 : 0;
    if (run == kBodyLine) return true;
  }
  return false;
}

// ITU-T X.690: one element of definite length, of a tag below 31.
struct Element {
  std::uint8_t tag;
  ByteView content;
};

std::optional<Element> take_element(ByteView& in) {
  if (in.size() < 2 || (in[0] & 0x1F) == 0x1F) return std::nullopt;
  std::size_t header = 2, length = in[1];
  if (length >= 0x80) {
    const std::size_t digits = length & 0x7F;
    if (digits == 0 || digits > 3 || in.size() < 2 + digits) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < digits; i++) length = length << 8 | in[2 + i];
    header += digits;
  }
  if (length > in.size() - header) return std::nullopt;
  const Element element{in[0], in.subspan(header, length)};
  in = in.subspan(header + length);
  return element;
}

constexpr std::uint8_t kInteger = 0x02, kOctetString = 0x04, kOid = 0x06, kSequence = 0x30;

bool is_number(const Element& e, std::uint8_t n) {
  return e.tag == kInteger && e.content.size() == 1 && e.content[0] == n;
}

bool begins_with_oid(const Element& e, std::string_view prefix = {}) {
  ByteView inside = e.content;
  const auto oid = e.tag == kSequence ? take_element(inside) : std::nullopt;
  return oid && oid->tag == kOid && as_text(oid->content).starts_with(prefix);
}

std::optional<std::string> der_private_key(ByteView file) {
  auto outer = take_element(file);
  if (!outer || outer->tag != kSequence || !file.empty()) return std::nullopt;
  std::vector<Element> e;
  for (ByteView rest = outer->content; !rest.empty() && e.size() < 12;) {
    const auto element = take_element(rest);
    if (!element) return std::nullopt;
    e.push_back(*element);
  }
  // RFC 5958: version, algorithm, privateKey, …
  if (e.size() >= 3 && (is_number(e[0], 0) || is_number(e[0], 1)) && begins_with_oid(e[1]) && e[2].tag == kOctetString)
    return "PKCS #8";
  // RFC 5958 section 3: algorithm (of PKCS #5 or PKCS #12), encryptedData
  const std::string_view pkcs5("\x2A\x86\x48\x86\xF7\x0D\x01\x05", 8), pkcs12("\x2A\x86\x48\x86\xF7\x0D\x01\x0C", 8);
  if (e.size() == 2 && (begins_with_oid(e[0], pkcs5) || begins_with_oid(e[0], pkcs12)) && e[1].tag == kOctetString)
    return "encrypted PKCS #8";
  // RFC 8017 A.1.2: version, n, e, d, p, q, dP, dQ, qInv
  if (e.size() >= 9 && (is_number(e[0], 0) || is_number(e[0], 1)) && e[1].content.size() >= 64 &&
      std::all_of(e.begin(), e.begin() + 9, [](const Element& n) { return n.tag == kInteger; }))
    return "PKCS #1";
  // RFC 5915: version 1, privateKey, then at most the tagged parameters [0] and public key [1]
  if (e.size() >= 2 && e.size() <= 4 && is_number(e[0], 1) && e[1].tag == kOctetString && e[1].content.size() >= 16 &&
      e[1].content.size() <= 66 &&
      std::all_of(e.begin() + 2, e.end(), [](const Element& n) { return n.tag == 0xA0 || n.tag == 0xA1; }))
    return "SEC 1";
  return std::nullopt;
}

}  // namespace

void KeyScanner::add(ByteView piece) {
  if (found_) return;
  small_ = small_ && whole_.size() + piece.size() <= kMaxDer;
  if (small_)
    whole_.insert(whole_.end(), piece.begin(), piece.end());
  else
    whole_.clear();
  while (!piece.empty() && !found_) {
    const ByteView part = piece.first(std::min(piece.size(), kUnit));
    window_ += as_text(part);
    search(false);
    piece = piece.subspan(part.size());
  }
}

// Looks at every place whose surroundings are complete, and keeps the rest for the next piece.
void KeyScanner::search(bool at_end) {
  constexpr std::size_t kNeed = kPemBegin.size() + kMaxLabel + 5 + kReach;
  const std::string_view text = window_;
  const std::size_t stop = at_end ? text.size() : text.size() - std::min(text.size(), kNeed);
  std::size_t counted = 0;
  auto line_of = [&](std::size_t place) {
    line_ += static_cast<std::uint64_t>(std::count(text.begin() + static_cast<std::ptrdiff_t>(counted),
                                                   text.begin() + static_cast<std::ptrdiff_t>(place), '\n'));
    counted = place;
    return line_;
  };
  auto starts_line = [&](std::size_t place) {
    return place == 0 ? line_start_ : text[place - 1] == '\n' || text[place - 1] == '\r';
  };
  auto found = [&](std::size_t place, const std::string& kind) {
    found_ = "a private key (" + kind + ") in line " + std::to_string(line_of(place));
  };
  // In the order of their places, so that what is found does not depend on how much of the file is in the window.
  std::size_t pem = text.find(kPemBegin), putty = text.find(kPuttyBegin);
  while (!found_ && std::min(pem, putty) < stop) {
    if (pem < putty) {
      const auto label = private_key_label(text.substr(pem));
      if (label && (starts_line(pem) || has_body(text.substr(pem + kPemBegin.size() + label->size()))))
        found(pem, *label);
      pem = text.find(kPemBegin, pem + 1);
    } else {
      if (starts_line(putty)) found(putty, "PuTTY");
      putty = text.find(kPuttyBegin, putty + 1);
    }
  }
  if (found_ || stop == 0) return;
  line_of(stop);
  line_start_ = text[stop - 1] == '\n' || text[stop - 1] == '\r';
  window_.erase(0, stop);
}

std::optional<std::string> KeyScanner::finish() {
  if (!found_) search(true);
  if (!found_ && small_)
    if (auto kind = der_private_key(whole_)) found_ = "a private key (" + *kind + ", DER)";
  auto result = std::move(found_);
  *this = KeyScanner();
  return result;
}

}  // namespace hallmark::pin
