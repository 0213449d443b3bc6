// Every SIGSTRUCT in $HALLMARK_VECTORS/sgx is taken apart into signing material, signature and key, and put together
// again: q1 and q2 must come out as the maker's own tool wrote them. And every vector can be inspected.
#include "lib/tee/sgx/inspect.h"
#include "lib/tee/sgx/known_signers.h"
#include "lib/tee/sgx/sdk_image.h"
#include "lib/tee/sgx/signing.h"
#include "tests/vectors/vectors.h"

namespace hallmark::sgx {
namespace {

constexpr std::uint64_t kMaxImage = std::uint64_t{1} << 30;

class SigningVectors : public VectorsTest {
 protected:
  Bytes read(const Json& name) const { return *read_file(folder_ / name.string(), kMaxImage); }
};

// The SIGSTRUCTs of an entry's files, whatever carries them.
std::vector<Bytes> sigstructs_of(const Bytes& image, const std::string& format, const std::optional<Bytes>& companion) {
  std::vector<Bytes> out;
  if (companion) out.push_back(*companion);
  if (format == "sgx-sdk-elf") {
    const auto parsed = SdkImage::parse(image);
    EXPECT_TRUE(parsed) << parsed.error().message();
    for (const SdkMetadata& copy : parsed->copies())
      out.emplace_back(copy.sigstruct.bytes().begin(), copy.sigstruct.bytes().end());
  }
  if (format == "openenclave-elf") {
    const auto elf = Elf::parse(image);
    EXPECT_TRUE(elf) << elf.error().message();
    const ByteView properties = elf->content(*elf->find_section(".oeinfo"));
    const ByteView bytes = properties.subspan(144, kSigstruct.size);
    out.emplace_back(bytes.begin(), bytes.end());
  }
  return out;
}

TEST_F(SigningVectors, SigstructsAreAssembledFromTheirOwnParts) {
  std::size_t assembled = 0, refused = 0, public_keys = 0;
  for (const Json& entry : entries_) {
    const std::string file = entry.find("file")->string();
    SCOPED_TRACE(file);
    std::optional<Bytes> companion;
    if (const Json* sig = entry.find("sig_file"); sig != nullptr && sig->is_string()) companion = read(*sig);
    for (const Bytes& bytes : sigstructs_of(read(*entry.find("file")), entry.find("format")->string(), companion)) {
      const auto s = parse_sigstruct(bytes);
      ASSERT_TRUE(s) << s.error().message();
      DigestOf<Alg::sha256> hash;
      std::ranges::copy(s->get<"enclavehash">(), hash.begin());
      const Bytes material = signing_material(*s, hash, s->num<"date">());
      const auto parsed = parse_signing_material(material);
      ASSERT_TRUE(parsed) << parsed.error().message();
      const auto little = s->get<"signature">();
      const Bytes signature(little.rbegin(), little.rend());
      Rsa3072Number modulus;
      std::ranges::copy(s->get<"modulus">(), modulus.begin());
      const auto made = assemble_sigstruct(*parsed, signature, modulus);
      if (file.find("hashflip") != file.npos) {
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().fault, Fault::mismatch);
        refused++;
        continue;
      }
      ASSERT_TRUE(made) << made.error().message();
      EXPECT_EQ(*made, bytes);
      assembled++;
      if (find_known_signer(mrsigner(*s)) != nullptr) public_keys++;
    }
  }
  RecordProperty("assembled", static_cast<int>(assembled));
  EXPECT_GT(assembled, 15u);
  EXPECT_GT(refused, 0u);
  // Some of the enclaves were signed with the key of the Intel SGX SDK's examples.
  EXPECT_GT(public_keys, 0u);
}

TEST_F(SigningVectors, CanBeInspected) {
  std::size_t seen = 0;
  for (const Json& entry : entries_) {
    const std::string format = entry.find("format")->string();
    if (format != "sgx-sdk-elf" && format != "sgxs") continue;
    SCOPED_TRACE(entry.find("file")->string());
    const auto inspection = inspect(folder_ / entry.find("file")->string());
    ASSERT_TRUE(inspection) << inspection.error().message();
    EXPECT_EQ(inspection->format, format);
    EXPECT_GT(inspection->records.size(), 1u);
    seen++;
  }
  EXPECT_GT(seen, 10u);
}

}  // namespace
}  // namespace hallmark::sgx
