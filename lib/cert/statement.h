// The build certificate: what one builder states about one build. specs/formats/certificate.md
//
// An in-toto Statement v1 with the predicate SLSA Provenance v1, whose extension fields
// (`hallmark_…`) carry the lock, the measurements and the conditions. It states facts about the
// past: it has no expiry, and nothing can make it untrue later.
//
// A document has one encoding (RFC 8785). Everything that follows from something else in it (the
// subjects, the digest of the lock, the comparison digest) is derived when writing and compared when reading.
#pragma once

#include <map>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/tee/model/measurement.h"

namespace hallmark::cert {

inline constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
inline constexpr std::string_view kPredicateType = "https://slsa.dev/provenance/v1";
inline constexpr std::string_view kBuildType = "urn:hallmark:build:1";
inline constexpr std::string_view kSchema = "certificate-v1";
// The entry of resolvedDependencies that stands for `lock`.
inline constexpr std::string_view kLockName = "hallmark.lock";

struct OutputFile {
  std::string path;    // below the build folder
  std::string sha256;  // lower-case hex
};

struct OutputMeasurement {
  std::string path;                               // of the output that was measured
  std::string platform;                           // "sgx": a row of the platform table
  std::map<std::string, std::string> companions;  // role → path of the other outputs that went into it
  std::map<std::string, std::string> options = {};  // name → value, as the recipe gives them
  std::string tee, format, calculator;
  std::vector<Register> registers;  // sorted by name
  Json identity, policy, inputs;    // objects
  // The one value that is this identity: lower-case hex of registers, concatenated in the order of their names.
  std::string digest_name, digest;

  // "tee:sgx:out/enclave.sgxs", the name of the subject that has the digest
  std::string id() const { return "tee:" + platform + ":" + path; }
};

// What a build made: the part that two builders must agree on.
struct Outputs {
  std::vector<OutputFile> files;                // in the recipe's order
  std::vector<OutputMeasurement> measurements;  // in the same order, at most one a file
};

// in-toto ResourceDescriptor (spec/v1/resource_descriptor.md): `name` and `digest`, and a URI where there is one.
struct Resource {
  std::string name, uri;
  std::map<std::string, std::string> digest;  // "sha256" → lower-case hex
};
Json to_json(const Resource&);

struct Host {
  std::string kernel, machine, cpu_model, backend;
  std::int64_t cpus = 0;
  bool root = false;
};
Json to_json(const Host&);

struct Certificate {
  Outputs outputs;

  // SLSA buildDefinition. The objects follow from the lock; who knows locks checks that they do.
  Json external_parameters, internal_parameters;
  std::vector<Resource> dependencies;  // without the lock itself
  Json lock;

  // SLSA runDetails: this run, which no other builder repeats.
  std::string builder_id, builder_version;
  std::string invocation_id;
  UnixTime started = 0, finished = 0;
  std::vector<Resource> byproducts;
  Host host;
};

// SHA-256 of the lock's canonical JSON: its identity.
std::string lock_sha256(const Certificate&);
// SHA-256 of the canonical JSON of {subject, buildDefinition, hallmark_measurements}: equal in two
// certificates exactly when they state the same build.
std::string compare_digest(const Certificate&);

Json to_json(const Certificate&);
std::string encode(const Certificate&);  // the canonical bytes: a DSSE payload
Result<Certificate> parse_certificate(ByteView payload, const std::string& name);

}  // namespace hallmark::cert
