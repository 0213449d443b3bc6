#include "lib/pin/spec.h"

#include <algorithm>
#include <set>

#include "lib/base/files.h"
#include "lib/base/yaml.h"
#include "lib/pin/names.h"

namespace hallmark::pin {
namespace {

constexpr std::size_t kMaxSpec = std::size_t{4} << 20;
constexpr std::size_t kMaxSources = 1000;
constexpr std::size_t kMaxUrls = 20;
constexpr std::size_t kMaxSuites = 20;
constexpr std::size_t kMaxPackages = 5000;
constexpr std::int64_t kMaxInteger = std::int64_t{1} << 53;
constexpr std::int64_t kLastSecondOfYear9999 = 253402300799;

std::string item(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

GitRequest read_git(Fields git) {
  GitRequest request{git.text("url"), git.text("ref")};
  if (auto why = problem_with_source_address(request.url)) git.reject("url", *why);
  if (!is_git_ref(request.ref))
    git.reject("ref", in_quotes(request.ref) + " is not a branch, a tag, a full ref or a commit id");
  return request;
}

PathRequest read_path(Fields& source) {
  PathRequest request{source.text("path")};
  if (request.path.starts_with('/'))
    source.reject("path", "is absolute; it must be relative to the specification's folder");
  if (request.path.find('\0') != std::string::npos) source.reject("path", "has a NUL in it");
  return request;
}

ArchiveRequest read_archive(Fields archive) {
  ArchiveRequest request;
  request.urls = archive.texts("urls", kMaxUrls);
  if (request.urls.empty()) archive.reject("urls", "is empty");
  for (std::size_t i = 0; i < request.urls.size(); i++)
    if (auto why = problem_with_source_address(request.urls[i])) archive.reject(item("urls", i), *why);
  request.sha256 = archive.hex("sha256", 32);
  request.size = static_cast<std::uint64_t>(archive.integer("size", 1, kMaxArchive));
  request.strip = static_cast<std::uint32_t>(archive.integer_or("strip", 0, 100, 0));
  return request;
}

SourceRequest read_source(Fields& source) {
  SourceRequest request;
  request.name = source.text("name");
  if (!is_project_name(request.name))
    source.reject("name", in_quotes(request.name) + " is not made of a-z, 0-9, '.', '+' and '-'");
  request.into = source.text_or("into", ".");
  if (!is_into(request.into)) source.reject("into", in_quotes(request.into) + " is not a plain path below /build");
  const int kinds = source.has("git") + source.has("path") + source.has("archive");
  if (kinds != 1) source.reject("name", in_quotes(request.name) + " must have exactly one of git, path and archive");
  if (source.has("git")) request.origin = read_git(source.object("git"));
  if (source.has("path")) request.origin = read_path(source);
  if (source.has("archive")) request.origin = read_archive(source.object("archive"));
  if (source.has("allow_private_keys")) request.allow_private_keys = source.texts("allow_private_keys", 1000);
  std::sort(request.allow_private_keys.begin(), request.allow_private_keys.end());
  for (const std::string& path : request.allow_private_keys)
    if (!is_plain_relative(path))
      source.reject("allow_private_keys", in_quotes(path) + " is not a plain path in the source");
  return request;
}

std::vector<SourceRequest> read_sources(Fields& doc) {
  std::vector<SourceRequest> sources;
  std::set<std::string> names, folders;
  for (Fields& s : doc.objects("sources", kMaxSources)) {
    SourceRequest source = read_source(s);
    if (!names.insert(source.name).second) s.reject("name", in_quotes(source.name) + " is the name of two sources");
    if (!folders.insert(source.into).second)
      s.reject("into", in_quotes(source.into) + " already receives another source");
    sources.push_back(std::move(source));
  }
  if (sources.empty()) doc.reject("sources", "is empty");
  return sources;
}

SuiteRequest read_suite(Fields& suite) {
  SuiteRequest request;
  request.suite = suite.text("suite");
  if (!is_suite_name(request.suite)) suite.reject("suite", in_quotes(request.suite) + " is not the name of a suite");
  request.components = suite.has("components") ? suite.texts("components", 100) : std::vector<std::string>{"main"};
  if (request.components.empty()) suite.reject("components", "is empty");
  for (std::size_t i = 0; i < request.components.size(); i++)
    if (!is_component_name(request.components[i]))
      suite.reject(item("components", i), in_quotes(request.components[i]) + " is not the name of a component");
  if (suite.has("mirrors")) request.mirrors = suite.texts("mirrors", kMaxUrls);
  for (std::size_t i = 0; i < request.mirrors.size(); i++)
    if (auto why = problem_with_mirror(request.mirrors[i])) suite.reject(item("mirrors", i), *why);
  return request;
}

DebianRequest read_debian(Fields debian) {
  DebianRequest request;
  request.keyring = debian.text_or("keyring", "/usr/share/keyrings/debian-archive-keyring.gpg");
  if (request.keyring.find('\0') != std::string::npos) debian.reject("keyring", "has a NUL in it");
  request.require_signers = static_cast<std::uint32_t>(debian.integer_or("require_signers", 1, 100, 1));
  std::set<std::string> suites, packages;
  for (Fields& s : debian.objects("suites", kMaxSuites)) {
    request.suites.push_back(read_suite(s));
    if (!suites.insert(request.suites.back().suite).second)
      s.reject("suite", in_quotes(request.suites.back().suite) + " is listed twice");
  }
  if (request.suites.empty()) debian.reject("suites", "is empty");
  request.packages = debian.texts("packages", kMaxPackages);
  if (request.packages.empty()) debian.reject("packages", "is empty");
  for (std::size_t i = 0; i < request.packages.size(); i++) {
    const std::string_view package = request.packages[i];
    const auto equals = package.find('=');
    const std::string_view name = package.substr(0, equals);
    if (!is_package_name(name))
      debian.reject(item("packages", i), in_quotes(name) + " is not the name of a Debian package");
    if (equals != package.npos && !is_package_version(package.substr(equals + 1)))
      debian.reject(item("packages", i), in_quotes(package.substr(equals + 1)) + " is not a Debian version");
    if (!packages.emplace(name).second) debian.reject(item("packages", i), in_quotes(name) + " is listed twice");
  }
  return request;
}

std::optional<std::int64_t> read_epoch(Fields& build) {
  const Json& epoch = build.raw("epoch");
  if (epoch.is_null() || (epoch.is_string() && epoch.string() == "commit")) return std::nullopt;
  if (!epoch.is_integer()) build.reject("epoch", "must be \"commit\" or a number of seconds since 1970");
  return build.integer("epoch", 0, kLastSecondOfYear9999);
}

Json source_to_json(const SourceRequest& source) {
  Json out = Json::object({{"name", source.name}, {"into", source.into}});
  if (const auto* git = std::get_if<GitRequest>(&source.origin)) {
    out["git"] = Json::object({{"url", git->url}, {"ref", git->ref}});
  } else if (const auto* path = std::get_if<PathRequest>(&source.origin)) {
    out["path"] = path->path;
  } else {
    const auto& archive = std::get<ArchiveRequest>(source.origin);
    out["archive"] = Json::object({{"urls", text_list(archive.urls)},
                                   {"sha256", archive.sha256},
                                   {"size", archive.size},
                                   {"strip", std::uint64_t{archive.strip}}});
  }
  out["allow_private_keys"] = text_list(source.allow_private_keys);
  return out;
}

}  // namespace

Result<Spec> parse_spec(std::string_view text, const std::string& name) {
  TRY(const Json json, in(name, parse_yaml(text, {.bytes = kMaxSpec})));
  Fields doc(json, name);
  Spec spec;
  if (const auto version = doc.integer("hallmark", 0, kMaxInteger); version != 1)
    doc.reject("hallmark",
               "is " + std::to_string(version) + "; this version of hallmark reads specifications of version 1",
               Fault::unsupported);
  spec.name = doc.text("name");
  if (!is_project_name(spec.name))
    doc.reject("name", in_quotes(spec.name) + " is not made of a-z, 0-9, '.', '+' and '-'");
  spec.sources = read_sources(doc);
  spec.debian = read_debian(doc.object("toolchain").object("debian"));
  Fields build = doc.object("build");
  spec.epoch = read_epoch(build);
  spec.recipe = read_recipe(build, doc);
  return doc.finish(std::move(spec));
}

Result<Spec> read_spec(const fs::path& file) {
  TRY(const std::string text, read_text(file, kMaxSpec));
  return parse_spec(text, file.string());
}

Json to_json(const Spec& spec) {
  Json sources = Json::array();
  for (const SourceRequest& source : spec.sources) sources.push_back(source_to_json(source));
  Json suites = Json::array();
  for (const SuiteRequest& suite : spec.debian.suites)
    suites.push_back(Json::object(
        {{"suite", suite.suite}, {"components", text_list(suite.components)}, {"mirrors", text_list(suite.mirrors)}}));
  Json build = build_to_json(spec.recipe);
  build["epoch"] = spec.epoch ? Json(*spec.epoch) : Json("commit");
  return Json::object({
      {"hallmark", 1},
      {"name", spec.name},
      {"sources", std::move(sources)},
      {"toolchain",
       Json::object({{"debian", Json::object({{"keyring", spec.debian.keyring},
                                              {"require_signers", std::uint64_t{spec.debian.require_signers}},
                                              {"suites", std::move(suites)},
                                              {"packages", text_list(spec.debian.packages)}})}})},
      {"build", std::move(build)},
      {"outputs", outputs_to_json(spec.recipe)},
  });
}

DigestOf<Alg::sha256> spec_digest(const Spec& spec) { return digest<Alg::sha256>(as_bytes(to_json(spec).canonical())); }

}  // namespace hallmark::pin
