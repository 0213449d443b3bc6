#include "lib/tee/sgx/mrenclave.h"

#include <gmock/gmock.h>

namespace hallmark::sgx {
namespace {

using testing::ElementsAre;

std::string record(std::string text) {
  text.resize(64);
  return text;
}
std::string le64(std::uint64_t n) {
  std::string out;
  for (int i = 0; i < 8; i++) out += static_cast<char>(n >> (8 * i));
  return out;
}

// Oracle: the records as the manual lists them, hashed by the library in one go. There are enough of them that the
// implementation's buffer is emptied many times, at places that do not fall together with pages.
TEST(Mrenclave, IsTheHashOfTheRecordsInTheirOrder) {
  std::string stream = record("ECREATE" + std::string(1, '\0') + std::string("\2\0\0\0", 4) + le64(0x800000));
  const Trace none;
  Mrenclave m(2, 0x800000, none);
  std::array<std::uint8_t, kPage> page;
  for (std::uint64_t n = 0; n < 300; n++) {
    const std::uint64_t offset = n * kPage, flags = n % 5 == 0 ? kTcs : kRegular | kRead | kWrite;
    m.add(offset, flags);
    stream += record("EADD" + std::string(4, '\0') + le64(offset) + le64(flags));
    if (n % 3 != 0) continue;
    for (std::size_t i = 0; i < kPage; i++) page[i] = static_cast<std::uint8_t>(i * 7 + n);
    m.extend_page(page);
    for (std::size_t at = 0; at < kPage; at += kChunk)
      stream += record("EEXTEND" + std::string(1, '\0') + le64(offset + at)) +
                std::string(as_text(ByteView(page).subspan(at, kChunk)));
  }
  EXPECT_EQ(m.finish(), digest<Alg::sha256>(as_bytes(stream)));
  EXPECT_EQ(m.pages_added(), 300u);
  EXPECT_EQ(m.pages_extended(), 100u);
  EXPECT_EQ(m.unmeasured_code(), 0u);
}

TEST(Mrenclave, ARunIsAsManyPages) {
  const Trace none;
  const Trace trace = [](const Step&) {};
  std::array<std::uint8_t, kPage> page{};
  for (const Trace* t : {&none, &trace}) {
    Mrenclave run(1, 0x10000000, *t), pages(1, 0x10000000, none);
    const std::uint64_t flags = kRegular | kRead | kExecute;
    run.add(0, flags);
    run.add_run(kPage, 0, flags);
    run.add_run(kPage, 1000, flags);
    run.extend_page(page);
    run.add_run(0x800000, 3, kRegular | kRead);
    pages.add(0, flags);
    for (std::uint64_t n = 1; n <= 1000; n++) pages.add(n * kPage, flags);
    pages.extend_page(page);
    for (std::uint64_t n = 0; n < 3; n++) pages.add(0x800000 + n * kPage, kRegular | kRead);
    EXPECT_EQ(run.finish(), pages.finish());
    EXPECT_EQ(run.pages_added(), 1004u);
    EXPECT_EQ(run.pages_extended(), 1u);
    EXPECT_EQ(run.unmeasured_code(), 1000u);
    EXPECT_EQ(pages.unmeasured_code(), 1000u);
  }
}

TEST(Mrenclave, TracesALineForEachPageAndHashesTheSame) {
  std::vector<std::string> lines;
  const Trace trace = [&](const Step& s) { lines.push_back(s.op + " " + s.detail); };
  const Trace none;
  std::array<std::uint8_t, kPage> zeros{};
  std::vector<DigestOf<Alg::sha256>> values;
  for (const Trace* t : {&trace, &none}) {
    Mrenclave m(1, 0x10000, *t);
    m.add(0, kRegular | kRead | kExecute);
    m.extend_page(zeros);
    m.add(0x1000, kRegular | kRead | kWrite);
    values.push_back(m.finish());
  }
  EXPECT_EQ(values[0], values[1]);
  // Oracle of the digest: head -c 4096 /dev/zero | sha256sum
  EXPECT_THAT(lines, ElementsAre("ECREATE ssa_frame_pages=1 size=0x10000",
                                 "EADD offset=0x0 flags=0x205 chunks=16 "
                                 "sha256=ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7",
                                 "EADD offset=0x1000 flags=0x203"));
}

TEST(Mrenclave, CountsExecutablePagesThatAreNotMeasuredWhole) {
  const Trace none;
  Mrenclave m(1, 0x10000, none);
  const std::array<std::uint8_t, kPage> zeros{};
  m.add(0, kRegular | kRead | kExecute);
  m.extend_page(zeros);
  m.add(0x1000, kRegular | kRead | kExecute);
  m.extend(0x1000, std::span(zeros).first<kChunk>());
  m.add(0x2000, kRegular | kRead | kWrite | kExecute);
  m.add(0x3000, kRegular | kRead | kWrite);
  m.finish();
  EXPECT_EQ(m.unmeasured_code(), 2u);
}

}  // namespace
}  // namespace hallmark::sgx
