#include "lib/tee/sgx/pages.h"

#include <algorithm>

#include "lib/base/interrupt.h"

namespace hallmark::sgx {
namespace {

constexpr std::uint64_t kPagesBetweenChecks = 4096;
constexpr std::uint16_t kAllChunks = 0xffff;

class LoadWalk final : public PageWalk {
 public:
  LoadWalk(const Load& load, Order order) : load_(load) {
    for (const Region& r : load.regions) regions_.push_back(&r);
    if (order == Order::ascending) std::ranges::sort(regions_, {}, &Region::offset);
  }

  Result<const Page*> next() override {
    if (walked_++ % kPagesBetweenChecks == 0) CHECK(not_interrupted());
    while (region_ < regions_.size() && in_region_ == regions_[region_]->pages) {
      region_++;
      in_region_ = 0;
    }
    if (region_ == regions_.size()) return nullptr;
    const Region& r = *regions_[region_];
    if (in_region_ == 0) {
      page_.flags = r.flags;
      page_.use = r.use;
      page_.region = load_.names[r.name];
      page_.chunks = r.extended ? kAllChunks : std::uint16_t{0};
      page_.content.fill(0);
      if (r.extended) contents_.emplace(r);
    }
    page_.offset = r.offset + in_region_ * kPage;
    if (r.extended) std::ranges::copy(contents_->next(), page_.content.begin());
    in_region_++;
    return &page_;
  }

 private:
  const Load& load_;
  std::vector<const Region*> regions_;
  std::size_t region_ = 0;
  std::uint64_t in_region_ = 0, walked_ = 0;
  std::optional<RegionPages> contents_;
  Page page_;
};

class StreamWalk final : public PageWalk {
 public:
  explicit StreamWalk(SgxsReader stream) : stream_(std::move(stream)) {}

  Result<const Page*> next() override {
    if (!started_) {
      TRY(following_, stream_.next());
      started_ = true;
    }
    if (!following_) return nullptr;
    page_ = Page{.offset = following_->offset,
                 .flags = following_->flags,
                 .use = following_->flags == kTcs ? Use::tcs : Use::other,
                 .region = "stream"};
    for (;;) {
      TRY(following_, stream_.next());
      if (!following_ || following_->is == SgxsRecord::Is::add) return &page_;
      if (following_->is == SgxsRecord::Is::unmeasured) continue;
      const std::uint64_t at = following_->offset - page_.offset;
      page_.chunks = static_cast<std::uint16_t>(page_.chunks | 1u << (at / kChunk));
      std::ranges::copy(following_->chunk, page_.content.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }

 private:
  SgxsReader stream_;
  std::optional<SgxsRecord> following_;
  bool started_ = false;
  Page page_;
};

}  // namespace

bool same_content(const Page& a, const Page& b) {
  return a.flags == b.flags && a.chunks == b.chunks && (a.chunks == 0 || a.content == b.content);
}

bool same_page(const Page& a, const Page& b) { return a.offset == b.offset && same_content(a, b); }

std::unique_ptr<PageWalk> walk(const Load& load, Order order) { return std::make_unique<LoadWalk>(load, order); }

std::unique_ptr<PageWalk> walk(SgxsReader stream) { return std::make_unique<StreamWalk>(std::move(stream)); }

}  // namespace hallmark::sgx
