#include "lib/tee/sgx/sgxs.h"

#include <gmock/gmock.h>

#include "lib/base/files.h"

namespace hallmark::sgx {
namespace {

using testing::HasSubstr;

Bytes stream_file() { return *read_file(fs::path(HALLMARK_SOURCE_DIR) / "tests/vectors/sgx/stream.sgxs", 1 << 20); }

// A source that gives at most `most` bytes at a time.
Result<SgxsMeasurement> measure_bytes(ByteView bytes, std::size_t most = SIZE_MAX) {
  const ByteSource source = [&](std::span<std::uint8_t> into) -> Result<std::size_t> {
    const std::size_t n = std::min({into.size(), bytes.size(), most});
    std::copy_n(bytes.begin(), n, into.begin());
    bytes = bytes.subspan(n);
    return n;
  };
  const Trace none;
  return measure_sgxs(source, none);
}

TEST(Sgxs, TheStreamItselfIsWhatIsHashed) {
  const Bytes file = stream_file();
  auto m = measure_bytes(file);
  ASSERT_TRUE(m) << m.error().message();
  EXPECT_EQ(m->mrenclave, digest<Alg::sha256>(file));
  EXPECT_EQ(m->enclave_size, 0x8000u);
  EXPECT_EQ(m->ssa_frame_size, 1u);
  EXPECT_EQ(m->pages_added, 4u);
  EXPECT_EQ(m->pages_extended, 3u);
}

TEST(Sgxs, PiecesDoNotMatter) {
  const Bytes file = stream_file();
  for (std::size_t most : {1u, 63u, 64u, 65u, 320u, 4097u})
    EXPECT_EQ(measure_bytes(file, most)->mrenclave, digest<Alg::sha256>(file)) << most;
}

TEST(Sgxs, AFailingSourceIsItsError) {
  const ByteSource source = [](std::span<std::uint8_t>) -> Result<std::size_t> {
    return fail(Fault::environment, "gone");
  };
  const Trace none;
  EXPECT_EQ(measure_sgxs(source, none).error().message(), "gone");
}

constexpr std::size_t kFirstEadd = 64, kFirstChunk = 128, kSecondChunk = 128 + 320, kSecondEadd = 64 + 64 + 16 * 320;

struct Wrong {
  std::size_t at;
  std::string bytes;
  std::string why;
};
void PrintTo(const Wrong& w, std::ostream* out) { *out << w.why; }

class SgxsWrong : public testing::TestWithParam<Wrong> {};

TEST_P(SgxsWrong, IsRefusedWithItsPlace) {
  Bytes file = stream_file();
  std::copy(GetParam().bytes.begin(), GetParam().bytes.end(),
            file.begin() + static_cast<std::ptrdiff_t>(GetParam().at));
  auto m = measure_bytes(file);
  ASSERT_FALSE(m);
  EXPECT_THAT(m.error().message(), HasSubstr(GetParam().why));
}

using std::string_literals::operator""s;
INSTANTIATE_TEST_SUITE_P(
    Fields, SgxsWrong,
    testing::Values(Wrong{0, "EADD\0\0\0\0"s, "SGXS record EADD at 0x0: a stream begins with ECREATE"},
                    Wrong{0, "UNSIZED\0"s, "leaves the enclave's size open"},
                    Wrong{12, "\1"s, "size 0x8001 is not a power of two"},
                    Wrong{12, "\0\0"s, "size 0x0 is not a power of two"},
                    Wrong{18, "\0\1"s, "is not a power of two from 0x1000"},
                    Wrong{20, "\1"s, "SGXS record ECREATE at 0x0: unused bytes are not zero"},
                    Wrong{kFirstEadd, "EAD\x1b"s, "SGXS record 4541441b at 0x40: is none of EADD"},
                    Wrong{kFirstEadd + 8, "\1"s, "offset 0x1 is no page of an enclave of 0x8000 bytes"},
                    Wrong{kFirstEadd + 9, "\x80"s, "offset 0x8000 is no page"},
                    Wrong{kFirstEadd + 17, "\3"s, "page flags 0x305 are neither"},
                    Wrong{kFirstEadd + 24, "\1"s, "reserved bytes of SECINFO are not zero"},
                    Wrong{kFirstChunk + 8, "\1"s, "offset 0x1 is no chunk of the page added last"},
                    Wrong{kFirstChunk + 9, "\x10"s, "offset 0x1000 is no chunk of the page added last"},
                    Wrong{kFirstChunk + 16, "\1"s, "SGXS record EEXTEND at 0x80: unused bytes are not zero"},
                    Wrong{kSecondChunk + 9, "\0"s, "offset 0x0 appears twice"},
                    Wrong{kSecondEadd + 9, "\0"s, "offset 0x0 does not come after 0x0"},
                    Wrong{kSecondEadd, "ECREATE\0"s, "SGXS record ECREATE at 0x1480: is none of EADD"}));

TEST(Sgxs, EveryTruncationOutsideARecordsEndIsAnError) {
  const Bytes file = stream_file();
  // Where a stream may end: behind the ECREATE, an EADD, or a chunk.
  std::vector<std::size_t> ends;
  for (std::size_t at = 0; at < file.size();) {
    at += as_text(ByteView(file).subspan(at, 7)) == "EEXTEND" ? 320 : 64;
    ends.push_back(at);
  }
  for (std::size_t size = 0; size < file.size(); size++) {
    const Bytes part(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(measure_bytes(part).has_value(), std::binary_search(ends.begin(), ends.end(), size)) << size;
  }
}

TEST(Sgxs, NoFlippedByteGoesUnseen) {
  const Bytes file = stream_file();
  const auto value = measure_bytes(file)->mrenclave;
  for (std::size_t at = 0; at < file.size(); at += 3) {
    Bytes changed = file;
    changed[at] ^= static_cast<std::uint8_t>(1u << (at % 8));
    auto m = measure_bytes(changed);
    if (m.has_value()) {
      EXPECT_NE(m->mrenclave, value) << at;
    }
  }
}

}  // namespace
}  // namespace hallmark::sgx
