#include "lib/pin/apt.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "lib/base/process.h"

namespace hallmark::pin {
namespace {

constexpr std::uint64_t kMaxMirrorList = 1 << 20;

// Cuts the next line, without its line break, off the front of `text`.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

// apt's words for "no" (apt-pkg/contrib/strutl.cc, StringToBool).
bool says_no(std::string value) {
  for (char& c : value) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return value == "no" || value == "false" || value == "without" || value == "off" || value == "disable" ||
         value == "0";
}

Result<std::string> ask_apt(std::vector<std::string> arguments) {
  const std::string what = arguments[0] + " " + arguments[1];
  ProcessSpec command{.arguments = std::move(arguments)};
  for (const char* name : {"APT_CONFIG", "HOME"})
    if (const char* value = std::getenv(name)) command.environment[name] = value;
  TRY(Finished apt, run_process(command));
  if (apt.status != 0)
    return fail(Fault::environment,
                what + ": ended with status " + std::to_string(apt.status) + ": " + printable(apt.errors));
  return std::move(apt.output);
}

// The URLs that curl can use for an apt source; none for a kind of source that only apt itself can read (cdrom, tor).
Result<std::vector<std::string>> plain_urls(std::string_view source) {
  for (std::string_view local : {"file:", "copy:"}) {
    if (!source.starts_with(local)) continue;
    source.remove_prefix(local.size());
    while (source.starts_with("//")) source.remove_prefix(1);
    return std::vector{"file://" + std::string(source)};
  }
  // apt-transport-mirror(1): a file of mirrors, one a line, each perhaps followed by a tab and more.
  constexpr std::string_view kList = "mirror+file:";
  if (source.starts_with(kList)) {
    TRY(const std::string list, read_text(source.substr(kList.size()), kMaxMirrorList));
    std::vector<std::string> urls;
    for (std::string_view rest = list; !rest.empty();) {
      const std::string_view line = take_line(rest);
      const std::string_view url = line.substr(0, line.find_first_of(" \t"));
      if (url.starts_with("http://") || url.starts_with("https://")) urls.emplace_back(url);
    }
    return urls;
  }
  if (source.starts_with("http://") || source.starts_with("https://")) return std::vector{std::string(source)};
  return std::vector<std::string>{};
}

// 'http://deb.debian.org/debian/dists/bookworm/InRelease' deb.debian.org_…_InRelease 0
Status read_source(std::string_view line, std::vector<AptSource>& out) {
  constexpr std::string_view kDists = "/dists/", kEnd = "/InRelease";
  if (!line.starts_with('\'')) return {};
  line.remove_prefix(1);
  const std::string_view uri = line.substr(0, line.find('\''));
  const std::size_t dists = uri.rfind(kDists);
  if (dists == uri.npos || !uri.ends_with(kEnd) || dists + kDists.size() + kEnd.size() > uri.size()) return {};
  const std::string_view suite = uri.substr(dists + kDists.size(), uri.size() - dists - kDists.size() - kEnd.size());
  TRY(const std::vector<std::string> urls, plain_urls(uri.substr(0, dists)));
  for (std::string url : urls) {
    while (url.ends_with('/')) url.pop_back();
    out.push_back({std::move(url), std::string(suite)});
  }
  return {};
}

// Acquire::http::Proxy, Acquire::https::Proxy::<host>, and the same for the other scheme.
void read_setting(std::string_view key, std::string value, AptConfiguration& out) {
  if (key == "Acquire::Check-Valid-Until") out.check_valid_until = !says_no(value);
  if (key == "Acquire::Check-Date") out.check_date = !says_no(value);
  if (key == "Acquire::https::CaInfo") out.network.ca_file = value;
  for (const std::string scheme : {"http", "https"}) {
    const std::string proxy = "Acquire::" + scheme + "::Proxy";
    if (!key.starts_with(proxy) || value.empty()) continue;
    const std::string_view host = key.substr(proxy.size());
    if (value == "DIRECT") value.clear();
    if (host.empty()) out.network.proxies.push_back({scheme, "", value});
    if (host.starts_with("::")) out.network.proxies.push_back({scheme, std::string(host.substr(2)), value});
  }
}

// A machine of its own for apt: empty, amd64 or whatever `arch` says, and with one source for each suite,
// whose lists are there already. Its host names are reserved (RFC 6761, section 6.4) and never asked.
class PrivateApt {
 public:
  static Result<PrivateApt> make(std::span<const AptSuite> suites, const std::string& arch) {
    TRY(TemporaryFolder folder, TemporaryFolder::make("hallmark-apt-"));
    PrivateApt apt(std::move(folder));
    for (const char* needed : {"etc/apt/preferences.d", "etc/apt/sources.list.d", "etc/apt/trusted.gpg.d",
                               "var/lib/apt/lists/partial", "var/cache/apt/archives/partial"})
      CHECK(make_folders(apt.folder_.path() / needed));

    std::string sources;
    for (std::size_t i = 0; i < suites.size(); i++) {
      const AptSuite& suite = suites[i];
      const std::string host = "s" + std::to_string(i) + ".invalid";
      sources += "deb [arch=" + arch + " trusted=yes] http://" + host + "/ " + std::string(suite.suite);
      for (const std::string& component : suite.components) sources += " " + component;
      sources += "\n";
      CHECK(apt.add_list(host, suite.suite, "Release", suite.release));
      for (const AptIndex& index : suite.indexes) CHECK(apt.add_list(host, suite.suite, index.file, index.text));
    }
    CHECK(write_file(apt.folder_.path() / "etc/apt/sources.list", sources));
    // APT_CONFIG is read first of all: nothing of the system's configuration gets in.
    CHECK(write_file(apt.folder_.path() / "apt.conf",
                     "Dir::Etc::parts \"/dev/null\";\n"
                     "Dir::Etc::main \"/dev/null\";\n"
                     "Dir::State::status \"/dev/null\";\n"
                     "Dir::Cache::pkgcache \"\";\n"
                     "Dir::Cache::srcpkgcache \"\";\n"
                     "APT::Architecture \"" +
                         arch +
                         "\";\n"
                         "APT::Architectures { \"" +
                         arch +
                         "\"; };\n"
                         "APT::Install-Recommends \"false\";\n"
                         "APT::Install-Suggests \"false\";\n"
                         "APT::Sandbox::User \"\";\n"
                         "Acquire::ForceHash \"SHA256\";\n"
                         "Acquire::Languages \"none\";\n"
                         "Debug::NoLocking \"true\";\n"));
    return apt;
  }

  Result<Finished> install(std::span<const std::string> packages) const {
    ProcessSpec command{.arguments = {"apt-get", "-o", "Dir=" + folder_.path().string() + "/", "--quiet=1", "--yes",
                                      "--print-uris", "install", "--"}};
    command.arguments.insert(command.arguments.end(), packages.begin(), packages.end());
    command.environment["APT_CONFIG"] = folder_.path() / "apt.conf";
    return run_process(command);
  }

 private:
  explicit PrivateApt(TemporaryFolder folder) : folder_(std::move(folder)) {}

  // The name under which apt looks for http://<host>/dists/<suite>/<file>: '_' is encoded, then '/' becomes '_'
  // (apt-pkg, URItoFileName).
  Status add_list(const std::string& host, std::string_view suite, std::string_view file, std::string_view text) {
    std::string name;
    for (const char c : host + "/dists/" + std::string(suite) + "/" + std::string(file))
      name += c == '_' ? "%5f" : c == '/' ? "_" : std::string(1, c);
    TRY(const Fd fd, open_file(folder_.path() / "var/lib/apt/lists" / name, O_WRONLY | O_CREAT | O_EXCL, 0644));
    return write_all(fd.get(), as_bytes(text));
  }

  TemporaryFolder folder_;
};

// apt says in two places why it cannot: the unmet dependencies on standard output, "E: …" on standard error.
std::string explanation(const Finished& apt) {
  std::string out;
  bool telling = false;
  for (std::string_view rest = apt.output; !rest.empty();) {
    const std::string_view line = take_line(rest);
    if (telling && !line.empty()) out += "\n " + std::string(line);
    if (line.starts_with("The following packages have unmet dependencies")) telling = true;
  }
  for (std::string_view rest = telling ? std::string_view() : apt.errors; !rest.empty();) {
    const std::string_view line = take_line(rest);
    if (line.starts_with("E:")) out += "\n " + std::string(line);
  }
  return printable(out);
}

// 'http://s0.invalid/pool/main/m/make-dfsg/make_4.3-4.1_amd64.deb' make_4.3-4.1_amd64.deb 395632 SHA256:…
Result<AptChoice> read_choice(std::string_view line, std::size_t suites) {
  const auto reject = [&] {
    return fail(Fault::environment, "apt-get: prints \"" + printable(line) + "\", wanted a URI and a digest");
  };
  constexpr std::string_view kHost = "'http://s", kDigest = " SHA256:";
  const std::size_t digest = line.rfind(kDigest);
  if (!line.starts_with(kHost) || digest == line.npos) return reject();
  AptChoice choice;
  const auto [end, error] = std::from_chars(line.data() + kHost.size(), line.data() + line.size(), choice.suite);
  if (error != std::errc{} || *end != '.' || choice.suite >= suites) return reject();
  choice.sha256 = line.substr(digest + kDigest.size());
  return choice;
}

}  // namespace

std::vector<std::string> AptConfiguration::mirrors(const std::string& suite) const {
  std::vector<std::string> out;
  for (const bool named : {true, false})
    for (const AptSource& source : sources)
      if ((source.suite == suite) == named && std::find(out.begin(), out.end(), source.mirror) == out.end())
        out.push_back(source.mirror);
  return out;
}

Result<AptConfiguration> read_apt_configuration() {
  AptConfiguration out;
  // What `update` would download, which is to say every source; --print-uris only prints it.
  TRY(const std::string uris, ask_apt({"apt-get", "update", "--print-uris"}));
  for (std::string_view rest = uris; !rest.empty();) CHECK(read_source(take_line(rest), out.sources));
  TRY(const std::string settings, ask_apt({"apt-config", "dump", "--format", "%f %v%n"}));
  for (std::string_view rest = settings; !rest.empty();) {
    const std::string_view line = take_line(rest);
    const std::size_t space = line.find(' ');
    if (space != line.npos) read_setting(line.substr(0, space), std::string(line.substr(space + 1)), out);
  }
  return out;
}

Result<std::vector<AptChoice>> resolve_with_apt(std::span<const AptSuite> suites, const std::string& arch,
                                                std::span<const std::string> packages) {
  TRY(const PrivateApt apt, PrivateApt::make(suites, arch));
  TRY(const Finished finished, apt.install(packages));
  if (finished.status != 0) {
    // apt ends with 100 whatever went wrong; only an answer about packages is the specification's fault.
    const bool impossible = finished.output.find("unmet dependencies") != std::string::npos ||
                            finished.output.find("impossible situation") != std::string::npos;
    return fail(impossible ? Fault::usage : Fault::environment,
                "apt finds no way to install the packages:" + explanation(finished));
  }
  std::vector<AptChoice> choices;
  for (std::string_view rest = finished.output; !rest.empty();) {
    const std::string_view line = take_line(rest);
    if (!line.starts_with('\'')) continue;  // "Reading package lists..."
    TRY(AptChoice choice, read_choice(line, suites.size()));
    choices.push_back(std::move(choice));
  }
  return choices;
}

}  // namespace hallmark::pin
