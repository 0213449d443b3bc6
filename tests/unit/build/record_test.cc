#include "lib/build/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hallmark::build {
namespace {

using testing::HasSubstr;

BuildRecord sample() {
  BuildRecord record;
  record.lock_sha256 = std::string(64, '1');
  record.box = "box-1";
  record.fixed = {{"hostname", "build"}, {"umask", "0022"}};
  record.host = {
      .kernel = "6.1.0", .machine = "x86_64", .cpu_model = "a CPU", .cpus = 2, .backend = "native", .root = false};
  record.started = 1700000000;
  record.finished = 1700000060;
  record.log_sha256 = std::string(64, '2');
  record.hallmark_version = "0.1.0";
  record.outputs = {
      {.path = "out/a",
       .kind = "sgx",
       .with = {.companions = {{"sigstruct", "out/a.sig"}}},
       .sha256 = std::string(64, '3'),
       .size = 7,
       .mode = 0644},
      {.path = "out/a.sig", .kind = "file", .sha256 = std::string(64, '4'), .size = 8, .mode = 0755}};
  return record;
}

TEST(Record, SurvivesWritingAndReading) {
  const std::string text = to_json(sample()).pretty();
  const auto read = parse_record(text, "record");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(to_json(*read).pretty(), text);
  EXPECT_EQ(read->outputs[0].with.companions.at("sigstruct"), "out/a.sig");
  EXPECT_EQ(read->outputs[1].mode, 0755u);
  EXPECT_EQ(read->finished, 1700000060);
}

std::string refusal_of(const std::string& key, Json value) {
  Json json = to_json(sample());
  json[key] = std::move(value);
  const auto read = parse_record(json.pretty(), "record");
  EXPECT_FALSE(read);
  return read ? "" : read.error().message();
}

TEST(Record, RefusesWhatItsWriterWouldNotWrite) {
  EXPECT_THAT(refusal_of("lock_sha256", "12"), HasSubstr("lock_sha256"));
  EXPECT_THAT(refusal_of("started", "yesterday"), HasSubstr("is not a time"));
  EXPECT_THAT(refusal_of("hallmark_build_record", 2), HasSubstr("hallmark_build_record"));
  EXPECT_THAT(refusal_of("surprise", true), HasSubstr("surprise"));
  Json output = to_json(sample()).find("outputs")->items()[0];
  output["path"] = "../escape";
  EXPECT_THAT(refusal_of("outputs", Json::array({output})), HasSubstr("plain relative"));
  output["path"] = "fine";
  output["mode"] = "4755";
  EXPECT_THAT(refusal_of("outputs", Json::array({output})), HasSubstr("0755"));
}

TEST(Record, ReadsTheExampleOfItsSpecification) {
  const auto text = read_text(HALLMARK_SOURCE_DIR "/specs/schemas/examples/build-record-v1.json", 1 << 20);
  ASSERT_TRUE(text);
  const auto record = parse_record(*text, "example");
  ASSERT_TRUE(record) << record.error().message();
  EXPECT_EQ(to_json(*record).pretty() + "\n", *text);
}

}  // namespace
}  // namespace hallmark::build
