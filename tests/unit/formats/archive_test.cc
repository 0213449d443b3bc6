#include "lib/formats/archive.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/files.h"
#include "lib/base/process.h"
#include "lib/formats/deb.h"

namespace hallmark {
namespace {

using Type = ArchiveEntry::Type;

Fd in_memory(std::string_view bytes) {
  Fd fd(memfd_create("archive", MFD_CLOEXEC));
  EXPECT_TRUE(write_all(fd.get(), as_bytes(bytes)));
  EXPECT_EQ(lseek(fd.get(), 0, SEEK_SET), 0);
  return fd;
}

// What a visitor sees, one line an entry: "file 644 a/b: content".
struct Listing {
  std::vector<std::string> lines;
  ArchiveVisitor visitor{.on_entry = [this](const ArchiveEntry& e) -> Status {
                           static constexpr const char* kNames[] = {"file", "folder", "symlink", "hardlink", "other"};
                           std::string line = std::string(kNames[static_cast<int>(e.type)]) + " " + e.path;
                           if (!e.target.empty()) line += " -> " + e.target;
                           if (e.type == Type::file) line += (e.mode & 0100) != 0 ? " x: " : ": ";
                           lines.push_back(line);
                           return {};
                         },
                         .on_data = [this](ByteView piece) -> Status {
                           lines.back() += as_text(piece);
                           return {};
                         }};
};

class Made : public testing::Test {
 protected:
  TemporaryFolder folder_ = *TemporaryFolder::make("archive-test");

  // A small tree, archived by another program; its standard output.
  std::string made_by(std::vector<std::string> command) {
    const fs::path tree = folder_.path() / "tree";
    if (!fs::exists(tree)) {
      EXPECT_TRUE(make_folders(tree / "d"));
      EXPECT_TRUE(write_file(tree / "d/é", "hello"));
      EXPECT_TRUE(write_file(tree / "run", "#!", 0755));
      fs::create_symlink("run", tree / "link");
    }
    const auto done = run_process({.arguments = std::move(command), .folder = tree});
    EXPECT_TRUE(done) << done.error().message();
    EXPECT_EQ(done->status, 0) << done->errors;
    return done->output;
  }
  static std::vector<std::string> tar(std::vector<std::string> options) {
    std::vector<std::string> out{"tar", "-c"};
    out.insert(out.end(), options.begin(), options.end());
    out.insert(out.end(), {"d", "link", "run"});
    return out;
  }
};

const std::vector<std::string> kTree{"folder d/", "file d/é: hello", "symlink link -> run", "file run x: #!"};

TEST_F(Made, TarArchivesOfEveryDialectAndFilterReadTheSame) {
  for (const char* option : {"--format=gnu", "--format=posix", "--format=ustar", "-z", "-J", "-j"}) {
    const Fd fd = in_memory(made_by(tar({option})));
    Listing seen;
    const auto read = read_archive(fd.get(), "a.tar", seen.visitor);
    ASSERT_TRUE(read) << option << ": " << read.error().message();
    EXPECT_EQ(seen.lines, kTree) << option;
  }
}

TEST_F(Made, ZipArchivesKeepModesAndLinks) {
  // python3's zipfile is the other program.
  const std::string zip = made_by({"python3", "-c", R"(
import io, sys, zipfile
out = io.BytesIO()
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
    def add(name, mode, data):
        info = zipfile.ZipInfo(name); info.external_attr = mode << 16; info.create_system = 3; z.writestr(info, data)
    add("d/", 0o40755, b""); add("d/é", 0o100644, b"hello"); add("link", 0o120777, b"run"); add("run", 0o100755, b"#!")
sys.stdout.buffer.write(out.getvalue()))"});
  const Fd fd = in_memory(zip);
  Listing seen;
  const auto read = read_archive(fd.get(), "a.zip", seen.visitor);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(seen.lines, kTree);
}

TEST_F(Made, StreamsArriveInAnyPieces) {
  const std::string bytes = made_by(tar({"-z"}));
  std::size_t at = 0;
  Listing seen;
  const auto read = read_tar_stream(
      [&]() -> Result<ByteView> {
        const std::size_t n = std::min<std::size_t>(7, bytes.size() - at);
        return as_bytes(bytes).subspan(std::exchange(at, at + n), n);
      },
      "stream", seen.visitor);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(seen.lines, kTree);
}

TEST_F(Made, AFailingSourceIsTheError) {
  Listing seen;
  const auto read = read_tar_stream([]() -> Result<ByteView> { return fail(Fault::environment, "the cable is cut"); },
                                    "stream", seen.visitor);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().fault, Fault::environment);
  EXPECT_EQ(read.error().message(), "the cable is cut");
}

TEST_F(Made, DamageIsAFormatFaultThatNamesTheArchive) {
  const std::string whole = made_by(tar({"-z"}));
  for (const std::size_t length : {std::size_t{0}, std::size_t{5}, whole.size() / 2, whole.size() - 9}) {
    const Fd fd = in_memory(whole.substr(0, length));
    Listing seen;
    const auto read = read_archive(fd.get(), "a.tar.gz", seen.visitor);
    ASSERT_FALSE(read) << length;
    EXPECT_EQ(read.error().fault, Fault::format) << read.error().message();
    EXPECT_TRUE(read.error().message().starts_with("a.tar.gz: ")) << read.error().message();
  }
}

TEST_F(Made, LimitsHold) {
  const std::string bytes = made_by(tar({}));
  const auto with = [&](const ArchiveLimits& limits) {
    const Fd fd = in_memory(bytes);
    Listing seen;
    const auto read = read_archive(fd.get(), "a.tar", seen.visitor, limits);
    return read ? "accepted" : read.error().message();
  };
  EXPECT_EQ(with({.entries = 4, .bytes = 7}), "accepted");
  EXPECT_EQ(with({.entries = 3}), "a.tar: holds more than 3 entries, which is the limit here");
  EXPECT_EQ(with({.bytes = 6}), "a.tar: holds more than 6 bytes, which is the limit here");
  EXPECT_EQ(with({.path = 3}), "a.tar: entry \"d/é\": its path has 4 bytes, 1 to 3 allowed");
}

TEST_F(Made, ABombIsStoppedLongBeforeItsEnd) {
  const std::string bytes = made_by({"sh", "-c", "truncate -s 4G bomb && tar -c bomb | xz -0"});
  const Fd fd = in_memory(bytes);
  std::uint64_t seen = 0;
  const auto read = read_archive(fd.get(), "bomb.tar.xz",
                                 {.on_entry = [](const ArchiveEntry&) -> Status { return {}; },
                                  .on_data = [&](ByteView piece) -> Status {
                                    seen += piece.size();
                                    return {};
                                  }},
                                 {.ratio = 100});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message(), "bomb.tar.xz: holds 100 times as many bytes as it has, which is the limit here");
  EXPECT_LT(seen, std::uint64_t{128} << 20);
}

TEST_F(Made, DecompressionKnowsItsFiltersAndItsBound) {
  for (const char* program : {"gzip", "xz", "bzip2"}) {
    const std::string bytes = made_by({"sh", "-c", "printf 'hello world' | " + std::string(program)});
    EXPECT_EQ(as_text(*decompress(as_bytes(bytes), 11)), "hello world") << program;
    EXPECT_EQ(decompress(as_bytes(bytes), 10).error().fault, Fault::format) << program;
    EXPECT_EQ(decompress(as_bytes(bytes.substr(0, bytes.size() - 9)), 11).error().fault, Fault::format) << program;
  }
  EXPECT_EQ(decompress(as_bytes("hello"), 10).error().message(), "is not compressed in any way that is known here");
}

// A .deb of these members, each padded as ar pads.
std::string ar(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string out = "!<arch>\n";
  for (const auto& [name, content] : members) {
    char header[61];
    std::snprintf(header, sizeof header, "%-16s%-12d%-6d%-6d%-8s%-10zu`\n", name.c_str(), 0, 0, 0, "100644",
                  content.size());
    out += header + content;
    if (content.size() % 2 != 0) out += '\n';
  }
  return out;
}

class Deb : public Made {
 protected:
  std::string tar_ = made_by(tar({})), gz_ = made_by(tar({"-z"}));

  static std::string refusal(const std::string& bytes) {
    const Fd fd = in_memory(bytes);
    Listing seen;
    const auto read = read_deb(fd.get(), "p.deb", seen.visitor);
    return read ? "accepted" : read.error().message();
  }
};

TEST_F(Deb, GivesItsDataMember) {
  const Fd fd = in_memory(
      ar({{"debian-binary", "2.0\n"}, {"_odd", "x"}, {"control.tar.gz", "never read"}, {"data.tar.gz/", gz_}}));
  Listing seen;
  const auto read = read_deb(fd.get(), "p.deb", seen.visitor);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(seen.lines, kTree);
}

TEST_F(Deb, MembersStandInTheirOrder) {
  const std::pair<std::string, std::string> version{"debian-binary", "2.0\n"}, control{"control.tar.xz", "c"},
      data{"data.tar", tar_};
  EXPECT_EQ(refusal(ar({version, control, data})), "accepted");
  EXPECT_EQ(refusal(ar({version, control, data, {"extra", "x"}})),
            "accepted");  // deb(5): the archive may grow at its end
  EXPECT_EQ(refusal(ar({control, data})),
            "p.deb: at 0x8: the first member is \"control.tar.xz\", not \"debian-binary\"");
  EXPECT_EQ(refusal(ar({version, data})), "p.deb: at 0x48: member \"data.tar\" stands where control.tar belongs");
  EXPECT_EQ(refusal(ar({version, control})), "p.deb: at 0x86: the package ends 60 bytes early");
  EXPECT_EQ(refusal(ar({{"debian-binary", "3.0\n"}, control, data})),
            "p.deb: is of format 3.0, and only 2.x is known here");
  EXPECT_EQ(refusal(ar({version, control, {"data.tar.zip", "x"}})),
            "p.deb: at 0x86: member \"data.tar.zip\" stands where data.tar belongs");
}

TEST_F(Deb, DamagedHeadersAreNamed) {
  const std::string good = ar({{"debian-binary", "2.0\n"}, {"control.tar", ""}, {"data.tar", tar_}});
  const auto with = [&](std::size_t at, std::string_view text) {
    return refusal(std::string(good).replace(at, text.size(), text));
  };
  EXPECT_EQ(with(0, "!<thin>\n"), "p.deb: at 0x0: is not an ar archive");
  EXPECT_EQ(with(8 + 48, "-1"), "p.deb: at 0x38: the size of member \"debian-binary\" is not a number");
  EXPECT_EQ(with(8 + 48, "          "), "p.deb: at 0x38: member \"debian-binary\" has no size");
  EXPECT_EQ(with(8 + 58, "xx"), "p.deb: at 0x42: an ar header does not end as one");
  EXPECT_EQ(with(8 + 48, "9999999999"), "p.deb: at 0x8: debian-binary has 9999999999 bytes");
  // 0x48 and 0x84 are the headers of control.tar and data.tar.
  EXPECT_EQ(refusal(good.substr(0, 0x84 + 60 + 100)).substr(0, 9), "p.deb: at");
  EXPECT_EQ(refusal(""), "p.deb: at 0x0: the package ends 8 bytes early");
}

}  // namespace
}  // namespace hallmark
