// PE32 and PE32+ images as UEFI loads them: Microsoft PE format, "Overview" to "Section Table (Section Headers)", and
// the digest that firmware measures of one: Microsoft "Windows Authenticode Portable Executable Signature Format",
// "Calculating the PE Image Hash".
//
// A reader only, and without policy. An image that edk2's loader refuses is refused here too, since it is never
// measured, and so is one with sections that share bytes of the file, which two readers can take for two programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/formats/content.h"

namespace hallmark {

struct PeSection {
  std::string name;                                     // up to the first NUL, at most 8 bytes
  std::uint32_t virtual_size = 0, virtual_address = 0;  // in memory
  std::uint32_t size_of_raw_data = 0, raw_data = 0;     // in the file: SizeOfRawData, PointerToRawData
  std::size_t header = 0;                               // where its row of the section table lies
};

struct PeRange {
  std::uint64_t offset = 0, size = 0;
  friend bool operator==(const PeRange&, const PeRange&) = default;
};

class Pe {
 public:
  static constexpr std::uint16_t kX86_64 = 0x8664;                                          // Machine
  static constexpr std::uint16_t kApplication = 10, kBootDriver = 11, kRuntimeDriver = 12;  // Subsystem
  static constexpr std::uint64_t kMaxHeaders = std::uint64_t{1} << 20;

  // Reads the headers; the rest of the image may have any size.
  static Result<Pe> parse(const Content& image);

  std::uint16_t machine() const { return machine_; }
  std::uint16_t subsystem() const { return subsystem_; }
  std::uint16_t major_image_version() const { return major_image_version_; }
  std::uint32_t size_of_image() const { return size_of_image_; }
  std::uint32_t size_of_headers() const { return size_of_headers_; }
  // As the section table has them.
  const std::vector<PeSection>& sections() const { return sections_; }
  // The attribute certificate table, if the optional header has a row for it and it is not empty.
  const std::optional<PeRange>& certificates() const { return certificates_; }

  // What of the image is hashed, in this order.
  std::vector<PeRange> authenticode_ranges() const;

 private:
  std::uint16_t machine_ = 0, subsystem_ = 0, major_image_version_ = 0;
  std::uint32_t size_of_image_ = 0, size_of_headers_ = 0;
  std::size_t checksum_ = 0;                    // where CheckSum lies
  std::optional<std::size_t> certificate_row_;  // where the data directory's row for certificates lies
  std::optional<PeRange> certificates_;
  std::vector<PeSection> sections_;
  std::uint64_t file_size_ = 0;
};

// Content whose headers were parsed as `pe`, also where the content's first bytes are now others.
template <Alg A>
Result<DigestOf<A>> authenticode(const Pe& pe, const Content& image);

// The section as it lies in memory: VirtualSize bytes, of which the file has the first SizeOfRawData at most.
Content section_in_memory(const PeSection& section, const Content& image);

}  // namespace hallmark
