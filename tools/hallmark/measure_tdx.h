// hallmark measure tdx: what a TDX guest will measure to, from what its monitor is given.
#pragma once

#include <map>

#include "tools/hallmark/command.h"

namespace hallmark::cli {

class MeasureTdx {
 public:
  void options(CLI::App& app);
  Result<Report> run(Session& session);

 private:
  std::string firmware_;
  std::map<std::string, std::string> files_, values_;  // companions and options of the request, by name
  std::vector<std::string> against_;
  bool trace_ = false, allow_debug_ = false;
};

}  // namespace hallmark::cli
