#include "tools/hallmark/completion.h"

#include <gmock/gmock.h>

namespace hallmark::cli {
namespace {

using ::testing::HasSubstr;

TEST(Completion, EveryShellKnowsEveryCommandAndOption) {
  const CommandLine line;
  for (const std::string& script :
       {bash_completion(line.app()), zsh_completion(line.app()), fish_completion(line.app())})
    for (const CLI::App* command : commands_of(line.app())) {
      EXPECT_THAT(script, HasSubstr(command->get_name()));
      for (const CLI::Option* option : options_of(*command))
        for (const std::string& name : option->get_lnames()) EXPECT_THAT(script, HasSubstr(name));
    }
}

}  // namespace
}  // namespace hallmark::cli
