// The pages of an enclave one after the other, whatever file they come from, so that two enclaves can be walked side by
// side.
#pragma once

#include <memory>

#include "lib/tee/sgx/load.h"
#include "lib/tee/sgx/sgxs.h"

namespace hallmark::sgx {

struct Page {
  std::uint64_t offset = 0, flags = 0;
  std::uint16_t chunks = 0;                   // which of the 16 are measured: bit 0 is the first
  std::array<std::uint8_t, kPage> content{};  // of the measured chunks; zero elsewhere
  Use use = Use::other;
  std::string_view region;  // its name
};

// Whether the processor hashes the same for both, but for where they are, or that as well.
bool same_content(const Page& a, const Page& b);
bool same_page(const Page& a, const Page& b);

class PageWalk {
 public:
  virtual ~PageWalk() = default;
  // Null after the last page. Valid until the next call.
  virtual Result<const Page*> next() = 0;
};

// In the order of the load, or by ascending offset. The load must outlive the walk.
enum class Order { as_loaded, ascending };
std::unique_ptr<PageWalk> walk(const Load& load, Order order);

// A stream from its first page on, which is in ascending order.
std::unique_ptr<PageWalk> walk(SgxsReader stream);

}  // namespace hallmark::sgx
