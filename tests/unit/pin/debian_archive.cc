#include "tests/unit/pin/debian_archive.h"

#include <cstdlib>
#include <iostream>

#include "lib/base/process.h"
#include "lib/crypto/digest.h"

namespace hallmark::pin {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::cerr << result.error().message() << "\n";
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

std::string run(ProcessSpec command) {
  const std::string name = command.arguments[0];
  Finished finished = must(run_process(command));
  if (finished.status != 0) {
    std::cerr << name << ": " << finished.errors << "\n";
    std::abort();
  }
  return std::move(finished.output);
}

std::string sha256_hex(std::string_view text) { return to_hex(digest<Alg::sha256>(as_bytes(text))); }

void write(const fs::path& path, std::string_view text) {
  must(make_folders(path.parent_path()));
  must(write_file(path, text));
}

std::string content_of(const ArchivePackage& package) {
  return "package " + package.name + " " + package.version + "\n";
}

}  // namespace

const Signers& Signers::get() {
  static const Signers signers;
  return signers;
}

Signers::Signers() : home_(must(TemporaryFolder::make("hallmark-gpg-"))) {
  for (const std::string name : {"one", "two", "past"}) {
    std::vector<std::string> arguments = {
        "--passphrase", "", "--quick-gen-key", name + " <" + name + "@example.org>", "ed25519", "sign"};
    arguments.insert(arguments.begin(), {"--faked-system-time", "20200101T000000"});
    arguments.push_back(name == "past" ? "10d" : "never");
    gpg(arguments);
    // fpr:::::::::<fingerprint>:
    const std::string listing = gpg({"--with-colons", "--list-keys", name + "@example.org"});
    const std::size_t at = listing.find("\nfpr:") + 13;
    fingerprints_[name] = listing.substr(at, 40);
  }
}

Signers::~Signers() {
  static_cast<void>(run_process({.arguments = {"gpgconf", "--homedir", home_.path(), "--kill", "all"}}));
}

std::string Signers::gpg(std::vector<std::string> arguments, std::string input) const {
  arguments.insert(arguments.begin(),
                   {"gpg", "--homedir", home_.path(), "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback"});
  return run({.arguments = std::move(arguments), .input = std::move(input)});
}

Bytes Signers::keyring(const std::vector<std::string>& names, bool armoured) const {
  std::vector<std::string> arguments;
  if (armoured) arguments.push_back("--armor");
  arguments.push_back("--export");
  for (const std::string& name : names) arguments.push_back(fingerprint(name));
  const std::string out = gpg(std::move(arguments));
  const ByteView bytes = as_bytes(out);
  return {bytes.begin(), bytes.end()};
}

std::string Signers::sign(const std::string& text, const std::vector<std::string>& names,
                          const std::string& when) const {
  std::vector<std::string> arguments;
  if (!when.empty()) arguments = {"--faked-system-time", when};
  for (const std::string& name : names) arguments.insert(arguments.end(), {"--local-user", fingerprint(name)});
  arguments.insert(arguments.end(), {"--digest-algo", "SHA512", "--clear-sign"});
  return gpg(std::move(arguments), text);
}

std::string package_path(const ArchivePackage& package) {
  return "pool/main/" + package.name.substr(0, 1) + "/" + package.name + "/" + package.name + "_" + package.version +
         "_amd64.deb";
}

void publish(const fs::path& archive, const ArchiveSuite& suite) {
  std::string packages;
  for (const ArchivePackage& package : suite.packages) {
    const std::string content = content_of(package), path = package_path(package);
    write(archive / path, content);
    packages +=
        "Package: " + package.name + "\nVersion: " + package.version + "\nArchitecture: amd64\n" + package.fields +
        "Maintainer: Nobody <nobody@example.org>\nDescription: a trial\n of several\n .\n lines\nFilename: " + path +
        "\nSize: " + std::to_string(content.size()) + "\nSHA256: " + sha256_hex(content) + "\n\n";
  }
  const fs::path dists = archive / "dists" / suite.codename;
  const std::string folder = "main/binary-amd64";
  std::string list;
  for (const auto& [name, text] :
       {std::pair{folder + "/Packages", packages},
        {folder + "/Packages.xz", run({.arguments = {"xz", "--stdout"}, .input = packages})}}) {
    const std::string digest = sha256_hex(text);
    // As Debian does: the plain index is listed but not there.
    if (name.ends_with(".xz")) {
      if (suite.by_hash) write(dists / folder / "by-hash/SHA256" / digest, text);
      write(dists / name, text);
    }
    list += " " + digest + " " + std::to_string(text.size()) + " " + name + "\n";
  }
  std::string release =
      "Origin: Trial\nSuite: " + suite.suite + "\nCodename: " + suite.codename + "\nDate: " + suite.date + "\n";
  if (!suite.valid_until.empty()) release += "Valid-Until: " + suite.valid_until + "\n";
  if (suite.by_hash) release += "Acquire-By-Hash: yes\n";
  release += "Architectures: amd64\nComponents: main\nSHA256:\n" + list;
  write(dists / "InRelease", Signers::get().sign(release, suite.signers, suite.signed_at));
}

}  // namespace hallmark::pin
