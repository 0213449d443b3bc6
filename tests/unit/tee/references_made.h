// Evidence that was appraised, made by hand, and what a file of reference values says of it.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "lib/tee/appraisal_policy.h"
#include "lib/tee/references/reference_format.h"

namespace hallmark::references::made {

inline Appraisal accepted_of(std::string tee, std::string vendor) {
  Appraisal out;
  out.tee = std::move(tee);
  out.vendor = std::move(vendor);
  out.authentic.reached = out.tcb.reached = true;
  out.report_data = Bytes(64, 0x77);
  return out;
}

// The reasons why it does not match, without "match."; "" where it does.
inline std::string misses(const std::vector<ReferenceValues>& sets, Appraisal appraisal) {
  apply_policy({}, appraisal, appraisal.time);
  match_reference_values(sets, {}, appraisal);
  EXPECT_TRUE(appraisal.match.reached);
  std::string out;
  for (const Reason& reason : appraisal.match.reasons) out += (out.empty() ? "" : " ") + reason.code.substr(6);
  return out;
}

// Read by the one format that recognises it, which has to be that one.
inline ImportedReferences import(const std::string& format, const std::string& text) {
  int recognised = 0;
  for (const ReferenceFormat& f : reference_formats()) recognised += f.recognises(text) ? 1 : 0;
  EXPECT_EQ(recognised, 1) << text;
  const auto found = detect_reference_format(text, "file");
  EXPECT_TRUE(found) << text;
  if (!found) return {};
  EXPECT_EQ((*found)->name, format);
  auto out = (*found)->read(text, "file");
  EXPECT_TRUE(out) << text << out.error().message();
  return out ? *std::move(out) : ImportedReferences{};
}

// What reading it fails with: "format: …".
inline std::string failure(const std::string& format, const std::string& text) {
  const auto out = find_reference_format(format)->read(text, "file");
  EXPECT_FALSE(out) << text;
  if (out) return {};
  return (out.error().fault == Fault::unsupported ? "unsupported: " : "format: ") + out.error().message();
}

// Written, and read again.
inline ExportedReferences exported(const std::string& format, const std::vector<ReferenceValues>& sets) {
  auto out = find_reference_format(format)->write(sets);
  EXPECT_TRUE(out) << out.error().message();
  return out ? *std::move(out) : ExportedReferences{};
}

inline std::string joined(const std::vector<std::string>& sentences) {
  std::string out;
  for (const std::string& s : sentences) out += s + "\n";
  return out;
}

}  // namespace hallmark::references::made
