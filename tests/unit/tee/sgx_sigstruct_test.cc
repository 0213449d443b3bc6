#include "lib/tee/sgx/sigstruct.h"

#include <gtest/gtest.h>

#include "lib/base/files.h"
#include "lib/crypto/rsa.h"

namespace hallmark::sgx {
namespace {

// Signed by tests/vectors/sgx/make_enclaves.py with Python's integers.
Bytes signature_file() {
  return *read_file(fs::path(HALLMARK_SOURCE_DIR) / "tests/vectors/sgx/stream.sig", kSigstruct.size);
}

TEST(Sigstruct, TellsWhatWasSigned) {
  const Bytes bytes = signature_file();
  auto s = parse_sigstruct(bytes);
  ASSERT_TRUE(s) << s.error().message();
  const SignatureCheck check = check_signature(*s);
  EXPECT_TRUE(check.rsa);
  EXPECT_TRUE(check.quotients);
  EXPECT_FALSE(debug_launchable(*s));
  const Json identity = identity_of(*s), policy = policy_of(*s);
  EXPECT_EQ(identity.find("isvprodid")->integer(), 3);
  EXPECT_EQ(identity.find("isvsvn")->integer(), 2);
  EXPECT_EQ(identity.find("date")->string(), "20261122");
  EXPECT_EQ(identity.find("vendor")->string(), "0x0");
  EXPECT_EQ(policy.find("attributes")->string(), "0x0000000000000004");
  EXPECT_EQ(policy.find("xfrm_mask")->string(), "0xffffffffffffff1b");
  EXPECT_EQ(policy.find("misc_mask")->string(), "0xffffffff");
}

// Each byte is header or body, which are signed; modulus, exponent, signature, q1 or q2, which are checked; or
// reserved.
TEST(Sigstruct, NoByteCanChangeUnseen) {
  const Bytes bytes = signature_file();
  for (std::size_t at = 0; at < bytes.size(); at++) {
    Bytes changed = bytes;
    changed[at] ^= 0x10;
    auto s = parse_sigstruct(changed);
    if (!s) continue;
    const SignatureCheck check = check_signature(*s);
    EXPECT_FALSE(check.rsa && check.quotients) << at;
  }
}

TEST(Sigstruct, SaysWhichFieldNoProcessorAccepts) {
  const auto why = [](std::size_t at) {
    Bytes bytes = signature_file();
    bytes[at] ^= 1;
    auto s = parse_sigstruct(bytes);
    return s ? "accepted" : s.error().message();
  };
  EXPECT_EQ(why(0), "SIGSTRUCT: header at 0x0: is 07000000e100000000000100, not 06000000e100000000000100");
  EXPECT_EQ(why(24),
            "SIGSTRUCT: header2 at 0x18: is 00010000600000006000000001000000, not "
            "01010000600000006000000001000000");
  EXPECT_EQ(why(512), "SIGSTRUCT: exponent at 0x200: is 2, not 3");
  EXPECT_EQ(why(44), "SIGSTRUCT: reserved bytes at 0x2c are not zero");
  Bytes small = signature_file();
  small.pop_back();
  EXPECT_EQ(parse_sigstruct(small).error().message(), "SIGSTRUCT: 1807 bytes, 1808 expected");
}

// Some signing tools wrote the date in another byte order. It decides nothing.
TEST(Sigstruct, AnOddDateIsNoError) {
  Bytes bytes = signature_file();
  bytes[20] = 0x7e;
  EXPECT_TRUE(parse_sigstruct(bytes));
}

TEST(Sigstruct, DebugIsAllowedWhereTheMaskLeavesItOpenOrItIsSigned) {
  const auto launchable = [](std::uint8_t attributes, std::uint8_t mask) {
    Bytes bytes = signature_file();
    bytes[928] = attributes;
    bytes[944] = mask;
    return debug_launchable(*parse_sigstruct(bytes));
  };
  EXPECT_FALSE(launchable(0x04, 0xff));
  EXPECT_TRUE(launchable(0x04, 0xfd));
  EXPECT_TRUE(launchable(0x06, 0xff));
}

}  // namespace
}  // namespace hallmark::sgx
