#include "lib/vmm/qemu_tables.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <deque>

#include "lib/base/child_process.h"
#include "lib/base/interrupt.h"
#include "lib/crypto/file_digest.h"
#include "lib/vmm/qemu_protocol.h"

namespace hallmark {
namespace {

constexpr std::size_t kMaxLine = std::size_t{1} << 20;
constexpr std::size_t kKeptMessages = 4096;
constexpr std::uint64_t kMaxItem = std::uint64_t{8} << 20, kMaxItems = std::uint64_t{32} << 20;
constexpr std::string_view kTables = "etc/acpi/tables";
constexpr std::uint16_t kBootMenuKey = 0x0e, kDirectoryKey = 0x19;

// Guest memory that we use to talk with fw_cfg: before the firmware runs and after it has been stopped for good.
constexpr std::uint64_t kDmaAddress = 0x10000, kBufferAddress = 0x20000;
constexpr std::size_t kBufferBytes = 0x10000;

Result<std::pair<Fd, Fd>> socket_pair() {
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return fail_errno("no socket can be made", errno);
  return std::pair{Fd(ends[0]), Fd(ends[1])};
}

Result<std::string> find_program(const std::string& name, std::string_view advice) {
  if (name.find('/') != std::string::npos) return name;
  for (const char* folder : {"/usr/local/bin", "/usr/bin", "/bin"}) {
    const fs::path path = fs::path(folder) / name;
    if (access(path.c_str(), X_OK) == 0) return path.string();
  }
  return fail(Fault::environment, name + ": no such program; " + std::string(advice));
}

// A machine under our control. It is killed with the object, and whenever this process ends.
class Machine {
 public:
  static Result<Machine> start(const std::string& program, const QemuArguments& rewritten, const QemuRequest& request) {
    TRY(TemporaryFolder folder, TemporaryFolder::make("hallmark-qemu-"));
    const std::map<std::string, std::string> environment{
        {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        {"LC_ALL", "C.UTF-8"},
        {"HOME", folder.path().string()},
        {"TMPDIR", folder.path().string()}};
    TRY(auto qmp, socket_pair());
    TRY(auto qtest, socket_pair());
    fcntl(qmp.first.get(), F_SETFL, O_NONBLOCK);
    fcntl(qtest.first.get(), F_SETFL, O_NONBLOCK);
    std::vector<int> inherited{qmp.second.get(), qtest.second.get()};
    std::optional<ChildProcess> tpm;
    std::pair<Fd, Fd> tpm_socket;
    if (rewritten.has_tpm) {
      TRY(const std::string emulator,
          find_program(request.tpm,
                       "the machine has a TPM, which that emulates: install it, or leave out -tpmdev and "
                       "its -device"));
      TRY(tpm_socket, socket_pair());
      TRY(ChildProcess started,
          ChildProcess::start({emulator, "socket", "--tpm2", "--tpmstate", "dir=" + folder.path().string(), "--ctrl",
                               "type=unixio,clientfd=3", "--terminate"},
                              environment, {tpm_socket.second.get()}));
      tpm.emplace(std::move(started));
      tpm_socket.second.reset();
      inherited.push_back(tpm_socket.first.get());
    }
    std::vector<std::string> words{program};
    words.insert(words.end(), rewritten.arguments.begin(), rewritten.arguments.end());
    // QEMU 7.2 looks for the character device by the name "qtest" whatever -qtest calls it.
    words.insert(words.end(), {"-accel",
                               "tcg",
                               "-bios",
                               request.firmware.string(),
                               "-display",
                               "none",
                               "-monitor",
                               "none",
                               "-S",
                               "-chardev",
                               "socket,id=hallmark-qmp,fd=3",
                               "-mon",
                               "chardev=hallmark-qmp,mode=control",
                               "-chardev",
                               "socket,id=qtest,fd=4",
                               "-qtest",
                               "chardev:qtest",
                               "-qtest-log",
                               "/dev/null",
                               "-trace",
                               "enable=fw_cfg_select"});
    TRY(ChildProcess child, ChildProcess::start(words, environment, inherited));
    qmp.second.reset(), qtest.second.reset();
    return Machine(std::move(folder), std::move(tpm), std::move(child), std::move(qmp.first), std::move(qtest.first),
                   request.timeout);
  }

  // The greeting; then the monitor takes commands. Returns QEMU's version.
  Result<std::string> greet() {
    while (!greeting_) CHECK(wait());
    const Json* version = greeting_->find("version");
    const Json* number = version ? version->find("qemu") : nullptr;
    std::string text;
    for (const char* part : {"major", "minor", "micro"}) {
      const Json* n = number ? number->find(part) : nullptr;
      if (!n || !n->is_integer()) return fail(Fault::format, "QMP: the greeting has no version");
      text += (text.empty() ? "" : ".") + std::to_string(n->integer());
    }
    if (const Json* package = version->find("package"); package && package->is_string() && !package->string().empty())
      text += " (" + printable(package->string()) + ")";
    CHECK(execute("qmp_capabilities"));
    return text;
  }

  Result<Json> execute(std::string_view command, std::optional<Json> arguments = std::nullopt) {
    Json request = Json::object({{"execute", command}});
    if (arguments) request["arguments"] = *std::move(arguments);
    CHECK(send(qmp_, request.canonical() + "\n"));
    while (qmp_answers_.empty()) CHECK(wait());
    Result<QmpMessage> answer = std::move(qmp_answers_.front());
    qmp_answers_.pop_front();
    TRY(QmpMessage message, in(command, std::move(answer)));
    return std::move(message.value);
  }

  // Waits until the firmware selects the item.
  Status wait_for_selection(std::uint16_t key) {
    while (!selected_[key]) CHECK(wait());
    return {};
  }

  // Reads `size` bytes of the item as firmware does, through fw_cfg's DMA interface.
  Result<Bytes> read_item(std::uint16_t key, std::size_t size) {
    Bytes out;
    while (out.size() < size) {
      const std::size_t piece = std::min(size - out.size(), kBufferBytes);
      // The first access selects the item; the others go on where the one before ended.
      const std::uint32_t select = out.empty() ? std::uint32_t{key} << 16 | kFwCfgDmaSelect : 0;
      const Bytes access = encode_fw_cfg_dma(select | kFwCfgDmaRead, static_cast<std::uint32_t>(piece), kBufferAddress);
      CHECK(ask("write " + hex_offset(kDmaAddress) + " " + hex_offset(access.size()) + " 0x" + to_hex(access)));
      // The address register is big-endian, 8 bytes at port 0x514; writing its lower half starts the transfer.
      CHECK(ask("outl 0x514 0x0"));
      Bytes address(4);
      store_le<std::uint32_t>(address, static_cast<std::uint32_t>(kDmaAddress));
      CHECK(ask("outl 0x518 0x" + to_hex(address)));
      TRY(const Bytes control, read_memory(kDmaAddress, 4));
      if (load_be<std::uint32_t>(control) != 0)
        return fail(Fault::environment, "fw_cfg: item " + hex_offset(key) + " cannot be read");
      TRY(const Bytes bytes, read_memory(kBufferAddress, piece));
      out.insert(out.end(), bytes.begin(), bytes.end());
    }
    return out;
  }

  Result<std::vector<FwCfgFile>> directory() {
    TRY(const Bytes count, read_item(kDirectoryKey, 4));
    const std::uint32_t files = load_be<std::uint32_t>(count);
    if (files > kMaxFwCfgFiles) return fail(Fault::format, "fw_cfg directory: count is " + std::to_string(files));
    TRY(const Bytes bytes, read_item(kDirectoryKey, 4 + files * kFwCfgFileBytes));
    return parse_fw_cfg_directory(bytes);
  }

  // What QEMU printed, for an error.
  std::string messages() const { return printable(kept_); }

 private:
  Machine(TemporaryFolder folder, std::optional<ChildProcess> tpm, ChildProcess child, Fd qmp, Fd qtest,
          std::chrono::seconds timeout)
      : folder_(std::move(folder)),
        tpm_(std::move(tpm)),
        child_(std::move(child)),
        qmp_(std::move(qmp)),
        qtest_(std::move(qtest)),
        timeout_(timeout),
        deadline_(std::chrono::steady_clock::now() + timeout) {}

  Status send(const Fd& to, std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(to.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (n > 0)
        text.remove_prefix(static_cast<std::size_t>(n));
      else if (errno == EAGAIN)
        CHECK(wait());
      else if (errno != EINTR)
        return ended();
    }
    return {};
  }

  Result<std::string> ask(const std::string& line) {
    CHECK(send(qtest_, line + "\n"));
    while (qtest_answers_.empty()) CHECK(wait());
    Result<QtestMessage> answer = std::move(qtest_answers_.front());
    qtest_answers_.pop_front();
    TRY(QtestMessage message, std::move(answer));
    return std::move(message.value);
  }

  Result<Bytes> read_memory(std::uint64_t address, std::size_t size) {
    TRY(const std::string value, ask("read " + hex_offset(address) + " " + hex_offset(size)));
    return parse_qtest_bytes(value, size);
  }

  // Takes in what QEMU has to say, for at most a quarter of a second.
  Status wait() {
    if (interrupted()) return fail(Fault::interrupted, "interrupted");
    if (std::chrono::steady_clock::now() >= deadline_)
      return fail(Fault::environment, "the firmware has not asked for the ACPI tables within " +
                                          std::to_string(timeout_.count()) + " seconds" + said());
    pollfd waiting[3] = {{qmp_.get(), POLLIN, 0}, {qtest_.get(), POLLIN, 0}, {child_.messages().get(), POLLIN, 0}};
    if (poll(waiting, 3, 250) < 0 && errno != EINTR) return fail_errno("poll", errno);
    // Its messages first: they say why it went away.
    TRY(const bool silent, take(child_.messages(), trace_));
    while (auto line = trace_.next()) hear(*line);
    TRY(const bool no_monitor, take(qmp_, qmp_lines_));
    while (auto line = qmp_lines_.next()) {
      auto message = parse_qmp(*line);
      if (message && message->kind == QmpMessage::Kind::greeting)
        greeting_ = message->value;
      else if (!message || message->kind == QmpMessage::Kind::answer)
        qmp_answers_.push_back(std::move(message));
      if (qmp_answers_.size() > 1) return fail(Fault::format, "QMP: an answer to no command");
    }
    TRY(const bool no_test, take(qtest_, qtest_lines_));
    while (auto line = qtest_lines_.next()) {
      auto message = parse_qtest(*line);
      if (!message || message->answer) qtest_answers_.push_back(std::move(message));
      if (qtest_answers_.size() > 1) return fail(Fault::format, "qtest: an answer to no question");
    }
    if (silent || no_monitor || no_test) return ended();
    return {};
  }

  // Whether the other end is closed.
  static Result<bool> take(const Fd& from, LineBuffer& into) {
    char buffer[65536];
    // A bound on one turn: who talks without end is heard, but does not keep us from the clock.
    for (int turn = 0; turn < 64; turn++) {
      const ssize_t n = read(from.get(), buffer, sizeof buffer);
      if (n < 0) return errno != EAGAIN && errno != EINTR;
      if (n == 0) return true;
      CHECK(into.add({buffer, static_cast<std::size_t>(n)}));
    }
    return false;
  }

  void hear(const std::string& line) {
    if (const auto key = traced_selection(line)) {
      selected_[*key] = true;
      return;
    }
    // A dozen lines for each processor, of what does not matter to the tables.
    if (line.find("TCG doesn't support requested feature") != std::string::npos) return;
    kept_ += line + "\n";
    if (kept_.size() > kKeptMessages) kept_.erase(0, kept_.size() - kKeptMessages);
  }

  std::string said() const {
    std::string text = messages();
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text.empty() ? std::string() : ": " + text;
  }

  Status ended() {
    // What it wrote before it closed its sockets may still be in the pipe.
    const auto patience = std::min(deadline_, std::chrono::steady_clock::now() + std::chrono::seconds(2));
    while (std::chrono::steady_clock::now() < patience) {
      pollfd waiting{child_.messages().get(), POLLIN, 0};
      poll(&waiting, 1, 100);
      const auto closed = take(child_.messages(), trace_);
      while (auto line = trace_.next()) hear(*line);
      if (!closed || *closed) break;
    }
    return fail(Fault::environment, "QEMU ended" + (said().empty() ? std::string(" without a word") : said()));
  }

  TemporaryFolder folder_;  // outlives the children
  std::optional<ChildProcess> tpm_;
  ChildProcess child_;
  Fd qmp_, qtest_;
  std::chrono::seconds timeout_;
  std::chrono::steady_clock::time_point deadline_;
  LineBuffer trace_{"QEMU's messages", kMaxLine}, qmp_lines_{"QMP", kMaxLine}, qtest_lines_{"qtest", kMaxLine};
  std::optional<Json> greeting_;
  std::deque<Result<QmpMessage>> qmp_answers_;
  std::deque<Result<QtestMessage>> qtest_answers_;
  std::map<std::uint16_t, bool> selected_;
  std::string kept_;
};

// The items that a guest's firmware takes tables or settings from; not the boot images, nor the ROMs.
bool is_wanted(const FwCfgFile& file) {
  return (file.name.starts_with("etc/") && !file.name.starts_with("etc/boot/")) || file.name == "bootorder" ||
         file.name.starts_with("opt/ovmf/");
}

Result<QemuTables> boot(const std::string& program, const QemuArguments& rewritten, const QemuRequest& request,
                        Progress& progress) {
  progress.phase("starting the firmware in QEMU, to read its ACPI tables");
  QemuTables out;
  TRY(Machine machine, Machine::start(program, rewritten, request));
  TRY(out.version, machine.greet());
  TRY(const Json trace, machine.execute("trace-event-get-state", Json::object({{"name", "fw_cfg_select"}})));
  const Json* state = trace.is_array() && trace.items().size() == 1 ? trace.items()[0].find("state") : nullptr;
  if (!state || *state != Json("enabled"))
    return fail(Fault::unsupported,
                "this QEMU was built without trace events: hallmark cannot see when the firmware "
                "takes its tables");

  TRY(const std::vector<FwCfgFile> before, machine.directory());
  const auto named = [](const std::vector<FwCfgFile>& files, std::string_view name) {
    return std::find_if(files.begin(), files.end(), [&](const FwCfgFile& file) { return file.name == name; });
  };
  const auto tables = named(before, kTables);
  if (tables == before.end()) return fail(Fault::unsupported, "this machine has no ACPI tables in fw_cfg");

  CHECK(machine.execute("cont"));
  CHECK(machine.wait_for_selection(tables->key));
  CHECK(machine.execute("stop"));

  TRY(const std::vector<FwCfgFile> files, machine.directory());
  std::uint64_t sum = 0;
  for (const FwCfgFile& file : files) {
    if (!is_wanted(file)) continue;
    sum += file.size;
    if (file.size > kMaxItem || sum > kMaxItems)
      return fail(Fault::unsupported, "fw_cfg: " + file.name + " has " + std::to_string(file.size) + " bytes");
    TRY(out.files[file.name], machine.read_item(file.key, file.size));
  }
  TRY(out.boot_menu, machine.read_item(kBootMenuKey, 2));
  out.arguments = rewritten.arguments;
  out.replaced = rewritten.replaced;
  return out;
}

// Files that the arguments name decide the answer too: by their bytes, or large ones (which QEMU does not put into
// tables) by what the file system says of them.
Result<Json> named_files(const std::vector<std::string>& arguments) {
  Json out = Json::array();
  for (const std::string& argument : arguments) {
    for (std::size_t start = 0; start <= argument.size();) {
      const std::size_t end = std::min(argument.find_first_of(",=:\"", start), argument.size());
      for (const std::string& candidate : {argument.substr(start, end - start), argument.substr(start)}) {
        struct stat facts {};
        if (candidate.empty() || stat(candidate.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
        std::string identity;
        if (facts.st_size <= (std::int64_t{256} << 20)) {
          TRY(const FileDigest digest, digest_file(candidate));
          identity = to_hex(digest.sha256);
        } else {
          for (const auto n : {static_cast<std::int64_t>(facts.st_dev), static_cast<std::int64_t>(facts.st_ino),
                               static_cast<std::int64_t>(facts.st_size), std::int64_t{facts.st_mtim.tv_sec},
                               std::int64_t{facts.st_mtim.tv_nsec}, std::int64_t{facts.st_ctim.tv_sec},
                               std::int64_t{facts.st_ctim.tv_nsec}})
            identity += std::to_string(n) + " ";
        }
        out.push_back(Json::array({candidate, identity}));
        if (start == 0 && end == argument.size()) break;  // both candidates are the whole word
      }
      start = end + 1;
    }
  }
  return out;
}

Result<std::string> cache_key(const std::string& program, const QemuArguments& rewritten, const QemuRequest& request) {
  TRY(const FileDigest binary, digest_file(program));
  TRY(const FileDigest firmware, digest_file(request.firmware));
  TRY(Json files, named_files(rewritten.arguments));
  Json arguments = Json::array();
  for (const std::string& argument : rewritten.arguments) arguments.push_back(argument);
  return Json::object({{"arguments", std::move(arguments)},
                       {"files", std::move(files)},
                       {"firmware", to_hex(firmware.sha256)},
                       {"program", program},
                       {"program_sha256", to_hex(binary.sha256)}})
      .canonical();
}

constexpr std::string_view kFormat = "hallmark-qemu-tables-1";

}  // namespace

const Bytes* QemuTables::find(const std::string& name) const {
  const auto found = files.find(name);
  return found == files.end() ? nullptr : &found->second;
}

Json QemuTables::description() const {
  Json words = Json::array(), changes = Json::array();
  for (const std::string& argument : arguments) words.push_back(argument);
  for (const ReplacedArgument& r : replaced) {
    Json change = Json::object({{"was", r.was}});
    change["is"] = r.is.empty() ? Json() : Json(r.is);
    change["why"] = r.why;
    changes.push_back(std::move(change));
  }
  return Json::object({{"qemu", version}, {"arguments", std::move(words)}, {"replaced", std::move(changes)}});
}

std::string encode_qemu_tables(const QemuTables& tables, std::string_view key) {
  Json files = Json::object();
  for (const auto& [name, bytes] : tables.files) files[name] = to_base64(bytes);
  const std::string body = Json::object({{"format", kFormat},
                                         {"key", key},
                                         {"version", tables.version},
                                         {"boot_menu", to_hex(tables.boot_menu)},
                                         {"files", std::move(files)}})
                               .canonical();
  return to_hex(digest<Alg::sha256>(as_bytes(body))) + "\n" + body;
}

std::optional<QemuTables> parse_qemu_tables(std::string_view text, std::string_view key) {
  constexpr std::size_t kHead = 64;
  if (text.size() < kHead + 1 || text[kHead] != '\n') return std::nullopt;
  const std::string_view body = text.substr(kHead + 1);
  if (text.substr(0, kHead) != to_hex(digest<Alg::sha256>(as_bytes(body)))) return std::nullopt;
  const auto json = parse_json(body, {.bytes = std::size_t{64} << 20, .depth = 8});
  if (!json) return std::nullopt;
  Fields fields(*json, "kept tables");
  QemuTables out;
  fields.literal("format", kFormat);
  if (fields.text("key") != key) return std::nullopt;
  out.version = fields.text("version");
  const auto boot_menu = from_hex(fields.hex("boot_menu", 2));
  std::map<std::string, std::string> files = fields.text_map("files", kMaxFwCfgFiles);
  if (!fields.finish(true) || !boot_menu) return std::nullopt;
  out.boot_menu = *boot_menu;
  for (const auto& [name, spelled] : files) {
    auto bytes = from_base64(spelled);
    if (!bytes) return std::nullopt;
    out.files[name] = *std::move(bytes);
  }
  return out;
}

fs::path qemu_cache() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value == nullptr ? "" : value);
  };
  // XDG Base Directory Specification: a relative path is to be ignored.
  if (const fs::path cache = variable("XDG_CACHE_HOME"); cache.is_absolute()) return cache / "hallmark/qemu-tables";
  if (const fs::path home = variable("HOME"); home.is_absolute()) return home / ".cache/hallmark/qemu-tables";
  return {};
}

Result<QemuTables> qemu_tables(const QemuRequest& request, Progress& progress) {
  TRY(const QemuArguments rewritten, rewrite_qemu_arguments(request.arguments, request.cpu));
  std::string name = request.program.empty() ? rewritten.program : request.program;
  if (name.empty()) name = "qemu-system-x86_64";
  TRY(const std::string program, find_program(name, "install qemu-system-x86, or name another"));

  if (request.cache.empty()) return in("QEMU", boot(program, rewritten, request, progress));
  TRY(const std::string key, cache_key(program, rewritten, request));
  const fs::path entry = request.cache / to_hex(digest<Alg::sha256>(as_bytes(key)));
  if (const auto text = read_text(entry, std::uint64_t{64} << 20)) {
    if (auto kept = parse_qemu_tables(*text, key)) {
      kept->arguments = rewritten.arguments;
      kept->replaced = rewritten.replaced;
      kept->cached = true;
      return *std::move(kept);
    }
    progress.note("the kept tables in " + entry.string() + " are damaged and made again");
  }
  TRY(QemuTables tables, in("QEMU", boot(program, rewritten, request, progress)));
  // The answer stands whether or not it can be kept.
  Status kept = make_folders(request.cache);
  if (kept) kept = write_file(entry, encode_qemu_tables(tables, key));
  if (!kept) progress.note("the tables are not kept: " + kept.error().message());
  return tables;
}

}  // namespace hallmark
