#include "lib/pin/lock.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "lib/base/clock.h"
#include "lib/base/yaml.h"
#include "lib/pin/names.h"

namespace hallmark::pin {
namespace {

constexpr std::size_t kMaxSources = 1000;
constexpr std::size_t kMaxUrls = 20;
constexpr std::size_t kMaxSuites = 20;
constexpr std::size_t kMaxIndexes = 1000;
constexpr std::size_t kMaxPackages = 50000;
constexpr std::int64_t kMaxInteger = std::int64_t{1} << 53;
constexpr std::int64_t kLastSecondOfYear9999 = 253402300799;
constexpr std::size_t kMaxLock = std::size_t{32} << 20;

// ── the model as JSON ──

Json source_to_json(const SourcePin& source) {
  Json out = Json::object({{"name", source.name}, {"into", source.into}});
  if (const auto* git = std::get_if<GitPin>(&source.origin)) {
    out["git"] = Json::object({{"url", git->url},
                               {"ref", git->ref},
                               {"commit", git->commit},
                               {"tree", git->tree},
                               {"committed", git->committed}});
  } else if (const auto* path = std::get_if<PathPin>(&source.origin)) {
    Json entry = Json::object({{"path", path->path}, {"dirty", path->dirty}});
    if (!path->commit.empty()) {
      entry["commit"] = path->commit;
      entry["tree"] = path->tree;
      entry["committed"] = path->committed;
    }
    out["path"] = std::move(entry);
  } else {
    const auto& archive = std::get<ArchivePin>(source.origin);
    out["archive"] = Json::object({{"urls", text_list(archive.urls)},
                                   {"sha256", archive.sha256},
                                   {"size", archive.size},
                                   {"strip", std::uint64_t{archive.strip}}});
  }
  if (!source.allow_private_keys.empty()) out["allow_private_keys"] = text_list(source.allow_private_keys);
  out["tree_sha256"] = source.tree_sha256;
  out["files"] = source.files;
  out["bytes"] = source.bytes;
  return out;
}

Json index_to_json(const IndexPin& index) {
  return Json::object({{"file", index.file}, {"sha256", index.sha256}, {"size", index.size}});
}

Json suite_to_json(const SuitePin& suite) {
  Json out = Json::object({{"suite", suite.suite}});
  if (!suite.mirrors.empty()) out["mirrors"] = text_list(suite.mirrors);
  out["inrelease_sha256"] = suite.inrelease_sha256;
  out["date"] = suite.date;
  out["signers"] = text_list(suite.signers);
  Json indexes = Json::array();
  for (const IndexPin& index : suite.indexes) indexes.push_back(index_to_json(index));
  out["indexes"] = std::move(indexes);
  return out;
}

Json package_to_json(const PackagePin& p) {
  return Json::object({{"name", p.name},
                       {"version", p.version},
                       {"arch", p.arch},
                       {"suite", p.suite},
                       {"path", p.path},
                       {"sha256", p.sha256},
                       {"size", p.size}});
}

Json debian_to_json(const DebianPin& debian) {
  Json suites = Json::array();
  for (const SuitePin& suite : debian.suites) suites.push_back(suite_to_json(suite));
  Json packages = Json::array();
  for (const PackagePin& package : debian.packages) packages.push_back(package_to_json(package));
  return Json::object({{"arch", debian.arch},
                       {"keyring_sha256", debian.keyring_sha256},
                       {"requested", text_list(debian.requested)},
                       {"suites", std::move(suites)},
                       {"packages", std::move(packages)}});
}

// ── and back ──

GitPin read_git(Fields git) {
  GitPin pin;
  pin.url = git.text("url");
  if (auto why = problem_with_source_address(pin.url)) git.reject("url", *why);
  pin.ref = git.text("ref");
  if (!is_git_ref(pin.ref)) git.reject("ref", in_quotes(pin.ref) + " is not a git ref");
  pin.commit = git.hex("commit", 20);
  pin.tree = git.hex("tree", 20);
  pin.committed = git.integer("committed", 0, kLastSecondOfYear9999);
  return pin;
}

PathPin read_path(Fields path) {
  PathPin pin;
  pin.path = path.text("path");
  if (pin.path.starts_with('/') || pin.path.find('\0') != std::string::npos)
    path.reject("path", "must be a relative path");
  pin.dirty = path.boolean("dirty");
  if (!pin.dirty || path.has("commit")) {
    pin.commit = path.hex("commit", 20);
    pin.tree = path.hex("tree", 20);
    pin.committed = path.integer("committed", 0, kLastSecondOfYear9999);
  }
  return pin;
}

ArchivePin read_archive(Fields archive) {
  ArchivePin pin;
  pin.urls = archive.texts("urls", kMaxUrls);
  if (pin.urls.empty()) archive.reject("urls", "is empty");
  for (const std::string& url : pin.urls)
    if (auto why = problem_with_source_address(url)) archive.reject("urls", *why);
  pin.sha256 = archive.hex("sha256", 32);
  pin.size = static_cast<std::uint64_t>(archive.integer("size", 1, kMaxArchive));
  pin.strip = static_cast<std::uint32_t>(archive.integer("strip", 0, 100));
  return pin;
}

// `sorted` and without repetition: what has no order of its own has one spelling.
template <class T>
bool strictly_sorted(const std::vector<T>& items) {
  return std::adjacent_find(items.begin(), items.end(), [](const T& a, const T& b) { return !(a < b); }) == items.end();
}

SourcePin read_source(Fields& source) {
  SourcePin pin;
  pin.name = source.text("name");
  if (!is_project_name(pin.name)) source.reject("name", in_quotes(pin.name) + " is not the name of a source");
  pin.into = source.text("into");
  if (!is_into(pin.into)) source.reject("into", in_quotes(pin.into) + " is not a plain path below /build");
  if (source.has("git") + source.has("path") + source.has("archive") != 1)
    source.reject("name", in_quotes(pin.name) + " must have exactly one of git, path and archive");
  if (source.has("git")) pin.origin = read_git(source.object("git"));
  if (source.has("path")) pin.origin = read_path(source.object("path"));
  if (source.has("archive")) pin.origin = read_archive(source.object("archive"));
  if (source.has("allow_private_keys")) {
    pin.allow_private_keys = source.texts("allow_private_keys", 1000);
    if (pin.allow_private_keys.empty() || !strictly_sorted(pin.allow_private_keys))
      source.reject("allow_private_keys", "is empty or not sorted");
    for (const std::string& path : pin.allow_private_keys)
      if (!is_plain_relative(path))
        source.reject("allow_private_keys", in_quotes(path) + " is not a plain path in the source");
  }
  pin.tree_sha256 = source.hex("tree_sha256", 32);
  pin.files = static_cast<std::uint64_t>(source.integer("files", 0, kMaxInteger));
  pin.bytes = static_cast<std::uint64_t>(source.integer("bytes", 0, kMaxInteger));
  return pin;
}

std::vector<SourcePin> read_sources(Fields& doc) {
  std::vector<SourcePin> sources;
  std::set<std::string> names, folders;
  for (Fields& s : doc.objects("sources", kMaxSources)) {
    SourcePin source = read_source(s);
    if (!names.insert(source.name).second) s.reject("name", in_quotes(source.name) + " is the name of two sources");
    if (!folders.insert(source.into).second)
      s.reject("into", in_quotes(source.into) + " already receives another source");
    sources.push_back(std::move(source));
  }
  if (sources.empty()) doc.reject("sources", "is empty");
  return sources;
}

SuitePin read_suite(Fields& suite) {
  SuitePin pin;
  pin.suite = suite.text("suite");
  if (!is_suite_name(pin.suite)) suite.reject("suite", in_quotes(pin.suite) + " is not the name of a suite");
  if (suite.has("mirrors")) {
    pin.mirrors = suite.texts("mirrors", kMaxUrls);
    if (pin.mirrors.empty()) suite.reject("mirrors", "is empty");
  }
  for (const std::string& mirror : pin.mirrors)
    if (auto why = problem_with_mirror(mirror)) suite.reject("mirrors", *why);
  pin.inrelease_sha256 = suite.hex("inrelease_sha256", 32);
  pin.date = suite.text("date");
  if (auto time = parse_time(pin.date); !time || format_time(*time) != pin.date)
    suite.reject("date", in_quotes(pin.date) + " is not an RFC 3339 time in UTC");
  pin.signers = suite.texts("signers", 100);
  for (const std::string& signer : pin.signers)
    if (signer.size() < 40 || signer.size() > 64 || signer.find_first_not_of("0123456789ABCDEF") != std::string::npos)
      suite.reject("signers", in_quotes(signer) + " is not a key's fingerprint");
  if (pin.signers.empty() || !strictly_sorted(pin.signers)) suite.reject("signers", "is empty or not sorted");
  std::set<std::string> files;
  for (Fields& i : suite.objects("indexes", kMaxIndexes)) {
    IndexPin index{i.text("file"), i.hex("sha256", 32), static_cast<std::uint64_t>(i.integer("size", 0, kMaxInteger))};
    if (!is_into(index.file)) i.reject("file", in_quotes(index.file) + " is not a plain path");
    if (!files.insert(index.file).second) i.reject("file", in_quotes(index.file) + " is listed twice");
    pin.indexes.push_back(std::move(index));
  }
  if (pin.indexes.empty()) suite.reject("indexes", "is empty");
  return pin;
}

PackagePin read_package(Fields& package, const std::set<std::string>& suites) {
  PackagePin pin;
  pin.name = package.text("name");
  if (!is_package_name(pin.name)) package.reject("name", in_quotes(pin.name) + " is not the name of a Debian package");
  pin.version = package.text("version");
  if (!is_package_version(pin.version)) package.reject("version", in_quotes(pin.version) + " is not a Debian version");
  pin.arch = package.text("arch");
  if (pin.arch != "amd64" && pin.arch != "all")
    package.reject("arch", in_quotes(pin.arch) + " is neither amd64 nor all");
  pin.suite = package.text("suite");
  if (!suites.contains(pin.suite)) package.reject("suite", in_quotes(pin.suite) + " is not among the suites above");
  pin.path = package.text("path");
  if (!is_into(pin.path) || !pin.path.ends_with(".deb"))
    package.reject("path", in_quotes(pin.path) + " is not the path of a .deb below a mirror");
  pin.sha256 = package.hex("sha256", 32);
  pin.size = static_cast<std::uint64_t>(package.integer("size", 1, kMaxInteger));
  return pin;
}

auto package_order(const PackagePin& p) { return std::tie(p.name, p.arch); }

DebianPin read_debian(Fields debian) {
  DebianPin pin;
  pin.arch = debian.text("arch");
  if (pin.arch != "amd64")
    debian.reject("arch", in_quotes(pin.arch) + "; this version knows only \"amd64\"", Fault::unsupported);
  pin.keyring_sha256 = debian.hex("keyring_sha256", 32);
  pin.requested = debian.texts("requested", kMaxPackages);
  for (const std::string& package : pin.requested)
    if (!is_package_name(std::string_view(package).substr(0, package.find('='))))
      debian.reject("requested", in_quotes(package) + " is not the name of a Debian package");
  std::set<std::string> suites;
  for (Fields& s : debian.objects("suites", kMaxSuites)) {
    pin.suites.push_back(read_suite(s));
    if (!suites.insert(pin.suites.back().suite).second)
      s.reject("suite", in_quotes(pin.suites.back().suite) + " is listed twice");
  }
  if (pin.suites.empty()) debian.reject("suites", "is empty");
  for (Fields& p : debian.objects("packages", kMaxPackages)) {
    PackagePin package = read_package(p, suites);
    if (!pin.packages.empty() && !(package_order(pin.packages.back()) < package_order(package)))
      p.reject("name",
               in_quotes(package.name) + " is out of order or repeated; packages are sorted by name and architecture");
    pin.packages.push_back(std::move(package));
  }
  if (pin.packages.empty()) debian.reject("packages", "is empty");
  return pin;
}

Lock read_model(Fields& doc) {
  Lock lock;
  if (const auto version = doc.integer("hallmark_lock", 0, kMaxInteger); version != 1)
    doc.reject("hallmark_lock", "is " + std::to_string(version) + "; this version of hallmark reads locks of version 1",
               Fault::unsupported);
  lock.name = doc.text("name");
  if (!is_project_name(lock.name)) doc.reject("name", in_quotes(lock.name) + " is not the name of a project");
  lock.spec_sha256 = doc.hex("spec_sha256", 32);
  Fields rules = doc.object("rules");
  rules.literal("tar", kTarRules);
  rules.literal("root", kRootRules);
  rules.literal("box", kBoxRules);
  lock.epoch = doc.integer("epoch", 0, kLastSecondOfYear9999);
  lock.sources = read_sources(doc);
  lock.debian = read_debian(doc.object("debian"));
  Fields root = doc.object("root");
  lock.root = {root.hex("sha256", 32), static_cast<std::uint64_t>(root.integer("files", 0, kMaxInteger)),
               static_cast<std::uint64_t>(root.integer("bytes", 0, kMaxInteger))};
  Fields build = doc.object("build");
  lock.recipe = read_recipe(build, doc);
  return lock;
}

// ── the model as text ──

// In one line: {name: gcc, sizes: [1, 2]}
std::string flow(const Json& value) {
  if (value.is_string()) return yaml_scalar(value.string());
  if (!value.is_object() && !value.is_array()) return value.canonical();
  std::string out;
  auto separate = [&] { out += out.empty() ? "" : ", "; };
  if (value.is_array()) {
    for (const Json& item : value.items()) separate(), out += flow(item);
    return "[" + out + "]";
  }
  for (const Json::Member& m : value.members()) separate(), out += yaml_scalar(m.key) + ": " + flow(m.value);
  return "{" + out + "}";
}

std::string line(std::string_view indent, std::string_view key, const Json& value) {
  return std::string(indent) + std::string(key) + ": " + flow(value) + "\n";
}

std::string lines(std::string_view indent, std::string_view key, const Json& items) {
  if (items.items().empty()) return line(indent, key, items);
  std::string out = std::string(indent) + std::string(key) + ":\n";
  for (const Json& item : items.items()) out += std::string(indent) + "- " + flow(item) + "\n";
  return out;
}

std::string suite_text(const Json& suite) {
  std::string out;
  for (const Json::Member& m : suite.members()) {
    const std::string indent = out.empty() ? "  - " : "    ";
    out += m.key == "indexes" ? lines(indent, m.key, m.value) : line(indent, m.key, m.value);
  }
  return out;
}

constexpr std::string_view kSeal = "lock_sha256";

std::string digest_of_model(const Json& model) { return to_hex(digest<Alg::sha256>(as_bytes(model.canonical()))); }

// What the text says, and what its last line says of that. Only the model decides whether they agree.
struct Sealed {
  Lock lock;
  std::string seal;
};

Result<Sealed> parse_sealed(std::string_view text, const std::string& name) {
  if (text.find("\n<<<<<<< ") != text.npos || text.starts_with("<<<<<<< "))
    return fail(Fault::format, name + ": has merge conflicts in it; take either side whole and run 'hallmark pin'");
  TRY(const Json json, in(name, parse_yaml(text, {.bytes = kMaxLock})));
  Fields doc(json, name);
  Sealed sealed;
  sealed.lock = read_model(doc);
  sealed.seal = doc.hex(kSeal, 32);
  return doc.finish(std::move(sealed));
}

std::string seal_problem(const Sealed& sealed) {
  return std::string(kSeal) + ": is " + sealed.seal + ", but the lines above it have " +
         to_hex(lock_digest(sealed.lock)) + ": the lock was edited after pin made it";
}
constexpr std::string_view kSealRemedy = "; 'hallmark pin --update' makes a new one";

// ── differences ──

std::string short_id(const std::string& hex) { return hex.size() > 12 ? hex.substr(0, 12) + "…" : hex; }

bool is_digest(std::string_view text) { return text.size() >= 40 && is_hex(text, text.size()); }

std::string shown(const Json& value) {
  if (!value.is_string()) return flow(value);
  return is_digest(value.string()) ? short_id(value.string()) : printable(value.string());
}

// Every leaf in which the values differ: "debian.arch: amd64 → arm64".
void compare_values(const std::string& where, const Json& from, const Json& to, std::vector<std::string>& out) {
  if (from == to) return;
  auto inside = [&](std::string_view key) { return where.empty() ? std::string(key) : where + "." + std::string(key); };
  if (from.is_object() && to.is_object()) {
    static const Json absent;
    for (const Json::Member& m : from.members()) {
      const Json* other = to.find(m.key);
      compare_values(inside(printable(m.key)), m.value, other ? *other : absent, out);
    }
    for (const Json::Member& m : to.members())
      if (!from.find(m.key)) compare_values(inside(printable(m.key)), absent, m.value, out);
    return;
  }
  if (from.is_array() && to.is_array() && from.items().size() == to.items().size()) {
    for (std::size_t i = 0; i < from.items().size(); i++)
      compare_values(where + "[" + std::to_string(i) + "]", from.items()[i], to.items()[i], out);
    return;
  }
  if (from.is_null())
    out.push_back(where + ": added, " + shown(to));
  else if (to.is_null())
    out.push_back(where + ": removed, was " + shown(from));
  else
    out.push_back(where + ": " + shown(from) + " → " + shown(to));
}

// Lists whose entries have a name of their own are compared by it and not by position.
void compare_named(std::string_view what, std::string_view key, const Json& from, const Json& to,
                   std::vector<std::string>& out) {
  auto id = [&](const Json& e) {
    return e.find(key)->string() + (e.find("arch") ? "/" + e.find("arch")->string() : "");
  };
  std::map<std::string, const Json*> before, after;
  for (const Json& entry : from.items()) before.emplace(id(entry), &entry);
  for (const Json& entry : to.items()) after.emplace(id(entry), &entry);
  auto title = [&](const Json& e) { return std::string(what) + " " + printable(e.find(key)->string()); };
  auto version = [](const Json& e) { return e.find("version") ? " " + e.find("version")->string() : std::string(); };
  for (const Json& entry : from.items()) {
    const auto other = after.find(id(entry));
    if (other == after.end()) {
      out.push_back(title(entry) + version(entry) + ": removed");
    } else if (version(entry) != version(*other->second)) {
      out.push_back(title(entry) + ":" + version(entry) + " →" + version(*other->second));
    } else {
      std::vector<std::string> inner;
      compare_values("", entry, *other->second, inner);
      for (const std::string& change : inner) out.push_back(title(entry) + ": " + change);
    }
  }
  for (const Json& entry : to.items())
    if (!before.contains(id(entry))) out.push_back(title(entry) + version(entry) + ": added");
}

}  // namespace

Json to_json(const Lock& lock) {
  Json sources = Json::array();
  for (const SourcePin& source : lock.sources) sources.push_back(source_to_json(source));
  return Json::object({
      {"hallmark_lock", 1},
      {"name", lock.name},
      {"spec_sha256", lock.spec_sha256},
      {"rules", Json::object({{"tar", kTarRules}, {"root", kRootRules}, {"box", kBoxRules}})},
      {"epoch", lock.epoch},
      {"sources", std::move(sources)},
      {"debian", debian_to_json(lock.debian)},
      {"root", Json::object({{"sha256", lock.root.sha256}, {"files", lock.root.files}, {"bytes", lock.root.bytes}})},
      {"build", build_to_json(lock.recipe)},
      {"outputs", outputs_to_json(lock.recipe)},
  });
}

Result<Lock> lock_from_json(const Json& json, const std::string& what) {
  Fields doc(json, what);
  Lock lock = read_model(doc);
  return doc.finish(std::move(lock));
}

DigestOf<Alg::sha256> lock_digest(const Lock& lock) { return digest<Alg::sha256>(as_bytes(to_json(lock).canonical())); }

std::string write_lock(const Lock& lock) {
  const Json model = to_json(lock);
  const Json& debian = *model.find("debian");
  const Json& build = *model.find("build");
  std::string out =
      "# Made by 'hallmark pin' from hallmark.yaml: the exact bytes of the build. Not to be edited by hand.\n";
  for (std::string_view key : {"hallmark_lock", "name", "spec_sha256", "rules", "epoch"})
    out += line("", key, *model.find(key));
  out += lines("", "sources", *model.find("sources"));
  out += "debian:\n";
  for (std::string_view key : {"arch", "keyring_sha256", "requested"}) out += line("  ", key, *debian.find(key));
  out += "  suites:\n";
  for (const Json& suite : debian.find("suites")->items()) out += suite_text(suite);
  out += lines("  ", "packages", *debian.find("packages"));
  out += line("", "root", *model.find("root"));
  out += "build:\n";
  out += line("  ", "cpus", *build.find("cpus")) + line("  ", "env", *build.find("env")) +
         lines("  ", "steps", *build.find("steps"));
  out += lines("", "outputs", *model.find("outputs"));
  return out + line("", kSeal, digest_of_model(model));
}

Result<Lock> parse_lock(std::string_view text, const std::string& name) {
  TRY(Sealed sealed, parse_sealed(text, name));
  if (sealed.seal != to_hex(lock_digest(sealed.lock)))
    return fail(Fault::format, name + ": " + seal_problem(sealed) + std::string(kSealRemedy));
  return std::move(sealed.lock);
}

Result<Lock> read_lock(const fs::path& file, const Store& store) {
  TRY(const std::string text, read_text(file, kMaxLock));
  TRY(Sealed sealed, parse_sealed(text, file.string()));
  if (sealed.seal == to_hex(lock_digest(sealed.lock))) return std::move(sealed.lock);

  // The store's blob of that digest is the lock as it was before the edit.
  std::string where;
  TRY(const Sha256 original_digest, digest_from_hex<Alg::sha256>(sealed.seal));
  if (store.has(original_digest)) {
    TRY(const Bytes bytes, store.get(original_digest, kMaxLock));
    auto json = parse_json(as_text(bytes), {.bytes = kMaxLock});
    auto original = json ? lock_from_json(*json, "stored lock") : Result<Lock>(Failure(json.error()));
    if (original)
      if (auto changes = describe_changes(*original, sealed.lock); !changes.empty())
        where = " (" + changes.front() + ")";
  }
  return fail(Fault::format, file.string() + ": " + seal_problem(sealed) + where + std::string(kSealRemedy));
}

Status check_spec(const Lock& lock, const Spec& spec) {
  const std::string wanted = to_hex(spec_digest(spec));
  if (lock.spec_sha256 == wanted) return {};
  std::vector<std::string> changes;
  // What both say in the same words can be named; anything else is only known to have changed.
  compare_values("name", lock.name, spec.name, changes);
  compare_values("build", build_to_json(lock.recipe), build_to_json(spec.recipe), changes);
  compare_values("outputs", outputs_to_json(lock.recipe), outputs_to_json(spec.recipe), changes);
  compare_values("toolchain.debian.packages", text_list(lock.debian.requested), text_list(spec.debian.packages),
                 changes);
  return fail(Fault::usage, "hallmark.yaml has changed since the lock was made" +
                                (changes.empty() ? " (spec_sha256 is " + short_id(lock.spec_sha256) +
                                                       ", the specification has " + short_id(wanted) + ")"
                                                 : " (" + changes.front() + ")") +
                                "; run 'hallmark pin'");
}

std::vector<std::string> describe_changes(const Lock& from, const Lock& to) {
  Json a = to_json(from), b = to_json(to);
  std::vector<std::string> out;
  compare_named("source", "name", a["sources"], b["sources"], out);
  compare_named("suite", "suite", a["debian"]["suites"], b["debian"]["suites"], out);
  compare_named("package", "name", a["debian"]["packages"], b["debian"]["packages"], out);
  for (Json* lock : {&a, &b}) {
    (*lock)["sources"] = nullptr;
    (*lock)["debian"]["suites"] = nullptr;
    (*lock)["debian"]["packages"] = nullptr;
  }
  compare_values("", a, b, out);
  return out;
}

}  // namespace hallmark::pin
