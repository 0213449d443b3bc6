#include "lib/pin/gpgv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/pin/debian_archive.h"

namespace hallmark::pin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

const Signers& keys() { return Signers::get(); }

Result<SignedText> verify(const std::string& document, const std::vector<std::string>& keyring,
                          const SignaturePolicy& policy = {}) {
  return verify_cleartext(as_bytes(document), keys().keyring(keyring), "InRelease", policy);
}

void expect_refused(const Result<SignedText>& result, Fault fault, const std::string& why) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, fault) << result.error().message();
  EXPECT_THAT(result.error().message(), HasSubstr(why));
}

TEST(Gpgv, GivesTheSignedTextAndItsSigner) {
  auto text = verify(keys().sign("Suite: stable\n- dash\n", {"one"}), {"one", "two"});
  ASSERT_TRUE(text) << text.error().message();
  EXPECT_EQ(text->text, "Suite: stable\n- dash\n");
  EXPECT_THAT(text->signers, ElementsAre(keys().fingerprint("one")));
}

TEST(Gpgv, TakesAnArmouredKeyring) {
  auto text =
      verify_cleartext(as_bytes(keys().sign("text\n", {"two"})), keys().keyring({"one", "two"}, true), "InRelease");
  ASSERT_TRUE(text) << text.error().message();
  EXPECT_THAT(text->signers, ElementsAre(keys().fingerprint("two")));
}

TEST(Gpgv, CountsDistinctSignersOfTheKeyringOnly) {
  const std::string both = keys().sign("text\n", {"one", "two"});
  auto text = verify(both, {"one", "two"}, {.require_signers = 2});
  ASSERT_TRUE(text) << text.error().message();
  EXPECT_THAT(text->signers, UnorderedElementsAre(keys().fingerprint("one"), keys().fingerprint("two")));
  EXPECT_TRUE(std::is_sorted(text->signers.begin(), text->signers.end()));
  ASSERT_TRUE(verify(both, {"one"}));
  expect_refused(verify(both, {"one"}, {.require_signers = 2}), Fault::mismatch,
                 "is signed by 1 keys of the keyring, wanted 2; valid: " + keys().fingerprint("one") +
                     "; others: " + keys().fingerprint("two").substr(24) + " (not in the keyring)");
  expect_refused(verify(keys().sign("text\n", {"one", "one"}), {"one", "two"}, {.require_signers = 2}), Fault::mismatch,
                 "signed by 1");
}

TEST(Gpgv, RefusesAnotherKey) {
  expect_refused(verify(keys().sign("text\n", {"two"}), {"one"}), Fault::mismatch, "(not in the keyring)");
}

TEST(Gpgv, RefusesNoSignatureEvenIfNoneIsRequired) {
  expect_refused(verify(keys().sign("text\n", {"two"}), {"one"}, {.require_signers = 0}), Fault::mismatch,
                 "signed by 0 keys");
}

TEST(Gpgv, RefusesChangedText) {
  std::string document = keys().sign("Suite: stable\n", {"one"});
  document.replace(document.find("stable"), 6, "stablE");
  expect_refused(verify(document, {"one"}), Fault::mismatch, "changed after signing");
}

TEST(Gpgv, RefusesTextAroundTheSignedMessage) {
  const std::string document = keys().sign("text\n", {"one"});
  expect_refused(verify("Suite: other\n\n" + document, {"one"}), Fault::format, "does not begin");
  expect_refused(verify(document + "Suite: other\n", {"one"}), Fault::format, "does not end");
  expect_refused(verify(document + document, {"one"}), Fault::format, "6 lines of armour");
  expect_refused(verify(document + "\nSuite: other\n\n-----END PGP SIGNATURE-----\n", {"one"}), Fault::format,
                 "4 lines of armour");
  expect_refused(verify("", {"one"}), Fault::format, "does not begin");
}

TEST(Gpgv, RefusesUnsignedTextInTheArmourHeader) {
  std::string document = keys().sign("text\n", {"one"});
  document.insert(document.find('\n') + 1, "Suite: other\n");
  EXPECT_FALSE(verify(document, {"one"}));
}

TEST(Gpgv, TakesAnExpiredKeyOnlyWhenTold) {
  const std::string document = keys().sign("text\n", {"past"}, "20200102T000000");
  expect_refused(verify(document, {"past"}), Fault::mismatch, "(expired key)");
  auto text = verify(document, {"past"}, {.expired_keys = true});
  ASSERT_TRUE(text) << text.error().message();
  EXPECT_THAT(text->signers, ElementsAre(keys().fingerprint("past")));
}

TEST(Gpgv, RefusesAKeyringThatIsNone) {
  auto text = verify_cleartext(as_bytes(keys().sign("text\n", {"one"})), as_bytes("no keys\n"), "InRelease");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().message(), "keyring: holds no OpenPGP certificate, neither binary nor armoured");
}

TEST(Dearmour, ReadsSeveralBlocksAndNothingElse) {
  const Bytes one = keys().keyring({"one"}), two = keys().keyring({"two"});
  const auto armoured = [&](const std::string& name) { return std::string(as_text(keys().keyring({name}, true))); };
  auto both = dearmour(as_bytes("a remark\n" + armoured("one") + "\n" + armoured("two")), "keyring");
  ASSERT_TRUE(both) << both.error().message();
  Bytes expected = one;
  expected.insert(expected.end(), two.begin(), two.end());
  EXPECT_EQ(*both, expected);
  EXPECT_EQ(*dearmour(one, "keyring"), one);
}

TEST(Dearmour, RefusesBrokenArmour) {
  for (const std::string bad :
       {"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmD\n", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!\n-----END PGP PUBLIC KEY BLOCK-----\n", "text"})
    EXPECT_FALSE(dearmour(as_bytes(bad), "keyring")) << bad;
}

}  // namespace
}  // namespace hallmark::pin
