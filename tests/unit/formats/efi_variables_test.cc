#include "lib/formats/efi_variables.h"

#include <gtest/gtest.h>

#include "tests/unit/formats/efi_made.h"

namespace hallmark {
namespace {

using namespace made;

constexpr Guid kVendor = guid("11111111-1111-1111-1111-111111111111");
constexpr std::uint8_t kAdded = 0x3f, kInTransition = 0x3e, kDeleted = 0x3d, kHeaderOnly = 0x7f;

void expect_why(ByteView volume, std::string_view part) {
  const auto variables = efi_variables(volume);
  ASSERT_FALSE(variables);
  EXPECT_EQ(variables.error().fault, Fault::format);
  EXPECT_NE(variables.error().message().find(part), std::string::npos) << variables.error().message();
}

TEST(EfiVariables, ReadsThoseThatHold) {
  const Bytes volume = variable_volume(join(
      {variable(kEfiGlobalVariable, utf16("PK"), Bytes{1, 2, 3}), variable(kVendor, utf16("Gone"), Bytes{9}, kDeleted),
       variable(kVendor, utf16("Cut"), Bytes{9}, kHeaderOnly), variable(kVendor, utf16("PK"), Bytes{}, kAdded, 0x27)}));
  const auto variables = efi_variables(volume);
  ASSERT_TRUE(variables) << variables.error().message();
  ASSERT_EQ(variables->size(), 2u);
  EXPECT_EQ(variables->at(0).vendor, kEfiGlobalVariable);
  EXPECT_EQ(variables->at(0).name, "PK");
  EXPECT_EQ(variables->at(0).attributes, 7u);
  EXPECT_EQ(to_hex(variables->at(0).data), "010203");
  EXPECT_EQ(variables->at(1).attributes, 0x27u);
  EXPECT_EQ(find_variable(*variables, kVendor, "PK"), &variables->at(1));
  EXPECT_EQ(find_variable(*variables, kVendor, "Gone"), nullptr);
}

// FindVariableEx: the first that was added; without one, the last that is about to be replaced.
TEST(EfiVariables, TakesTheRecordThatTheFirmwareTakes) {
  const auto value = [](std::initializer_list<Bytes> records) {
    const auto variables = efi_variables(variable_volume(join(records)));
    EXPECT_TRUE(variables) << variables.error().message();
    EXPECT_EQ(variables->size(), 1u);
    return to_hex(variables->at(0).data);
  };
  const auto record = [](std::uint8_t data, std::uint8_t state) {
    return variable(kVendor, utf16("db"), Bytes{data}, state);
  };
  EXPECT_EQ(value({record(1, kInTransition), record(2, kAdded)}), "02");
  EXPECT_EQ(value({record(1, kAdded), record(2, kInTransition)}), "01");
  EXPECT_EQ(value({record(1, kInTransition), record(2, kInTransition)}), "02");
  EXPECT_EQ(value({record(1, kInTransition), record(2, kDeleted)}), "01");
  EXPECT_EQ(value({record(1, kAdded), record(2, kAdded)}), "01");
}

TEST(EfiVariables, StopsWhereNoRecordBegins) {
  EXPECT_TRUE(efi_variables(variable_volume({}))->empty());
  const auto variables = efi_variables(variable_volume(
      join({variable(kVendor, utf16("A"), Bytes{1}), Bytes(4, 0xff), variable(kVendor, utf16("B"), Bytes{1})})));
  ASSERT_TRUE(variables);
  EXPECT_EQ(variables->size(), 1u);
}

// A record of which only the start was written: its sizes are still erased, and the next one follows its header.
TEST(EfiVariables, PassesOverARecordWithoutSizes) {
  Bytes unwritten = variable(kVendor, {}, {}, 0xff);
  for (std::size_t i = 36; i < 44; i++) unwritten[i] = 0xff;
  const auto variables = efi_variables(variable_volume(join({unwritten, variable(kVendor, utf16("B"), Bytes{1})})));
  ASSERT_TRUE(variables) << variables.error().message();
  ASSERT_EQ(variables->size(), 1u);
  EXPECT_EQ(variables->at(0).name, "B");
}

TEST(EfiVariables, ReadsTheFormWithoutAuthentication) {
  Bytes record;
  put<std::uint16_t>(record, 0x55aa);
  put<std::uint16_t>(record, kAdded);
  put<std::uint32_t>(record, 3);
  put<std::uint32_t>(record, 6);
  put<std::uint32_t>(record, 1);
  put(record, kVendor);
  put(record, utf16("db"));
  record.push_back(0x55);
  const auto variables = efi_variables(variable_volume(record, 4096, guid("ddcf3616-3275-4164-98b6-fe85707ffe7d")));
  ASSERT_TRUE(variables) << variables.error().message();
  ASSERT_EQ(variables->size(), 1u);
  EXPECT_EQ(variables->at(0).name, "db");
  EXPECT_EQ(to_hex(variables->at(0).data), "55");
}

TEST(EfiVariables, SpellsNamesInUtf8) {
  // U+00E9, U+20AC, U+1D11E
  const Bytes name{0xe9, 0, 0xac, 0x20, 0x34, 0xd8, 0x1e, 0xdd, 0, 0};
  const auto variables = efi_variables(variable_volume(variable(kVendor, name, {})));
  ASSERT_TRUE(variables) << variables.error().message();
  EXPECT_EQ(variables->at(0).name, "\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e");
  expect_why(variable_volume(variable(kVendor, Bytes{0x34, 0xd8, 0, 0}, {})), "has half a surrogate pair");
  expect_why(variable_volume(variable(kVendor, Bytes{0x1e, 0xdd, 0, 0}, {})), "has half a surrogate pair");
  expect_why(variable_volume(variable(kVendor, Bytes{'a', 0, 0, 0, 0, 0}, {})), "has a NUL before its end");
  for (const Bytes& bad : {Bytes{}, Bytes{0}, Bytes{'a', 0}, Bytes{'a', 0, 0}})
    expect_why(variable_volume(variable(kVendor, bad, {})), "record at 0x64: name: its");
}

TEST(EfiVariables, RefusesSizesOutsideTheStore) {
  Bytes record = variable(kVendor, utf16("db"), Bytes{1});
  store_le<std::uint32_t>(std::span(record).subspan(40), 0xfffffffe);
  expect_why(variable_volume(record), "record at 0x64: name_size is 6 and data_size 4294967294, 3936 left");
  store_le<std::uint32_t>(std::span(record).subspan(36), 0xfffffffe);
  expect_why(variable_volume(record), "name_size is 4294967294");
}

TEST(EfiVariables, RefusesWhatIsNoStore) {
  const Bytes good = variable_volume({});
  Bytes bad = good;
  bad[kVolumeHeader] ^= 1;
  expect_why(bad, "VARIABLE_STORE_HEADER: signature at 0x48");
  bad = good;
  store_le<std::uint32_t>(std::span(bad).subspan(kVolumeHeader + 16), 4096);
  expect_why(bad, "VARIABLE_STORE_HEADER: size at 0x58: is 0x1000, from 0x1c to 0xfb8");
  store_le<std::uint32_t>(std::span(bad).subspan(kVolumeHeader + 16), 27);
  expect_why(bad, "size at 0x58: is 0x1b");
  bad = good;
  bad[kVolumeHeader + 20] = 0xff;
  expect_why(bad, "not formatted");
  expect_why(volume(kFfs2, {}, 4096), "not of fff12b8d-7696-4c8b-a985-2747075b4f50");
  expect_why(volume(kNvData, {}, kVolumeHeader), "needs 28 bytes, 0 left");
  expect_why(ByteView(good).first(100), "fv_length");
}

}  // namespace
}  // namespace hallmark
