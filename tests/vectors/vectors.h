// The entries of $HALLMARK_VECTORS/<platform>/vectors.json: real artefacts with the values that their makers or the
// vendor's tools give.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>

#include "lib/base/files.h"
#include "lib/base/json.h"

namespace hallmark {

// Skipped where HALLMARK_VECTORS is not set; where it is, a missing file is a failure.
class VectorsTest : public testing::Test {
 protected:
  explicit VectorsTest(std::string platform = "sgx") : platform_(std::move(platform)) {}

  void SetUp() override {
    const char* root = std::getenv("HALLMARK_VECTORS");
    if (root == nullptr) GTEST_SKIP() << "HALLMARK_VECTORS is not set";
    folder_ = fs::path(root) / platform_;
    auto text = read_text(folder_ / "vectors.json", 16 << 20);
    ASSERT_TRUE(text) << text.error().message();
    auto json = parse_json(*text);
    ASSERT_TRUE(json) << json.error().message();
    entries_ = json->items();
  }

  // What the entry of that file expects.
  const Json& expected(const std::string& file) const {
    for (const Json& entry : entries_)
      if (entry.find("file")->string() == file) return *entry.find("expected");
    throw std::runtime_error("no vector " + file);
  }
  Bytes read(const std::string& file) const {
    auto bytes = read_file(folder_ / file, std::uint64_t{1} << 30);
    if (!bytes) throw std::runtime_error(bytes.error().message());
    return *std::move(bytes);
  }

  std::string platform_;
  fs::path folder_;
  Json::Array entries_;
};

}  // namespace hallmark
