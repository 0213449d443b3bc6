// A Debian archive of a few kilobytes, made and signed on the spot. Its packages are a few bytes of text: the
// chain of signatures is about bytes, not about what is in them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/base/files.h"

namespace hallmark::pin {

// OpenPGP keys in a GnuPG home of their own, made once for the whole program.
class Signers {
 public:
  static const Signers& get();
  ~Signers();

  // "one" and "two" are good; "past" expired in 2020.
  const std::string& fingerprint(const std::string& name) const { return fingerprints_.at(name); }
  Bytes keyring(const std::vector<std::string>& names, bool armoured = false) const;
  // A cleartext-signed message, made by all of these; `when` as "20260101T000000", or now.
  std::string sign(const std::string& text, const std::vector<std::string>& names, const std::string& when = "") const;

 private:
  Signers();
  std::string gpg(std::vector<std::string> arguments, std::string input = "") const;
  TemporaryFolder home_;
  std::map<std::string, std::string> fingerprints_;
};

struct ArchivePackage {
  std::string name, version;
  std::string fields;  // further lines: "Depends: make\n"
};

struct ArchiveSuite {
  std::string suite = "stable", codename = "trial";
  std::string date = "Thu, 01 Jan 2026 00:00:00 UTC", valid_until;
  std::vector<std::string> signers = {"one"};
  std::string signed_at;  // see Signers::sign
  bool by_hash = true;
  std::vector<ArchivePackage> packages;
};

// Where package and index stand below an archive's folder.
std::string package_path(const ArchivePackage& package);

// Writes the suite below `archive`: dists/<codename>/… and pool/….
void publish(const fs::path& archive, const ArchiveSuite& suite);

}  // namespace hallmark::pin
