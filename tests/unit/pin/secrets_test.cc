#include "lib/pin/secrets.h"

#include <gtest/gtest.h>

#include "lib/base/process.h"

namespace hallmark::pin {
namespace {

std::string scan(std::string_view text, std::size_t unit = 1 << 20) {
  KeyScanner scanner;
  for (std::size_t i = 0; i < text.size(); i += unit) scanner.add(as_bytes(text.substr(i, unit)));
  return scanner.finish().value_or("nothing");
}

// Put together here, so that this file itself holds no boundary at the start of a line.
std::string boundary(std::string_view label) { return "-----BEGIN " + std::string(label) + "-----"; }
const std::string kBody = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg";

TEST(Secrets, FindsEveryKindOfPem) {
  for (std::string_view label : {"PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY",
                                 "DSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"}) {
    const std::string want = "a private key (" + std::string(label) + ") in line ";
    EXPECT_EQ(scan(boundary(label) + "\n" + kBody + "\n"), want + "1");
    EXPECT_EQ(scan("#\r\n\r\n" + boundary(label) + "\r\n"), want + "3");
  }
  EXPECT_EQ(scan("x\nPuTTY-User-Key-File-3: ssh-ed25519\n"), "a private key (PuTTY) in line 2");
}

TEST(Secrets, FindsAKeyInsideOtherText) {
  EXPECT_EQ(scan("{\n \"key\": \"" + boundary("PRIVATE KEY") + "\\n" + kBody + "\\n\"}"),
            "a private key (PRIVATE KEY) in line 2");
  EXPECT_EQ(scan("Proc\n  " + boundary("RSA PRIVATE KEY") +
                 "\n  Proc-Type: 4,ENCRYPTED\n  DEK-Info: AES-256-CBC,0123456789ABCDEF0123456789ABCDEF\n\n  " + kBody),
            "a private key (RSA PRIVATE KEY) in line 2");
}

TEST(Secrets, LetsTextThatOnlySpeaksOfKeysPass) {
  EXPECT_EQ(scan("if (line == \"" + boundary("RSA PRIVATE KEY") + "\") return parse(rest);\n"), "nothing");
  EXPECT_EQ(scan(boundary("PUBLIC KEY") + "\n" + kBody), "nothing");
  EXPECT_EQ(scan(boundary("CERTIFICATE") + "\n" + kBody), "nothing");
  EXPECT_EQ(scan("-----BEGIN"), "nothing");
  EXPECT_EQ(scan("see PuTTY-User-Key-File-3\n"), "nothing");
  EXPECT_EQ(scan(""), "nothing");
}

// Wherever the pieces end, and however long the text before it.
TEST(Secrets, DoesNotDependOnPieces) {
  const std::string text =
      std::string(5000, 'a') + "\n" + boundary("EC PRIVATE KEY") + "\n" + kBody + "\n" + std::string(3000, 'b');
  const std::string embedded =
      std::string(5000, '\n') + "'" + boundary("EC PRIVATE KEY") + "\\n" + kBody + "'" + std::string(3000, '\n');
  for (std::size_t unit : {1u, 7u, 64u, 1000u, 4096u, 5003u}) {
    EXPECT_EQ(scan(text, unit), "a private key (EC PRIVATE KEY) in line 2");
    EXPECT_EQ(scan(embedded, unit), "a private key (EC PRIVATE KEY) in line 5001");
  }
}

// The openssl program is the oracle of what a DER key looks like.
TEST(Secrets, FindsDerKeysByStructure) {
  auto openssl = [](const std::string& arguments) {
    auto done = run_process({.arguments = {"/bin/sh", "-c", "set -e; " + arguments}});
    EXPECT_TRUE(done && done->status == 0) << arguments << (done ? done->errors : done.error().message());
    return done ? done->output : std::string();
  };
  const std::string ec = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256";
  const std::string rsa = "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 2>/dev/null";
  EXPECT_EQ(scan(openssl(ec + " | openssl pkcs8 -topk8 -nocrypt -outform DER")), "a private key (PKCS #8, DER)");
  EXPECT_EQ(scan(openssl("openssl genpkey -algorithm ED25519 -outform DER")), "a private key (PKCS #8, DER)");
  EXPECT_EQ(scan(openssl(rsa + " | openssl rsa -traditional -outform DER 2>/dev/null")),
            "a private key (PKCS #1, DER)");
  EXPECT_EQ(scan(openssl(ec + " | openssl ec -outform DER 2>/dev/null")), "a private key (SEC 1, DER)");
  EXPECT_EQ(scan(openssl(ec + " | openssl pkcs8 -topk8 -passout pass:x -outform DER")),
            "a private key (encrypted PKCS #8, DER)");
  EXPECT_EQ(scan(openssl(ec + " | openssl pkey -pubout -outform DER")), "nothing");
  EXPECT_EQ(scan(openssl("d=$(mktemp -d); openssl req -x509 -newkey rsa:1024 -nodes -subj /CN=x -keyout $d/k -outform "
                         "DER 2>/dev/null; rm -r $d")),
            "nothing");
  EXPECT_EQ(scan(openssl(ec + " -outform DER") + "x"), "nothing");  // more than a key is no key file
}

}  // namespace
}  // namespace hallmark::pin
