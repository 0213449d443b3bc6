// Files in the shapes that the formats' own programs read and write (the sources are in the readers' headers), with
// values of our own.
#include <gtest/gtest.h>

#include <algorithm>

#include "lib/tee/appraisal_policy.h"
#include "lib/tee/references/reference_format.h"

namespace hallmark::references {
namespace {

std::string hex(std::size_t size, const std::string& byte) {
  std::string out;
  for (std::size_t i = 0; i < size; i++) out += byte;
  return out;
}
std::string quoted(const std::string& text) { return '"' + text + '"'; }

// Read as what its content says it is.
Result<ImportedReferences> read(const std::string& text, const std::string& want = {}) {
  TRY(const ReferenceFormat* format, detect_reference_format(text, "file"));
  EXPECT_TRUE(want.empty() || format->name == want) << format->name;
  return format->read(text, "file");
}

ImportedReferences good(const std::string& text, const std::string& want) {
  auto out = read(text, want);
  EXPECT_TRUE(out) << out.error().message();
  return out ? *std::move(out) : ImportedReferences{};
}

// The fault, and whether the message names what is wrong.
testing::AssertionResult refused(const std::string& text, Fault fault, const std::string& about) {
  const auto out = read(text);
  if (out) return testing::AssertionFailure() << "was read: " << text;
  if (out.error().fault != fault || out.error().message().find(about) == std::string::npos)
    return testing::AssertionFailure() << out.error().message();
  return testing::AssertionSuccess();
}

Result<ExportedReferences> write(const std::string& format, const std::vector<ReferenceValues>& sets) {
  return find_reference_format(format)->write(sets);
}

std::string all(const std::vector<std::string>& sentences) {
  std::string out;
  for (const std::string& sentence : sentences) out += sentence + "\n";
  return out;
}
bool says(const std::vector<std::string>& sentences, const std::string& text) {
  return all(sentences).find(text) != std::string::npos;
}

std::string matched(const ReferenceValues& set, const std::string& policy_lines, Appraisal appraisal) {
  const auto policy = parse_appraisal_policy("format: appraisal-policy-v1\n" + policy_lines, "policy");
  EXPECT_TRUE(policy);
  appraisal.authentic.reached = appraisal.tcb.reached = appraisal.policy.reached = true;
  match_reference_values(std::span(&set, 1), *policy, appraisal);
  std::string out;
  for (const Reason& reason : appraisal.match.reasons) out += (out.empty() ? "" : " ") + reason.code;
  return out;
}

ReferenceValues domain() {
  ReferenceValues out{.name = "domain", .tee = "intel-tdx"};
  for (const char* name : {"mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"}) out.registers[name] = {Bytes(48, 0xaa)};
  return out;
}

ReferenceValues enclave() {
  ReferenceValues out{.name = "enclave", .tee = "intel-sgx"};
  out.registers["mrenclave"] = {Bytes(32, 0xe1)};
  return out;
}

TEST(ReferenceFormats, HaveNamesOfTheirOwnAndAreDetected) {
  for (const ReferenceFormat& format : reference_formats()) EXPECT_EQ(find_reference_format(format.name), &format);
  EXPECT_EQ(find_reference_format("other"), nullptr);
  for (const char* text : {"", " ", "{}", "[]", "null", "PCR0", R"({"format": "appraisal-policy-v1"})"})
    EXPECT_TRUE(refused(text, Fault::unsupported, "flashbots")) << text;
  EXPECT_TRUE(refused("{\"format\": \"reference-values-v1\"", Fault::format, "file"));
  EXPECT_TRUE(refused(R"({"mr_td": ["00"], "PCR0": "00"})", Fault::format, "looks like"));
}

// ---- flashbots

std::string record(const std::string& type, const std::string& measurements) {
  return R"({"measurement_id": "image", "attestation_type": ")" + type + R"(", "measurements": {)" + measurements +
         "}}";
}
std::string expected(const std::string& name, const std::string& value) {
  return quoted(name) + R"(: {"expected": ")" + value + "\"}";
}

TEST(Flashbots, RegistersHaveNumbersOrNames) {
  const auto numbers = good("[" +
                                record("dcap-tdx", expected("0", hex(48, "a0")) + ", " + expected("1", hex(48, "a1")) +
                                                       ", " + expected("4", hex(48, "A4"))) +
                                "]",
                            "flashbots");
  ASSERT_EQ(numbers.sets.size(), 1u);
  const ReferenceValues& set = numbers.sets.front();
  EXPECT_EQ(set.name, "image");
  EXPECT_EQ(set.tee, "intel-tdx");
  EXPECT_EQ(set.registers.at("mrtd"), std::vector<Bytes>{Bytes(48, 0xa0)});
  EXPECT_EQ(set.registers.at("rtmr0"), std::vector<Bytes>{Bytes(48, 0xa1)});
  EXPECT_EQ(set.registers.at("rtmr3"), std::vector<Bytes>{Bytes(48, 0xa4)});
  EXPECT_EQ(set.registers.size(), 3u);
  EXPECT_TRUE(says(numbers.not_taken, "rtmr1, rtmr2")) << all(numbers.not_taken);

  const auto names = good(record("gcp-tdx", expected("MRTD", hex(48, "a0")) + R"(, "rtmr2": {"expected_any": [")" +
                                                hex(48, "00") + "\", \"" + hex(48, "01") + "\"]}"),
                          "flashbots");
  EXPECT_EQ(names.sets.front().registers.at("rtmr2"), (std::vector<Bytes>{Bytes(48, 0), Bytes(48, 1)}));
  // What a record does not name is a mismatch until the policy opens it.
  Appraisal evidence{.tee = "intel-tdx"};
  evidence.registers = {{"mrtd", Bytes(48, 0xa0)}, {"rtmr2", Bytes(48, 1)}, {"rtmr3", Bytes(48, 7)}};
  EXPECT_EQ(matched(names.sets.front(), "", evidence), "match.rtmr3");
  EXPECT_EQ(matched(names.sets.front(), "open_registers: [rtmr3]", evidence), "");
}

TEST(Flashbots, AzureIsOfPcrs) {
  const auto read =
      good("[" + record("azure-tdx", expected("4", hex(32, "04")) + ", " + expected("PCR11", hex(32, "11"))) + "]",
           "flashbots");
  EXPECT_EQ(read.sets.front().tee, "azure-tdx-vtpm");
  EXPECT_EQ(read.sets.front().registers.at("pcr4"), std::vector<Bytes>{Bytes(32, 4)});
  EXPECT_EQ(read.sets.front().registers.at("pcr11"), std::vector<Bytes>{Bytes(32, 0x11)});
  const auto written = write("flashbots", read.sets);
  ASSERT_TRUE(written);
  EXPECT_EQ(good(written->text, "flashbots").sets.front().registers, read.sets.front().registers);
}

TEST(Flashbots, RefusesWhatAcceptsAnythingOrIsNotSupported) {
  EXPECT_TRUE(refused(R"([{"attestation_type": "dcap-tdx"}])", Fault::format, "measurements"));
  EXPECT_TRUE(refused("[" + record("dcap-tdx", "") + "]", Fault::format, "anything"));
  EXPECT_TRUE(refused("[" + record("none", "") + "]", Fault::unsupported, "\"none\""));
  EXPECT_TRUE(refused("[" + record("az-snp", expected("4", hex(32, "04"))) + "]", Fault::unsupported, "\"az-snp\""));
  EXPECT_TRUE(refused(R"([{"attestation_type": "gcp-tdx", "dcap_image_hashes": {"uki": "00"}}])", Fault::unsupported,
                      "dcap_image_hashes"));
  EXPECT_TRUE(refused("[" + record("dcap-tdx", expected("5", hex(48, "05"))) + "]", Fault::unsupported, "5"));
  EXPECT_TRUE(refused("[" + record("dcap-tdx", expected("0", hex(32, "05"))) + "]", Fault::format, "48"));
  EXPECT_TRUE(refused("[" + record("azure-tdx", expected("24", hex(32, "05"))) + "]", Fault::unsupported, "24"));
  EXPECT_TRUE(
      refused("[" + record("dcap-tdx", expected("0", hex(48, "05")) + ", " + expected("mrtd", hex(48, "05"))) + "]",
              Fault::format, "second time"));
  EXPECT_TRUE(refused("[" + record("dcap-tdx", R"("0": {"expected_any": []})") + "]", Fault::format, "empty"));
  EXPECT_TRUE(refused("[" + record("dcap-tdx", R"("0": {})") + "]", Fault::format, "expected"));
  // Only warned of is not asked for.
  EXPECT_TRUE(
      refused("[" + record("dcap-tdx", R"("0": {"expected": ")" + hex(48, "05") + R"(", "warnOnly": true})") + "]",
              Fault::format, "anything"));
}

TEST(Flashbots, WritesNumbersAndSaysWhatItHasNoPlaceFor) {
  ReferenceValues set = domain();
  const auto whole = write("flashbots", {set});
  ASSERT_TRUE(whole);
  EXPECT_TRUE(whole->left_out.empty()) << all(whole->left_out);
  EXPECT_NE(whole->text.find("\"0\""), std::string::npos);
  EXPECT_EQ(good(whole->text, "flashbots").sets.front().registers, set.registers);

  set.registers.erase("rtmr0");
  set.registers["rtmr1"].push_back(Bytes(48, 1));
  set.policy = Json::object({{"tdattributes", "0000001000000000"}, {"xfam", "any"}});
  set.valid_until = 0;
  const auto less = write("flashbots", {set});
  ASSERT_TRUE(less);
  EXPECT_EQ(all(less->left_out),
            "domain: the file does not ask for rtmr0, tdattributes, valid_until: any value passes there\n");
  EXPECT_EQ(good(less->text, "flashbots").sets.front().registers, set.registers);
  EXPECT_EQ(write("flashbots", {enclave()}).error().fault, Fault::unsupported);
  EXPECT_EQ(write("flashbots", {{.name = "none", .tee = "intel-tdx"}}).error().fault, Fault::unsupported);
}

// ---- rvps

TEST(Rvps, MapNamesTheTees) {
  const auto read = good(R"({"snp_launch_measurement": [")" + hex(48, "11") + R"("], "snp_bootloader": [3, 4],
    "snp_smt_enabled": true, "snp_guest_abi_major": 1, "mr_td": ")" +
                             hex(48, "22") + R"(", "xfam": ["e702060000000000"]})",
                         "rvps");
  ASSERT_EQ(read.sets.size(), 2u);
  const ReferenceValues &snp = read.sets[0], &tdx = read.sets[1];
  EXPECT_EQ(snp.tee, "amd-sev-snp");
  EXPECT_EQ(tdx.tee, "intel-tdx");
  EXPECT_EQ(tdx.registers.at("mrtd"), std::vector<Bytes>{Bytes(48, 0x22)});

  Appraisal evidence{.tee = "amd-sev-snp"};
  evidence.registers = {{"measurement", Bytes(48, 0x11)}};
  evidence.attested = Json::object({{"platform_info", "0x5"}, {"policy", "0x30137"}});
  evidence.tcb_details = Json::object({{"reported_tcb", Json::object({{"bootloader", 4}})}});
  EXPECT_EQ(matched(snp, "", evidence), "");
  evidence.attested["platform_info"] = "0x4";
  EXPECT_EQ(matched(snp, "", evidence), "match.platform_info");
  evidence.attested = Json::object({{"platform_info", "0x5"}, {"policy", "0x30037"}});
  EXPECT_EQ(matched(snp, "", evidence), "match.policy");
  evidence.attested["policy"] = "0x30137";
  // One of a list, not a minimum.
  evidence.tcb_details = Json::object({{"reported_tcb", Json::object({{"bootloader", 5}})}});
  EXPECT_EQ(matched(snp, "", evidence), "match.bootloader");

  const auto written = write("rvps", read.sets);
  ASSERT_TRUE(written);
  EXPECT_TRUE(written->left_out.empty()) << all(written->left_out);
  EXPECT_EQ(good(written->text, "rvps").sets[0].requirements.size(), snp.requirements.size());
}

TEST(Rvps, ObjectsOfTheServiceExpire) {
  const std::string value = quoted(hex(48, "22"));
  const auto object = [&](const std::string& name, const std::string& until, const std::string& rest) {
    return R"({"version": "0.1.0", "name": ")" + name + R"(", "expiration": ")" + until + "\", " + rest + "}";
  };
  const auto read = good(
      "[" + object("mr_td", "2027-01-01T00:00:00Z", "\"value\": [" + value + "]") + ", " +
          object("rtmr_1", "1970-01-01T00:16:40Z", R"("hash-value": [{"alg": "sha384", "value": )" + value + "}]") +
          "]",
      "rvps");
  ASSERT_EQ(read.sets.size(), 1u);
  Appraisal evidence{.tee = "intel-tdx", .time = 1000};
  evidence.registers = {{"mrtd", Bytes(48, 0x22)}, {"rtmr1", Bytes(48, 0x22)}};
  EXPECT_EQ(matched(read.sets[0], "", evidence), "");
  evidence.time = 1001;
  EXPECT_EQ(matched(read.sets[0], "", evidence), "match.valid_until");
  EXPECT_TRUE(says(write("rvps", read.sets)->left_out, "valid_until"));
  EXPECT_TRUE(refused(object("mr_td", "soon", "\"value\": " + value), Fault::format, "expiration"));
}

TEST(Rvps, MessagesOfTheSampleProvenance) {
  const std::string map = R"({"mr_enclave": [")" + hex(32, "e1") + R"("], "isv_svn": ["0300"], "isv_prod_id": [2]})";
  const std::string payload = to_base64(as_bytes(map));
  const auto read = good(R"({"version": "0.1.0", "type": "sample", "payload": ")" + payload + "\"}", "rvps");
  ASSERT_EQ(read.sets.size(), 1u);
  Appraisal evidence{.tee = "intel-sgx"};
  evidence.registers = {{"mrenclave", Bytes(32, 0xe1)}};
  evidence.identity = Json::object({{"isvsvn", 3}, {"isvprodid", 2}});
  EXPECT_EQ(matched(read.sets[0], "", evidence), "");
  evidence.identity["isvsvn"] = 4;
  EXPECT_EQ(matched(read.sets[0], "", evidence), "match.isvsvn");
  EXPECT_TRUE(
      refused(R"({"version": "0.1.0", "type": "swid", "payload": ")" + payload + "\"}", Fault::unsupported, "swid"));
  EXPECT_TRUE(refused(R"({"version": "0.1.0", "type": "sample", "payload": "?"})", Fault::format, "payload"));
}

TEST(Rvps, RefusesWhatAcceptsAnythingOrIsNotSupported) {
  const std::string mrtd = R"("mr_td": [")" + hex(48, "22") + "\"]";
  EXPECT_TRUE(refused(R"({"xfam": ["e702060000000000"]})", Fault::format, "anything"));
  EXPECT_TRUE(refused("{" + mrtd + R"(, "launch_digest": ["abcde"]})", Fault::unsupported, "launch_digest"));
  EXPECT_TRUE(refused(R"({"mr_td": []})", Fault::format, "no values"));
  EXPECT_TRUE(refused(R"({"mr_td": ["22"]})", Fault::format, "48 bytes"));
  EXPECT_TRUE(refused("{" + mrtd + R"(, "tdvfkernel": ["22"]})", Fault::unsupported, "RTMR1"));
  EXPECT_TRUE(refused(R"({"snp_launch_measurement": [")" + hex(48, "22") + R"("], "snp_smt_enabled": [true, false]})",
                      Fault::unsupported, "snp_smt_enabled"));
  EXPECT_TRUE(refused(R"({"snp_launch_measurement": [")" + hex(48, "22") + R"("], "snp_guest_abi_major": 256})",
                      Fault::format, "snp_guest_abi_major"));
  EXPECT_TRUE(
      refused(R"({"mr_signer": [")" + hex(32, "22") + "\", \"" + hex(32, "23") + "\"]}", Fault::format, "anything"));
  const auto events = good("{" + mrtd + R"(, "rtmr_1": [")" + hex(48, "01") + R"("], "rtmr_2": [")" + hex(48, "02") +
                               R"("], "tdvfkernel": ["22"]})",
                           "rvps");
  EXPECT_TRUE(says(events.not_taken, "tdvfkernel"));
}

TEST(Rvps, AzuresTdSharesNamesWithTdx) {
  const std::string pcr = R"({"tdx_pcr11": [")" + hex(32, "0b") + R"("], "xfam": ["e702060000000000"])";
  const auto read = good(pcr + R"(, "mr_td": [")" + hex(48, "22") + "\"]}", "rvps");
  ASSERT_EQ(read.sets.size(), 2u);
  EXPECT_EQ(read.sets[0].tee, "azure-tdx-vtpm");
  Appraisal evidence{.tee = "azure-tdx-vtpm"};
  evidence.registers = {{"pcr11", Bytes(32, 0x0b)}, {"mrtd", Bytes(48, 0x22)}};
  evidence.attested = Json::object({{"hardware", Json::object({{"xfam", "e702060000000000"}})}});
  EXPECT_EQ(matched(read.sets[0], "", evidence), "");
  evidence.attested = Json::object();
  EXPECT_EQ(matched(read.sets[0], "", evidence), "match.xfam");
  EXPECT_EQ(good(pcr + "}", "rvps").sets.size(), 1u);
}

TEST(Rvps, WritesOnlyWhatEvidenceCouldHave) {
  ReferenceValues set = enclave();
  // Neither of them is a value of these fields; cut to its size, another product would pass.
  set.identity = Json::object({{"isvprodid", 65536 + 3}, {"mrsigner", "any"}});
  const auto written = write("rvps", {set});
  ASSERT_TRUE(written);
  EXPECT_TRUE(says(written->left_out, "does not ask for isvprodid, mrsigner:")) << all(written->left_out);
  ReferenceValues azure{.name = "azure", .tee = "azure-snp-vtpm"};
  azure.registers["pcr4"] = {Bytes(32, 4)};
  EXPECT_EQ(write("rvps", {azure}).error().fault, Fault::unsupported);
}

TEST(Rvps, SaysWhatTheDefaultPolicyDoesNotAsk) {
  ReferenceValues set = domain();
  set.policy = Json::object({{"tdattributes", "0000001000000000"}, {"xfam", "e702060000000000"}, {"mrseam", "any"}});
  const auto written = write("rvps", {set});
  ASSERT_TRUE(written) << written.error().message();
  EXPECT_EQ(
      all(written->left_out),
      "domain: Trustee's default policy does not ask for rtmr_0, rtmr_3, td_attributes: one of your own has to\n");
  const auto again = good(written->text, "rvps");
  EXPECT_EQ(again.sets.front().registers, set.registers);
  EXPECT_EQ(again.sets.front().requirements.size(), 2u);

  ReferenceValues other = enclave();
  other.identity = Json::object({{"mrsigner", hex(32, "51")}, {"isvprodid", 258}, {"isvsvn", 1}});
  other.policy = Json::object({{"attributes", "0x4"}, {"attributes_mask", "0xf"}});
  const auto sgx = write("rvps", {set, other});
  ASSERT_TRUE(sgx);
  EXPECT_TRUE(says(sgx->left_out, "enclave: the file does not ask for attributes: ")) << all(sgx->left_out);
  // As in a quote: the low byte first.
  EXPECT_NE(sgx->text.find("\"0201\""), std::string::npos) << sgx->text;
  EXPECT_EQ(good(sgx->text, "rvps").sets.size(), 2u);
  // One list for a name: a mixture of two sets would pass.
  EXPECT_EQ(write("rvps", {set, set}).error().fault, Fault::unsupported);
  EXPECT_EQ(write("rvps", {{.name = "n", .tee = "aws-nitro"}}).error().fault, Fault::unsupported);
}

// ---- nitro-pcrs

std::string pcrs() {
  return R"("HashAlgorithm": "Sha384 { ... }", "PCR0": ")" + hex(48, "a0") + R"(", "PCR1": ")" + hex(48, "a1") +
         R"(", "PCR2": ")" + hex(48, "a2") + "\"";
}

TEST(NitroPcrs, WithAndWithoutTheMembersAround) {
  for (const std::string& text : {"{" + pcrs() + "}", "{\"Measurements\": {" + pcrs() + "}}",
                                  "{\"EifVersion\": 4, \"Measurements\": {" + pcrs() + "}, \"IsSigned\": false}"}) {
    const auto read = good(text, "nitro-pcrs");
    ASSERT_EQ(read.sets.size(), 1u);
    EXPECT_EQ(read.sets[0].tee, "aws-nitro");
    EXPECT_EQ(read.sets[0].registers.size(), 3u);
    EXPECT_EQ(read.sets[0].registers.at("pcr1"), std::vector<Bytes>{Bytes(48, 0xa1)});
    EXPECT_TRUE(says(read.not_taken, "open_registers"));
    const auto written = write("nitro-pcrs", read.sets);
    ASSERT_TRUE(written);
    EXPECT_TRUE(says(written->left_out, "the other PCRs"));
    EXPECT_EQ(good(written->text, "nitro-pcrs").sets[0].registers, read.sets[0].registers);
  }
  EXPECT_TRUE(refused(R"({"PCR0": ")" + hex(48, "00") + "\"}", Fault::format, "debug"));
  EXPECT_TRUE(refused(R"({"PCR0": ")" + hex(32, "a0") + "\"}", Fault::format, "48 bytes"));
  EXPECT_TRUE(refused(R"({"Measurements": {"HashAlgorithm": "Sha384 { ... }"}})", Fault::format, "anything"));
  EXPECT_TRUE(refused(R"({"HashAlgorithm": "Sha512 { ... }", "PCR0": ")" + hex(48, "a0") + "\"}", Fault::unsupported,
                      "Sha384"));
  EXPECT_TRUE(refused(R"({"PCR0": ")" + hex(48, "a0") + R"(", "PCR24": "00"})", Fault::unsupported, "PCR24"));
}

std::string statement(const std::string& effect, const std::string& op, const std::string& conditions) {
  return R"({"Sid": "enclave", "Effect": ")" + effect + R"(", "Action": "kms:Decrypt", "Condition": {")" + op +
         "\": {" + conditions + "}}}";
}
std::string key_policy(const std::string& statements) {
  return R"({"Version": "2012-10-17", "Statement": [)" + statements + "]}";
}

TEST(NitroPcrs, ConditionsOfAKey) {
  const std::string zero = quoted(hex(48, "a0")), one = quoted(hex(48, "a1"));
  const auto read = good(
      key_policy(statement("Allow", "StringEqualsIgnoreCase", "\"kms:RecipientAttestation:ImageSha384\": " + zero) +
                 ", " +
                 statement("Allow", "StringEquals", "\"kms:RecipientAttestation:PCR8\": [" + zero + ", " + one + "]") +
                 R"(, {"Effect": "Allow", "Action": "kms:*"})"),
      "nitro-pcrs");
  ASSERT_EQ(read.sets.size(), 2u);
  EXPECT_EQ(read.sets[0].name, "enclave");
  EXPECT_EQ(read.sets[0].registers.at("pcr0"), std::vector<Bytes>{Bytes(48, 0xa0)});
  EXPECT_EQ(read.sets[1].registers.at("pcr8"), (std::vector<Bytes>{Bytes(48, 0xa0), Bytes(48, 0xa1)}));
  EXPECT_TRUE(says(read.not_taken, "1 of the policy's statements"));

  const std::string pcr0 = "\"kms:RecipientAttestation:PCR0\": " + zero;
  EXPECT_TRUE(refused(key_policy(statement("Deny", "StringEquals", pcr0)), Fault::unsupported, "Effect"));
  EXPECT_TRUE(refused(key_policy(statement("Allow", "StringLike", pcr0)), Fault::unsupported, "StringLike"));
  EXPECT_TRUE(
      refused(key_policy(statement("Allow", "StringEquals", "\"kms:RecipientAttestation:NitroTPMPCR4\": " + zero)),
              Fault::unsupported, "no PCR of an enclave"));
  EXPECT_TRUE(refused(key_policy(statement("Allow", "StringEquals", "\"aws:SourceIp\": \"::1\"")), Fault::format,
                      "no statement"));
}

TEST(NitroPcrs, WritesOneEnclave) {
  ReferenceValues set{.name = "n", .tee = "aws-nitro"};
  set.registers["pcr0"] = {Bytes(48, 0xa0)};
  EXPECT_TRUE(write("nitro-pcrs", {set}));
  EXPECT_EQ(write("nitro-pcrs", {set, set}).error().fault, Fault::unsupported);
  EXPECT_EQ(write("nitro-pcrs", {domain()}).error().fault, Fault::unsupported);
  set.registers["pcr0"].push_back(Bytes(48, 0xa1));
  EXPECT_EQ(write("nitro-pcrs", {set}).error().fault, Fault::unsupported);
}

// ---- gramine-env

std::string environment(const std::string& mrenclave, const std::string& mrsigner, const std::string& product,
                        const std::string& svn) {
  return "export RA_TLS_MRENCLAVE=" + mrenclave + "\nRA_TLS_MRSIGNER=" + mrsigner + "\nRA_TLS_ISV_PROD_ID=" + product +
         "\nRA_TLS_ISV_SVN=" + svn + "\n";
}

Appraisal running() {
  Appraisal out{.evidence = "sgx-quote", .tee = "intel-sgx"};
  out.registers = {{"mrenclave", Bytes(32, 0xe1)}};
  out.identity = Json::object({{"mrsigner", hex(32, "51")}, {"isvprodid", 3}, {"isvsvn", 7}});
  return out;
}

TEST(GramineEnv, SvnIsTheLeast) {
  const auto read = good(environment(quoted(hex(32, "e1")), "'" + hex(32, "51") + "'", "3", "5"), "gramine-env");
  ASSERT_EQ(read.sets.size(), 1u);
  EXPECT_TRUE(read.not_taken.empty());
  EXPECT_EQ(matched(read.sets[0], "", running()), "");
  Appraisal evidence = running();
  evidence.identity["isvsvn"] = 4;
  EXPECT_EQ(matched(read.sets[0], "", evidence), "match.isvsvn");
  evidence = running();
  evidence.identity["isvprodid"] = 4;
  EXPECT_EQ(matched(read.sets[0], "", evidence), "match.isvprodid");
  const auto written = write("gramine-env", read.sets);
  ASSERT_TRUE(written);
  EXPECT_TRUE(written->left_out.empty()) << all(written->left_out);
  EXPECT_EQ(written->text, "export RA_TLS_MRENCLAVE=" + hex(32, "e1") + "\nexport RA_TLS_MRSIGNER=" + hex(32, "51") +
                               "\nexport RA_TLS_ISV_PROD_ID=3\nexport RA_TLS_ISV_SVN=5\n");
}

TEST(GramineEnv, SignerAloneTakesALineOfThePolicy) {
  const auto read = good(environment("any", hex(32, "51"), "3", "5"), "gramine-env");
  EXPECT_TRUE(says(read.not_taken, "signer_match: {min_isvsvn: 5}")) << all(read.not_taken);
  EXPECT_EQ(matched(read.sets[0], "", running()), "match.mrenclave");
  EXPECT_EQ(matched(read.sets[0], "signer_match: {min_isvsvn: 5}", running()), "");
  EXPECT_EQ(matched(read.sets[0], "signer_match: {min_isvsvn: 8}", running()), "match.isvsvn");
  // The policy asks for less than the file: the file still holds.
  Appraisal evidence = running();
  evidence.identity["isvsvn"] = 4;
  EXPECT_EQ(matched(read.sets[0], "signer_match: {min_isvsvn: 1}", evidence), "match.isvsvn");
  evidence = running();
  evidence.identity["mrsigner"] = hex(32, "52");
  EXPECT_EQ(matched(read.sets[0], "signer_match: {min_isvsvn: 5}", evidence), "match.mrsigner");
  // Without a product there is no match by signer.
  const auto any = good(environment("any", hex(32, "51"), "any", "any"), "gramine-env");
  EXPECT_EQ(matched(any.sets[0], "signer_match: {min_isvsvn: 0}", running()), "match.isvprodid");
  // It survives hallmark's own format.
  const auto native = write(std::string(kReferenceValuesFormat), read.sets);
  EXPECT_EQ(good(native->text, std::string(kReferenceValuesFormat)).sets[0].identity, read.sets[0].identity);
}

TEST(GramineEnv, LooseningsAndOtherVariablesAreNotTaken) {
  const auto read = good("# how we run it\n" + environment(hex(32, "e1"), "any", "any", "any") +
                             "RA_TLS_ALLOW_DEBUG_ENCLAVE_INSECURE=1 RA_TLS_ALLOW_OUTDATED_TCB_INSECURE=1 \\\n"
                             "  RA_TLS_ALLOW_HW_CONFIG_NEEDED=0; export SERVERS=\"a:1\" # here\n",
                         "gramine-env");
  EXPECT_EQ(
      all(read.not_taken),
      "RA_TLS_ALLOW_DEBUG_ENCLAVE_INSECURE=1: here the policy's line is `forgive: [sgx.debug]`\n"
      "RA_TLS_ALLOW_OUTDATED_TCB_INSECURE=1: here the policy's line is `accept_tcb_status: [UpToDate, OutOfDate]`\n"
      "not about reference values: SERVERS\n");
  EXPECT_EQ(read.sets[0].identity, Json::object());
}

TEST(GramineEnv, RefusesWhatAcceptsAnythingOrIsNoAssignment) {
  const std::string e1 = hex(32, "e1");
  EXPECT_TRUE(refused(environment("any", "any", "3", "5"), Fault::format, "any enclave"));
  EXPECT_TRUE(refused("RA_TLS_MRENCLAVE=" + e1 + "\n", Fault::format, "RA_TLS_MRSIGNER is not set"));
  EXPECT_TRUE(refused(environment("e1", "any", "any", "any"), Fault::format, "RA_TLS_MRENCLAVE"));
  EXPECT_TRUE(refused(environment(e1, "any", "65536", "any"), Fault::format, "RA_TLS_ISV_PROD_ID"));
  EXPECT_TRUE(refused(environment(e1, "any", "-1", "any"), Fault::format, "RA_TLS_ISV_PROD_ID"));
  EXPECT_TRUE(refused(environment(e1, "any", "any", ""), Fault::format, "RA_TLS_ISV_SVN"));
  EXPECT_TRUE(refused(environment(e1, "any", "any", "0x5"), Fault::format, "RA_TLS_ISV_SVN"));
  EXPECT_TRUE(refused(environment(e1, "any", "any", "any") + "RA_TLS_ISV_SVN=1\n", Fault::format, "second time"));
  EXPECT_TRUE(refused(environment("$(cat mrenclave)", "any", "any", "any"), Fault::unsupported, "file:1"));
  EXPECT_TRUE(refused(environment("\"" + e1, "any", "any", "any"), Fault::format, "quote"));
  EXPECT_TRUE(refused(environment(e1, "any", "any", "any") + "./client\n", Fault::format, "file:5"));
  EXPECT_TRUE(refused(environment(e1, "any", "any", "any") + "RA_TLS_OTHER=1\n", Fault::unsupported, "RA_TLS_OTHER"));
}

TEST(GramineEnv, WritesACertificatesEnclave) {
  ReferenceValues set = enclave();
  set.identity = Json::object({{"mrsigner", hex(32, "51")}, {"isvprodid", 3}, {"isvsvn", 7}});
  set.policy = Json::object({{"attributes", "0x4"}, {"attributes_mask", "0xf"}});
  const auto written = write("gramine-env", {set});
  ASSERT_TRUE(written);
  EXPECT_EQ(all(written->left_out),
            "enclave: isvsvn is exactly 7; RA_TLS_ISV_SVN lets higher ones pass too\n"
            "enclave: the file does not ask for attributes: any value passes there\n");
  EXPECT_EQ(matched(good(written->text, "gramine-env").sets[0], "", running()), "");
  EXPECT_EQ(write("gramine-env", {set, set}).error().fault, Fault::unsupported);
  EXPECT_EQ(write("gramine-env", {domain()}).error().fault, Fault::unsupported);
  EXPECT_EQ(write("gramine-env", {{.name = "none", .tee = "intel-sgx"}}).error().fault, Fault::unsupported);
  set.registers["mrenclave"].push_back(Bytes(32, 0xe2));
  EXPECT_EQ(write("gramine-env", {set}).error().fault, Fault::unsupported);
}

}  // namespace
}  // namespace hallmark::references
