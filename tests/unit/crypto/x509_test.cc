// Chains and revocation lists under roots of our own. What is wrong with each is the one thing that the test changed.
#include "lib/crypto/x509.h"

#include <gtest/gtest.h>

#include "tests/evidence/pki.h"

namespace hallmark {
namespace {

constexpr UnixTime kFrom = 1'700'000'000, kUntil = 1'800'000'000, kNow = 1'750'000'000;

struct Chain {
  made::Issuer root{"Root", made::Key::p256("root")}, ca{"CA", made::Key::p256("ca")};
  made::CertificateSpec root_spec{"Root", kFrom, kUntil, true, 1}, ca_spec{"CA", kFrom, kUntil, true, 2},
      leaf_spec{"Leaf", kFrom, kUntil, false, 3};
  made::Issuer signs_ca = root, signs_leaf = ca;

  std::vector<Certificate> certificates() const {
    std::vector<Certificate> out;
    for (const Bytes& der :
         {made::make_certificate(leaf_spec, made::Key::p256("leaf"), signs_leaf),
          made::make_certificate(ca_spec, ca.key, signs_ca), made::make_certificate(root_spec, root.key, root)})
      out.push_back(*Certificate::parse(der, "certificate " + std::to_string(out.size())));
    return out;
  }
};

std::string fault(const std::vector<Certificate>& chain, UnixTime at = kNow) {
  const auto found = check_chain(chain, at);
  return found ? std::to_string(found->index) + " " + std::string(to_text(found->is)) : "";
}

TEST(X509, ChecksAChain) {
  EXPECT_EQ(fault(Chain().certificates()), "");
  EXPECT_EQ(fault(Chain().certificates(), kFrom), "");
  EXPECT_EQ(fault(Chain().certificates(), kUntil), "");
  EXPECT_EQ(fault(Chain().certificates(), kFrom - 1), "2 not_yet_valid");
  EXPECT_EQ(fault(Chain().certificates(), kUntil + 1), "2 expired");
}

TEST(X509, SaysWhatIsWrongAndWithWhich) {
  Chain chain;
  chain.leaf_spec.until = kNow - 1;
  EXPECT_EQ(fault(chain.certificates()), "0 expired");
  chain = {};
  chain.ca_spec.from = kNow + 1;
  EXPECT_EQ(fault(chain.certificates()), "1 not_yet_valid");
  chain = {};
  chain.ca_spec.ca = false;
  EXPECT_EQ(fault(chain.certificates()), "1 not_a_ca");
  chain = {};
  chain.signs_leaf = {"CA", made::Key::p256("another")};
  EXPECT_EQ(fault(chain.certificates()), "0 signature");
  chain = {};
  chain.signs_ca = {"Root", made::Key::p256("another")};
  EXPECT_EQ(fault(chain.certificates()), "1 signature");
  chain = {};
  chain.signs_leaf = {"Another CA", chain.ca.key};
  EXPECT_EQ(fault(chain.certificates()), "0 issuer");
}

// A root that somebody changed has the right key and no right signature.
TEST(X509, ChecksTheRootsOwnSignature) {
  std::vector<Certificate> chain = Chain().certificates();
  Bytes der = chain[2].der();
  der.back() ^= 1;
  const auto changed = Certificate::parse(der, "changed root");
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->spki_sha256(), chain[2].spki_sha256());
  chain[2] = *changed;
  EXPECT_NE(fault(chain), "");
}

TEST(X509, ChecksOneStepAsItChecksAChain) {
  const std::vector<Certificate> chain = Chain().certificates();
  EXPECT_FALSE(check_issued(chain[0], chain[1], kNow));
  EXPECT_EQ(check_issued(chain[0], chain[1], kUntil + 1)->is, ChainFault::Is::expired);
  EXPECT_EQ(check_issued(chain[0], chain[1], kFrom - 1)->is, ChainFault::Is::not_yet_valid);
  EXPECT_EQ(check_issued(chain[0], chain[2], kNow)->is, ChainFault::Is::issuer);
  EXPECT_EQ(check_issued(chain[1], chain[0], kNow)->is, ChainFault::Is::not_a_ca);
  Chain other;
  other.signs_leaf = {"CA", made::Key::p256("another")};
  EXPECT_EQ(check_issued(other.certificates()[0], chain[1], kNow)->is, ChainFault::Is::signature);
}

// A leaf is held against its issuer by itself, so nothing would apply the constraints to it.
TEST(X509, RefusesAnIssuerThatConstrainsNames) {
  Chain made;
  // RFC 5280 section 4.2.1.10: permittedSubtrees with the dNSName "a.test".
  made.ca_spec.extensions = {{"2.5.29.30", *from_hex("300ca00a30088206612e74657374")}};
  const std::vector<Certificate> chain = made.certificates();
  EXPECT_EQ(check_issued(chain[0], chain[1], kNow)->is, ChainFault::Is::other);
}

// RFC 5280 section 4.1.1.2: the algorithm stands outside of what is signed, and inside; they have to agree.
TEST(X509, HoldsTheAlgorithmToWhatWasSigned) {
  std::vector<Certificate> chain = Chain().certificates();
  Bytes der = chain[0].der();
  // ecdsa-with-SHA256, 1.2.840.10045.4.3.2; the second one is outside. With SHA384 the last arc is 3.
  const Bytes oid = *from_hex("06082a8648ce3d040302");
  const auto inside = std::ranges::search(der, oid);
  ASSERT_FALSE(inside.empty());
  const auto outside = std::ranges::search(std::ranges::subrange(inside.end(), der.end()), oid);
  ASSERT_FALSE(outside.empty());
  *(outside.end() - 1) = 3;
  const auto changed = Certificate::parse(der, "changed");
  ASSERT_TRUE(changed);
  EXPECT_EQ(check_issued(*changed, chain[1], kNow)->is, ChainFault::Is::signature);
}

// Without it a root that the caller has not seen verify is let through; the rest is checked all the same.
TEST(X509, TakesTheWordOfWhoVerifiedTheAnchor) {
  Chain made;
  std::vector<Certificate> chain = made.certificates();
  Bytes der = chain[2].der();
  der.back() ^= 1;
  chain[2] = *Certificate::parse(der, "changed root");
  EXPECT_TRUE(check_chain(chain, kNow));
  EXPECT_FALSE(check_chain(chain, kNow, AnchorSignature::verified));
  made.signs_leaf = {"CA", made::Key::p256("another")};
  EXPECT_EQ(check_chain(made.certificates(), kNow, AnchorSignature::verified)->is, ChainFault::Is::signature);
}

TEST(X509, ReadsRevocationLists) {
  const Chain made;
  const std::vector<Certificate> chain = made.certificates();
  const Bytes der = made::make_revocation_list(made.ca, kFrom, kUntil, {3, 99});
  const std::string pem = made::to_pem("X509 CRL", der), hex = to_hex(der);
  for (const ByteView form : {ByteView(der), as_bytes(pem), as_bytes(hex)}) {
    const auto list = RevocationList::parse(form, "list");
    ASSERT_TRUE(list) << list.error().message();
    EXPECT_EQ(list->this_update(), kFrom);
    EXPECT_EQ(list->next_update(), kUntil);
    EXPECT_EQ(list->size(), 2u);
    EXPECT_TRUE(list->issued_by(chain[1]));
    EXPECT_TRUE(list->signed_by(chain[1]));
    EXPECT_FALSE(list->issued_by(chain[2]));
    EXPECT_FALSE(list->signed_by(chain[2]));
    EXPECT_TRUE(list->lists(chain[0]));
    EXPECT_FALSE(list->lists(chain[1]));
  }
  for (const std::string_view bad : {"", "30", "3000", "-----BEGIN X509 CRL-----\n-----END X509 CRL-----"})
    EXPECT_FALSE(RevocationList::parse(as_bytes(bad), "list")) << bad;
  EXPECT_FALSE(RevocationList::parse(chain[0].der(), "list"));
}

TEST(X509, ReadsCertificatesInPem) {
  const std::vector<Certificate> chain = Chain().certificates();
  std::string pem;
  for (const Certificate& c : chain) pem += made::to_pem("CERTIFICATE", c.der());
  const auto read = parse_certificates(as_bytes(pem + '\0'), "file", 3);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->size(), 3u);
  EXPECT_EQ((*read)[1].der(), chain[1].der());
  EXPECT_EQ(parse_certificates(chain[0].der(), "file", 1)->front().subject(), "Leaf");
  for (const std::string& bad :
       {std::string("x") + pem, pem + "x", pem.substr(0, pem.size() - 4), std::string("\n"), std::string()})
    EXPECT_FALSE(parse_certificates(as_bytes(bad), "file", 3));
  EXPECT_FALSE(parse_certificates(as_bytes(pem), "file", 2));
  Bytes more = chain[0].der();
  more.push_back(0);
  EXPECT_FALSE(parse_certificates(more, "file", 1));
}

TEST(X509, VerifiesWithKeysAndNoOthers) {
  const made::Key p256 = made::Key::p256("a"), p384 = made::Key::p384("a");
  const Bytes message = Bytes(100, 5);
  for (const made::Key& key : {p256, p384}) {
    const auto verifier = VerifyingKey::from_spki(key.spki(), "key");
    ASSERT_TRUE(verifier);
    Bytes signature = key.sign(message);
    EXPECT_TRUE(verifier->verify_ecdsa(message, signature));
    EXPECT_FALSE(verifier->verify_ecdsa(Bytes(100, 6), signature));
    EXPECT_FALSE(verifier->verify_ecdsa(message, ByteView(signature).first(signature.size() - 1)));
    EXPECT_FALSE(verifier->verify_ecdsa(message, Bytes(signature.size())));
    EXPECT_FALSE(verifier->verify_ecdsa(message, Bytes(signature.size(), 0xff)));
    signature[3] ^= 1;
    EXPECT_FALSE(verifier->verify_ecdsa(message, signature));
  }
  const Bytes point = p256.point();
  const auto from_point = VerifyingKey::p256(std::span<const std::uint8_t, 64>(point.data(), 64));
  ASSERT_TRUE(from_point);
  EXPECT_TRUE(from_point->verify_ecdsa(message, p256.sign(message)));
  Bytes off_curve = point;
  off_curve[63] ^= 1;
  EXPECT_FALSE(VerifyingKey::p256(std::span<const std::uint8_t, 64>(off_curve.data(), 64)));
  EXPECT_FALSE(VerifyingKey::p256(std::span<const std::uint8_t, 64>(Bytes(64).data(), 64)));
}

TEST(X509, RefusesRsaKeysThatVerifyEverything) {
  const Bytes modulus(256, 0xff);
  EXPECT_FALSE(VerifyingKey::rsa(modulus, Bytes{1}));
  EXPECT_FALSE(VerifyingKey::rsa(modulus, Bytes{2}));
  EXPECT_FALSE(VerifyingKey::rsa(Bytes(64, 0xff), Bytes{1, 0, 1}));
  EXPECT_FALSE(VerifyingKey::rsa(modulus, {}));
  EXPECT_TRUE(VerifyingKey::rsa(modulus, Bytes{1, 0, 1}));
}

}  // namespace
}  // namespace hallmark
