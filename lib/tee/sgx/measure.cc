#include "lib/tee/sgx/measure.h"

#include <fcntl.h>

#include <algorithm>

#include "lib/formats/elf.h"
#include "lib/tee/sgx/gramine.h"
#include "lib/tee/sgx/known_signers.h"
#include "lib/tee/sgx/oe_image.h"
#include "lib/tee/sgx/request.h"
#include "lib/tee/sgx/sdk_image.h"
#include "lib/tee/sgx/sdk_metadata.h"
#include "lib/tee/sgx/sgxs.h"
#include "lib/tee/sgx/sigstruct.h"

namespace hallmark::sgx {
namespace {

constexpr const char* kWrongQuotients =
    "q1 or q2 in SIGSTRUCT does not belong to its signature: a processor refuses it";

// What the signature promises, held against what the pages measure to. `where` is empty or names the metadata copy.
void judge(const std::string& where, const DigestOf<Alg::sha256>& mrenclave, const Sigstruct& s, Measurement& m) {
  const auto claimed = s.get<"enclavehash">();
  const bool same = std::equal(mrenclave.begin(), mrenclave.end(), claimed.begin());
  const SignatureCheck signature = check_signature(s);
  const std::string both = "the pages measure to " + to_hex(mrenclave) + ", SIGSTRUCT says " + to_hex(claimed);
  if (!same && signature.rsa) m.problems.push_back(where + "the code was changed under a valid signature: " + both);
  if (!same && !signature.rsa)
    m.problems.push_back(where + "the embedded hash was changed: " + both + ", and its RSA signature does not verify");
  if (same && !signature.rsa)
    m.problems.push_back(where +
                         "the signature is forged: the pages measure to what SIGSTRUCT says, but its RSA "
                         "signature does not verify");
  if (signature.rsa && !signature.quotients) m.problems.push_back(where + kWrongQuotients);
}

// What the signature allows that a person should know about.
void warn(const Sigstruct& s, Measurement& m) {
  if ((s.num<"attributes">() & kAttributeDebug) != 0)
    m.warnings.push_back("a debug enclave: SIGSTRUCT sets ATTRIBUTES.DEBUG, and its memory can be read from outside");
  else if (debug_launchable(s))
    m.warnings.push_back(
        "debug-launchable: the signature lets the host set ATTRIBUTES.DEBUG and read the enclave's "
        "memory, with the same MRENCLAVE; check the attributes in the quote");
  if (const KnownSigner* known = find_known_signer(mrsigner(s)))
    m.warnings.push_back("the signing key is public: anybody can sign with it, so MRSIGNER says nothing; it is in " +
                         describe(*known));
  if (s.num<"isvsvn">() == 0)
    m.warnings.push_back("ISVSVN is 0: no security version tells this enclave from a repaired one");
}

// The same for an image with one signature, which also says who signed.
void judge_single(const DigestOf<Alg::sha256>& mrenclave, const Sigstruct& s, Measurement& m) {
  judge("", mrenclave, s, m);
  m.state = m.problems.empty() ? State::equal : State::mismatch;
  m.identity = identity_of(s);
  m.policy = policy_of(s);
  warn(s, m);
}

// The same for a signature in a file of its own.
Status judge_file(const DigestOf<Alg::sha256>& mrenclave, const fs::path& file, Measurement& m) {
  const std::string name = file.string();
  TRY(const Bytes bytes, read_file(file, kSigstruct.size));
  TRY(const Sigstruct s, in(name, parse_sigstruct(bytes)));
  judge_single(mrenclave, s, m);
  return {};
}

void warn_of_unmeasured_code(std::uint64_t pages, Measurement& m) {
  if (pages != 0)
    m.warnings.push_back(std::to_string(pages) +
                         " executable pages are not measured, or not whole: whoever loads the "
                         "enclave chooses what they hold");
}

Json elrange_json(const std::optional<Elrange>& e) {
  if (!e) return nullptr;
  return Json::array({e->image_address, e->start_address, e->size});
}

// "isvsvn (2, not 3)" for each member that differs.
std::string differences(const Json& first, const Json& other) {
  std::string out;
  for (const Json::Member& member : first.members()) {
    const Json* value = other.find(member.key);
    if (value == nullptr || *value == member.value) continue;
    out +=
        (out.empty() ? "" : ", ") + member.key + " (" + value->canonical() + ", not " + member.value.canonical() + ")";
  }
  return out;
}

// Every copy of the metadata is loaded and measured: which of them a machine uses depends on its loader, so an
// identity is one only if they all lead to it. Returns what the first one measures to; a row for each goes to `rows`.
Result<DigestOf<Alg::sha256>> measure_copies(const SdkImage& image, bool is_signed, const Trace& trace, Json& rows,
                                             Measurement& m) {
  std::optional<DigestOf<Alg::sha256>> mrenclave;
  const SdkMetadata& first = image.copies().front();

  for (const SdkMetadata& copy : image.copies()) {
    const std::string name = "metadata " + copy.version();
    TRY(const Load load, in(name, image.load(copy)));
    const Trace none;
    Mrenclave hash(load.ssa_frame_size, load.size, &copy == &first ? trace : none);
    CHECK(load.replay(hash));
    const auto value = hash.finish();
    const auto claimed = copy.sigstruct.get<"enclavehash">();
    Json row = Json::object({{"version", copy.version()},
                             {"computed", to_hex(value)},
                             {"elrange", elrange_json(copy.elrange)},
                             {"pages_eadd", hash.pages_added()},
                             {"pages_eextend", hash.pages_extended()}});
    if (is_signed) {
      row["sigstruct"] = to_hex(claimed);
      row["match"] = std::equal(value.begin(), value.end(), claimed.begin());
      judge(image.copies().size() == 1 ? "" : name + ": ", value, copy.sigstruct, m);
    }
    rows.push_back(std::move(row));
    if (!mrenclave) {
      mrenclave = value;
      m.inputs = Json::object({{"enclave_size", copy.header.num<"enclave_size">()},
                               {"ssa_frame_size", std::uint64_t{load.ssa_frame_size}},
                               {"pages_eadd", hash.pages_added()},
                               {"pages_eextend", hash.pages_extended()}});
      warn_of_unmeasured_code(hash.unmeasured_code(), m);
    } else if (value != *mrenclave) {
      m.problems.push_back(name + " measures to " + to_hex(value) + ", but metadata " + first.version() + " to " +
                           to_hex(*mrenclave) + ": which one runs depends on the machine");
    }
    const std::string other = differences(identity_of(first.sigstruct), identity_of(copy.sigstruct)) +
                              differences(policy_of(first.sigstruct), policy_of(copy.sigstruct));
    if (!other.empty())
      m.warnings.push_back(name + " differs from metadata " + first.version() + " in " + other +
                           ": which one holds depends on the machine");
  }
  if (image.is_simulation()) m.warnings.push_back("built for the SDK's simulator: it runs without any protection");
  if (image.sdk_version()) m.inputs["sdk_version"] = *image.sdk_version();
  m.inputs["sim_mode"] = image.is_simulation();
  m.inputs["textrel"] = image.has_text_relocations();
  return *mrenclave;
}

Result<Measurement> measure_sdk(ByteView file, const Trace& trace) {
  TRY(const SdkImage image, SdkImage::parse(file));
  Measurement m{.format = std::string(to_text(Format::sdk))};
  Json rows = Json::array();
  TRY(const auto mrenclave, measure_copies(image, true, trace, rows, m));
  const Sigstruct& sigstruct = image.copies().front().sigstruct;
  m.state = m.problems.empty() ? State::equal : State::mismatch;
  m.registers = registers_of(mrenclave);
  m.identity = identity_of(sigstruct);
  m.policy = policy_of(sigstruct);
  warn(sigstruct, m);
  m.inputs["metadata"] = std::move(rows);
  return m;
}

// What a configuration says of the identity; who signs it, and when, it does not.
Json configured_identity(const Sigstruct& s) {
  const Json all = identity_of(s);
  Json out = Json::object();
  for (const Json::Member& member : all.members())
    if (member.key != "mrsigner" && member.key != "date") out[member.key] = member.value;
  return out;
}

// A signed file is held against what was measured from its code and the configuration.
Status compare_with_signed(ByteView file, const DigestOf<Alg::sha256>& mrenclave, const Sigstruct& configured,
                           Measurement& m) {
  TRY(const SdkImage image, in("its own metadata", SdkImage::parse(file)));
  Measurement own;
  Json rows = Json::array();
  const Trace none;
  CHECK(in("its own metadata", measure_copies(image, true, none, rows, own)));
  m.problems.insert(m.problems.end(), own.problems.begin(), own.problems.end());
  for (std::size_t i = 0; i < image.copies().size(); i++) {
    const SdkMetadata& copy = image.copies()[i];
    const std::string name = "metadata " + copy.version();
    const std::string& value = rows.items()[i].find("computed")->string();
    if (value != to_hex(mrenclave))
      m.problems.push_back("under the configuration the code measures to " + to_hex(mrenclave) + ", under the file's " +
                           name + " to " + value);
    const std::string other = differences(configured_identity(configured), identity_of(copy.sigstruct)) +
                              differences(policy_of(configured), policy_of(copy.sigstruct));
    if (!other.empty()) m.problems.push_back(name + " is signed with another configuration: " + other);
  }
  m.state = m.problems.empty() ? State::equal : State::mismatch;
  if (m.state == State::equal) m.identity = identity_of(image.copies().front().sigstruct);
  m.inputs["signed_metadata"] = std::move(rows);
  return {};
}

// As the signing tool would measure it: from the code and the configuration, and from nothing that signing adds.
// A signature in a file of its own is held against it.
Result<Measurement> measure_sdk_unsigned(ByteView file, const fs::path& config_file,
                                         const std::optional<fs::path>& sigstruct, const Trace& trace) {
  TRY(const SdkConfig config, read_sdk_config(config_file, file));
  TRY(const Bytes metadata, build_sdk_metadata(file, config));
  TRY(const SdkImage image, SdkImage::parse(file, metadata));
  Measurement m{.format = std::string(to_text(Format::sdk))};
  Json rows = Json::array();
  TRY(const auto mrenclave, measure_copies(image, false, trace, rows, m));
  const Sigstruct& configured = image.copies().front().sigstruct;
  m.state = m.problems.empty() ? State::computed : State::mismatch;
  m.registers = registers_of(mrenclave);
  m.identity = configured_identity(configured);
  m.policy = policy_of(configured);
  m.inputs["metadata"] = std::move(rows);
  m.inputs["config"] = to_json(config);
  if (image.carries_metadata()) {
    if (sigstruct) return fail(Fault::usage, "carries its own SIGSTRUCT; a second one cannot be given");
    CHECK(compare_with_signed(file, mrenclave, configured, m));
  }
  if (!sigstruct) {
    warn(configured, m);
    return m;
  }
  const Json identity = m.identity, policy = m.policy;
  CHECK(judge_file(mrenclave, *sigstruct, m));
  const std::string other = differences(identity, m.identity) + differences(policy, m.policy);
  if (!other.empty()) {
    m.problems.push_back("SIGSTRUCT is signed with another configuration: " + other);
    m.state = State::mismatch;
  }
  return m;
}

Result<Measurement> measure_stream(const fs::path& image, const std::optional<fs::path>& sigstruct,
                                   const Trace& trace) {
  TRY(const Fd file, open_file(image, O_RDONLY));
  TRY(const SgxsMeasurement stream, measure_sgxs(source_of(file), trace));
  Measurement m{.format = std::string(to_text(Format::sgxs)), .state = State::computed};
  m.registers = registers_of(stream.mrenclave);
  m.identity = Json::object();
  m.policy = Json::object();
  m.inputs = Json::object({{"enclave_size", stream.enclave_size},
                           {"ssa_frame_size", std::uint64_t{stream.ssa_frame_size}},
                           {"pages_eadd", stream.pages_added},
                           {"pages_eextend", stream.pages_extended},
                           {"chunks_unmeasured", stream.chunks_unmeasured}});
  warn_of_unmeasured_code(stream.unmeasured_code, m);
  if (stream.chunks_unmeasured != 0)
    m.warnings.push_back(std::to_string(stream.chunks_unmeasured) +
                         " chunks of 256 bytes are loaded without being "
                         "measured: MRENCLAVE does not cover them");
  if (sigstruct) CHECK(judge_file(stream.mrenclave, *sigstruct, m));
  return m;
}

// Open Enclave's properties as the document's `identity` and `policy` name them: they are bytes of the image.
Json measured_policy() {
  return Json::array({"isvprodid", "isvsvn", "isv_family_id", "isv_ext_prod_id", "attributes", "xfrm"});
}

// A processor goes by SIGSTRUCT, the code in the enclave may go by its properties.
void warn_of_other_properties(const OeProperties& p, const Sigstruct& s, Measurement& m) {
  const Json measured = Json::object({{"isvprodid", int{p.num<"product_id">()}},
                                      {"isvsvn", int{p.num<"security_version">()}},
                                      {"isv_family_id", to_hex(p.get<"family_id">())},
                                      {"isv_ext_prod_id", to_hex(p.get<"extended_product_id">())}});
  if (const std::string other = differences(identity_of(s), measured); !other.empty())
    m.warnings.push_back("the measured properties in .oeinfo differ from SIGSTRUCT in " + other);
}

// The value is that of a base enclave with the payload behind it, and only the payload is at hand.
Result<Measurement> read_ego(const OeImage& image) {
  if (!image.sigstruct())
    return fail(Fault::unsupported, ".oeinfo: holds no SIGSTRUCT yet; this payload is not signed");
  const Sigstruct& s = *image.sigstruct();
  const OeProperties& p = image.properties();
  const auto claimed = s.get<"enclavehash">();
  Measurement m{.format = std::string(to_text(Format::ego)), .state = State::embedded};
  m.registers = registers_of(claimed);
  m.identity = identity_of(s);
  m.policy = policy_of(s);
  m.inputs = Json::object({{"measured_policy", measured_policy()},
                           {"heap_pages", p.num<"num_heap_pages">()},
                           {"stack_pages", p.num<"num_stack_pages">()},
                           {"threads", p.num<"num_tcs">()},
                           {"payload_size", image.ego_payload()->num<"size">()}});
  const SignatureCheck signature = check_signature(s);
  if (!signature.rsa) m.problems.push_back("the signature is forged: the RSA signature in .oeinfo does not verify");
  if (signature.rsa && !signature.quotients) m.problems.push_back(kWrongQuotients);
  if (!m.problems.empty()) m.state = State::mismatch;
  m.warnings.push_back(
      "not recomputed: EGo loads this file behind a base enclave of its own and measures both; without that file "
      "(\"ego-enclave\") MRENCLAVE is what SIGSTRUCT says, and the code may be another");
  warn(s, m);
  return m;
}

Result<Measurement> measure_oe_load(const OeImage& image, const Load& load, const std::optional<fs::path>& sigstruct,
                                    const Trace& trace) {
  Mrenclave hash(load.ssa_frame_size, load.size, trace);
  CHECK(load.replay(hash));
  const auto value = hash.finish();
  Measurement m{.format = std::string(to_text(image.ego_payload() ? Format::ego : Format::open_enclave)),
                .state = State::computed};
  m.registers = registers_of(value);
  const OeProperties& p = image.properties();
  m.inputs = Json::object({{"enclave_size", load.size},
                           {"ssa_frame_size", std::uint64_t{load.ssa_frame_size}},
                           {"pages_eadd", hash.pages_added()},
                           {"pages_eextend", hash.pages_extended()},
                           {"measured_policy", measured_policy()},
                           {"heap_pages", p.num<"num_heap_pages">()},
                           {"stack_pages", p.num<"num_stack_pages">()},
                           {"threads", p.num<"num_tcs">()}});
  if ((p.num<"flags">() & kOeZeroBase) != 0) m.inputs["start_address"] = p.num<"start_address">();
  if (image.ego_payload()) m.inputs["payload_size"] = image.ego_payload()->num<"size">();
  warn_of_unmeasured_code(hash.unmeasured_code(), m);
  if (!image.sigstruct())
    m.warnings.push_back(
        "not signed yet: a configuration given to the signing tool changes the properties in .oeinfo, "
        "and MRENCLAVE with them");
  if (image.sigstruct()) {
    judge_single(value, *image.sigstruct(), m);
    warn_of_other_properties(p, *image.sigstruct(), m);
  } else if (sigstruct) {
    CHECK(judge_file(value, *sigstruct, m));
  } else {
    m.identity = Json::object();
    m.policy = Json::object();
  }
  return m;
}

Failure second_sigstruct() { return fail(Fault::usage, "carries its own SIGSTRUCT; a second one cannot be given"); }

Result<Measurement> measure_oe(ByteView file, const MeasureRequest& request, const Trace& trace) {
  TRY(const OeImage image, OeImage::parse(file));
  const auto sigstruct = companion(request, "sigstruct");
  if (sigstruct && image.sigstruct()) return second_sigstruct();
  TRY(const std::optional<Bytes> module, read_module(request));
  TRY(const Load load, image.load(module));
  TRY(Measurement m, measure_oe_load(image, load, sigstruct, trace));
  if (module) m.inputs["module_sha256"] = to_hex(digest<Alg::sha256>(*module));
  return m;
}

Result<Measurement> measure_ego(ByteView file, const MeasureRequest& request, const Trace& trace) {
  TRY(const OeImage image, OeImage::parse(file));
  const auto sigstruct = companion(request, "sigstruct"), base_file = companion(request, "ego-enclave");
  if (sigstruct && (image.sigstruct() || !base_file)) return second_sigstruct();
  if (!base_file && companion(request, "module"))
    return fail(Fault::usage, "a payload of EGo: a module (\"module\") is of its base enclave (\"ego-enclave\")");
  if (!base_file) return read_ego(image);
  TRY(const Bytes base, read_file(*base_file, kMaxImage));
  TRY(const std::optional<Bytes> module, read_module(request));
  TRY(const Load load, image.load_behind(base, module));
  TRY(Measurement m, measure_oe_load(image, load, sigstruct, trace));
  m.inputs["ego_enclave_sha256"] = to_hex(digest<Alg::sha256>(base));
  if (module) m.inputs["module_sha256"] = to_hex(digest<Alg::sha256>(*module));
  return m;
}

Result<Measurement> measure_gramine(ByteView manifest, const MeasureRequest& request, const Trace& trace) {
  const auto version = option(request, "gramine-version");
  TRY(const GramineRelease release, find_gramine_release(version));
  TRY(const GramineManifest read, parse_gramine_manifest(manifest));
  TRY(const Bytes libpal, read_file(*companion(request, "libpal"), kMaxImage));
  TRY(const Load load, load_gramine(manifest, read, libpal, release));
  Mrenclave hash(load.ssa_frame_size, load.size, trace);
  CHECK(load.replay(hash));
  const auto value = hash.finish();
  Measurement m{.format = std::string(to_text(Format::gramine)), .state = State::computed};
  m.registers = registers_of(value);
  m.identity = Json::object();
  m.policy = Json::object();
  m.inputs = Json::object({{"enclave_size", load.size},
                           {"ssa_frame_size", std::uint64_t{load.ssa_frame_size}},
                           {"pages_eadd", hash.pages_added()},
                           {"pages_eextend", hash.pages_extended()},
                           {"gramine_version", std::string(release.name)},
                           {"libpal_sha256", to_hex(digest<Alg::sha256>(libpal))},
                           {"edmm", read.edmm},
                           {"threads", read.threads},
                           {"trusted_files", read.trusted_files}});
  warn_of_unmeasured_code(hash.unmeasured_code(), m);
  if (!version)
    m.warnings.push_back("measured as Gramine " + std::string(release.name) +
                         " does, the newest release that is known: libpal does not say which one it is of");
  if (const auto sigstruct = companion(request, "sigstruct")) CHECK(judge_file(value, *sigstruct, m));
  return m;
}

Result<Measurement> measure_by_kind(const MeasureRequest& request, const Trace& trace) {
  TRY(const Artefact artefact, open_artefact(request));
  const auto sigstruct = companion(request, "sigstruct");
  switch (artefact.format) {
    case Format::sgxs: return measure_stream(request.image, sigstruct, trace);
    case Format::gramine: return measure_gramine(artefact.image, request, trace);
    case Format::open_enclave: return measure_oe(artefact.image, request, trace);
    case Format::ego: return measure_ego(artefact.image, request, trace);
    case Format::sdk_configured:
      return measure_sdk_unsigned(artefact.image, *companion(request, "config"), sigstruct, trace);
    case Format::sdk: break;
  }
  return measure_sdk(artefact.image, trace);
}

}  // namespace

std::vector<Register> registers_of(ByteView mrenclave) {
  return {{"mrenclave", Bytes(mrenclave.begin(), mrenclave.end())}};
}

bool recognises(ByteView first_bytes) {
  return is_elf(first_bytes) || is_sgxs(first_bytes) || is_sigstruct(first_bytes) || is_gramine_manifest(first_bytes);
}

Result<Measurement> measure(const MeasureRequest& request, const Trace& trace) {
  TRY(Measurement m, measure_by_kind(request, trace));
  m.tee = "intel-sgx";
  m.calculator = "hallmark/sgx/1";
  m.subject_digest_name = "sgxMrEnclave";
  m.subject_digest = to_hex(m.registers.front().digest);
  return m;
}

}  // namespace hallmark::sgx
