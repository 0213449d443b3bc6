// The one place that prints: it parses the command line, runs the command, writes its answer to standard output and
// everything else to standard error, and turns the outcome into an exit status.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "lib/base/files.h"
#include "lib/base/interrupt.h"
#include "lib/base/version.h"
#include "tools/hallmark/command_line.h"
#include "tools/hallmark/help.h"
#include "tools/hallmark/progress.h"

namespace hallmark::cli {
namespace {

constexpr int kAnswerIsNo = 1, kBug = 70;

// The name is what `--json` prints as "fault". 1 is "no", as grep, cmp and diff use it.
struct Exit {
  int status;
  std::string_view name;
};
Exit exit_of(Fault fault) {
  switch (fault) {
    case Fault::mismatch: return {kAnswerIsNo, "mismatch"};
    case Fault::usage: return {2, "usage"};
    case Fault::format: return {3, "format"};
    case Fault::unsupported: return {4, "unsupported"};
    case Fault::environment: return {5, "environment"};
    case Fault::interrupted: return {130, "interrupted"};
  }
  return {kBug, "bug"};
}

// A closed standard descriptor would be handed to the next file that is opened, and be written to as if it were ours.
// Each is filled in the wrong direction, so that using it fails.
void open_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) _exit(kBug);
}

// `--json` where the command line could not be parsed.
bool asks_for_json(std::span<const std::string> arguments) {
  const auto end = std::ranges::find(arguments, "--");
  return std::find(arguments.begin(), end, "--json") != end;
}

// The last thing a run does. A reader that has gone (`| head`) ends us quietly, as it ends any filter.
Status print(std::string_view text) {
  (void)std::signal(SIGPIPE, SIG_DFL);
  return in("standard output", write_all(STDOUT_FILENO, as_bytes(text)));
}

// What is printed about a run that gave no answer: a line for people and, with --json, an object for programs.
class Complaint {
 public:
  Complaint(bool json, bool color) : json_(json), color_(color) {}

  int error(const Error& error, const std::string& hint = {}) const {
    const Exit exit = exit_of(error.fault);
    return say(error.fault == Fault::interrupted ? "" : "error", exit, error.message(), hint);
  }
  int bug(std::string_view what) const { return say("internal error", {kBug, "bug"}, std::string(what), {}); }

 private:
  int say(std::string_view label, Exit exit, const std::string& message, const std::string& hint) const {
    std::string line = "hallmark: ";
    if (!label.empty()) line += (color_ ? "\x1b[1;31m" : "") + std::string(label) + ":" + (color_ ? "\x1b[0m " : " ");
    line += printable(message) + "\n";
    if (!hint.empty()) line += hint + "\n";
    (void)write_all(STDERR_FILENO, as_bytes(line));
    if (json_) {
      const Json object = Json::object(
          {{"error", Json::object({{"fault", exit.name}, {"message", printable(message)}, {"exit", exit.status}})}});
      (void)print(object.pretty() + "\n");
    }
    return exit.status;
  }

  bool json_, color_;
};

int answer(const std::string& text, int status, const Complaint& complaint) {
  if (const Status printed = print(text); !printed) return complaint.error(printed.error());
  return status;
}

int run(const std::vector<std::string>& arguments) {
  CommandLine line;
  const Result<Request> request = line.parse(arguments);
  const Terminal terminal = Terminal::of(STDERR_FILENO, line.color());
  const Complaint complaint(line.json() || asks_for_json(arguments), terminal.color);
  if (!request) return complaint.error(request.error(), "try '" + line.reached() + " --help'");

  switch (request->is) {
    case Request::Is::help: return answer(help_text(*request->app), 0, complaint);
    case Request::Is::version: return answer("hallmark " + std::string(version()) + "\n", 0, complaint);
    case Request::Is::command: break;
  }

  Display display(STDERR_FILENO, terminal, line.quiet());
  Session session{display, line.json(), line.quiet(), [&](std::string_view text) { display.line(text); }};
  const Result<Report> report = request->command->run(session);
  display.finish(report.has_value());
  if (!report) return complaint.error(report.error());
  const int status = report->agreed ? 0 : exit_of(report->no).status;
  return answer(line.json() ? report->data.pretty() + "\n" : report->text, status, complaint);
}

}  // namespace
}  // namespace hallmark::cli

int main(int argc, char** argv) {
  using namespace hallmark;
  cli::open_standard_descriptors();
  watch_for_interrupts();
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  try {
    return cli::run(arguments);
  } catch (const std::exception& e) {
    return cli::Complaint(cli::asks_for_json(arguments), false).bug(e.what());
  }
}
