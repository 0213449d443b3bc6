#include "lib/tee/sgx/inspect.h"

#include <fcntl.h>

#include "lib/tee/model/first_bytes.h"
#include "lib/tee/sgx/known_signers.h"
#include "lib/tee/sgx/oe_image.h"
#include "lib/tee/sgx/request.h"
#include "lib/tee/sgx/sdk_image.h"
#include "lib/tee/sgx/sgxs.h"
#include "lib/tee/sgx/signing.h"

namespace hallmark::sgx {
namespace {

// More rows than any enclave's table has, and few enough to print.
constexpr std::size_t kMaxRows = 4096;

struct Bit {
  unsigned bit;
  std::string_view name;
};

// SDM volume 3D, "ATTRIBUTES", table "Layout of ATTRIBUTES Structure".
constexpr std::array kAttributeBits{Bit{0, "INIT"},         Bit{1, "DEBUG"},          Bit{2, "MODE64BIT"},
                                    Bit{4, "PROVISIONKEY"}, Bit{5, "EINITTOKEN_KEY"}, Bit{6, "CET"},
                                    Bit{7, "KSS"},          Bit{10, "AEXNOTIFY"}};
// SDM volume 1, "XSAVE-Supported Features and State-Component Bitmaps".
constexpr std::array kXfrmBits{Bit{0, "x87"},      Bit{1, "SSE"},    Bit{2, "AVX"},       Bit{3, "BNDREGS"},
                               Bit{4, "BNDCSR"},   Bit{5, "opmask"}, Bit{6, "ZMM_Hi256"}, Bit{7, "Hi16_ZMM"},
                               Bit{9, "PKRU"},     Bit{11, "CET_U"}, Bit{12, "CET_S"},    Bit{17, "TILECFG"},
                               Bit{18, "TILEDATA"}};
// SDM volume 3D, "MISCSELECT", table "Bit Vector Layout of MISCSELECT Field of Extended Information".
constexpr std::array kMiscBits{Bit{0, "EXINFO"}, Bit{1, "CPINFO"}};
// SECINFO.FLAGS without the page type, which is a number in the second byte.
constexpr std::array kPageBits{Bit{0, "R"},       Bit{1, "W"},        Bit{2, "X"},
                               Bit{3, "PENDING"}, Bit{4, "MODIFIED"}, Bit{5, "PR"}};
// PAGE_ATTR_* in metadata.h of linux-sgx 2.26.
constexpr std::array kLayoutBits{Bit{0, "EADD"},        Bit{1, "EEXTEND"},    Bit{2, "EREMOVE"},  Bit{3, "POST_ADD"},
                                 Bit{4, "POST_REMOVE"}, Bit{5, "DYN_THREAD"}, Bit{6, "GROW_DOWN"}};

std::uint64_t number(ByteView bytes) {
  std::uint64_t n = 0;
  for (std::size_t i = std::min<std::size_t>(bytes.size(), 8); i-- > 0;) n = n << 8 | bytes[i];
  return n;
}

std::string joined(const std::string& list, std::string_view item) {
  return list.empty() ? std::string(item) : list + ", " + std::string(item);
}

// "DEBUG, MODE64BIT, bit 33"
std::string names_of(std::uint64_t value, std::span<const Bit> bits) {
  std::string out;
  for (unsigned bit = 0; bit < 64; bit++) {
    if ((value >> bit & 1) == 0) continue;
    const auto it = std::ranges::find(bits, bit, &Bit::bit);
    out = joined(out, it == bits.end() ? "bit " + std::to_string(bit) : std::string(it->name));
  }
  return out.empty() ? "none" : out;
}

// What a mask leaves to the host.
std::string open_bits(std::uint64_t mask, std::span<const Bit> bits) {
  std::string out;
  for (const Bit& b : bits)
    if ((mask >> b.bit & 1) == 0) out = joined(out, b.name);
  return out.empty() ? "every named bit must be as signed" : "the host may choose " + out;
}

std::string page_flags(std::uint64_t flags) {
  static constexpr std::array<std::string_view, 5> kTypes{"SECS", "TCS", "REG", "VA", "TRIM"};
  const std::uint64_t type = flags >> 8 & 0xff;
  const std::uint64_t permissions = flags & ~std::uint64_t{0xff00};
  std::string out = type < kTypes.size() ? std::string(kTypes[type]) : "page type " + std::to_string(type);
  return permissions == 0 ? out : out + ", " + names_of(permissions, kPageBits);
}

std::string date_text(ByteView value) {
  const Bytes reversed(value.rbegin(), value.rend());
  const std::string digits = to_hex(reversed);
  if (!signing_date(digits)) return "no date in the order yyyymmdd";
  return digits.substr(0, 4) + "-" + digits.substr(4, 2) + "-" + digits.substr(6);
}

std::string signer_text(ByteView modulus) {
  const auto mrsigner = digest<Alg::sha256>(modulus);
  const std::string out = "MRSIGNER " + to_hex(mrsigner);
  const KnownSigner* known = find_known_signer(mrsigner);
  return known == nullptr ? out : out + ", a key that everybody has: " + describe(*known);
}

std::string pages_text(std::uint64_t pages) { return pages == 1 ? "1 page" : std::to_string(pages) + " pages"; }

// SIGSTRUCT, signing material and metadata have fields of the same names.
std::string explain_signed(std::string_view field, ByteView value) {
  const std::uint64_t n = number(value);
  if (field == "type") return n >> 31 != 0 ? "signed for debug" : "";
  if (field == "vendor") return n == 0x8086 ? "Intel" : "";
  if (field == "date") return date_text(value);
  if (field == "modulus") return signer_text(value);
  if (field == "exponent" || field == "isvprodid" || field == "isvsvn") return std::to_string(n);
  if (field == "miscselect" || field == "desired_misc_select") return names_of(n, kMiscBits);
  if (field == "miscmask") return open_bits(n, kMiscBits);
  if (field == "attributes") return names_of(n, kAttributeBits);
  if (field == "attributes_mask") return open_bits(n, kAttributeBits);
  if (field == "xfrm") return names_of(n, kXfrmBits);
  if (field == "xfrm_mask") return open_bits(n, kXfrmBits);
  if (field == "enclavehash") return "the MRENCLAVE that the author expects";
  return {};
}

std::string explain_metadata(std::string_view field, ByteView value) {
  if (field == "ssa_frame_size") return pages_text(number(value));
  if (field == "sigstruct") return "below";
  if (field.ends_with("_offset")) return "from the first byte of this metadata";
  if (field == "size" || field == "enclave_size" || field.ends_with("_size"))
    return std::to_string(number(value)) + " bytes";
  if (field == "version_major" || field == "version_minor" || field == "tcs_min_pool")
    return std::to_string(number(value));
  return explain_signed(field, value);
}

std::string explain_layout(std::string_view field, ByteView value, const SdkMetadata& copy) {
  const std::uint64_t n = number(value);
  if (field == "id") return std::string(layout_name(copy, static_cast<std::uint16_t>(n)));
  if (field == "attributes") return names_of(n, kLayoutBits);
  if (field == "si_flags") return page_flags(n);
  if (field == "page_count") return pages_text(n);
  if (field == "entry_count") return "the " + std::to_string(n) + " rows above";
  if (field == "load_times") return "repeated " + std::to_string(n) + " times";
  return {};
}

std::string explain_extend(std::string_view field, ByteView value) {
  return field == "id" && number(value) == kSharedObject ? "a second shared object" : "";
}

std::string explain_nothing(std::string_view, ByteView) { return {}; }

// It is shown as a record of its own.
void leave_out_sigstruct(InspectedRecord& record) {
  std::ranges::find(record.fields, "sigstruct", &InspectedField::name)->value.clear();
}

// One copy of the metadata in `file`, its SIGSTRUCT and its tables.
class MetadataView {
 public:
  MetadataView(ByteView file, const SdkMetadata& copy, std::vector<InspectedRecord>& out)
      : copy_(copy), begin_(static_cast<std::uint64_t>(copy.bytes.data() - file.data())), out_(out) {}

  Status add() {
    InspectedRecord header =
        inspect_record<kMetadata>("SGX metadata " + copy_.version(), begin_, copy_.bytes, explain_metadata);
    leave_out_sigstruct(header);
    out_.push_back(std::move(header));
    out_.push_back(inspect_record<kSigstruct>(named("SIGSTRUCT"), begin_ + field_of<kMetadata, "sigstruct">().offset,
                                              copy_.header.get<"sigstruct">(), explain_signed));
    CHECK(add_rows<kPatchEntry>("patch", copy_.header.num<"patch_offset">(), copy_.header.num<"patch_size">(),
                                explain_nothing));
    CHECK(add_layout());
    if (copy_.elrange)
      CHECK(add_rows<kElrangeEntry>("elrange", copy_.header.num<"elrange_offset">(), copy_.header.num<"elrange_size">(),
                                    explain_nothing));
    if (has_extend_entries(copy_)) CHECK(add_extensions());
    return {};
  }

 private:
  std::string named(std::string_view what) const { return std::string(what) + " of metadata " + copy_.version(); }

  Result<ByteView> table(std::string_view what, std::uint32_t offset, std::uint32_t size, std::size_t row) const {
    const std::string name = named(what);
    TRY(const ByteView out, copy_.table(offset, size, row, name));
    if (size / row > kMaxRows)
      return fail(Fault::unsupported, name + ": has " + std::to_string(size / row) + " entries, more than the " +
                                          std::to_string(kMaxRows) + " that are shown");
    return out;
  }

  template <const auto& L>
  Status add_rows(std::string_view what, std::uint32_t offset, std::uint32_t size, const Explain& explain) {
    TRY(const ByteView rows, table(what, offset, size, L.size));
    for (std::size_t at = 0; at < rows.size(); at += L.size)
      out_.push_back(inspect_record<L>(named(std::string(what) + " " + std::to_string(at / L.size)),
                                       begin_ + offset + at, rows.subspan(at, L.size), explain));
    return {};
  }

  Status add_layout() {
    const std::uint32_t offset = copy_.header.num<"layout_offset">();
    TRY(const ByteView rows, table("layout", offset, copy_.header.num<"layout_size">(), kLayoutEntry.size));
    const Explain explain = [&](std::string_view field, ByteView value) { return explain_layout(field, value, copy_); };
    for (std::size_t at = 0; at < rows.size(); at += kLayoutEntry.size) {
      const ByteView row = rows.subspan(at, kLayoutEntry.size);
      const std::string name = named("layout " + std::to_string(at / kLayoutEntry.size));
      const bool group = (load_le<std::uint16_t>(row) & kLayoutGroup) != 0;
      out_.push_back(group ? inspect_record<kLayoutGroupEntry>(name, begin_ + offset + at, row, explain)
                           : inspect_record<kLayoutEntry>(name, begin_ + offset + at, row, explain));
    }
    return {};
  }

  Status add_extensions() {
    const std::uint32_t offset = copy_.header.num<"extend_offset">(), size = copy_.header.num<"extend_size">();
    CHECK(add_rows<kExtendEntry>("extend", offset, size, explain_extend));
    TRY(const ByteView rows, table("extend", offset, size, kExtendEntry.size));
    for (std::size_t at = 0; at < rows.size(); at += kExtendEntry.size) {
      TRY(const auto row, Record<kExtendEntry>::parse(rows.subspan(at, kExtendEntry.size)));
      if (row.num<"id">() != kSharedObject || row.num<"size">() == 0) continue;
      CHECK(
          add_rows<kSharedObjectEntry>("shared object", row.num<"offset">(), kSharedObjectEntry.size, explain_nothing));
    }
    return {};
  }

  const SdkMetadata& copy_;
  std::uint64_t begin_;
  std::vector<InspectedRecord>& out_;
};

Result<Inspection> inspect_sdk(ByteView file) {
  TRY(const SdkImage image, SdkImage::parse(file));
  Inspection out{"", "sgx-sdk-elf", {}};
  for (const SdkMetadata& copy : image.copies()) CHECK(MetadataView(file, copy, out.records).add());
  return out;
}

std::string explain_properties(std::string_view field, ByteView value) {
  if (field.ends_with("_pages")) return pages_text(number(value));
  if (field == "sigstruct") return "below";
  if (field == "num_tcs" || field == "product_id" || field == "security_version") return std::to_string(number(value));
  if (field == "flags") return (number(value) & kOeZeroBase) != 0 ? "loaded at address 0" : "";
  return explain_signed(field, value);
}

Result<Inspection> inspect_open_enclave(ByteView file) {
  TRY(const OeImage image, OeImage::parse(file));
  const ByteView properties = image.properties().bytes();
  const auto begin = static_cast<std::uint64_t>(properties.data() - file.data());
  Inspection out{"", image.ego_payload() ? "ego" : "open-enclave", {}};
  out.records.push_back(
      inspect_record<kOeProperties>("Open Enclave properties", begin, properties, explain_properties));
  leave_out_sigstruct(out.records.back());
  if (image.sigstruct())
    out.records.push_back(inspect_record<kSigstruct>("SIGSTRUCT", begin + field_of<kOeProperties, "sigstruct">().offset,
                                                     image.sigstruct()->bytes(), explain_signed));
  if (image.ego_payload())
    out.records.push_back(inspect_record<kEgoPayload>("EGo payload", begin + kEgoPayloadAt,
                                                      image.ego_payload()->bytes(), explain_nothing));
  return out;
}

Result<Inspection> inspect_elf(ByteView file) {
  TRY(const Elf elf, Elf::parse(file));
  if (elf.find_section(".note.sgxmeta") == nullptr && elf.find_section(".oeinfo") != nullptr)
    return inspect_open_enclave(file);
  return inspect_sdk(file);
}

// Of a stream only ECREATE stands at a place of its own; the other records are counted.
Result<Inspection> inspect_stream(const ByteSource& source) {
  const Trace none;
  TRY(const SgxsMeasurement stream, measure_sgxs(source, none));
  InspectedRecord ecreate{"ECREATE", 0, 64, {}};
  ecreate.fields = {
      {"ssaframesize", 8, 4, hex_offset(stream.ssa_frame_size), pages_text(stream.ssa_frame_size)},
      {"size", 12, 8, hex_offset(stream.enclave_size), std::to_string(stream.enclave_size) + " bytes"},
  };
  InspectedRecord records{"records", 0, 0, {}};
  const auto count = [&](std::string name, std::uint64_t n, std::string meaning) {
    records.fields.push_back({std::move(name), 0, 0, std::to_string(n), std::move(meaning)});
  };
  count("pages added", stream.pages_added, "EADD");
  count("pages measured", stream.pages_extended, "of which at least one EEXTEND");
  count("chunks unmeasured", stream.chunks_unmeasured, "UNMEASRD");
  count("unmeasured code", stream.unmeasured_code, "executable pages that are not measured whole");
  return Inspection{"", "sgxs", {std::move(ecreate), std::move(records)}};
}

Result<Inspection> by_kind(ByteView bytes) {
  // The material begins as SIGSTRUCT does.
  if (bytes.size() == kSigningMaterial.size && is_sigstruct(bytes)) {
    TRY(const SigningMaterial m, parse_signing_material(bytes));
    return Inspection{"",
                      "sgx-signing-material",
                      {inspect_record<kSigningMaterial>("signing material", 0, m.bytes(), explain_signed)}};
  }
  if (is_sigstruct(bytes)) {
    TRY(const Sigstruct s, parse_sigstruct(bytes));
    return Inspection{"", "sgx-sigstruct", {inspect_record<kSigstruct>("SIGSTRUCT", 0, s.bytes(), explain_signed)}};
  }
  if (is_elf(bytes)) return inspect_elf(bytes);
  return fail(Fault::unsupported, "no SIGSTRUCT, signing material, signed enclave or SGXS stream");
}

Inspection named(Inspection inspection) {
  inspection.tee = "intel-sgx";
  return inspection;
}

}  // namespace

Result<Inspection> inspect_bytes(ByteView bytes) {
  if (!is_sgxs(bytes)) return by_kind(bytes).map(named);
  ByteView rest = bytes;
  return inspect_stream([&](std::span<std::uint8_t> into) -> Result<std::size_t> {
           const std::size_t n = std::min(into.size(), rest.size());
           std::copy_n(rest.begin(), n, into.begin());
           rest = rest.subspan(n);
           return n;
         })
      .map(named);
}

Result<Inspection> inspect(const fs::path& file) {
  TRY(const Bytes start, first_bytes(file));
  if (is_sgxs(start)) {
    TRY(const Fd fd, open_file(file, O_RDONLY));
    return inspect_stream(source_of(fd)).map(named);
  }
  TRY(const Bytes bytes, read_file(file, kMaxImage));
  return inspect_bytes(bytes);
}

}  // namespace hallmark::sgx
