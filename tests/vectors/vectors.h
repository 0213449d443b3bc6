// The entries of $HALLMARK_VECTORS/sgx/vectors.json: real artefacts with the values that their makers or the vendor's
// tools give.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>

#include "lib/base/files.h"
#include "lib/base/json.h"

namespace hallmark {

// Skipped where HALLMARK_VECTORS is not set; where it is, a missing file is a failure.
class VectorsTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* root = std::getenv("HALLMARK_VECTORS");
    if (root == nullptr) GTEST_SKIP() << "HALLMARK_VECTORS is not set";
    folder_ = fs::path(root) / "sgx";
    auto text = read_text(folder_ / "vectors.json", 16 << 20);
    ASSERT_TRUE(text) << text.error().message();
    auto json = parse_json(*text);
    ASSERT_TRUE(json) << json.error().message();
    entries_ = json->items();
  }

  fs::path folder_;
  Json::Array entries_;
};

}  // namespace hallmark
