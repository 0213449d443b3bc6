// What a recipe finds in the box, in both backends. Each case is one that a hostile or careless recipe would try.
#include "tests/unit/build/box_fixture.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <gmock/gmock.h>

#include "lib/base/interrupt.h"

namespace hallmark::build {
namespace {

using testing::HasSubstr;
using testing::Not;

INSTANTIATE_TEST_SUITE_P(Backend, BoxTest, testing::Values("native", "bwrap"), [](const auto& backend) { return backend.param; });

TEST_P(BoxTest, CanBeProbed) {
  const Status probe = sandbox->probe();
  EXPECT_TRUE(probe) << probe.error().message();
}

TEST_P(BoxTest, FixesWhatARecipeCanSeeOfItself) {
  EXPECT_EQ(printed("id; hostname; cat /proc/sys/kernel/domainname; umask; pwd; nproc; grep -c ^processor /proc/cpuinfo; "
                    "grep -c '^cpu[0-9]' /proc/stat; tty || :; cat /proc/self/personality"),
            "uid=1000(build) gid=1000\nbuild\n(none)\n0022\n/build\n1\n1\n1\nnot a tty\n00040000\n");
}

}  // namespace
}  // namespace hallmark::build
