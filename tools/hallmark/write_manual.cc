// hallmark_manual FOLDER: writes the man pages and the shells' completion rules there, for installation.
#include <iostream>

#include "lib/base/files.h"
#include "tools/hallmark/completion.h"
#include "tools/hallmark/help.h"

namespace hallmark::cli {
namespace {

Status write_pages(const fs::path& folder) {
  const CommandLine line;
  CHECK(make_folders(folder));
  for (const CLI::App* app : paged(line.app())) {
    const std::string name = app == &line.app() ? page_name(*app) : "hallmark-" + page_name(*app);
    CHECK(write_file(folder / (name + ".1"), man_page(*app)));
  }
  CHECK(write_file(folder / "hallmark.bash", bash_completion(line.app())));
  CHECK(write_file(folder / "_hallmark", zsh_completion(line.app())));
  CHECK(write_file(folder / "hallmark.fish", fish_completion(line.app())));
  return {};
}

}  // namespace
}  // namespace hallmark::cli

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: hallmark_manual FOLDER\n";
    return 2;
  }
  if (const hallmark::Status written = hallmark::cli::write_pages(argv[1]); !written) {
    std::cerr << "hallmark_manual: " << written.error().message() << "\n";
    return 5;
  }
  return 0;
}
