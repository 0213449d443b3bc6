#include "lib/build/repeat.h"

#include <sched.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "lib/base/interrupt.h"

namespace hallmark::build {
namespace {

constexpr std::array<mode_t, 3> kUmasks{022, 077, 002};
constexpr std::uint64_t kSpare = std::uint64_t{1} << 30;  // left free on the other file system

// The process's umask, changed while it lives. It reaches no file that we hash: that is what is tried.
class Umask {
 public:
  explicit Umask(mode_t mask) : before_(umask(mask)) {}
  ~Umask() { umask(before_); }
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;

 private:
  mode_t before_;
};

std::vector<unsigned> usable_cpus() {
  cpu_set_t set;
  std::vector<unsigned> out;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return out;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &set)) out.push_back(cpu);
  return out;
}

// The set of CPUs that comes `turn` places after the first, or nothing if there is only one set.
std::optional<std::vector<unsigned>> other_cpus(const std::vector<unsigned>& usable, std::size_t count,
                                                std::size_t turn) {
  if (usable.size() <= count) return std::nullopt;
  std::vector<unsigned> out;
  for (std::size_t i = 0; i < count; i++) out.push_back(usable[(turn + i) % usable.size()]);
  std::sort(out.begin(), out.end());
  return out;
}

// A folder on a file system other than the store's, with room for the root file system and programs allowed.
std::optional<fs::path> other_file_system(const fs::path& store, std::uint64_t bytes) {
  struct stat home {
  }, there{};
  if (stat(store.c_str(), &home) != 0) return std::nullopt;
  std::vector<fs::path> candidates;
  for (const char* name : {"TMPDIR", "XDG_RUNTIME_DIR"})
    if (const char* path = std::getenv(name); path != nullptr && *path != '\0') candidates.emplace_back(path);
  for (const char* path : {"/dev/shm", "/tmp", "/var/tmp", "/run"}) candidates.emplace_back(path);
  for (const fs::path& path : candidates) {
    struct statvfs room {};
    if (stat(path.c_str(), &there) != 0 || there.st_dev == home.st_dev || statvfs(path.c_str(), &room) != 0) continue;
    if ((room.f_flag & (ST_NOEXEC | ST_RDONLY)) != 0) continue;
    const std::uint64_t free = std::uint64_t{room.f_bavail} * room.f_frsize;
    // Files take whole blocks: half as much again is ample.
    if (free < bytes + bytes / 2 + kSpare) continue;
    if (TemporaryFolder::make(path, "hallmark-probe")) return path;  // and we may write there
  }
  return std::nullopt;
}

std::string octal(mode_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode);
  return text;
}

std::string list(const std::vector<unsigned>& cpus) {
  std::string out;
  for (unsigned cpu : cpus) out += (out.empty() ? "" : ",") + std::to_string(cpu);
  return out;
}

bool same(const OutputRecord& a, const OutputRecord& b) { return a.sha256 == b.sha256 && a.mode == b.mode; }

}  // namespace

bool Repeated::all_agree() const {
  return std::all_of(agreeing.begin(), agreeing.end(), [this](std::size_t n) { return n == runs.size(); });
}

Result<Repeated> build_repeatedly(const Store& store, const pin::Lock& lock, const BuildOptions& options,
                                  std::uint32_t times, Progress& progress) {
  const std::vector<unsigned> usable = usable_cpus();
  const std::size_t count = lock.recipe.cpus;
  const std::optional<fs::path> elsewhere = other_file_system(store.root(), lock.root.bytes);

  TRY(Built first, in("build 1 of " + std::to_string(times), build(store, lock, options, progress)));
  Repeated out{std::move(first), {}, {}, {}};
  if (usable.size() <= count)
    out.not_varied.push_back("CPU affinity: the recipe takes all " + std::to_string(usable.size()) + " CPUs");
  if (!elsewhere) out.not_varied.push_back("file system: no second one with room for the root file system");
  const std::vector<unsigned> own(usable.begin(),
                                  usable.begin() + static_cast<std::ptrdiff_t>(std::min(count, usable.size())));
  const mode_t here = umask(0);
  umask(here);
  out.runs.push_back({options.out,
                      {{"umask", octal(here)},
                       {"cpus", list(own)},
                       {"path", options.out.string()},
                       {"root_file_system", store.root().string()}},
                      out.first.record.outputs});

  for (std::size_t i = 1; i < times; i++) {
    CHECK(not_interrupted());
    const mode_t mask = kUmasks[i % kUmasks.size()];
    Run run;
    BuildOptions varied = options;
    varied.out = options.out;
    varied.out += ".repeat-" + std::to_string(i + 1);
    varied.cpus = other_cpus(usable, count, i);
    if (i % 2 == 1) varied.root_in = elsewhere;
    run.under = {{"umask", octal(mask)},
                 {"cpus", list(varied.cpus.value_or(own))},
                 {"path", varied.out.string()},
                 {"root_file_system", varied.root_in.value_or(store.root()).string()}};
    const Umask with(mask);
    TRY(Built built,
        in("build " + std::to_string(i + 1) + " of " + std::to_string(times), build(store, lock, varied, progress)));
    run.folder = varied.out;
    run.outputs = std::move(built.record.outputs);
    const auto& reference = out.first.record.outputs;
    if (std::equal(reference.begin(), reference.end(), run.outputs.begin(), run.outputs.end(), same)) {
      CHECK(remove_tree(varied.out));
      run.folder.clear();
    }
    out.runs.push_back(std::move(run));
  }
  for (std::size_t o = 0; o < out.first.record.outputs.size(); o++)
    out.agreeing.push_back(
        static_cast<std::size_t>(std::count_if(out.runs.begin(), out.runs.end(), [&](const Run& run) {
          return same(run.outputs[o], out.first.record.outputs[o]);
        })));
  return out;
}

}  // namespace hallmark::build
