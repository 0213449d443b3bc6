#include "lib/store/store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hallmark {
namespace {

class StoreTest : public testing::Test {
 protected:
  TemporaryFolder folder_ = *TemporaryFolder::make("store-test");
  fs::path root_ = folder_.path() / "store";

  Store open() {
    auto store = Store::open(root_);
    EXPECT_TRUE(store) << store.error().message();
    return *store;
  }
  static std::size_t count(const fs::path& folder) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }
};

TEST_F(StoreTest, GivesBackWhatWasPut) {
  const Store store = open();
  const auto put = store.put(as_bytes("hello"));
  ASSERT_TRUE(put) << put.error().message();
  EXPECT_EQ(to_hex(*put), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");  // oracle: sha256sum
  EXPECT_TRUE(store.has(*put));
  EXPECT_EQ(as_text(*store.get(*put, 5)), "hello");
  EXPECT_EQ(store.get(*put, 4).error().fault, Fault::format);
  EXPECT_EQ(store.blob_path(*put), root_ / "blobs/sha256/2c" / to_hex(*put).substr(2));
  struct stat st {};
  ASSERT_EQ(stat(store.blob_path(*put).c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0444u);
}

}  // namespace
}  // namespace hallmark
