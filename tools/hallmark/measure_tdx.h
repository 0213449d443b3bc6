// hallmark measure tdx: what a TDX guest will measure to, from what its monitor is given.
#pragma once

#include <map>

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
  // What the user's QEMU hands to the firmware.
  Result<QemuTables> ask_qemu(Session& session) const;

  std::string firmware_, qemu_;
  std::map<std::string, std::string> files_, values_;  // companions and options of the request, by name
  std::vector<std::string> against_;
  bool trace_ = false, allow_debug_ = false, firmware_measures_ = false;
};

}  // namespace hallmark::cli
