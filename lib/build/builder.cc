#include "lib/build/builder.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "lib/base/version.h"
#include "lib/build/host.h"
#include "lib/crypto/file_digest.h"

namespace hallmark::build {
namespace {

constexpr std::size_t kLastLines = 15, kLineLength = 300, kCommandLength = 120;
constexpr std::uint64_t kMaxLog = std::uint64_t{1} << 30, kMaxRecord = std::uint64_t{16} << 20;
constexpr std::array<std::string_view, 3> kOwnFiles{kRecordFile, kLogFile, kLockFile};

std::string shortened(std::string_view text, std::size_t length) {
  const std::string_view line = text.substr(0, text.find('\n'));
  return printable(line.substr(0, length)) + (line.size() > length || line.size() < text.size() ? " …" : "");
}

// The folder as a name in its parent, whatever slashes and dots it was written with.
Result<fs::path> plain_folder(const fs::path& out) {
  fs::path path = fs::absolute(out).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (!path.has_filename()) return fail(Fault::usage, out.string() + ": cannot receive the outputs");
  return path;
}

// What a build replaces must be an earlier build's, or empty.
Status check_replaceable(const fs::path& out) {
  std::error_code error;
  const auto type = fs::symlink_status(out, error).type();
  if (type == fs::file_type::not_found) return {};
  if (type == fs::file_type::directory && (fs::exists(out / kRecordFile, error) || fs::is_empty(out, error))) return {};
  return fail(Fault::usage, out.string() + ": is there already and is not the folder of an earlier build (it has no " +
                                std::string(kRecordFile) + "); choose another folder for the outputs");
}

Status check_outputs(const pin::Lock& lock) {
  for (const pin::Output& output : lock.recipe.outputs)
    for (const std::string_view own : kOwnFiles)
      if (output.path == own || output.path.starts_with(std::string(own) + "/"))
        return fail(Fault::usage,
                    "output \"" + printable(output.path) + "\": hallmark writes a file of that name itself");
  return {};
}

// The sources' archives, each with the bytes that the lock names.
Result<std::vector<Mount>> find_sources(const Store& store, const pin::Lock& lock) {
  std::vector<Mount> out;
  for (const pin::SourcePin& source : lock.sources) {
    TRY(const Sha256 digest, in("source " + source.name, digest_from_hex<Alg::sha256>(source.tree_sha256)));
    CHECK(in("source " + source.name, store.open_blob(digest)));
    out.push_back({source.into, store.blob_path(digest)});
  }
  // A source inside another's folder comes after it.
  std::stable_sort(out.begin(), out.end(), [](const Mount& a, const Mount& b) { return a.into < b.into; });
  return out;
}

struct RootFolder {
  fs::path path;
  std::optional<TemporaryFolder> copy;  // removed with us
};
Result<RootFolder> find_root(const Store& store, const pin::Lock& lock, const BuildOptions& options,
                             Progress& progress) {
  if (!options.root_in) {
    TRY(const Root root, assemble_root(store, lock, box_owner(), progress));
    return RootFolder{root.folder, {}};
  }
  TRY(TemporaryFolder copy, TemporaryFolder::make(*options.root_in, "hallmark-root"));
  const fs::path path = copy.path() / "root";
  CHECK(make_folders(path));
  CHECK(unpack_root(store, lock, box_owner(), path, progress));
  return RootFolder{path, std::move(copy)};
}

// The last lines of a log, fit for a terminal.
Result<std::string> last_lines(const fs::path& log) {
  TRY(const std::string text, read_text(log, kMaxLog));
  std::string_view rest = text;
  while (rest.ends_with('\n')) rest.remove_suffix(1);
  std::vector<std::string> lines;
  while (!rest.empty() && lines.size() < kLastLines) {
    const auto newline = rest.rfind('\n');
    const std::string_view line = rest.substr(newline == rest.npos ? 0 : newline + 1);
    lines.push_back("  | " + printable(line.substr(0, kLineLength)) + (line.size() > kLineLength ? " …" : "") + "\n");
    rest = newline == rest.npos ? std::string_view() : rest.substr(0, newline);
  }
  std::string out;
  for (auto it = lines.rbegin(); it != lines.rend(); ++it) out += *it;
  return out;
}

Failure describe_failed_step(const pin::Lock& lock, const BoxResult& result, const fs::path& log,
                             const fs::path& kept) {
  const auto lines = last_lines(log);
  std::string what = "step " + std::to_string(*result.failed + 1) + " of " + std::to_string(lock.recipe.steps.size()) +
                     " (" + shortened(lock.recipe.steps[*result.failed], kCommandLength) + "): ";
  what += result.status > 128 ? "killed by signal " + std::to_string(result.status - 128)
                              : "exit status " + std::to_string(result.status);
  if (!lines || lines->empty())
    what += "; it printed nothing\n";
  else
    what += "; the last lines of the log:\n" + *lines;
  if (rename(log.c_str(), kept.c_str()) != 0)
    return fail_errno(what + "and the log cannot be kept as " + kept.string(), errno);
  return fail(Fault::mismatch, what + "the whole log: " + kept.string());
}

Result<std::vector<OutputRecord>> record_outputs(const pin::Lock& lock, const fs::path& folder) {
  std::vector<OutputRecord> out;
  for (const pin::Output& output : lock.recipe.outputs) {
    TRY(const FileDigest digest, digest_file(folder / output.path));
    struct stat st {};
    if (stat((folder / output.path).c_str(), &st) != 0) return fail_errno(output.path + ": cannot be examined", errno);
    out.push_back({output.path, output.kind, output.with, to_hex(digest.sha256), digest.size, st.st_mode & 07777});
  }
  return out;
}

// Puts the finished folder in the place of what was there, in one step.
Status publish(TemporaryFolder& finished, const fs::path& out) {
  if (chmod(finished.path().c_str(), 0755) != 0)
    return fail_errno(finished.path().string() + ": cannot set its mode", errno);
  int result = renameat2(AT_FDCWD, finished.path().c_str(), AT_FDCWD, out.c_str(), RENAME_EXCHANGE);
  if (result == 0) return {};                    // the earlier build now has the temporary name, and goes with it
  if (errno == EINVAL) CHECK(remove_tree(out));  // a file system that cannot exchange
  result = rename(finished.path().c_str(), out.c_str());
  if (result != 0) return fail_errno(out.string() + ": the outputs cannot be put there", errno);
  finished.release();
  return {};
}

}  // namespace

Result<Built> build(const Store& store, const pin::Lock& lock, const BuildOptions& options, Progress& progress) {
  TRY(const fs::path out, plain_folder(options.out));
  CHECK(check_outputs(lock));
  CHECK(check_replaceable(out));
  TRY(const Sandbox* sandbox, find_sandbox(options.backend.value_or("native")));

  TRY(const std::vector<Mount> sources, find_sources(store, lock));
  TRY(const RootFolder root, in("the root file system", find_root(store, lock, options, progress)));

  // From here to the end nothing changes but a temporary folder beside `out`.
  CHECK(make_folders(out.parent_path()));
  TRY(TemporaryFolder work, TemporaryFolder::make(out.parent_path(), "." + out.filename().string()));
  const fs::path log = work.path() / kLogFile;
  std::vector<std::string> outputs;
  for (const pin::Output& output : lock.recipe.outputs) outputs.push_back(output.path);
  BuildRecord record;
  record.started = now();
  progress.phase("building " + lock.name);
  const BoxRequest request{
      .root = root.path,
      .sources = sources,
      .epoch = lock.epoch,
      .cpus = lock.recipe.cpus,
      .pinned_cpus = options.cpus,
      .environment = lock.recipe.environment,
      .steps = lock.recipe.steps,
      .outputs = outputs,
      .out = work.path(),
      .log = log,
      .on_output = options.on_output,
  };
  TRY(const BoxResult result, in("building " + lock.name, sandbox->run(request)));
  if (result.failed)
    return in("building " + lock.name,
              Result<Built>(describe_failed_step(lock, result, log, out.string() + ".failed.log")));

  record.finished = now();
  record.lock_sha256 = to_hex(pin::lock_digest(lock));
  record.box = pin::kBoxRules;
  record.fixed = fixed_conditions(lock);
  record.host = describe_host(sandbox->name());
  record.hallmark_version = version();
  TRY(const FileDigest log_digest, digest_file(log));
  record.log_sha256 = to_hex(log_digest.sha256);
  TRY(record.outputs, record_outputs(lock, work.path()));
  CHECK(write_file(work.path() / kLockFile, pin::write_lock(lock)));
  CHECK(write_file(work.path() / kRecordFile, to_json(record).pretty() + "\n"));
  CHECK(publish(work, out));
  return Built{std::move(record), options.out, options.out / kLogFile};
}

Result<BuildRecord> read_build(const fs::path& out) {
  TRY(const std::string text, read_text(out / kRecordFile, kMaxRecord));
  TRY(BuildRecord record, parse_record(text, (out / kRecordFile).string()));
  for (const OutputRecord& output : record.outputs) {
    TRY(const FileDigest digest, digest_file(out / output.path));
    if (to_hex(digest.sha256) != output.sha256)
      return fail(Fault::mismatch, (out / output.path).string() + ": is no longer what was built: its SHA-256 is " +
                                       to_hex(digest.sha256) + ", the record says " + output.sha256);
  }
  return record;
}

}  // namespace hallmark::build
