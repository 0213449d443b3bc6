#include "tools/hallmark/command_line.h"

#include <gmock/gmock.h>

namespace hallmark::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string refusal(const std::vector<std::string>& arguments) {
  CommandLine line;
  const Result<Request> request = line.parse(arguments);
  if (request) return "";
  EXPECT_EQ(request.error().fault, Fault::usage);
  return request.error().message();
}

TEST(CommandLine, FindsTheCommandAndTheOptionsAroundIt) {
  CommandLine line;
  const Result<Request> request = line.parse({"--quiet", "completion", "bash", "--json"});
  ASSERT_TRUE(request) << request.error().message();
  EXPECT_EQ(request->is, Request::Is::command);
  EXPECT_NE(request->command, nullptr);
  EXPECT_TRUE(line.json());
  EXPECT_TRUE(line.quiet());
  EXPECT_EQ(line.reached(), "hallmark completion");
}

TEST(CommandLine, HelpAndVersionNeedNoCommand) {
  EXPECT_EQ(CommandLine().parse({"--help"})->is, Request::Is::help);
  EXPECT_EQ(CommandLine().parse({"-h"})->is, Request::Is::help);
  EXPECT_EQ(CommandLine().parse({"help"})->is, Request::Is::help);
  EXPECT_EQ(CommandLine().parse({"--version"})->is, Request::Is::version);
}

TEST(CommandLine, HelpOfACommandNeedsNoArguments) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"completion", "--help"}, {"help", "completion"}, {"completion", "-h", "--json"}}) {
    CommandLine line;
    const Result<Request> request = line.parse(arguments);
    ASSERT_TRUE(request) << request.error().message();
    EXPECT_EQ(request->is, Request::Is::help);
    EXPECT_EQ(request->app->get_name(), "completion");
  }
}

TEST(CommandLine, SaysWhatIsWrongAndWhatWasMeant) {
  EXPECT_EQ(refusal({}), "a command is missing");
  EXPECT_EQ(refusal({"complation"}), "unknown command \"complation\", did you mean \"completion\"?");
  EXPECT_EQ(refusal({"complation", "--jsno", "x"}), "unknown command \"complation\", did you mean \"completion\"?");
  EXPECT_EQ(refusal({"zzz"}), "unknown command \"zzz\"");
  EXPECT_EQ(refusal({""}), "unknown command \"\"");
  EXPECT_EQ(refusal({"--jsno"}), "unknown option \"--jsno\", did you mean \"--json\"?");
  EXPECT_EQ(refusal({"completion", "--queit"}), "unknown option \"--queit\", did you mean \"--quiet\"?");
  EXPECT_EQ(refusal({"completion", "--colour=always", "bash"}),
            "unknown option \"--colour\", did you mean \"--color\"?");
  EXPECT_EQ(refusal({"completion", "bash", "extra"}), "unexpected argument \"extra\"");
  EXPECT_THAT(refusal({"completion", "tcsh"}), HasSubstr("tcsh"));
  EXPECT_THAT(refusal({"--color", "sometimes", "completion", "bash"}), HasSubstr("sometimes"));
  EXPECT_EQ(refusal({"completion"}), "shell is required");
}

TEST(CommandLine, AnArgumentMayBeCalledLikeACommand) {
  // Not "a second command": the complaint is about the value.
  EXPECT_THAT(refusal({"completion", "completion"}), HasSubstr("not in {bash,zsh,fish}"));
}

TEST(CommandLine, TypesTellPlaceholderFromChoices) {
  const CommandLine line;
  const ValueType color = value_type(*line.app().get_option("--color"));
  EXPECT_EQ(color.placeholder, "WHEN");
  EXPECT_THAT(color.choices, ElementsAre("auto", "always", "never"));
  EXPECT_EQ(value_type(*line.app().get_option("--json")).placeholder, "");
}

}  // namespace
}  // namespace hallmark::cli
