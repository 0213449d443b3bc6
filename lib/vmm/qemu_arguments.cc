#include "lib/vmm/qemu_arguments.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "lib/base/files.h"
#include "lib/base/json.h"

namespace hallmark {
namespace {

// The value of an option: "driver,id=x,flag=on" or one JSON object.
class Properties {
 public:
  // `first` is the property that a value without a name in the first place is: "driver" for -device.
  static Result<Properties> parse(const std::string& text, std::string_view first) {
    Properties out;
    if (text.starts_with("{")) {
      TRY(const Json json, parse_json(text, {.bytes = std::size_t{1} << 20, .depth = 16}));
      for (const auto& [key, value] : json.members()) {
        if (key.find_first_of(",=") != std::string::npos)
          return fail(Fault::usage, "\"" + printable(key) + "\" is no name of a property");
        const bool plain = value.is_string() || value.is_integer() || value.is_bool();
        const std::string spelled = !plain              ? std::string()
                                    : value.is_string() ? value.string()
                                    : value.is_bool()   ? std::string(value.boolean() ? "on" : "off")
                                                        : std::to_string(value.integer());
        out.rows_.push_back({key, spelled, false});
      }
      out.json_ = text;
      return out;
    }
    // QemuOpts: a comma is doubled where it does not separate.
    std::string part;
    const auto finish_part = [&] {
      const std::size_t equals = part.find('=');
      if (equals != std::string::npos)
        out.rows_.push_back({part.substr(0, equals), part.substr(equals + 1), false});
      else if (out.rows_.empty() && !first.empty())
        out.rows_.push_back({std::string(first), part, true});
      else if (!part.empty())
        out.rows_.push_back({part, "on", false});
      part.clear();
    };
    for (std::size_t i = 0; i < text.size(); i++) {
      if (text[i] != ',')
        part += text[i];
      else if (i + 1 < text.size() && text[i + 1] == ',')
        part += ',', i++;
      else
        finish_part();
    }
    finish_part();
    return out;
  }

  const std::string* find(std::string_view key) const {
    for (const Row& row : rows_)
      if (row.key == key) return &row.value;
    return nullptr;
  }
  std::string get(std::string_view key) const {
    const std::string* value = find(key);
    return value ? *value : std::string();
  }
  void set(std::string_view key, std::string value) {
    for (Row& row : rows_)
      if (row.key == key) return void(row.value = std::move(value));
    rows_.push_back({std::string(key), std::move(value), false});
  }
  template <class Predicate>
  std::size_t remove(Predicate unwanted) {
    return std::erase_if(rows_, [&](const Row& row) { return unwanted(row.key); });
  }
  bool json() const { return !json_.empty(); }

  std::string text() const {
    std::string out;
    for (const Row& row : rows_) {
      if (&row != &rows_.front()) out += ',';
      if (!row.unnamed) append(out, row.key), out += '=';
      append(out, row.value);
    }
    return out;
  }
  // ",key=value" for each of the keys that there is.
  std::string text_of(std::initializer_list<std::string_view> keys) const {
    std::string out;
    for (const std::string_view key : keys)
      if (const std::string* value = find(key)) out += ',', append(out, key), out += '=', append(out, *value);
    return out;
  }

 private:
  struct Row {
    std::string key, value;
    bool unnamed;
  };
  static void append(std::string& out, std::string_view part) {
    for (const char c : part) out.append(c == ',' ? 2 : 1, c);
  }
  std::vector<Row> rows_;
  std::string json_;
};

enum class Treat {
  keep,     // it is part of the machine
  drop,     // it changes how QEMU runs or what it shows, not the machine
  refuse,   // it would take the machine or the conversation with it away from us
  machine,  // and the rest: rewritten by the function of that name
  cpu,
  device,
  object,
  netdev,
  nic,
  net,
  chardev,
  blockdev,
  drive,
  disk,
  cdrom,
  stream,
  tpmdev,
  audiodev,
  readonly_firmware,
};

struct Option {
  bool value;
  Treat treat;
  std::string_view why;  // of what is dropped or refused
};

constexpr std::string_view kOurs = "hallmark has its own";
constexpr std::string_view kNoDisplay = "nothing is shown";
constexpr std::string_view kHost = "concerns the host, not the guest";
constexpr std::string_view kState = "the machine is started afresh, by hallmark";

const std::map<std::string_view, Option>& options() {
  using enum Treat;
  static const std::map<std::string_view, Option> table{
      {"M", {true, machine, {}}},
      {"machine", {true, machine, {}}},
      {"cpu", {true, cpu, {}}},
      {"accel", {true, drop, "the machine is emulated"}},
      {"enable-kvm", {false, drop, "the machine is emulated"}},
      {"smp", {true, keep, {}}},
      {"numa", {true, keep, {}}},
      {"global", {true, keep, {}}},
      {"set", {true, keep, {}}},
      {"boot", {true, keep, {}}},
      {"m", {true, keep, {}}},
      {"name", {true, keep, {}}},
      {"uuid", {true, keep, {}}},
      {"usb", {false, keep, {}}},
      {"usbdevice", {true, keep, {}}},
      {"vga", {true, keep, {}}},
      {"no-acpi", {false, keep, {}}},
      {"no-hpet", {false, keep, {}}},
      {"no-fd-bootchk", {false, keep, {}}},
      {"acpitable", {true, keep, {}}},
      {"smbios", {true, keep, {}}},
      {"fw_cfg", {true, keep, {}}},
      {"kernel", {true, keep, {}}},
      {"shim", {true, keep, {}}},
      {"append", {true, keep, {}}},
      {"initrd", {true, keep, {}}},
      {"option-rom", {true, keep, {}}},
      {"rtc", {true, keep, {}}},
      {"nodefaults", {false, keep, {}}},
      {"no-user-config", {false, keep, {}}},
      {"L", {true, keep, {}}},
      {"compat", {true, keep, {}}},
      {"watchdog", {true, keep, {}}},
      {"device", {true, device, {}}},
      {"object", {true, object, {}}},
      {"tpmdev", {true, tpmdev, {}}},
      {"netdev", {true, netdev, {}}},
      {"nic", {true, nic, {}}},
      {"net", {true, net, {}}},
      {"chardev", {true, chardev, {}}},
      {"blockdev", {true, blockdev, {}}},
      {"drive", {true, drive, {}}},
      {"hda", {true, disk, {}}},
      {"hdb", {true, disk, {}}},
      {"hdc", {true, disk, {}}},
      {"hdd", {true, disk, {}}},
      {"cdrom", {true, cdrom, {}}},
      {"serial", {true, stream, {}}},
      {"parallel", {true, stream, {}}},
      {"debugcon", {true, stream, {}}},
      {"nographic", {false, drop, kNoDisplay}},
      {"audio", {true, audiodev, {}}},
      {"audiodev", {true, audiodev, {}}},
      {"bios", {true, readonly_firmware, {}}},
      {"pflash", {true, readonly_firmware, {}}},
      {"mem-path", {true, drop, kHost}},
      {"mem-prealloc", {false, drop, kHost}},
      {"overcommit", {true, drop, kHost}},
      {"sandbox", {true, drop, kHost}},
      {"runas", {true, drop, kHost}},
      {"run-with", {true, drop, kHost}},
      {"chroot", {true, drop, kHost}},
      {"async-teardown", {false, drop, kHost}},
      {"msg", {true, drop, kHost}},
      {"snapshot", {false, drop, "no disk is opened"}},
      {"pidfile", {true, drop, kHost}},
      {"daemonize", {false, drop, kHost}},
      {"no-reboot", {false, drop, kState}},
      {"no-shutdown", {false, drop, kState}},
      {"action", {true, drop, kState}},
      {"watchdog-action", {true, drop, kState}},
      {"only-migratable", {false, drop, kState}},
      {"seed", {true, drop, kState}},
      {"monitor", {true, drop, kOurs}},
      {"qmp", {true, drop, kOurs}},
      {"qmp-pretty", {true, drop, kOurs}},
      {"mon", {true, drop, kOurs}},
      {"gdb", {true, drop, kOurs}},
      {"s", {false, drop, kOurs}},
      {"echr", {true, drop, kNoDisplay}},
      {"display", {true, drop, kNoDisplay}},
      {"vnc", {true, drop, kNoDisplay}},
      {"spice", {true, drop, kNoDisplay}},
      {"full-screen", {false, drop, kNoDisplay}},
      {"k", {true, drop, kNoDisplay}},
      {"S", {false, refuse, kState}},
      {"preconfig", {false, refuse, kState}},
      {"incoming", {true, refuse, kState}},
      {"loadvm", {true, refuse, kState}},
      {"qtest", {true, refuse, kOurs}},
      {"qtest-log", {true, refuse, kOurs}},
      {"trace", {true, refuse, kOurs}},
      {"d", {true, refuse, kOurs}},
      {"D", {true, refuse, kOurs}},
      {"dfilter", {true, refuse, kOurs}},
      {"icount", {true, refuse, kState}},
      {"add-fd", {true, refuse, "no descriptor of hallmark is QEMU's"}},
      {"plugin", {true, refuse, "it is another program"}},
      {"readconfig", {true, refuse, "say its options on the command line"}},
      {"dump-vmstate", {true, refuse, "it is another task"}},
      {"fsdev", {true, refuse, "a shared folder has no stand-in"}},
      {"virtfs", {true, refuse, "a shared folder has no stand-in"}},
      {"fda", {true, refuse, "a floppy disk has no stand-in"}},
      {"fdb", {true, refuse, "a floppy disk has no stand-in"}},
  };
  return table;
}

constexpr std::string_view kEmptyDisk = "driver=null-co,size=1G,read-zeroes=on";

class Rewriter {
 public:
  explicit Rewriter(std::string_view cpu) : cpu_(cpu) {}

  Result<QemuArguments> rewrite(const std::vector<std::string>& words) {
    CHECK(find_tpm_sockets(words));
    std::size_t i = 0;
    if (!words.empty() && !words[0].starts_with("-") && !words[0].empty()) out_.program = words[i++];
    while (i < words.size()) {
      const std::string& word = words[i++];
      if (!word.starts_with("-")) {
        disk("an image", word, "index=0,media=disk");
        continue;
      }
      const std::string name = word.substr(word.starts_with("--") ? 2 : 1);
      const auto row = options().find(name);
      if (row == options().end())
        return fail(Fault::usage, "\"" + printable(word) + "\" is no option of QEMU that hallmark knows");
      name_ = name, value_.clear();
      if (row->second.value) {
        if (i == words.size()) return fail(Fault::usage, "-" + name + ": needs a value");
        value_ = words[i++];
      }
      CHECK(in("-" + name, one(row->second)));
    }
    return std::move(out_);
  }

 private:
  std::string was() const { return "-" + name_ + (value_.empty() ? "" : " " + value_); }
  void keep() {
    out_.arguments.push_back("-" + name_);
    if (options().at(name_).value) out_.arguments.push_back(value_);
  }
  void leave_out(std::string_view why) { out_.replaced.push_back({was(), {}, std::string(why)}); }
  void put(std::string option, std::string value, std::string_view why, bool changes_tables = false) {
    const std::string is = option + (value.empty() ? "" : " " + value);
    if (is == was()) return keep();
    out_.arguments.push_back(std::move(option));
    if (!value.empty()) out_.arguments.push_back(std::move(value));
    out_.replaced.push_back({was(), is, std::string(why), changes_tables});
  }

  Status one(const Option& option) {
    switch (option.treat) {
      case Treat::keep: return keep(), Status{};
      case Treat::drop: return leave_out(option.why), Status{};
      case Treat::refuse: return fail(Fault::unsupported, "not with hallmark: " + std::string(option.why));
      case Treat::machine: return machine();
      case Treat::cpu: return cpu();
      case Treat::device: return device();
      case Treat::object: return object();
      case Treat::netdev: return netdev();
      case Treat::nic: return nic();
      case Treat::net: return net();
      case Treat::chardev: return chardev();
      case Treat::blockdev: return blockdev();
      case Treat::drive: return drive();
      case Treat::disk: return disk(was(), value_, "index=" + std::to_string(name_[2] - 'a') + ",media=disk"), Status{};
      case Treat::cdrom: return disk(was(), value_, "index=2,media=cdrom"), Status{};
      case Treat::stream: return stream(), Status{};
      case Treat::tpmdev: return tpmdev();
      case Treat::audiodev: return audiodev();
      case Treat::readonly_firmware: return leave_out("the firmware that is measured stands in its place"), Status{};
    }
    return {};
  }

  Status machine() {
    TRY(Properties p, Properties::parse(value_, "type"));
    // A TDX guest has no system management mode and no 8259, unless it is asked for (which then fails).
    const bool tdx = p.find("confidential-guest-support") != nullptr;
    static const std::set<std::string_view> kUnwanted{
        "accel",    "confidential-guest-support", "memory-encryption", "pflash0", "pflash1", "dump-guest-core",
        "mem-merge"};
    std::string why;
    if (p.remove([&](const std::string& key) { return kUnwanted.contains(key); }) > 0)
      why = "the machine is emulated, with the firmware that is measured and without TDX";
    if (tdx)
      for (const std::string_view part : {"smm", "pic"})
        if (!p.find(part)) p.set(part, "off"), why += why.ends_with("off") ? "" : "; as TDX makes it: smm=off, pic=off";
    if (why.empty()) return keep(), Status{};
    const std::string text = p.text();
    if (text.empty()) return leave_out(why), Status{};
    put("-" + name_, text, why);
    return {};
  }

  Status cpu() {
    TRY(Properties p, Properties::parse(value_, "model"));
    const std::string model = p.get("model");
    if (model != "host" && model != "max") return keep(), Status{};
    TRY(Properties stand_in, Properties::parse(std::string(cpu_), "model"));
    const std::string* width = p.find("phys-bits");
    const bool known = width != nullptr && *width != "0";
    if (known) stand_in.set("phys-bits", *width);
    put("-cpu", stand_in.text(),
        known
            ? "no processor of the host is asked"
            : "no processor of the host is asked; the width of its addresses, by which the firmware places devices, is "
              "assumed: say it with phys-bits",
        !known);
    return {};
  }

  Status device() {
    TRY(Properties p, Properties::parse(value_, "driver"));
    const std::string driver = p.get("driver");
    constexpr std::string_view kVsock = "vhost-vsock-pci";
    if (driver.starts_with(kVsock)) {
      if (p.json()) return fail(Fault::unsupported, "write vhost-vsock-pci as driver,key=value, not as JSON");
      p.set("driver", "virtio-rng-pci" + driver.substr(kVsock.size()));
      p.remove([](const std::string& key) { return key == "guest-cid" || key == "vhostfd" || key == "seqpacket"; });
      put("-device", p.text(), "needs the host's vsock; another virtio device stands in the same slot");
      return {};
    }
    for (const std::string_view passed :
         {"vfio-", "vhost-", "vdpa", "xen-", "u2f-passthru", "usb-host", "ipmi-bmc-extern"})
      if (driver.starts_with(passed))
        return fail(Fault::unsupported, driver + " passes a device of the host through, which has no stand-in here");
    return keep(), Status{};
  }

  Status object() {
    TRY(Properties p, Properties::parse(value_, "qom-type"));
    const std::string type = p.get("qom-type");
    for (const std::string_view guest : {"tdx-guest", "sev-guest", "sev-snp-guest"})
      if (type == guest) return leave_out("the machine is emulated, without TDX"), Status{};
    if (type.starts_with("memory-backend-")) {
      if (!p.find("id") || !p.find("size")) return fail(Fault::usage, "a memory backend has an id and a size");
      TRY(Properties memory, Properties::parse("memory-backend-ram", "qom-type"));
      memory.set("id", p.get("id"));
      memory.set("size", p.get("size"));
      memory.set("reserve", "off");
      put("-object", memory.text(), "memory that is taken only where the firmware touches it");
      return {};
    }
    for (const std::string_view known :
         {"rng-builtin", "rng-random", "iothread", "thread-context", "throttle-group", "secret",
          "cryptodev-backend-builtin", "acpi-generic-initiator", "acpi-generic-port"})
      if (type == known) return keep(), Status{};
    return fail(Fault::unsupported, "an object of type " + printable(type) + " has no stand-in here");
  }

  Status netdev() {
    TRY(Properties p, Properties::parse(value_, "type"));
    if (p.get("type") == "hubport") return keep(), Status{};
    if (!p.find("id")) return fail(Fault::usage, "has no id");
    put("-netdev", "hubport" + p.text_of({"id"}) + ",hubid=" + std::to_string(next_hub_++), kNoNetwork);
    return {};
  }

  Status nic() {
    TRY(Properties p, Properties::parse(value_, "type"));
    if (p.get("type") == "none" || p.get("type") == "hubport") return keep(), Status{};
    put("-nic",
        "hubport,hubid=" + std::to_string(next_hub_++) + p.text_of({"id", "model", "mac", "addr", "vectors", "name"}),
        kNoNetwork);
    return {};
  }

  Status net() {
    TRY(Properties p, Properties::parse(value_, "type"));
    if (p.get("type") == "nic" || p.get("type") == "none") return keep(), Status{};
    // Left out alone it would not count as "-net", and QEMU would add its default card.
    put("-net", "hubport,hubid=0", kNoNetwork);
    return {};
  }

  Status chardev() {
    TRY(Properties p, Properties::parse(value_, "backend"));
    const std::string id = p.get("id");
    if (id.empty()) return fail(Fault::usage, "has no id");
    if (id == "qtest" || id.starts_with("hallmark-"))
      return fail(Fault::usage, "the ids qtest and hallmark-… are hallmark's own");
    if (tpm_sockets_.contains(id)) {
      if (std::exchange(out_.has_tpm, true)) return fail(Fault::unsupported, "a machine has one TPM");
      put("-chardev", "socket" + p.text_of({"id"}) + ",fd=" + std::to_string(kTpmDescriptor),
          "an emulated TPM (swtpm) of its own: the guest's keeps its state");
      return {};
    }
    if (p.get("backend") == "null" && !p.find("logfile")) return keep(), Status{};
    put("-chardev", "null" + p.text_of({"id", "mux"}), "nothing is said and nothing heard");
    return {};
  }

  Status blockdev() {
    TRY(Properties p, Properties::parse(value_, "driver"));
    std::string value(kEmptyDisk);
    value += p.text_of({"node-name"});
    if (p.get("read-only") == "on") value += ",read-only=on";
    put("-blockdev", value, kNoDisk);
    return {};
  }

  Status drive() {
    TRY(Properties p, Properties::parse(value_, "file"));
    if (p.get("if") == "pflash") {
      leave_out("the firmware that is measured stands in its place");
      return {};
    }
    if (p.get("if") == "floppy") return fail(Fault::unsupported, "a floppy disk has no stand-in");
    put("-drive",
        std::string(kEmptyDisk) + p.text_of({"if", "bus", "unit", "index", "media", "id", "readonly", "read-only"}),
        kNoDisk);
    return {};
  }

  void disk(const std::string& what, const std::string& image, const std::string& place) {
    out_.arguments.insert(out_.arguments.end(), {"-drive", std::string(kEmptyDisk) + "," + place});
    out_.replaced.push_back(
        {what.starts_with("-") ? what : image, "-drive " + out_.arguments.back(), std::string(kNoDisk)});
  }

  void stream() {
    if (value_ == "none" || value_ == "null" || (value_.starts_with("chardev:") && name_ != "debugcon")) return keep();
    put("-" + name_, "null", "nothing is said and nothing heard");
  }

  Status tpmdev() {
    TRY(Properties p, Properties::parse(value_, "type"));
    if (p.get("type") != "emulator") return fail(Fault::unsupported, "only an emulator (swtpm) can stand in for a TPM");
    return keep(), Status{};
  }

  Status audiodev() {
    TRY(Properties p, Properties::parse(value_, "driver"));
    put("-" + name_, "none" + p.text_of({"id", "model"}), "nothing is heard");
    return {};
  }

  // A TPM's socket must be connected, or there is no TPM. It may stand behind or before its -chardev.
  Status find_tpm_sockets(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i + 1 < words.size(); i++) {
      if (words[i] != "-tpmdev" && words[i] != "--tpmdev") continue;
      TRY(const Properties p, Properties::parse(words[i + 1], "type"));
      tpm_sockets_.insert(p.get("chardev"));
    }
    return {};
  }

  static constexpr std::string_view kNoNetwork = "a network of its own, with nobody else in it";
  static constexpr std::string_view kNoDisk = "an empty disk: none of the host's files is opened";

  std::string_view cpu_;
  QemuArguments out_;
  std::string name_, value_;
  std::set<std::string> tpm_sockets_;
  int next_hub_ = 1000;
};

}  // namespace

Result<std::vector<std::string>> split_arguments(std::string_view text) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  const auto unclear = [&](std::size_t at) {
    return fail(Fault::usage, "QEMU's arguments: \"" + printable(text.substr(at, 1)) + "\" at " + std::to_string(at) +
                                  " means something to a shell; quote it or say what it stands for");
  };
  for (std::size_t i = 0; i < text.size(); i++) {
    const char c = text[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (word) words.push_back(*std::exchange(word, std::nullopt));
    } else if (c == '\\') {
      if (++i == text.size()) return fail(Fault::usage, "QEMU's arguments: end in a backslash");
      if (text[i] == '\n') continue;
      if (!word) word.emplace();
      *word += text[i];
    } else if (c == '\'' || c == '"') {
      if (!word) word.emplace();
      const std::size_t start = i;
      for (i++; i < text.size() && text[i] != c; i++) {
        if (c == '"' && (text[i] == '$' || text[i] == '`')) return unclear(i);
        // Within double quotes a backslash means something before four characters only.
        if (c == '"' && text[i] == '\\' && i + 1 < text.size() &&
            std::string_view("\"\\$`\n").find(text[i + 1]) != std::string_view::npos) {
          if (text[++i] == '\n') continue;
        }
        *word += text[i];
      }
      if (i == text.size())
        return fail(Fault::usage, "QEMU's arguments: the quote at " + std::to_string(start) + " is not closed");
    } else {
      if (std::string_view("$`*?;|&<>()").find(c) != std::string_view::npos || (!word && (c == '~' || c == '#')))
        return unclear(i);
      if (!word) word.emplace();
      *word += c;
    }
  }
  if (word) words.push_back(*std::move(word));
  return words;
}

Result<QemuArguments> rewrite_qemu_arguments(const std::vector<std::string>& words, std::string_view cpu) {
  std::size_t bytes = 0;
  for (const std::string& word : words) {
    bytes += word.size();
    if (bytes > (std::size_t{1} << 20)) return fail(Fault::usage, "QEMU's arguments: have more than 1 MiB");
    if (printable(word) != word) return fail(Fault::usage, "QEMU's arguments: \"" + printable(word) + "\" is not text");
  }
  return in("QEMU's arguments", Rewriter(cpu).rewrite(words));
}

}  // namespace hallmark
