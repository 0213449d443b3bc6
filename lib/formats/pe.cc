#include "lib/formats/pe.h"

#include <algorithm>

#include "lib/base/layout.h"

namespace hallmark {
namespace {

constexpr std::size_t kDosHeader = 64, kNewHeader = 0x3c;  // e_lfanew
constexpr std::size_t kSignature = 4, kFileHeader = 20, kDataDirectory = 8, kSectionHeader = 40;
constexpr std::size_t kCertificates = 4;  // the row of the data directories
constexpr std::uint32_t kMaxDirectories = 16;
constexpr std::uint16_t kPe32 = 0x10b, kPe32Plus = 0x20b;

constexpr Layout<7> kCoff{"COFF file header",
                          kFileHeader,
                          {{
                              {0, 2, "Machine"},
                              {2, 2, "NumberOfSections"},
                              {4, 4, "TimeDateStamp"},
                              {8, 4, "PointerToSymbolTable"},
                              {12, 4, "NumberOfSymbols"},
                              {16, 2, "SizeOfOptionalHeader"},
                              {18, 2, "Characteristics"},
                          }}};

// The fields from SectionAlignment to DllCharacteristics lie alike in both formats.
constexpr Layout<14> kWindowsFields{"optional header",
                                    40,
                                    {{
                                        {0, 4, "SectionAlignment"},
                                        {4, 4, "FileAlignment"},
                                        {8, 2, "MajorOperatingSystemVersion"},
                                        {10, 2, "MinorOperatingSystemVersion"},
                                        {12, 2, "MajorImageVersion"},
                                        {14, 2, "MinorImageVersion"},
                                        {16, 2, "MajorSubsystemVersion"},
                                        {18, 2, "MinorSubsystemVersion"},
                                        {20, 4, "Win32VersionValue"},
                                        {24, 4, "SizeOfImage"},
                                        {28, 4, "SizeOfHeaders"},
                                        {32, 4, "CheckSum"},
                                        {36, 2, "Subsystem"},
                                        {38, 2, "DllCharacteristics"},
                                    }}};
constexpr std::size_t kWindowsFieldsAt = 32;

constexpr Layout<10> kSection{"section header",
                              kSectionHeader,
                              {{
                                  {0, 8, "Name"},
                                  {8, 4, "VirtualSize"},
                                  {12, 4, "VirtualAddress"},
                                  {16, 4, "SizeOfRawData"},
                                  {20, 4, "PointerToRawData"},
                                  {24, 4, "PointerToRelocations"},
                                  {28, 4, "PointerToLinenumbers"},
                                  {32, 2, "NumberOfRelocations"},
                                  {34, 2, "NumberOfLinenumbers"},
                                  {36, 4, "Characteristics"},
                              }}};

// A field that is not as it must be, with its place in the file.
Failure wrong(std::string_view field, std::uint64_t offset, const std::string& why, Fault fault = Fault::format) {
  return fail(fault, "PE header: " + std::string(field) + " at " + hex_offset(offset) + ": " + why);
}

// Where a field of the record at `base` lies.
template <const auto& L, Name F>
constexpr std::uint64_t at(std::uint64_t base) {
  return base + field_of<L, F>().offset;
}

Result<ByteView> slice(ByteView head, std::uint64_t offset, std::uint64_t size, std::string_view what) {
  if (offset > head.size() || size > head.size() - offset)
    return wrong(what, offset,
                 "needs " + std::to_string(size) + " bytes, the first " + std::to_string(head.size()) + " are read");
  return head.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
}

std::string section_name(ByteView bytes) {
  const std::string_view text = as_text(bytes);
  return std::string(text.substr(0, text.find('\0')));
}

Status check_overlap(std::vector<PeSection> sections) {
  std::erase_if(sections, [](const PeSection& s) { return s.size_of_raw_data == 0; });
  std::ranges::sort(sections, {}, &PeSection::raw_data);
  for (std::size_t i = 1; i < sections.size(); i++) {
    const PeSection &before = sections[i - 1], &s = sections[i];
    if (s.raw_data - before.raw_data < before.size_of_raw_data)
      return wrong("PointerToRawData", at<kSection, "PointerToRawData">(s.header),
                   "section \"" + s.name + "\" begins at " + hex_offset(s.raw_data) + ", inside section \"" +
                       before.name + "\", which ends at " +
                       hex_offset(std::uint64_t{before.raw_data} + before.size_of_raw_data));
  }
  return {};
}

}  // namespace

Result<Pe> Pe::parse(const Content& image) {
  TRY(const Bytes read, image.read(0, static_cast<std::size_t>(std::min(image.size(), kMaxHeaders))));
  const ByteView head = read;
  Pe pe;
  pe.file_size_ = image.size();

  TRY(const ByteView dos, slice(head, 0, kDosHeader, "DOS header"));
  if (dos[0] != 'M' || dos[1] != 'Z') return wrong("e_magic", 0, "is " + to_hex(dos.first(2)) + ", not \"MZ\"");
  const std::uint64_t start = load_le<std::uint32_t>(dos.subspan(kNewHeader));
  if (start < kDosHeader || start > head.size() - kSignature)
    return wrong("e_lfanew", kNewHeader,
                 "is " + hex_offset(start) + ", outside the headers of " + std::to_string(head.size()) + " bytes");
  TRY(const ByteView signature, slice(head, start, kSignature, "Signature"));
  if (as_text(signature) != std::string_view("PE\0\0", 4))
    return wrong("Signature", start, "is " + to_hex(signature) + ", not \"PE\"");

  const std::uint64_t coff_at = start + kSignature, optional_at = coff_at + kFileHeader;
  TRY(const ByteView coff_bytes, slice(head, coff_at, kFileHeader, "COFF file header"));
  TRY(const auto coff, Record<kCoff>::parse(coff_bytes));
  pe.machine_ = coff.num<"Machine">();
  const std::uint64_t optional_size = coff.num<"SizeOfOptionalHeader">(), count = coff.num<"NumberOfSections">();

  TRY(const ByteView magic_bytes, slice(head, optional_at, 2, "Magic"));
  const auto magic = load_le<std::uint16_t>(magic_bytes);
  if (magic != kPe32 && magic != kPe32Plus)
    return wrong("Magic", optional_at, "is " + hex_offset(magic) + ", neither PE32 (0x10b) nor PE32+ (0x20b)");
  const std::uint64_t directories_at = optional_at + (magic == kPe32 ? 96 : 112),
                      directories_count = directories_at - 4;
  TRY(const ByteView directories_bytes, slice(head, directories_count, 4, "NumberOfRvaAndSizes"));
  const auto directories = load_le<std::uint32_t>(directories_bytes);
  if (directories > kMaxDirectories)
    return wrong("NumberOfRvaAndSizes", directories_count,
                 "is " + std::to_string(directories) + ", at most " + std::to_string(kMaxDirectories) + " allowed");
  if (optional_size != directories_at - optional_at + directories * kDataDirectory)
    return wrong(
        "SizeOfOptionalHeader", at<kCoff, "SizeOfOptionalHeader">(coff_at),
        "is " + std::to_string(optional_size) + ", not that of " + std::to_string(directories) + " data directories");

  const std::uint64_t windows_at = optional_at + kWindowsFieldsAt;
  TRY(const ByteView windows_bytes, slice(head, windows_at, kWindowsFields.size, "optional header"));
  TRY(const auto windows, Record<kWindowsFields>::parse(windows_bytes));
  pe.size_of_image_ = windows.num<"SizeOfImage">();
  pe.size_of_headers_ = windows.num<"SizeOfHeaders">();
  pe.subsystem_ = windows.num<"Subsystem">();
  pe.major_image_version_ = windows.num<"MajorImageVersion">();
  pe.checksum_ = static_cast<std::size_t>(at<kWindowsFields, "CheckSum">(windows_at));

  const std::uint64_t table_at = optional_at + optional_size, table_size = count * kSectionHeader;
  if (pe.size_of_headers_ <= table_at || pe.size_of_headers_ - table_at < table_size)
    return wrong("SizeOfHeaders", at<kWindowsFields, "SizeOfHeaders">(windows_at),
                 "is " + hex_offset(pe.size_of_headers_) + ", before the end of the table of " + std::to_string(count) +
                     " sections at " + hex_offset(table_at));
  if (pe.size_of_headers_ > pe.file_size_)
    return wrong("SizeOfHeaders", at<kWindowsFields, "SizeOfHeaders">(windows_at),
                 "is " + hex_offset(pe.size_of_headers_) + ", the file ends at " + hex_offset(pe.file_size_));
  if (pe.size_of_headers_ > kMaxHeaders)
    return wrong(
        "SizeOfHeaders", at<kWindowsFields, "SizeOfHeaders">(windows_at),
        "is " + hex_offset(pe.size_of_headers_) + ", more than the " + hex_offset(kMaxHeaders) + " that are read",
        Fault::unsupported);
  // The loader divides before it compares, and so wants room for one header more.
  if (pe.size_of_image_ <= pe.size_of_headers_ || (pe.size_of_image_ - table_at) / kSectionHeader <= count)
    return wrong("SizeOfImage", at<kWindowsFields, "SizeOfImage">(windows_at),
                 "is " + hex_offset(pe.size_of_image_) + ", no more than the headers");

  if (directories > kCertificates) {
    const std::uint64_t row = directories_at + kCertificates * kDataDirectory;
    TRY(const ByteView bytes, slice(head, row, kDataDirectory, "certificate table"));
    pe.certificate_row_ = static_cast<std::size_t>(row);
    const PeRange range{load_le<std::uint32_t>(bytes), load_le<std::uint32_t>(bytes.subspan(4))};
    if (range.size != 0) {
      if (range.offset + range.size > pe.file_size_ || range.offset < pe.size_of_headers_)
        return wrong("certificate table", row,
                     std::to_string(range.size) + " bytes at " + hex_offset(range.offset) +
                         " are not between the headers and the file's end at " + hex_offset(pe.file_size_));
      pe.certificates_ = range;
    }
  }

  std::uint64_t hashed = pe.size_of_headers_;
  for (std::uint64_t i = 0; i < count; i++) {
    const std::uint64_t header = table_at + i * kSectionHeader;
    TRY(const ByteView bytes, slice(head, header, kSectionHeader, "section header"));
    TRY(const auto row, Record<kSection>::parse(bytes));
    PeSection s{section_name(row.get<"Name">()), row.num<"VirtualSize">(),      row.num<"VirtualAddress">(),
                row.num<"SizeOfRawData">(),      row.num<"PointerToRawData">(), static_cast<std::size_t>(header)};
    const std::string what = "section \"" + s.name + "\": ";
    if (std::uint64_t{s.virtual_address} + s.virtual_size > pe.size_of_image_)
      return wrong("VirtualSize", at<kSection, "VirtualSize">(header),
                   what + hex_offset(s.virtual_size) + " bytes at " + hex_offset(s.virtual_address) +
                       " pass SizeOfImage, " + hex_offset(pe.size_of_image_));
    if (s.size_of_raw_data != 0) {
      if (s.virtual_address < pe.size_of_headers_)
        return wrong("VirtualAddress", at<kSection, "VirtualAddress">(header),
                     what + "is " + hex_offset(s.virtual_address) + ", inside the headers of " +
                         hex_offset(pe.size_of_headers_));
      if (s.raw_data < pe.size_of_headers_)
        return wrong(
            "PointerToRawData", at<kSection, "PointerToRawData">(header),
            what + "is " + hex_offset(s.raw_data) + ", inside the headers of " + hex_offset(pe.size_of_headers_));
      if (std::uint64_t{s.raw_data} + s.size_of_raw_data > pe.file_size_)
        return wrong("SizeOfRawData", at<kSection, "SizeOfRawData">(header),
                     what + hex_offset(s.size_of_raw_data) + " bytes at " + hex_offset(s.raw_data) +
                         " pass the file's end at " + hex_offset(pe.file_size_));
      hashed += s.size_of_raw_data;
    }
    pe.sections_.push_back(std::move(s));
  }
  CHECK(check_overlap(pe.sections_));
  if (pe.certificates_ && hashed + pe.certificates_->size > pe.file_size_)
    return wrong("certificate table", *pe.certificate_row_,
                 "its " + std::to_string(pe.certificates_->size) + " bytes do not fit behind headers and sections of " +
                     std::to_string(hashed) + " bytes in a file of " + std::to_string(pe.file_size_));
  return pe;
}

std::vector<PeRange> Pe::authenticode_ranges() const {
  std::vector<PeRange> out;
  const auto add = [&](std::uint64_t begin, std::uint64_t end) {
    if (begin < end) out.push_back({begin, end - begin});
  };
  // Steps 3 to 9: the headers without CheckSum and without the row of the certificate table.
  add(0, checksum_);
  if (certificate_row_) {
    add(checksum_ + 4, *certificate_row_);
    add(*certificate_row_ + kDataDirectory, size_of_headers_);
  } else {
    add(checksum_ + 4, size_of_headers_);
  }
  // Steps 11 to 14: the sections in the order in which they lie in the file.
  std::vector<const PeSection*> in_file;
  for (const PeSection& s : sections_)
    if (s.size_of_raw_data != 0) in_file.push_back(&s);
  std::ranges::sort(in_file, {}, &PeSection::raw_data);
  std::uint64_t sum = size_of_headers_;
  for (const PeSection* s : in_file) {
    add(s->raw_data, std::uint64_t{s->raw_data} + s->size_of_raw_data);
    sum += s->size_of_raw_data;
  }
  // Step 15: what is left of the file, from the sum of what was hashed on, as if there were no gaps between sections,
  // and without the certificates, as if these were the end. Signing tools pad the file to 8 bytes; firmware does not.
  add(sum, file_size_ - (certificates_ ? certificates_->size : 0));
  return out;
}

template <Alg A>
Result<DigestOf<A>> authenticode(const Pe& pe, const Content& image) {
  Hasher<A> hash;
  for (const PeRange& range : pe.authenticode_ranges()) CHECK(image.add_range(hash, range.offset, range.size));
  return hash.finish();
}
template Result<DigestOf<Alg::sha256>> authenticode<Alg::sha256>(const Pe&, const Content&);
template Result<DigestOf<Alg::sha384>> authenticode<Alg::sha384>(const Pe&, const Content&);

Content section_in_memory(const PeSection& s, const Content& image) {
  const std::uint32_t stored = std::min(s.size_of_raw_data, s.virtual_size);
  return image.part(stored == 0 ? 0 : s.raw_data, stored).resized(s.virtual_size);
}

}  // namespace hallmark
