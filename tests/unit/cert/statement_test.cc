#include "lib/cert/statement.h"

#include <gtest/gtest.h>

#include "lib/crypto/digest.h"
#include "tests/unit/cert/sample.h"

namespace hallmark::cert {
namespace {

std::string why(const std::string& payload) {
  auto certificate = parse_certificate(as_bytes(payload), "cert");
  return certificate ? "accepted" : certificate.error().message();
}

// The sample after `change`, with the comparison digest left as it was.
template <class F>
std::string changed(F change) {
  Json json = to_json(sample_certificate());
  change(json);
  return json.canonical();
}

TEST(Statement, ComesBackFromItsBytes) {
  const Certificate sample = sample_certificate();
  const std::string payload = encode(sample);
  auto again = parse_certificate(as_bytes(payload), "cert");
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(encode(*again), payload);
  EXPECT_EQ(again->outputs.measurements[0].platform, "sgx");
  EXPECT_EQ(again->outputs.files[1].path, "out/tool");
  EXPECT_EQ(again->dependencies.size(), 1u);
  EXPECT_EQ(again->finished, sample.finished);
}

// Oracle: in-toto Statement v1 and SLSA Provenance v1 name these members.
TEST(Statement, IsAnInTotoStatement) {
  const Json json = to_json(sample_certificate());
  EXPECT_EQ(json.find("_type")->string(), "https://in-toto.io/Statement/v1");
  EXPECT_EQ(json.find("predicateType")->string(), "https://slsa.dev/provenance/v1");
  EXPECT_EQ(json.find("subject")->canonical(),
            R"([{"digest":{"sha256":")" + std::string(64, '1') + R"("},"name":"out/enclave.sgxs"},)" +
                R"({"digest":{"sha256":")" + std::string(64, '2') + R"("},"name":"out/tool"},)" +
                R"({"digest":{"sgxMrEnclave":"ed62977ef4a2771868d8b83ab4e0d5650a4040a92af46d0444c4acc5ba55b073"},)" +
                R"("name":"tee:sgx:out/enclave.sgxs"}])");
}

TEST(Statement, CompareDigestLeavesOutTheRun) {
  Certificate other = sample_certificate();
  other.builder_id = "https://elsewhere.example.org";
  other.started += 1000;
  other.finished += 1000;
  other.host.kernel = "6.6.0";
  other.byproducts.clear();
  EXPECT_EQ(compare_digest(other), compare_digest(sample_certificate()));
  other.outputs.measurements[0].policy["debug_launchable"] = false;
  EXPECT_NE(compare_digest(other), compare_digest(sample_certificate()));
  // Oracle: the rule of specs/formats/certificate.md, step by step.
  const Json json = to_json(sample_certificate());
  const Json& predicate = *json.find("predicate");
  const Json covered = Json::object({{"subject", *json.find("subject")},
                                     {"buildDefinition", *predicate.find("buildDefinition")},
                                     {"hallmark_measurements", *predicate.find("hallmark_measurements")}});
  EXPECT_EQ(predicate.find("hallmark_compareDigest")->string(),
            to_hex(digest<Alg::sha256>(as_bytes(covered.canonical()))));
}

TEST(Statement, UnknownMembersAreRefusedEverywhere) {
  const auto add = [](auto... path) {
    return why(changed([&](Json& json) {
      Json* at = &json;
      ((at = &(*at)[path]), ...);
      (at->is_array() ? at->items()[0] : *at)["x"] = 1;
    }));
  };
  EXPECT_EQ(add(), "cert: unknown key \"x\"");
  EXPECT_EQ(add("subject"), "cert: subject[0]: unknown key \"x\"");
  EXPECT_EQ(add("predicate"), "cert: predicate: unknown key \"x\"");
  EXPECT_EQ(add("predicate", "buildDefinition"), "cert: predicate.buildDefinition: unknown key \"x\"");
  EXPECT_EQ(add("predicate", "buildDefinition", "resolvedDependencies"),
            "cert: predicate.buildDefinition.resolvedDependencies[0]: unknown key \"x\"");
  EXPECT_EQ(add("predicate", "runDetails"), "cert: predicate.runDetails: unknown key \"x\"");
  EXPECT_EQ(add("predicate", "runDetails", "builder"), "cert: predicate.runDetails.builder: unknown key \"x\"");
  EXPECT_EQ(add("predicate", "runDetails", "metadata"), "cert: predicate.runDetails.metadata: unknown key \"x\"");
  EXPECT_EQ(add("predicate", "runDetails", "hallmark_host"),
            "cert: predicate.runDetails.hallmark_host: unknown key \"x\"");
  EXPECT_EQ(add("predicate", "hallmark_measurements"), "cert: predicate.hallmark_measurements[0]: unknown key \"x\"");
}

// Every member of the sample, one after the other, is left out, and then given the value `null`.
void each_member(const Json& json, std::vector<std::vector<std::string>>& paths, std::vector<std::string> path = {}) {
  if (!path.empty()) paths.push_back(path);
  if (path.size() >= 2 && (path.back() == "hallmark_lock" || path.back() == "externalParameters" ||
                           path.back() == "internalParameters" || path.back() == "inputs" || path.back() == "policy"))
    return;
  if (json.is_object())
    for (const Json::Member& member : json.members()) {
      path.push_back(member.key);
      each_member(member.value, paths, path);
      path.pop_back();
    }
  if (json.is_array() && !json.items().empty()) {
    path.push_back("0");
    each_member(json.items()[0], paths, path);
  }
}

TEST(Statement, EveryMemberIsRequiredAndTyped) {
  std::vector<std::vector<std::string>> paths;
  each_member(to_json(sample_certificate()), paths);
  ASSERT_GT(paths.size(), 50u);
  for (const auto& path : paths)
    for (const bool erase : {true, false}) {
      Json json = to_json(sample_certificate());
      Json* at = &json;
      std::string name;
      for (std::size_t i = 0; i + 1 < path.size(); i++) {
        at = at->is_array() ? &at->items()[0] : &(*at)[path[i]];
        name += path[i] + ".";
      }
      if (!erase) {
        (at->is_array() ? at->items()[0] : (*at)[path.back()]) = nullptr;
      } else if (at->is_array()) {
        at->items().erase(at->items().begin());
      } else {
        std::erase_if(at->members(), [&](const Json::Member& m) { return m.key == path.back(); });
      }
      // A build need not leave anything behind but its outputs.
      if (erase && name == "predicate.runDetails.byproducts.") continue;
      EXPECT_NE(why(json.canonical()), "accepted") << name << path.back() << (erase ? " erased" : " null");
    }
}

TEST(Statement, PartsMustBelongTogether) {
  EXPECT_EQ(why(changed([](Json& j) { j["subject"].items()[2]["digest"]["sgxMrEnclave"] = std::string(64, '0'); })),
            "cert: subject[2].digest: is not made of the registers that were measured");
  EXPECT_EQ(why(changed([](Json& j) { j["subject"].items()[2]["name"] = "tee:sgx:out/tool"; })),
            "cert: subject[2].name: is not \"tee:sgx:out/enclave.sgxs\", which was measured");
  EXPECT_EQ(why(changed([](Json& j) { j["subject"].items()[1]["name"] = "out/enclave.sgxs"; })),
            "cert: subject[1].name: is the name of an earlier subject too");
  EXPECT_EQ(why(changed([](Json& j) { j["subject"].items()[1]["name"] = "../tool"; })),
            "cert: subject[1].name: is no path of an output, or an identity without a measurement");
  // digest_set.md: a match of any one digest is a match, so a second one would weaken the first.
  EXPECT_EQ(why(changed([](Json& j) { j["subject"].items()[0]["digest"]["sgxMrEnclave"] = "00"; })),
            "cert: subject[0].digest: has more than one digest");
  EXPECT_EQ(
      why(changed([](Json& j) { j["predicate"]["hallmark_measurements"].items()[0]["id"] = "tee:sgx:out/tool"; })),
      "cert: predicate.hallmark_measurements[0].id: is not \"tee:<platform>:<subject>\"");
  EXPECT_EQ(why(changed(
                [](Json& j) { j["predicate"]["hallmark_measurements"].items()[0]["companions"]["sigstruct"] = "x"; })),
            "cert: predicate.hallmark_measurements: the sigstruct of \"out/enclave.sgxs\" is no output");
  EXPECT_NE(why(changed([](Json& j) {
              j["predicate"]["hallmark_lock"]["name"] = "other";
            })).find("predicate.hallmark_lock: has the digest"),
            std::string::npos);
  EXPECT_NE(why(changed([](Json& j) {
              j["subject"].items()[0]["digest"]["sha256"] = std::string(64, 'a');
            })).find("predicate.hallmark_compareDigest: is "),
            std::string::npos);
}

TEST(Statement, OtherVersionsAreUnsupported) {
  const auto fault = [](const std::string& payload) {
    return parse_certificate(as_bytes(payload), "cert").error().fault;
  };
  EXPECT_EQ(fault(changed([](Json& j) { j["_type"] = "https://in-toto.io/Statement/v2"; })), Fault::unsupported);
  EXPECT_EQ(fault(changed([](Json& j) { j["predicateType"] = "https://slsa.dev/provenance/v2"; })), Fault::unsupported);
  EXPECT_EQ(fault(changed([](Json& j) { j["predicate"]["hallmark_schema"] = "certificate-v2"; })), Fault::unsupported);
  EXPECT_EQ(fault(changed([](Json& j) { j["predicate"]["buildDefinition"]["buildType"] = "urn:x"; })),
            Fault::unsupported);
}

TEST(Statement, HasOneEncoding) {
  const std::string wanted = "cert: is not in the canonical encoding (RFC 8785) of what it states";
  EXPECT_EQ(why(to_json(sample_certificate()).pretty()), wanted);
  EXPECT_EQ(why(encode(sample_certificate()) + "\n"), wanted);
  EXPECT_EQ(
      why(changed([](Json& j) { j["predicate"]["runDetails"]["metadata"]["startedOn"] = "2025-11-22T10:00:01Z"; })),
      "accepted");
}

}  // namespace
}  // namespace hallmark::cert
