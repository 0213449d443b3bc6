#include "lib/formats/content.h"

#include <stdexcept>

#include "lib/base/interrupt.h"

namespace hallmark {
namespace {

constexpr std::uint64_t kPiece = std::uint64_t{1} << 20;

}  // namespace

Content Content::part(std::uint64_t offset, std::uint64_t size) const {
  if (offset > size_ || size > size_ - offset) throw std::out_of_range("a part outside its content");
  Content out = *this;
  out.base_ += std::min(offset, stored_);
  out.stored_ = std::min(stored_ - std::min(offset, stored_), size);
  out.size_ = size;
  out.first_.clear();
  if (offset < first_.size()) {
    const auto begin = first_.begin() + static_cast<std::ptrdiff_t>(offset);
    out.first_.assign(begin,
                      begin + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(first_.size() - offset, size)));
  }
  return out;
}

Content Content::resized(std::uint64_t size) const {
  Content out = *this;
  out.stored_ = std::min(stored_, size);
  out.size_ = size;
  if (out.first_.size() > size) out.first_.resize(static_cast<std::size_t>(size));
  return out;
}

Content Content::beginning_with(Bytes first) const {
  if (first.size() > size_) throw std::out_of_range("a beginning longer than its content");
  Content out = *this;
  out.first_ = std::move(first);
  return out;
}

Result<Bytes> Content::read(std::uint64_t offset, std::size_t size) const {
  if (offset > size_ || size > size_ - offset) throw std::out_of_range("a range outside its content");
  Bytes out(size);
  if (offset < stored_) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(size, stored_ - offset));
    if (file_ != nullptr)
      CHECK(file_->read_at(base_ + offset, std::span(out).first(n)));
    else
      std::ranges::copy(memory_.subspan(static_cast<std::size_t>(base_ + offset), n), out.begin());
  }
  for (std::uint64_t i = offset; i < first_.size() && i - offset < size; i++)
    out[static_cast<std::size_t>(i - offset)] = first_[static_cast<std::size_t>(i)];
  return out;
}

template <Alg A>
Status Content::add_range(Hasher<A>& hash, std::uint64_t offset, std::uint64_t size) const {
  if (offset > size_ || size > size_ - offset) throw std::out_of_range("a range outside its content");
  const auto part_before = [&](std::uint64_t end) {
    return offset < end ? std::min(size, end - offset) : std::uint64_t{0};
  };
  const auto skip = [&](std::uint64_t n) {
    offset += n;
    size -= n;
  };
  if (const std::uint64_t n = part_before(first_.size()); n != 0) {
    hash.add(ByteView(first_).subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(n)));
    skip(n);
  }
  if (const std::uint64_t n = part_before(stored_); n != 0) {
    if (file_ != nullptr)
      CHECK(hallmark::add_range(hash, *file_, base_ + offset, n));
    else
      hash.add(memory_.subspan(static_cast<std::size_t>(base_ + offset), static_cast<std::size_t>(n)));
    skip(n);
  }
  const Bytes zeros(static_cast<std::size_t>(std::min(size, kPiece)));
  while (size != 0) {
    CHECK(not_interrupted());
    const std::uint64_t n = std::min(size, kPiece);
    hash.add(ByteView(zeros).first(static_cast<std::size_t>(n)));
    skip(n);
  }
  return {};
}

template Status Content::add_range(Hasher<Alg::sha256>&, std::uint64_t, std::uint64_t) const;
template Status Content::add_range(Hasher<Alg::sha384>&, std::uint64_t, std::uint64_t) const;

}  // namespace hallmark
