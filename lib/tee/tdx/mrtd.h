// MRTD: the module's running hash over what the monitor puts into a trust domain before it runs.
//
// Intel TDX Module Base Architecture Specification, "TD Measurement"; Intel TDX Module ABI Reference Specification,
// TDH.MEM.PAGE.ADD and TDH.MR.EXTEND. It is one SHA-384 over records of 128 bytes, the second kind followed by the 256
// bytes that it is about. Nothing else is in it: no size of memory, no processors, no attributes.
#pragma once

#include "lib/crypto/digest.h"
#include "lib/crypto/trace.h"
#include "lib/tee/tdx/event.h"
#include "lib/tee/tdx/image.h"
#include "lib/tee/tdx/profile.h"

namespace hallmark::tdx {

class Mrtd {
 public:
  static constexpr std::size_t kRecord = 128, kChunk = 256;

  explicit Mrtd(const Trace& trace) : trace_(trace) {}

  // TDH.MEM.PAGE.ADD: the page at that guest-physical address becomes the domain's; its content is not measured.
  void mem_page_add(std::uint64_t address);
  // TDH.MR.EXTEND: 256 bytes of an added page.
  void mr_extend(std::uint64_t address, ByteView chunk);
  // TDH.MR.FINALIZE
  Digest finish();

 private:
  void append(ByteView bytes);

  const Trace& trace_;
  Hasher<Alg::sha384> hash_;
  // Whole records at a time: the hash is as fast as over one long text. A size that stays in the first cache.
  std::array<std::uint8_t, std::size_t{16} << 10> buffer_;
  std::size_t used_ = 0;
};

// What the monitor does with the image's sections, in the order of its table.
Digest measure_mrtd(const Image& image, PageOrder order, const Trace& trace = {});

// What the monitor of GCE did until October 2024, by a mistake: every section is extended, memory as zeros and the
// TD_HOB with the list in it, so that MRTD depends on the size of the memory (google/gce-tcb-verifier,
// tdx/measurement.go, MeasureAllRegions). `hob` is the list without its end, as td_hob() gives it.
Digest measure_mrtd_of_all(const Image& image, ByteView hob);

}  // namespace hallmark::tdx
