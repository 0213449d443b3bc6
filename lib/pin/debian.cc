#include "lib/pin/debian.h"

#include <algorithm>
#include <memory>
#include <set>
#include <unordered_map>

#include "lib/base/interrupt.h"
#include "lib/base/suggest.h"
#include "lib/formats/archive.h"
#include "lib/pin/apt.h"
#include "lib/pin/debian_index.h"
#include "lib/pin/gpgv.h"
#include "lib/pin/names.h"

namespace hallmark::pin {
namespace {

constexpr std::uint64_t kMaxKeyring = std::uint64_t{16} << 20;
constexpr std::uint64_t kMaxInRelease = std::uint64_t{16} << 20;
constexpr std::uint64_t kMaxIndex = std::uint64_t{512} << 20;
constexpr std::string_view kDefaultKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

// The compressions of an index that we can read, best first; "" is none.
constexpr std::string_view kCompressions[] = {".xz", ".gz", ""};

Result<Sha256> digest_from(const std::string& hex, const std::string& what) {
  return in(what, digest_from_hex<Alg::sha256>(hex));
}

// RFC 3986, section 2: what is not unreserved, nor plain in a path, is percent-encoded.
std::string url_path(std::string_view path) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/+";
  std::string out;
  for (const char c : path) {
    if (kPlain.find(c) != kPlain.npos)
      out += c;
    else
      out += "%" + to_hex(as_bytes({&c, 1}));
  }
  return out;
}

std::vector<std::string> urls_below(std::span<const std::string> mirrors, const std::string& path) {
  std::vector<std::string> out;
  for (const std::string& mirror : mirrors) out.push_back(mirror + (mirror.ends_with('/') ? "" : "/") + url_path(path));
  return out;
}

// Where to fetch from. The machine's apt is asked once and only when something has to be fetched, so
// that neither a store that has everything nor a machine without apt but with named mirrors needs it.
class Mirrors {
 public:
  Result<const AptConfiguration*> apt() {
    if (!apt_) apt_ = read_apt_configuration();
    if (!*apt_) return Failure(apt_->error());
    return &**apt_;
  }

  // Those that the specification names; without any, the machine's.
  Result<std::vector<std::string>> of(const std::string& suite, const std::vector<std::string>& named) {
    if (!named.empty()) return named;
    TRY(const AptConfiguration* machine, apt());
    std::vector<std::string> mirrors = machine->mirrors(suite);
    if (mirrors.empty())
      return fail(
          Fault::environment,
          "suite " + suite + ": no mirror is known: this machine's apt has none; name one in the specification");
    return mirrors;
  }

  Network network() {
    auto machine = apt();
    return machine ? (*machine)->network : Network{};
  }

 private:
  std::optional<Result<AptConfiguration>> apt_;
};

// A mirror that shows an archive as it was at a moment has that moment in its path: ".../20261122T000000Z/".
bool names_a_moment(const std::string& mirror) {
  constexpr std::string_view kShape = "/dddddddTddddddZ";
  static_assert(kShape.size() == 16);
  for (std::size_t at = mirror.find('/'); at != mirror.npos; at = mirror.find('/', at + 1)) {
    std::string_view part = std::string_view(mirror).substr(at + 1);
    part = part.substr(0, part.find('/'));
    if (part.size() != 16) continue;
    bool fits = part[8] == 'T' && part[15] == 'Z';
    for (std::size_t i = 0; i < 15; i++) fits &= i == 8 || (part[i] >= '0' && part[i] <= '9');
    if (fits) return true;
  }
  return false;
}

// One suite whose signature and indexes have been verified.
struct VerifiedIndex {
  IndexPin pin;
  Bytes text;
};
struct VerifiedSuite {
  SuitePin pin;
  std::string release_text;
  ReleaseFile release;
  std::vector<VerifiedIndex> indexes;
  std::vector<IndexEntry> entries;  // views into the indexes
  std::unordered_map<std::string_view, const IndexEntry*> by_digest;

  VerifiedSuite() = default;
  VerifiedSuite(VerifiedSuite&&) = default;  // moving a vector leaves its elements, and the views, in place
  VerifiedSuite& operator=(VerifiedSuite&&) = default;
};

std::string name_of(const std::string& suite) { return "InRelease of " + suite; }

// The archive signs which suite this is: a mirror cannot pass one off as another.
Status check_suite(const ReleaseFile& release, const std::string& suite) {
  if (release.suite == suite || release.codename == suite) return {};
  return fail(Fault::mismatch, name_of(suite) + ": is of suite " + in_quotes(release.suite) + ", codename " +
                                   in_quotes(release.codename));
}

// As apt does, and as far as its configuration asks for it (apt.conf(5), Acquire::Check-Valid-Until and Check-Date).
Status check_current(const ReleaseFile& release, const std::string& suite, const AptConfiguration& apt,
                     std::span<const std::string> mirrors) {
  const UnixTime time = now();
  if (apt.check_date && release.date > time)
    return fail(Fault::mismatch,
                name_of(suite) + ": is dated " + format_time(release.date) + ", but now is " + format_time(time));
  if (!apt.check_valid_until || !release.valid_until || std::all_of(mirrors.begin(), mirrors.end(), names_a_moment))
    return {};
  if (*release.valid_until < time)
    return fail(Fault::mismatch, name_of(suite) + ": expired at " + format_time(*release.valid_until) +
                                     ", and now is " + format_time(time) +
                                     ": the mirror is out of date or withholds updates");
  return {};
}

// The index as Release lists it: out of the store, where one of its compressed forms is, else from the mirrors.
Result<Bytes> load_index(const VerifiedSuite& suite, const std::string& file, const Store& store, Mirrors& mirrors,
                         Progress& progress) {
  const std::string what = suite.pin.suite + " " + file;
  const auto listed = suite.release.files.find(file);
  if (listed == suite.release.files.end())
    return fail(Fault::format, name_of(suite.pin.suite) + ": does not list " + file);
  const ListedFile& wanted = listed->second;
  if (wanted.size > kMaxIndex)
    return fail(Fault::format, what + ": has " + std::to_string(wanted.size) + " bytes, at most " +
                                   std::to_string(kMaxIndex) + " allowed");

  // Its forms, best first; one that the store has is better still.
  const std::pair<const std::string, ListedFile>* form = nullptr;
  bool stored = false;
  for (const std::string_view suffix : kCompressions) {
    const auto it = suite.release.files.find(file + std::string(suffix));
    if (it == suite.release.files.end()) continue;
    TRY(const Sha256 digest, digest_from(it->second.sha256, what));
    if (!form || store.has(digest)) form = &*it;
    if ((stored = store.has(digest))) break;
  }
  const auto& [form_name, form_file] = *form;  // the plain form is listed, if no other
  TRY(const Sha256 digest, digest_from(form_file.sha256, what));
  if (!stored) {
    TRY(const std::vector<std::string> places, mirrors.of(suite.pin.suite, suite.pin.mirrors));
    const std::string dists = "dists/" + suite.pin.suite + "/", folder = form_name.substr(0, form_name.rfind('/') + 1);
    Download download{.name = suite.pin.suite + " " + form_name, .sha256 = digest, .size = form_file.size};
    for (const std::string& mirror : places) {
      // By digest first: under its name the index may have been replaced by the next one already.
      if (suite.release.by_hash)
        download.urls.push_back(urls_below({&mirror, 1}, dists + folder + "by-hash/SHA256/" + form_file.sha256)[0]);
      download.urls.push_back(urls_below({&mirror, 1}, dists + form_name)[0]);
    }
    CHECK(fetch_all(store, {&download, 1}, progress, mirrors.network()));
  }
  TRY(Bytes bytes, in(suite.pin.suite + " " + form_name, store.get(digest, kMaxIndex)));
  if (form_name != file) {
    TRY(bytes, in(suite.pin.suite + " " + form_name, decompress(bytes, wanted.size)));
  }
  if (const std::string got = to_hex(hallmark::digest<Alg::sha256>(bytes));
      bytes.size() != wanted.size || got != wanted.sha256)
    return fail(Fault::mismatch, what + ": has sha256 " + got + ", and InRelease says " + wanted.sha256);
  return bytes;
}

// From a signed InRelease on, pinning and checking are the same work.
Status load_indexes(VerifiedSuite& suite, std::span<const std::string> files, const Store& store, Mirrors& mirrors,
                    Progress& progress) {
  for (const std::string& file : files) {
    CHECK(not_interrupted());
    TRY(Bytes text, load_index(suite, file, store, mirrors, progress));
    const ListedFile& listed = suite.release.files.at(file);
    suite.indexes.push_back({{file, listed.sha256, listed.size}, std::move(text)});
  }
  for (const VerifiedIndex& index : suite.indexes)
    CHECK(read_packages(as_text(index.text), suite.pin.suite + " " + index.pin.file,
                        [&](const IndexEntry& entry) { suite.entries.push_back(entry); }));
  suite.by_digest.reserve(suite.entries.size());
  for (const IndexEntry& entry : suite.entries) suite.by_digest.emplace(entry.sha256, &entry);
  return {};
}

Result<VerifiedSuite> pin_suite(const SuiteRequest& request, const std::string& arch, ByteView keyring,
                                std::uint32_t require_signers, const Store& store, Mirrors& mirrors,
                                Progress& progress) {
  if (!is_suite_name(request.suite))
    return fail(Fault::usage, "suite: " + in_quotes(request.suite) + " is no suite name");
  VerifiedSuite suite;
  suite.pin.suite = request.suite;
  suite.pin.mirrors = request.mirrors;
  TRY(const std::vector<std::string> places, mirrors.of(request.suite, request.mirrors));

  progress.phase("reading " + name_of(request.suite));
  TRY(const Bytes inrelease,
      in(name_of(request.suite), fetch_bytes(urls_below(places, "dists/" + request.suite + "/InRelease"), kMaxInRelease,
                                             progress, mirrors.network())));
  TRY(SignedText signed_text,
      verify_cleartext(inrelease, keyring, name_of(request.suite), {.require_signers = require_signers}));
  // Beyond this point only what the archive has signed is looked at.
  suite.release_text = std::move(signed_text.text);
  suite.pin.signers = std::move(signed_text.signers);
  TRY(suite.release, parse_release(suite.release_text, name_of(request.suite)));
  CHECK(check_suite(suite.release, request.suite));
  TRY(const AptConfiguration* apt, mirrors.apt());
  CHECK(check_current(suite.release, request.suite, *apt, places));
  suite.pin.date = format_time(suite.release.date);
  TRY(const Sha256 stored, store.put(inrelease));
  suite.pin.inrelease_sha256 = to_hex(stored);

  std::vector<std::string> files;
  for (const std::string& component : request.components) {
    files.push_back(component + "/binary-" + arch + "/Packages");
    if (!is_component_name(component) || !suite.release.files.contains(files.back()))
      return fail(Fault::usage, "suite " + request.suite + " has no component " + in_quotes(component) + " for " +
                                    arch + did_you_mean(component, suite.release.components));
  }
  CHECK(load_indexes(suite, files, store, mirrors, progress));
  for (const VerifiedIndex& index : suite.indexes) suite.pin.indexes.push_back(index.pin);
  return suite;
}

// What to ask apt for: every essential package, which Debian's packages may count on without saying
// so (Policy 3.8), and those requested, each of which must be there by that very name and version.
Result<std::vector<std::string>> wishes(const DebianRequest& request, std::span<const VerifiedSuite> suites) {
  std::set<std::string, std::less<>> essential;
  std::unordered_map<std::string_view, std::set<std::string_view>> versions;
  for (const VerifiedSuite& suite : suites)
    for (const IndexEntry& entry : suite.entries) {
      versions[entry.name].insert(entry.version);
      if (entry.essential) essential.emplace(entry.name);
    }
  std::vector<std::string> requested;
  for (const std::string& wish : request.packages) {
    const std::size_t equals = wish.find('=');
    const std::string name = wish.substr(0, equals);
    if (!is_package_name(name) || (equals != wish.npos && !is_package_version(wish.substr(equals + 1))))
      return fail(Fault::usage, "package " + in_quotes(wish) + ": wanted a name, or name=version");
    const auto found = versions.find(name);
    std::string where;
    for (const VerifiedSuite& suite : suites) where += (where.empty() ? "" : ", ") + suite.pin.suite;
    if (found == versions.end()) {
      std::vector<std::string> known;
      for (const auto& [other, ignored] : versions) known.emplace_back(other);
      std::sort(known.begin(), known.end());
      return fail(Fault::usage, "package " + name + " is not in " + where + did_you_mean(name, known));
    }
    if (equals != wish.npos && !found->second.contains(wish.substr(equals + 1))) {
      std::string have;
      for (const std::string_view version : found->second) have += (have.empty() ? "" : ", ") + std::string(version);
      return fail(Fault::usage, "package " + name + ": version " + wish.substr(equals + 1) + " is not in " + where +
                                    ", which have " + have);
    }
    essential.erase(name);
    requested.push_back(wish);
  }
  std::vector<std::string> out(essential.begin(), essential.end());
  out.insert(out.end(), requested.begin(), requested.end());
  return out;
}

Result<std::vector<PackagePin>> resolve(const DebianRequest& request, const std::string& arch,
                                        std::span<const VerifiedSuite> suites) {
  TRY(const std::vector<std::string> wanted, wishes(request, suites));
  std::vector<AptSuite> offered;
  for (std::size_t i = 0; i < suites.size(); i++) {
    AptSuite suite{suites[i].pin.suite, request.suites[i].components, suites[i].release_text, {}};
    for (const VerifiedIndex& index : suites[i].indexes) suite.indexes.push_back({index.pin.file, as_text(index.text)});
    offered.push_back(std::move(suite));
  }
  TRY(const std::vector<AptChoice> choices, resolve_with_apt(offered, arch, wanted));

  // apt chose; who a package is and what its bytes are comes from the index that was verified.
  std::vector<PackagePin> out;
  for (const AptChoice& choice : choices) {
    const VerifiedSuite& suite = suites[choice.suite];
    const auto found = suite.by_digest.find(choice.sha256);
    if (found == suite.by_digest.end())
      return fail(Fault::environment, "apt-get: chose a package with sha256 " + printable(choice.sha256) + ", which " +
                                          suite.pin.suite + " does not list");
    const IndexEntry& entry = *found->second;
    out.push_back({std::string(entry.name), std::string(entry.version), std::string(entry.arch), suite.pin.suite,
                   std::string(entry.path), std::string(entry.sha256), entry.size});
  }
  std::sort(out.begin(), out.end(), [](const PackagePin& a, const PackagePin& b) {
    return std::tie(a.name, a.arch) < std::tie(b.name, b.arch);
  });
  return out;
}

std::string name_of(const PackagePin& package) { return package.name + " " + package.version; }

Status fetch_packages(const DebianPin& pin, const Store& store, Mirrors& mirrors, Progress& progress) {
  std::vector<Download> downloads;
  for (const PackagePin& package : pin.packages) {
    TRY(const Sha256 digest, digest_from(package.sha256, name_of(package)));
    if (store.has(digest)) continue;
    std::vector<std::string> named;
    for (const SuitePin& suite : pin.suites)
      if (suite.suite == package.suite) named = suite.mirrors;
    TRY(const std::vector<std::string> places, mirrors.of(package.suite, named));
    downloads.push_back({name_of(package), urls_below(places, package.path), digest, package.size});
  }
  return downloads.empty() ? Status{} : fetch_all(store, downloads, progress, mirrors.network());
}

Failure cannot_check(std::string what) {
  return fail(Fault::environment, "the chain of signatures cannot be checked: " + std::move(what));
}

Result<Bytes> find_keyring(const DebianPin& pin, const Store& store) {
  TRY(const Sha256 digest, digest_from(pin.keyring_sha256, "keyring"));
  if (store.has(digest)) return in("keyring", store.get(digest, kMaxKeyring));
  auto installed = read_file(kDefaultKeyring, kMaxKeyring);
  if (installed && hallmark::digest<Alg::sha256>(*installed) == digest) return installed;
  return cannot_check("the keyring with sha256 " + pin.keyring_sha256 + " is not in this store");
}

// InRelease has no name but its suite's: when that shows a newer one, the old one is gone from the mirrors.
Result<Bytes> find_inrelease(const SuitePin& pin, const Store& store, Mirrors& mirrors, Progress& progress) {
  TRY(const Sha256 digest, digest_from(pin.inrelease_sha256, name_of(pin.suite)));
  if (store.has(digest)) return in(name_of(pin.suite), store.get(digest, kMaxInRelease));
  const std::string missing = name_of(pin.suite) + " with sha256 " + pin.inrelease_sha256 + " is not in this store";
  auto places = mirrors.of(pin.suite, pin.mirrors);
  if (!places) return cannot_check(missing + ", and " + places.error().message());
  auto current =
      fetch_bytes(urls_below(*places, "dists/" + pin.suite + "/InRelease"), kMaxInRelease, progress, mirrors.network());
  if (!current) {
    if (current.error().fault == Fault::interrupted) return current;
    return cannot_check(missing + ", and " + current.error().message());
  }
  if (hallmark::digest<Alg::sha256>(*current) != digest)
    return cannot_check(missing + ", and the mirrors have another one by now");
  TRY(const Sha256 stored, store.put(*current));
  static_cast<void>(stored);
  return current;
}

Result<VerifiedSuite> check_suite_pin(const SuitePin& pin, ByteView keyring, const Store& store, Mirrors& mirrors,
                                      Progress& progress) {
  if (!is_suite_name(pin.suite)) return fail(Fault::format, "suite: " + in_quotes(pin.suite) + " is no suite name");
  VerifiedSuite suite;
  suite.pin = pin;
  TRY(const Bytes inrelease, find_inrelease(pin, store, mirrors, progress));
  TRY(SignedText signed_text, verify_cleartext(inrelease, keyring, name_of(pin.suite), {.expired_keys = true}));
  suite.release_text = std::move(signed_text.text);
  for (const std::string& signer : pin.signers)
    if (!std::binary_search(signed_text.signers.begin(), signed_text.signers.end(), signer))
      return fail(Fault::mismatch,
                  name_of(pin.suite) + ": is not signed by " + printable(signer) + ", as the lock says");
  TRY(suite.release, parse_release(suite.release_text, name_of(pin.suite)));
  CHECK(check_suite(suite.release, pin.suite));
  if (format_time(suite.release.date) != pin.date)
    return fail(Fault::mismatch, name_of(pin.suite) + ": is dated " + format_time(suite.release.date) +
                                     ", and the lock says " + printable(pin.date));

  std::vector<std::string> files;
  for (const IndexPin& index : pin.indexes) {
    const auto listed = suite.release.files.find(index.file);
    if (listed == suite.release.files.end() || listed->second.sha256 != index.sha256 ||
        listed->second.size != index.size)
      return fail(Fault::mismatch, name_of(pin.suite) + ": does not list " + printable(index.file) + " with sha256 " +
                                       printable(index.sha256) + " and " + std::to_string(index.size) +
                                       " bytes, as the lock says");
    files.push_back(index.file);
  }
  CHECK(load_indexes(suite, files, store, mirrors, progress));
  return suite;
}

// The package is in the suite's signed index exactly as the lock has it.
Status check_listed(const PackagePin& package, std::span<const VerifiedSuite> suites) {
  const auto suite =
      std::find_if(suites.begin(), suites.end(), [&](const VerifiedSuite& s) { return s.pin.suite == package.suite; });
  if (suite == suites.end())
    return fail(Fault::mismatch, name_of(package) + ": the lock has no suite " + in_quotes(package.suite));
  const auto found = suite->by_digest.find(package.sha256);
  if (found == suite->by_digest.end())
    return fail(Fault::mismatch, name_of(package) + ": the signed index of " + package.suite +
                                     " lists no package with sha256 " + package.sha256);
  const IndexEntry& entry = *found->second;
  for (const auto& [field, locked, listed] :
       {std::tuple<std::string_view, std::string_view, std::string_view>{"name", package.name, entry.name},
        {"version", package.version, entry.version},
        {"arch", package.arch, entry.arch},
        {"path", package.path, entry.path}})
    if (locked != listed)
      return fail(Fault::mismatch, name_of(package) + ": " + std::string(field) + " is " + in_quotes(locked) +
                                       " in the lock and " + in_quotes(listed) + " in the signed index of " +
                                       package.suite);
  if (package.size != entry.size)
    return fail(Fault::mismatch, name_of(package) + ": has " + std::to_string(package.size) +
                                     " bytes in the lock and " + std::to_string(entry.size) +
                                     " in the signed index of " + package.suite);
  return {};
}

}  // namespace

Result<DebianPin> pin_debian(const DebianRequest& request, const fs::path& spec_folder, const Store& store,
                             Progress& progress) {
  TRY(const Bytes keyring, in("keyring", read_file(spec_folder / request.keyring, kMaxKeyring)));
  TRY(const Sha256 keyring_digest, store.put(keyring));
  DebianPin pin{.keyring_sha256 = to_hex(keyring_digest), .requested = request.packages};

  Mirrors mirrors;
  std::vector<VerifiedSuite> suites;
  for (const SuiteRequest& suite : request.suites) {
    TRY(VerifiedSuite verified, pin_suite(suite, pin.arch, keyring, request.require_signers, store, mirrors, progress));
    pin.suites.push_back(verified.pin);
    suites.push_back(std::move(verified));
  }
  progress.phase("choosing packages");
  TRY(pin.packages, resolve(request, pin.arch, suites));
  CHECK(fetch_packages(pin, store, mirrors, progress));
  return pin;
}

Status fetch_debian(const DebianPin& pin, const Store& store, Progress& progress) {
  Mirrors mirrors;
  return fetch_packages(pin, store, mirrors, progress);
}

Status check_debian(const DebianPin& pin, const Store& store, Progress& progress) {
  Mirrors mirrors;
  TRY(const Bytes keyring, find_keyring(pin, store));
  std::vector<VerifiedSuite> suites;
  for (const SuitePin& suite : pin.suites) {
    progress.phase("checking suite " + suite.suite);
    TRY(VerifiedSuite verified, check_suite_pin(suite, keyring, store, mirrors, progress));
    suites.push_back(std::move(verified));
  }
  for (const PackagePin& package : pin.packages) CHECK(check_listed(package, suites));

  CHECK(fetch_packages(pin, store, mirrors, progress));
  progress.phase("checking " + std::to_string(pin.packages.size()) + " packages");
  std::uint64_t done = 0;
  for (const PackagePin& package : pin.packages) {
    CHECK(not_interrupted());
    TRY(const Sha256 digest, digest_from(package.sha256, name_of(package)));
    TRY(const Fd blob, in(name_of(package), store.open_blob(digest)));
    static_cast<void>(blob);
    progress.advance(++done, pin.packages.size());
  }
  return {};
}

}  // namespace hallmark::pin
