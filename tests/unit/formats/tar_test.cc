#include "lib/formats/tar.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <map>

#include "lib/base/process.h"

namespace hallmark {
namespace {

using Type = TarEntry::Type;

TarEntry file(std::string path, std::uint64_t size) { return {std::move(path), Type::file, size, {}}; }
TarEntry folder(std::string path) { return {std::move(path), Type::folder, 0, {}}; }
TarEntry symlink_to(std::string path, std::string target) {
  return {std::move(path), Type::symlink, 0, std::move(target)};
}
TarEntry hardlink_to(std::string path, std::string target) {
  return {std::move(path), Type::hardlink, 0, std::move(target)};
}

Fd in_memory(ByteView bytes) {
  Fd fd(memfd_create("archive", MFD_CLOEXEC));
  EXPECT_TRUE(write_all(fd.get(), bytes));
  EXPECT_EQ(lseek(fd.get(), 0, SEEK_SET), 0);
  return fd;
}

// The archive of the entries; a file's content is its size in 'x'.
Result<Bytes> archive(const std::vector<TarEntry>& entries) {
  Bytes out;
  TarWriter writer([&](ByteView piece) -> Status {
    out.insert(out.end(), piece.begin(), piece.end());
    return {};
  });
  for (const TarEntry& entry : entries) {
    CHECK(writer.add(entry));
    CHECK(writer.data(as_bytes(std::string(static_cast<std::size_t>(entry.size), 'x'))));
  }
  CHECK(writer.finish());
  return out;
}

Result<std::vector<TarEntry>> entries_of(ByteView bytes) {
  std::vector<TarEntry> out;
  const Fd fd = in_memory(bytes);
  CHECK(read_tar(fd.get(), "t.tar",
                 {.on_entry = [&](const TarEntry& e) -> Status {
                    out.push_back(e);
                    return {};
                  },
                  .on_data = [](ByteView) -> Status { return {}; }}));
  return out;
}

std::string refusal(ByteView bytes) {
  const auto entries = entries_of(bytes);
  return entries ? "accepted" : entries.error().message();
}
std::string refusal(const std::vector<TarEntry>& entries) {
  const auto bytes = archive(entries);
  return bytes ? "accepted" : bytes.error().message();
}

Bytes sample() {
  const std::string deep(60, 'd');
  return *archive({file("a.b", 10), folder("a"), file("a/file", 6), folder("b"), folder("b/empty"), folder(deep),
                   folder(deep + "/" + deep), file(deep + "/" + deep + "/leaf", 4), symlink_to("link", "a/file"),
                   symlink_to("longlink", std::string(101, 't')), file(std::string(100, 'n'), 513),
                   hardlink_to("z", "a/file")});
}

TEST(TarWriter, PutsInTheFoldersThatNobodyAdded) {
  EXPECT_EQ(*archive({file("a/b/c", 1), file("a/b/d", 1), file("e", 0)}),
            *archive({folder("a"), folder("a/b"), file("a/b/c", 1), file("a/b/d", 1), file("e", 0)}));
}

TEST(TarWriter, AnEmptyTreeIsOneRecordOfZeros) { EXPECT_EQ(*archive({}), Bytes(10240)); }

TEST(TarWriter, SortsFoldersWithTheirSlash) {
  EXPECT_TRUE(tar_order(file("a.b", 0), folder("a")));  // "a.b" < "a/"
  EXPECT_TRUE(tar_order(folder("a"), file("a0", 0)));   // "a/" < "a0"
  EXPECT_TRUE(archive({file("a.b", 0), folder("a"), file("a0", 0)}));
  EXPECT_EQ(refusal({folder("a"), file("a.b", 0)}), "entry \"a.b\": comes after \"a/\", which sorts behind it");
}

TEST(TarWriter, RefusesWhatCannotBeUnpackedFaithfully) {
  EXPECT_EQ(refusal({file("a", 0), file("a", 0)}), "entry \"a\": is repeated");
  EXPECT_EQ(refusal({file("a", 0), file("a/b", 0)}), "entry \"a\": is a folder and was something else before");
  EXPECT_EQ(refusal({symlink_to("a", "/etc"), file("a.x", 0), file("a/b", 0)}),
            "entry \"a\": is a folder and was something else before");
  for (const char* path : {"/a", "../a", "a/../b", "a//b", ""})
    EXPECT_EQ(refusal({file(path, 0)}), "entry \"" + std::string(path) + "\": is not a plain relative path");
  EXPECT_EQ(refusal({hardlink_to("b", "a")}), "entry \"b\": hard link to \"a\", which is no earlier file");
  EXPECT_EQ(refusal({symlink_to("a", "x"), hardlink_to("b", "a")}),
            "entry \"b\": hard link to \"a\", which is no earlier file");
  EXPECT_EQ(refusal({symlink_to("a", "")}), "entry \"a\": a link without a target");
  EXPECT_EQ(refusal({{"a", Type::file, 0, "x"}}), "entry \"a\": has a link target but is no link");
  EXPECT_EQ(refusal({{"a", Type::folder, 1, {}}}), "entry \"a\": its size 1 is not allowed");
}

TEST(TarWriter, HoldsAFileToItsSize) {
  TarWriter writer([](ByteView) -> Status { return {}; });
  ASSERT_TRUE(writer.add(file("a", 2)));
  EXPECT_EQ(writer.data(as_bytes("xyz")).error().message(), "the file's content is 1 bytes longer than its size");
  ASSERT_TRUE(writer.data(as_bytes("x")));
  EXPECT_EQ(writer.finish().error().message(), "the file's content is 1 bytes short of its size");
}

TEST(TarReader, ReturnsWhatWasWritten) {
  const auto entries = entries_of(sample());
  ASSERT_TRUE(entries) << entries.error().message();
  ASSERT_EQ(entries->size(), 12u);
  EXPECT_EQ((*entries)[7].path, std::string(60, 'd') + "/" + std::string(60, 'd') + "/leaf");
  EXPECT_EQ((*entries)[9], symlink_to("longlink", std::string(101, 't')));
  EXPECT_EQ((*entries)[11], hardlink_to("z", "a/file"));
}

TEST(TarReader, HandlesSizesBeyondTheOctalField) {
  // Only the header is looked at: the reader then misses the content.
  Bytes header;
  TarWriter writer([&](ByteView piece) -> Status {
    header.insert(header.end(), piece.begin(), piece.end());
    return {};
  });
  ASSERT_TRUE(writer.add(file("f", std::uint64_t{1} << 33)));
  EXPECT_EQ(as_text(ByteView(header).subspan(512, 19)), "19 size=8589934592\n");
  std::uint64_t size = 0;
  const Fd fd = in_memory(header);
  const auto read = read_tar(fd.get(), "t.tar",
                             {.on_entry = [&](const TarEntry& e) -> Status {
                                size = e.size;
                                return {};
                              },
                              .on_data = [](ByteView) -> Status { return {}; }});
  EXPECT_EQ(size, std::uint64_t{1} << 33);
  EXPECT_EQ(read.error().message(), "t.tar: ends at 0x600 in the middle of the archive");
}

TEST(TarReader, RefusesAnyOtherSpelling) {
  const Bytes good = *archive({file("a", 3)});
  ASSERT_EQ(refusal(good), "accepted");
  // A bit flipped anywhere but in the content makes another archive, which is refused: there is one spelling.
  for (std::size_t i = 0; i < good.size(); i++) {
    if (i >= 512 && i < 515) continue;
    Bytes bad = good;
    bad[i] ^= 1;
    EXPECT_NE(refusal(bad), "accepted") << "bit flipped at " << i;
  }
  const auto with = [&](std::size_t at, std::string_view text) {
    Bytes bad = good;
    std::memcpy(bad.data() + at, text.data(), text.size());
    return refusal(bad);
  };
  EXPECT_EQ(with(108, "0001000"), "t.tar: at 0x0: entry \"a\": uid is not in canonical form");
  EXPECT_EQ(with(265, "root"), "t.tar: at 0x0: entry \"a\": uname is not in canonical form");
  EXPECT_EQ(with(156, "3"), "t.tar: at 0x9c: the entry's type is not a file, folder or link");
  EXPECT_EQ(with(515, "y"), "t.tar: at 0x203: padding that is not zero");
  EXPECT_EQ(with(10239, "y"), "t.tar: at 0x600: bytes that are not zero after the archive's end");

  Bytes longer = good;
  longer.resize(longer.size() + 10240);
  EXPECT_EQ(refusal(longer), "t.tar: at 0x2800: bytes after the archive's end");
  for (const std::size_t length : {0, 1, 511, 512, 514, 1024, 1536, 2048, 10239})
    EXPECT_EQ(refusal(ByteView(good).first(length)),
              "t.tar: ends at " + hex_offset(length) + " in the middle of the archive");
}

// The format is exactly what GNU tar writes when told to; so anyone can check a digest without us.
class GnuTar : public testing::Test {
 protected:
  TemporaryFolder folder_ = *TemporaryFolder::make("tar-test");

  // `paths`: in the order of the format, folders with their slash.
  Bytes archive_of(const fs::path& tree, const std::vector<std::string>& paths) {
    ProcessSpec command{.arguments = {"tar", "--create", "--format=posix", "--no-recursion", "--owner=0", "--group=0",
                                      "--numeric-owner", "--mtime=@0",
                                      "--pax-option=exthdr.name=././@PaxHeader,delete=atime,delete=ctime,delete=mtime",
                                      "--blocking-factor=20", "--directory", tree.string()}};
    command.arguments.insert(command.arguments.end(), paths.begin(), paths.end());
    const auto done = run_process(command);
    EXPECT_TRUE(done) << done.error().message();
    EXPECT_EQ(done->status, 0) << done->errors;
    const ByteView out = as_bytes(done->output);
    return {out.begin(), out.end()};
  }
};

TEST_F(GnuTar, WritesTheSameBytes) {
  const fs::path tree = folder_.path() / "tree";
  const std::string deep(60, 'd'), full(100, 'n'), longer(101, 'o');
  for (const fs::path& path : {tree / "a", tree / "b/empty", tree / deep / deep}) ASSERT_TRUE(make_folders(path));
  ASSERT_TRUE(write_file(tree / "a/file", "hello\n"));
  ASSERT_TRUE(write_file(tree / "a.b", "#!/bin/sh\n", 0755));
  ASSERT_TRUE(write_file(tree / deep / deep / "leaf", "deep"));
  ASSERT_TRUE(write_file(tree / full, std::string(513, 'x')));
  ASSERT_TRUE(write_file(tree / longer, std::string(512, 'x')));
  ASSERT_TRUE(write_file(tree / "é", "x"));
  fs::create_symlink("a/file", tree / "link");
  fs::create_symlink(std::string(101, 't'), tree / "longlink");
  fs::create_symlink("é", tree / "to");
  fs::create_hard_link(tree / "a/file", tree / "z");
  for (const fs::path& path : {tree / "a", tree / "b", tree / "b/empty", tree / deep, tree / deep / deep})
    ASSERT_EQ(chmod(path.c_str(), 0755), 0);

  Bytes ours;
  const auto totals = write_tar_of_folder(tree, [&](ByteView piece) -> Status {
    ours.insert(ours.end(), piece.begin(), piece.end());
    return {};
  });
  ASSERT_TRUE(totals) << totals.error().message();
  EXPECT_EQ(totals->files, 10u);
  EXPECT_EQ(totals->bytes, 6u + 10 + 4 + 513 + 512 + 1);
  const Bytes theirs =
      archive_of(tree, {"a.b", "a/", "a/file", "b/", "b/empty/", deep + "/", deep + "/" + deep + "/",
                        deep + "/" + deep + "/leaf", "link", "longlink", full, longer, "to", "z", "é"});
  EXPECT_EQ(to_hex(digest<Alg::sha256>(ours)), to_hex(digest<Alg::sha256>(theirs)));
  EXPECT_EQ(ours, theirs);
  EXPECT_EQ(refusal(theirs), "accepted");
}

class Unpacked : public testing::Test {
 protected:
  TemporaryFolder folder_ = *TemporaryFolder::make("tar-test");

  Status unpack(ByteView bytes) {
    const Fd fd = in_memory(bytes);
    TRY(const Fd into, open_file(folder_.path(), O_RDONLY | O_DIRECTORY));
    CHECK(unpack_tar(fd.get(), "t.tar", into.get(), 1'000'000'000));
    return {};
  }
  struct stat look(const fs::path& path) const {
    struct stat st {};
    EXPECT_EQ(lstat((folder_.path() / path).c_str(), &st), 0) << path;
    return st;
  }
};

TEST_F(Unpacked, IsTheTreeThatWasArchivedWhateverTheUmask) {
  const Bytes bytes = sample();
  const mode_t before = umask(0777);
  const auto unpacked = unpack(bytes);
  umask(before);
  ASSERT_TRUE(unpacked) << unpacked.error().message();

  EXPECT_EQ(look("a").st_mode & 07777, 0755u);
  EXPECT_EQ(look("a/file").st_mode & 07777, 0644u);
  EXPECT_EQ(look("z").st_ino, look("a/file").st_ino);
  for (const char* path : {"a", "a/file", "link", "b/empty", "a.b"}) {
    EXPECT_EQ(look(path).st_mtim.tv_sec, 1'000'000'000) << path;
    EXPECT_EQ(look(path).st_mtim.tv_nsec, 0) << path;
  }
  const auto again = digest_folder(folder_.path());
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(to_hex(again->sha256), to_hex(digest<Alg::sha256>(bytes)));
}

TEST_F(Unpacked, NeverGoesThroughALinkThatWasThereBefore) {
  const TemporaryFolder outside = *TemporaryFolder::make("tar-test");
  fs::create_directory_symlink(outside.path(), folder_.path() / "a");
  const auto unpacked = unpack(*archive({folder("a"), file("a/f", 1)}));
  ASSERT_FALSE(unpacked);
  EXPECT_EQ(unpacked.error().fault, Fault::environment);
  EXPECT_TRUE(fs::is_empty(outside.path()));
}

TEST_F(Unpacked, ReplacesNothing) {
  ASSERT_TRUE(write_file(folder_.path() / "f", "mine"));
  const auto unpacked = unpack(*archive({file("f", 1)}));
  ASSERT_FALSE(unpacked);
  EXPECT_EQ(unpacked.error().message(), "unpacking t.tar: f: cannot be made: File exists");
  EXPECT_EQ(*read_text(folder_.path() / "f", 10), "mine");
}

TEST_F(Unpacked, FoldersOfTheHostMayHoldOnlyFilesFoldersAndLinks) {
  ASSERT_EQ(mkfifo((folder_.path() / "fifo").c_str(), 0600), 0);
  const auto found = digest_folder(folder_.path());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().fault, Fault::unsupported);
  EXPECT_EQ(found.error().message(),
            (folder_.path() / "fifo").string() + ": is neither a file, a folder nor a symbolic link");
}

}  // namespace
}  // namespace hallmark
