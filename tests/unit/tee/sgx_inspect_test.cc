#include "lib/tee/sgx/inspect.h"

#include <gtest/gtest.h>

#include "lib/tee/sgx/known_signers.h"
#include "lib/tee/sgx/sdk_image.h"

namespace hallmark::sgx {
namespace {

fs::path made(const std::string& name) { return fs::path(HALLMARK_SOURCE_DIR) / "tests/vectors/sgx" / name; }

const InspectedRecord* find(const Inspection& inspection, std::string_view name) {
  const auto it = std::ranges::find(inspection.records, name, &InspectedRecord::name);
  return it == inspection.records.end() ? nullptr : &*it;
}

InspectedField field(const InspectedRecord* record, std::string_view name) {
  if (record == nullptr) return {};
  const auto it = std::ranges::find(record->fields, name, &InspectedField::name);
  return it == record->fields.end() ? InspectedField{} : *it;
}

TEST(SgxInspect, ShowsASigstructFieldByField) {
  const auto seen = inspect(made("stream.sig"));
  ASSERT_TRUE(seen) << seen.error().message();
  EXPECT_EQ(seen->tee, "intel-sgx");
  EXPECT_EQ(seen->format, "sgx-sigstruct");
  ASSERT_EQ(seen->records.size(), 1u);
  const InspectedRecord* s = &seen->records[0];
  EXPECT_EQ(s->size, 1808u);
  EXPECT_EQ(s->fields.size(), kSigstruct.fields.size());
  EXPECT_EQ(field(s, "date").meaning, "2026-11-22");
  EXPECT_EQ(field(s, "date").value, "0x20261122");
  EXPECT_EQ(field(s, "date").offset, 20u);
  EXPECT_EQ(field(s, "attributes").meaning, "MODE64BIT");
  EXPECT_EQ(field(s, "attributes_mask").meaning, "every named bit must be as signed");
  EXPECT_EQ(field(s, "xfrm").meaning, "x87, SSE");
  EXPECT_EQ(field(s, "xfrm_mask").meaning, "the host may choose AVX, opmask, ZMM_Hi256, Hi16_ZMM");
  EXPECT_EQ(field(s, "miscselect").meaning, "none");
  EXPECT_EQ(field(s, "isvsvn").meaning, "2");
  EXPECT_EQ(field(s, "modulus").meaning, "MRSIGNER b13692c9156dab264cac4beaf01d1d0dd314d0192d61a732fb0c55d94eaf961c");
  EXPECT_EQ(field(s, "reserved_44").meaning, "reserved");
}

TEST(SgxInspect, SaysWhatAHostMayChoose) {
  Bytes bytes = *read_file(made("stream.sig"), 4096);
  bytes[944] = 0xfd;  // attributes_mask
  bytes[928] = 0x04;
  bytes[932] = 0x02;  // attributes, bit 33
  bytes[23] = 0xff;   // date
  const auto seen = inspect_bytes(bytes);
  ASSERT_TRUE(seen) << seen.error().message();
  EXPECT_EQ(field(&seen->records[0], "attributes").meaning, "MODE64BIT, bit 33");
  EXPECT_EQ(field(&seen->records[0], "attributes_mask").meaning, "the host may choose DEBUG");
  EXPECT_EQ(field(&seen->records[0], "date").meaning, "no date in the order yyyymmdd");
}

TEST(SgxInspect, ShowsSigningMaterial) {
  const Bytes sig = *read_file(made("stream.sig"), 4096);
  Bytes material(sig.begin(), sig.begin() + 128);
  material.insert(material.end(), sig.begin() + 900, sig.begin() + 1028);
  const auto seen = inspect_bytes(material);
  ASSERT_TRUE(seen) << seen.error().message();
  EXPECT_EQ(seen->format, "sgx-signing-material");
  EXPECT_EQ(field(&seen->records[0], "enclavehash").offset, 188u);
  EXPECT_EQ(field(&seen->records[0], "enclavehash").value, to_hex(ByteView(sig).subspan(960, 32)));
}

// Every value shown is in the file at the place that is shown.
void expect_values_are_there(const Inspection& seen, ByteView file) {
  for (const InspectedRecord& record : seen.records)
    for (const InspectedField& f : record.fields) {
      if (f.size == 0 || f.value.empty()) continue;
      ASSERT_LE(f.offset + f.size, file.size()) << record.name << " " << f.name;
      const ByteView bytes = file.subspan(f.offset, f.size);
      const Bytes reversed(bytes.rbegin(), bytes.rend());
      EXPECT_EQ(f.value, f.value.starts_with("0x") ? "0x" + to_hex(reversed) : to_hex(bytes))
          << record.name << " " << f.name;
    }
}

TEST(SgxInspect, ShowsEveryCopyAndTableOfAnSdkEnclave) {
  for (const char* name : {"plain.so", "small.so", "elrange.so", "shared-object.so", "copies-differ.so"}) {
    SCOPED_TRACE(name);
    const Bytes file = *read_file(made(name), 1 << 20);
    const auto seen = inspect(made(name));
    ASSERT_TRUE(seen) << seen.error().message();
    EXPECT_EQ(seen->format, "sgx-sdk-elf");
    const SdkImage image = *SdkImage::parse(file);
    for (const SdkMetadata& copy : image.copies()) {
      EXPECT_NE(find(*seen, "SGX metadata " + copy.version()), nullptr);
      EXPECT_NE(find(*seen, "SIGSTRUCT of metadata " + copy.version()), nullptr);
      EXPECT_NE(find(*seen, "layout 0 of metadata " + copy.version()), nullptr);
      EXPECT_EQ(find(*seen, "elrange 0 of metadata " + copy.version()) != nullptr, copy.elrange.has_value());
    }
    expect_values_are_there(*seen, file);
  }
}

TEST(SgxInspect, ShowsAnOpenEnclaveImage) {
  for (const char* name : {"plain", "ego", "unsigned"}) {
    SCOPED_TRACE(name);
    const fs::path path = fs::path(HALLMARK_SOURCE_DIR) / "tests/vectors/open_enclave" / name;
    const Bytes file = *read_file(path, 1 << 20);
    const auto seen = inspect(path);
    ASSERT_TRUE(seen) << seen.error().message();
    EXPECT_EQ(seen->format, std::string_view(name) == "ego" ? "ego" : "open-enclave");
    EXPECT_EQ(find(*seen, "SIGSTRUCT") != nullptr, std::string_view(name) != "unsigned");
    expect_values_are_there(*seen, file);
  }
}

TEST(SgxInspect, SumsUpAStream) {
  const auto seen = inspect(made("unmeasured.sgxs"));
  ASSERT_TRUE(seen) << seen.error().message();
  EXPECT_EQ(seen->format, "sgxs");
  EXPECT_EQ(field(find(*seen, "ECREATE"), "size").size, 8u);
  EXPECT_NE(field(find(*seen, "records"), "chunks unmeasured").value, "0");
  EXPECT_NE(field(find(*seen, "records"), "pages added").value, "0");
}

TEST(SgxInspect, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(inspect_bytes(as_bytes("hello")).error().fault, Fault::unsupported);
  EXPECT_EQ(inspect_bytes({}).error().fault, Fault::unsupported);
  Bytes cut = *read_file(made("stream.sig"), 4096);
  cut.pop_back();
  EXPECT_EQ(inspect_bytes(cut).error().message(), "SIGSTRUCT: 1807 bytes, 1808 expected");
}

TEST(SgxKnownSigners, AreFoundByTheirHash) {
  for (const KnownSigner& row : known_signers()) {
    const auto mrsigner = digest_from_hex<Alg::sha256>(row.mrsigner);
    ASSERT_TRUE(mrsigner) << row.mrsigner;
    EXPECT_EQ(find_known_signer(*mrsigner), &row);
    EXPECT_EQ(row.commit.size(), 40u);
  }
  EXPECT_EQ(find_known_signer({}), nullptr);
  DigestOf<Alg::sha256> last;
  last.fill(0xff);
  EXPECT_EQ(find_known_signer(last), nullptr);
  const auto sample = digest_from_hex<Alg::sha256>("83d719e77deaca1470f6baf62a4d774303c899db69020f9c70ee1dfc08c7ce9e");
  ASSERT_NE(find_known_signer(*sample), nullptr);
  EXPECT_EQ(describe(*find_known_signer(*sample)),
            "intel/linux-sgx, SampleCode/SampleEnclave/Enclave/Enclave_private_test.pem");
}

}  // namespace
}  // namespace hallmark::sgx
