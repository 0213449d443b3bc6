// hallmark measure tdx: what a TDX guest will measure to, from what its monitor is given.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/tee/model/measurement.h"
#include "lib/tee/tdx/firmware_events.h"
#include "lib/vmm/qemu_tables.h"
#include "tools/hallmark/command.h"

namespace hallmark::cli {

class MeasureTdx {
 public:
  void options(CLI::App& app);
  Result<Report> run(Session& session);

 private:
  // For two guests, what is given once is for both, and what is given twice is for one each.
  MeasureRequest request_for(std::size_t side) const;
  Status check_counts() const;
  Result<Report> explain_both() const;
  // What the user's QEMU hands to the firmware.
  Result<QemuTables> ask_qemu(const MeasureRequest& request, Session& session) const;

  std::string qemu_;
  std::vector<std::string> firmware_, against_;
  std::map<std::string, std::vector<std::string>> files_, values_;  // companions and options of the request, by name
  bool trace_ = false, allow_debug_ = false, firmware_measures_ = false, explain_ = false;
};

}  // namespace hallmark::cli
