#include "lib/pin/source.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "lib/base/process.h"
#include "lib/formats/tar.h"

namespace hallmark::pin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// A folder with a store in it and whatever git repositories a test makes with the git program.
class Source : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::make("source-test");
    ASSERT_TRUE(folder) << folder.error().message();
    work_ = folder->release();
    auto store = Store::open(work_ / "store");
    ASSERT_TRUE(store) << store.error().message();
    store_.emplace(*std::move(store));
  }
  void TearDown() override {
    store_.reset();
    EXPECT_TRUE(remove_tree(work_));
  }

  // In `work_`, with git told who and when.
  std::string sh(const std::string& script) {
    ProcessSpec command{.arguments = {"/bin/sh", "-euc", script}};
    command.environment.insert({{"HOME", work_.string()},
                                {"GIT_CONFIG_NOSYSTEM", "1"},
                                {"GIT_CONFIG_COUNT", "1"},
                                {"GIT_CONFIG_KEY_0", "init.defaultBranch"},
                                {"GIT_CONFIG_VALUE_0", "main"},
                                {"GIT_AUTHOR_NAME", "t"},
                                {"GIT_AUTHOR_EMAIL", "t@example.org"},
                                {"GIT_AUTHOR_DATE", "1600000000 +0000"},
                                {"GIT_COMMITTER_NAME", "t"},
                                {"GIT_COMMITTER_EMAIL", "t@example.org"},
                                {"GIT_COMMITTER_DATE", "1700000000 +0200"}});
    command.folder = work_;
    auto done = run_process(command);
    EXPECT_TRUE(done && done->status == 0) << script << "\n" << (done ? done->errors : done.error().message());
    return done ? done->output.substr(0, done->output.find_last_not_of('\n') + 1) : "";
  }

  Result<SourcePin> pin(std::variant<GitRequest, PathRequest, ArchiveRequest> origin, PinOptions options = {},
                        std::vector<std::string> allowed = {}) {
    return pin_source({"app", ".", std::move(origin), std::move(allowed)}, work_, options, *store_, progress_);
  }
  Result<SourcePin> pin_archive(const std::string& file, std::uint32_t strip = 0) {
    const std::string sha256 = sh("sha256sum " + file + " | cut -c1-64"), size = sh("stat -c %s " + file);
    return pin(ArchiveRequest{{file}, sha256, std::stoull(size), strip});
  }

  // What is in the archive of a source: "d sub/", "f sub/a 3", "x run 9", "l link -> target".
  std::vector<std::string> contents(const SourcePin& source) {
    std::vector<std::string> out;
    TarVisitor visitor;
    visitor.on_entry = [&](const TarEntry& e) -> Status {
      const std::string size = " " + std::to_string(e.size);
      if (e.type == TarEntry::Type::folder) out.push_back("d " + e.path);
      if (e.type == TarEntry::Type::file) out.push_back("f " + e.path + size);
      if (e.type == TarEntry::Type::executable) out.push_back("x " + e.path + size);
      if (e.type == TarEntry::Type::symlink) out.push_back("l " + e.path + " -> " + e.target);
      return {};
    };
    visitor.on_data = [&](ByteView) -> Status { return {}; };
    auto blob = store_->open_blob(*digest_from_hex<Alg::sha256>(source.tree_sha256));
    EXPECT_TRUE(blob) << blob.error().message();
    if (blob) {
      EXPECT_TRUE(read_tar(blob->get(), "test", visitor));
    }
    return out;
  }

  static std::string error_of(const Result<SourcePin>& pin) { return pin ? "no error" : pin.error().message(); }
  static std::string error_of(const Status& status) { return status ? "no error" : status.error().message(); }

  // A repository "app" with one of everything.
  void make_app() {
    sh("git init -q app && cd app && mkdir -p sub/deep && printf 'one\\n' > a.txt && printf '#!/bin/sh\\n' > run.sh && "
       "chmod +x run.sh"
       " && ln -s ../outside link && printf 'x' > sub/deep/file && printf 'y' > sub.c && printf '*.o\\n' > .gitignore "
       "&& git add -A && git commit -qm first");
  }

  fs::path work_;
  std::optional<Store> store_;
  SilentProgress progress_;
};

TEST_F(Source, GitTreeIsTakenAsItIsCommitted) {
  make_app();
  auto source = pin(GitRequest{"app", "main"});
  ASSERT_TRUE(source) << source.error().message();
  const auto& git = std::get<GitPin>(source->origin);
  EXPECT_EQ(git.commit, sh("git -C app rev-parse HEAD"));
  EXPECT_EQ(git.tree, sh("git -C app rev-parse HEAD^{tree}"));
  EXPECT_EQ(git.committed, 1700000000);
  EXPECT_EQ(git.url, "app");
  EXPECT_THAT(contents(*source), ElementsAre("f .gitignore 4", "f a.txt 4", "l link -> ../outside", "x run.sh 10",
                                             "f sub.c 1", "d sub", "d sub/deep", "f sub/deep/file 1"));
  EXPECT_EQ(source->files, 6u);
  EXPECT_EQ(source->bytes, 20u);
}

// Oracle: GNU tar over a checkout, told to write what hallmark-tar-1 says.
TEST_F(Source, DigestIsThatOfTheCanonicalTar) {
  make_app();
  auto source = pin(PathRequest{"app"});
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_EQ(source->tree_sha256,
            sh("umask 022 && mkdir out && git -C app -c tar.umask=0022 archive HEAD | tar -x -C out && cd out &&"
               " find . -mindepth 1 -type d -printf '%P/\\n' -o -mindepth 1 -printf '%P\\n' | LC_ALL=C sort |"
               " tar --create --format=ustar --no-recursion --owner=0 --group=0 --numeric-owner --mtime=@0"
               " --verbatim-files-from --files-from=- | sha256sum | cut -c1-64"));
}

// The same bytes, from wherever and under whatever configuration they are read.
TEST_F(Source, FiltersAttributesAndUmaskChangeNothing) {
  sh("git init -q app && cd app && printf '*.txt text eol=crlf\\nv.c ident export-subst\\nsecret export-ignore\\n' > "
     ".gitattributes"
     " && printf 'a\\nb\\n' > a.txt && printf '$Id$ $Format:%%H$\\n' > v.c && printf s > secret && git add -A && git "
     "commit -qm first");
  auto from_path = pin(PathRequest{"app"});
  ASSERT_TRUE(from_path) << from_path.error().message();
  EXPECT_THAT(contents(*from_path), ElementsAre("f .gitattributes 64", "f a.txt 4", "f secret 1", "f v.c 17"));
  auto from_git = pin(GitRequest{"app", "main"});
  ASSERT_TRUE(from_git) << from_git.error().message();
  EXPECT_EQ(from_git->tree_sha256, from_path->tree_sha256);
  sh("umask 077 && git clone -q app other && git -C other config core.autocrlf true");
  auto from_clone = pin(GitRequest{"other", "main"});
  ASSERT_TRUE(from_clone) << from_clone.error().message();
  EXPECT_EQ(from_clone->tree_sha256, from_path->tree_sha256);
}

TEST_F(Source, KeepsFileNamesThatAreNoText) {
  sh("git init -q app && cd app && printf 1 > \"$(printf 'a\\377b')\" && printf 2 > \"$(printf 'new\\nline')\" && "
     "printf 3 > ' ' && printf 4 > '*' && git add -A && git commit -qm first");
  auto source = pin(PathRequest{"app"});
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_THAT(contents(*source), ElementsAre("f   1", "f * 1",
                                             "f a\xff"
                                             "b 1",
                                             "f new\nline 1"));
}

TEST_F(Source, RefsAreResolvedAsTheRemoteSays) {
  make_app();
  const std::string first = sh("git -C app rev-parse HEAD");
  sh("cd app && git tag light && git -c tag.gpgsign=false tag -a -m m v1 && git tag -a -m m v2 v1 && echo 2 > a.txt && "
     "git commit -qam second && git branch both && git tag both && git checkout -q -b dev");
  const std::string second = sh("git -C app rev-parse HEAD");
  auto commit_of = [&](const std::string& ref) {
    auto source = pin(GitRequest{"app", ref});
    return source ? std::get<GitPin>(source->origin).commit : source.error().message();
  };
  EXPECT_EQ(commit_of("light"), first);
  EXPECT_EQ(commit_of("v2"), first);  // a tag of a tag of a commit
  EXPECT_EQ(commit_of("refs/tags/v1"), first);
  EXPECT_EQ(commit_of("main"), second);
  EXPECT_EQ(commit_of("HEAD"), second);
  EXPECT_EQ(commit_of(first), first);
  EXPECT_EQ(commit_of("refs/heads/both"), second);
  EXPECT_THAT(commit_of("both"),
              HasSubstr("has both refs/tags/both and refs/heads/both; write out the one that is meant"));
  EXPECT_THAT(commit_of("nothing"), HasSubstr("has no branch, tag or ref \"nothing\""));
  EXPECT_THAT(commit_of(std::string(40, '1')), HasSubstr("not on any branch or tag: commit 1111"));
  // A branch that moves is followed, also to where its name was a folder before.
  sh("cd app && git checkout -q main && git branch -D dev && git branch dev/x && echo 3 > a.txt && git commit -qam "
     "third");
  EXPECT_EQ(commit_of("main"), sh("git -C app rev-parse main"));
  EXPECT_EQ(commit_of("dev/x"), second);
  // A file:// address and a bare repository are as good as a path.
  sh("git clone -q --bare app bare.git");
  EXPECT_EQ(std::get<GitPin>(pin(GitRequest{"file://" + (work_ / "bare.git").string(), "v1"})->origin).commit, first);
}

TEST_F(Source, SubmodulesAndLfsPointersAreRefusedByName) {
  make_app();
  sh("git init -q outer && cd outer && git -c protocol.file.allow=always submodule --quiet add ../app vendor/app && "
     "git commit -qm first");
  EXPECT_THAT(error_of(pin(GitRequest{"outer", "main"})),
              HasSubstr("source app: vendor/app: is a git submodule, which this version does not follow"));
  sh("cd app && mkdir data && printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:00\\nsize 9\\n' > "
     "data/model.bin && git add -A && git commit -qm lfs");
  const auto lfs = pin(PathRequest{"app"});
  EXPECT_THAT(error_of(lfs), HasSubstr("source app: data/model.bin: is a pointer of git LFS"));
  EXPECT_EQ(lfs.error().fault, Fault::unsupported);
}

TEST_F(Source, DirtyFolderIsRefusedUnlessAskedFor) {
  make_app();
  sh("cd app && mkdir other && printf o > other/o && git add -A && git commit -qm other");
  sh("cd app && printf lock > hallmark.lock && printf obj > x.o");  // neither counts: a lock, and an ignored file
  auto clean = pin(PathRequest{"app"});
  ASSERT_TRUE(clean) << clean.error().message();
  EXPECT_FALSE(std::get<PathPin>(clean->origin).dirty);

  auto refused = [&](const std::string& change, const std::string& path) {
    sh("cd app && " + change);
    const auto dirty = pin(PathRequest{"app"});
    EXPECT_THAT(error_of(dirty), HasSubstr("has changes that no commit holds: " + path)) << change;
    EXPECT_EQ(dirty.error().fault, Fault::usage);
  };
  refused("echo more >> sub/deep/file", "sub/deep/file;");
  // What happens elsewhere in the work tree does not matter to a folder of it.
  EXPECT_TRUE(pin(PathRequest{"app/other"}));
  refused("git add sub/deep/file", "sub/deep/file;");
  sh("cd app && git reset -q --hard");
  refused("printf n > new.c", "new.c;");
  sh("rm app/new.c");
  refused("rm a.txt", "a.txt;");
  sh("cd app && git checkout -q a.txt");
  refused("chmod -x run.sh", "run.sh;");

  sh("cd app && printf n > new.c && rm sub.c && mkdir empty");
  auto dirty = pin(PathRequest{"app"}, {.allow_dirty = true});
  ASSERT_TRUE(dirty) << dirty.error().message();
  EXPECT_TRUE(std::get<PathPin>(dirty->origin).dirty);
  EXPECT_EQ(std::get<PathPin>(dirty->origin).commit, sh("git -C app rev-parse HEAD"));
  EXPECT_THAT(contents(*dirty),
              ElementsAre("f .gitignore 4", "f a.txt 4", "l link -> ../outside", "f new.c 1", "d other", "f other/o 1",
                          "f run.sh 10", "d sub", "d sub/deep", "f sub/deep/file 1"));
}

TEST_F(Source, DiskAndCommitAgreeOnTheSameContent) {
  make_app();
  auto committed = pin(PathRequest{"app"});
  ASSERT_TRUE(committed) << committed.error().message();
  sh("cp -a app plain && rm -rf plain/.git && mkdir plain/empty && printf lock > plain/sub/hallmark.lock");
  EXPECT_THAT(error_of(pin(PathRequest{"plain"})), HasSubstr("is not in a git work tree; "));
  auto plain = pin(PathRequest{"plain"}, {.allow_dirty = true});
  ASSERT_TRUE(plain) << plain.error().message();
  EXPECT_EQ(plain->tree_sha256, committed->tree_sha256);
  EXPECT_TRUE(std::get<PathPin>(plain->origin).commit.empty());
  // In a work tree before its first commit.
  sh("git init -q plain");
  EXPECT_THAT(error_of(pin(PathRequest{"plain"})), HasSubstr("has no commit yet"));
}

TEST_F(Source, ALockInTheFolderDoesNotMoveItsOwnDigest) {
  make_app();
  const auto before = pin(PathRequest{"app"});
  ASSERT_TRUE(before);
  sh("cd app && printf lock > hallmark.lock && git add -A && git commit -qm lock");
  const auto after = pin(PathRequest{"app"}, {.previous = &*before});
  ASSERT_TRUE(after) << after.error().message();
  EXPECT_EQ(after->tree_sha256, before->tree_sha256);
  // The pin stays the one that the committed lock holds; otherwise locking would never end.
  EXPECT_EQ(std::get<PathPin>(after->origin).commit, std::get<PathPin>(before->origin).commit);
  // A commit that is gone from the history is not kept.
  sh("cd app && git reset -q --soft HEAD~1 && git commit -q --amend -m amended");
  const auto amended = pin(PathRequest{"app"}, {.previous = &*before});
  ASSERT_TRUE(amended) << amended.error().message();
  EXPECT_EQ(std::get<PathPin>(amended->origin).commit, sh("git -C app rev-parse HEAD"));
}

TEST_F(Source, PrivateKeysAreRefusedByPath) {
  make_app();
  sh("cd app && mkdir keys && openssl genpkey -algorithm ED25519 -out keys/signing.pem 2>/dev/null && git add -A && "
     "git commit -qm oops");
  const auto refused = pin(GitRequest{"app", "main"});
  EXPECT_THAT(error_of(refused),
              HasSubstr("source app: keys/signing.pem: holds a private key (PRIVATE KEY) in line 1"));
  EXPECT_THAT(error_of(refused), HasSubstr("allow_private_keys"));
  EXPECT_EQ(refused.error().fault, Fault::mismatch);
  EXPECT_THAT(error_of(pin(PathRequest{"app"})), HasSubstr("keys/signing.pem"));
  EXPECT_THAT(error_of(pin(PathRequest{"app"}, {.allow_dirty = true})), HasSubstr("keys/signing.pem"));
  const auto excused = pin(GitRequest{"app", "main"}, {}, {"keys/signing.pem"});
  ASSERT_TRUE(excused) << excused.error().message();
  EXPECT_THAT(excused->allow_private_keys, ElementsAre("keys/signing.pem"));
  EXPECT_THAT(error_of(pin(GitRequest{"app", "main"}, {}, {"a.txt", "keys/signing.pem"})),
              HasSubstr("allow_private_keys lists \"a.txt\", where no private key is"));
}

TEST_F(Source, ArchivesOfEveryKindGiveTheSameTree) {
  sh("mkdir -p tree-1/sub tree-1/empty && cd tree-1 && printf one > a && printf two > sub/b && chmod 755 sub/b && ln "
     "-s a link");
  sh("for c in gzip xz bzip2 zstd; do tar -cf t.$c.tar tree-1 && $c -c t.$c.tar > t.$c; done; python3 - <<'P'\n"
     "import tarfile\nwith tarfile.open('reverse.tar', 'w') as t:\n  for n in ['tree-1/sub/b', 'tree-1/link', "
     "'tree-1/empty', 'tree-1/a']: t.add(n, './' + n, recursive=False)\nP");
  std::vector<std::string> digests;
  for (const std::string file : {"t.gzip", "t.xz", "t.bzip2", "t.zstd", "reverse.tar"}) {
    auto source = pin_archive(file, 1);
    ASSERT_TRUE(source) << file << ": " << source.error().message();
    digests.push_back(source->tree_sha256);
    EXPECT_THAT(contents(*source), ElementsAre("f a 3", "d empty", "l link -> a", "d sub", "x sub/b 3")) << file;
  }
  EXPECT_THAT(digests, testing::Each(digests[0]));
  sh("python3 - <<'P'\nimport zipfile\nwith zipfile.ZipFile('t.zip', 'w') as z:\n  z.writestr('tree-1/a', 'one')\n"
     "  i = zipfile.ZipInfo('tree-1/sub/b'); i.external_attr = 0o100755 << 16; z.writestr(i, 'two')\nP");
  auto zip = pin_archive("t.zip", 1);
  ASSERT_TRUE(zip) << zip.error().message();
  EXPECT_THAT(contents(*zip), ElementsAre("f a 3", "d sub", "x sub/b 3"));
}

TEST_F(Source, HardLinksBecomeFiles) {
  sh("mkdir t && printf one > t/a && ln t/a t/b && tar -cf t.tar -C t a b");
  auto source = pin_archive("t.tar");
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_THAT(contents(*source), ElementsAre("f a 3", "f b 3"));
}

TEST_F(Source, ArchivesThatReachOutAreRefused) {
  auto tar = [&](const std::string& python) {
    sh("python3 - <<'P'\nimport tarfile, io\nt = tarfile.open('bad.tar', 'w')\n"
       "def add(name, kind=tarfile.REGTYPE, link='', data=b'x'):\n  i = tarfile.TarInfo(name); i.type = kind; "
       "i.linkname = link\n"
       "  i.size = len(data) if kind == tarfile.REGTYPE else 0\n  t.addfile(i, io.BytesIO(data))\n" +
       python + "\nt.close()\nP");
    return error_of(pin_archive("bad.tar"));
  };
  EXPECT_THAT(tar("add('../evil')"), HasSubstr("\"../evil\" is not a path inside the archive"));
  EXPECT_THAT(tar("add('/etc/passwd')"), HasSubstr("\"/etc/passwd\" is not a path inside the archive"));
  EXPECT_THAT(tar("add('a/../../b')"), HasSubstr("is not a path inside the archive"));
  EXPECT_THAT(tar("add('a')\nadd('a')"), HasSubstr("a: is in the archive twice"));
  EXPECT_THAT(tar("add('d', tarfile.SYMTYPE, '/etc')\nadd('d/passwd')"),
              HasSubstr("d/passwd: lies below d, which is no folder"));
  EXPECT_THAT(tar("add('b', tarfile.LNKTYPE, 'a')"),
              HasSubstr("b: is a hard link to \"a\", which is no file before it"));
  EXPECT_THAT(tar("add('b', tarfile.LNKTYPE, '/etc/shadow')"),
              HasSubstr("\"/etc/shadow\" is not a path inside the archive"));
  EXPECT_THAT(tar("add('dev', tarfile.CHRTYPE)"), HasSubstr("dev: is neither a file nor a folder nor a link"));
  EXPECT_THAT(tar("add('pipe', tarfile.FIFOTYPE)"), HasSubstr("pipe: is neither a file nor a folder nor a link"));
  EXPECT_EQ(tar("add('l', tarfile.SYMTYPE, '/etc/passwd')"), "no error");  // kept as a link, followed by nobody
  sh("printf x > top && tar -cf top.tar top");
  EXPECT_THAT(error_of(pin_archive("top.tar", 1)), HasSubstr("top: lies above the folders that strip: 1 leaves"));
}

TEST_F(Source, ArchiveBytesAreCheckedBeforeAnythingReadsThem) {
  sh("printf 'not an archive' > x.tar");
  const std::string sha256 = sh("sha256sum x.tar | cut -c1-64");
  EXPECT_THAT(error_of(pin(ArchiveRequest{{"x.tar"}, sha256, 13, 0})),
              HasSubstr("x.tar: size: has more than 13 bytes, 13 wanted"));
  EXPECT_THAT(error_of(pin(ArchiveRequest{{"x.tar"}, sha256, 15, 0})),
              HasSubstr("x.tar: size: has 14 bytes, 15 wanted"));
  const auto wrong = pin(ArchiveRequest{{"x.tar"}, std::string(64, '0'), 14, 0});
  EXPECT_THAT(error_of(wrong), HasSubstr("x.tar: sha256: "));
  EXPECT_EQ(wrong.error().fault, Fault::mismatch);
  EXPECT_EQ(pin(ArchiveRequest{{"x.tar"}, sha256, 14, 0}).error().fault, Fault::format);
  EXPECT_THAT(error_of(pin(ArchiveRequest{{"missing.tar"}, std::string(64, '1'), 14, 0})),
              HasSubstr("missing.tar: is not there"));
}

TEST_F(Source, IsFetchedAgainIntoAnotherStore) {
  make_app();
  sh("git -C app archive --prefix=app-1/ -o ../app.tar HEAD");
  auto other = Store::open(work_ / "other");
  ASSERT_TRUE(other) << other.error().message();
  for (auto source : {pin(GitRequest{"app", "main"}), pin(PathRequest{"app"}), pin_archive("app.tar", 1)}) {
    ASSERT_TRUE(source) << source.error().message();
    const Sha256 tree = *digest_from_hex<Alg::sha256>(source->tree_sha256);
    auto stranger = Store::open(work_ / ("stranger" + std::to_string(source->origin.index())));
    ASSERT_TRUE(stranger);
    EXPECT_EQ(error_of(fetch_source(*source, work_, {}, *stranger, progress_)), "no error");
    EXPECT_TRUE(stranger->has(tree));
  }
}

TEST_F(Source, ACopyServesWhereTheOriginIsGone) {
  make_app();
  auto source = pin(PathRequest{"app"});
  ASSERT_TRUE(source) << source.error().message();
  sh("git clone -q app clone && cp -a app plain && rm -rf plain/.git && mv app gone && cd clone && echo later >> a.txt "
     "&& git commit -qam later");
  auto fetch = [&, count = 0](std::map<std::string, fs::path> copies, SourcePin wanted) mutable {
    auto stranger = Store::open(work_ / ("stranger" + std::to_string(count++)));
    return error_of(fetch_source(wanted, work_, copies, *stranger, progress_));
  };
  EXPECT_THAT(fetch({}, *source), HasSubstr("source app: "));
  EXPECT_EQ(fetch({{"app", work_ / "plain"}}, *source), "no error");
  // The clone has moved on, but the pinned commit is in its history.
  EXPECT_EQ(fetch({{"app", work_ / "clone"}}, *source), "no error");
  // Without that history its content is something else.
  sh("git clone -q --depth 1 file://$PWD/clone shallow");
  EXPECT_THAT(fetch({{"app", work_ / "shallow"}}, *source), HasSubstr("source app: tree_sha256: "));
  SourcePin edited = *source;
  edited.bytes++;
  EXPECT_THAT(fetch({{"app", work_ / "plain"}}, edited),
              HasSubstr("source app: has 6 files of 20 bytes; the lock says 6 of 21"));
  EXPECT_TRUE(check_copies({*source}, {{"app", "x"}}));
  EXPECT_EQ(error_of(check_copies({*source}, {{"ap", "x"}})),
            "--source ap: the lock has no source of that name, did you mean \"app\"?");
}

TEST_F(Source, OneSourceMayStandInAnotherWhereThatHasNothing) {
  sh("mkdir -p outer/third_party/lib outer/full outer/link inner && printf x > outer/full/x && printf y > inner/y && "
     "rmdir outer/link && ln -s full outer/link && printf f > outer/file");
  sh("tar -cf outer.tar -C outer . && tar -cf inner.tar -C inner .");
  auto outer = pin_archive("outer.tar"), inner = pin_archive("inner.tar");
  ASSERT_TRUE(outer && inner);
  inner->name = "lib";
  auto layout = [&](const std::string& into) {
    inner->into = into;
    return error_of(check_layout({*outer, *inner}, *store_));
  };
  EXPECT_EQ(layout("third_party/lib"), "no error");  // an empty folder
  EXPECT_EQ(layout("third_party/new/deep"), "no error");
  EXPECT_EQ(layout("full/sub"), "no error");
  EXPECT_EQ(layout("full"), "source lib: goes into full, where source app has full/x");
  EXPECT_EQ(layout("file"), "source lib: goes into file, where source app has file");
  EXPECT_EQ(layout("file/sub"), "source lib: goes into file/sub, where source app has file");
  EXPECT_EQ(layout("link/sub"), "source lib: goes into link/sub, where source app has link");
}

TEST_F(Source, EpochIsTheFirstSourcesCommitTime) {
  make_app();
  Spec spec;
  auto source = pin(PathRequest{"app"});
  ASSERT_TRUE(source);
  EXPECT_EQ(*epoch_of(spec, {*source}), 1700000000);
  source->origin = ArchivePin{};
  EXPECT_THAT(epoch_of(spec, {*source}).error().message(),
              HasSubstr("build.epoch is \"commit\", but the first source, app, has no commit"));
  spec.epoch = 12;
  EXPECT_EQ(*epoch_of(spec, {*source}), 12);
}

}  // namespace
}  // namespace hallmark::pin
