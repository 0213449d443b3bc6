// What is reported against a prediction: each test changes one thing, and the answer has to name that thing.
#include "lib/tee/tdx/difference.h"

#include <gtest/gtest.h>

#include "lib/formats/tcg_event.h"

namespace hallmark::tdx {
namespace {

Event event(unsigned rtmr, std::uint32_t type, std::string description, std::string_view hashed) {
  return computed(rtmr, type, std::move(description), as_bytes(hashed), Json::object());
}

Prediction guest() {
  return {
      .profile = "qemu-10/edk2-202502",
      .mrtd = digest<Alg::sha384>(as_bytes("firmware")),
      .events = {event(0, tcg::kEfiHandoffTables2, "TD HOB", "2 GiB"), event(0, tcg::kSeparator, "separator", "zeros"),
                 event(1, tcg::kEfiBootServicesApplication, "kernel", "bzImage"),
                 event(1, tcg::kEfiAction, "Calling EFI Application from Boot Option", "calling"),
                 event(1, tcg::kSeparator, "separator", "zeros"),
                 event(2, tcg::kEventTag, "LOADED_IMAGE::LoadOptions", "quiet"),
                 event(2, tcg::kEventTag, "Linux initrd", "initrd")}};
}

// A guest with this prediction, by its log or by its quote.
Reported log_of(const Prediction& p) { return {std::nullopt, fold(p.events), p.events}; }
Reported quote_of(const Prediction& p) { return {p.mrtd, fold(p.events), std::nullopt}; }

bool names(const Difference& d, std::string_view cause) {
  return std::ranges::any_of(d.causes, [&](const std::string& c) { return c.find(cause) != c.npos; });
}

TEST(TdxDifference, ThereIsNoneBetweenEquals) {
  for (const Reported& reported : {log_of(guest()), quote_of(guest())}) {
    const Difference d = difference(guest(), {}, reported, {});
    EXPECT_TRUE(d.agrees());
    EXPECT_FALSE(d.partly());
    EXPECT_TRUE(d.causes.empty());
  }
}

TEST(TdxDifference, IsTheFirstInTheOrderOfTheLog) {
  Prediction real = guest();
  real.events[5] = event(2, tcg::kEventTag, "LOADED_IMAGE::LoadOptions", "loud");
  real.events[2] = event(1, tcg::kEfiBootServicesApplication, "kernel", "patched bzImage");
  const Difference d = difference(guest(), {}, log_of(real), {});
  EXPECT_FALSE(d.agrees());
  ASSERT_TRUE(d.first);
  EXPECT_EQ(d.first->rtmr, 1u);
  EXPECT_EQ(d.first->index, 0u);
  EXPECT_EQ(d.first->reported->digest, real.events[2].digest);
  EXPECT_EQ(d.registers[1].is, RegisterRow::Is::same);
  EXPECT_EQ(d.registers[2].is, RegisterRow::Is::differs);
  EXPECT_TRUE(names(d, "the program that is booted, or how the monitor patched it"));
}

TEST(TdxDifference, KnowsAMovedSeparatorAndTheProfileThatPutsItThere) {
  Prediction old = guest();
  old.profile = "qemu-8/edk2-202302";
  std::rotate(old.events.begin() + 2, old.events.begin() + 4, old.events.begin() + 5);
  old.events[2].rtmr = 0;
  const Difference by_log = difference(guest(), {old}, log_of(old), {});
  ASSERT_TRUE(by_log.first);
  EXPECT_EQ(by_log.first->reported->type, tcg::kSeparator);
  EXPECT_FALSE(by_log.first->predicted);
  EXPECT_EQ(by_log.agreeing_profile, "qemu-8/edk2-202302");
  const Difference by_quote = difference(guest(), {old}, quote_of(old), {});
  EXPECT_FALSE(by_quote.first);
  EXPECT_EQ(by_quote.agreeing_profile, "qemu-8/edk2-202302");
}

TEST(TdxDifference, AnAlternativeIsNamedWhereItExplainsTheEventOrTheRegister) {
  Prediction real = guest();
  real.events[0] = event(0, tcg::kEfiHandoffTables2, "TD HOB", "4 GiB");
  const std::vector<Alternative> alternatives{
      {"memory: 3 GiB", 0, digest<Alg::sha384>(as_bytes("3 GiB"))},
      {"memory: 4 GiB", 0, digest<Alg::sha384>(as_bytes("4 GiB"))},
  };
  for (const Reported& reported : {log_of(real), quote_of(real)}) {
    const Difference d = difference(guest(), {}, reported, alternatives);
    EXPECT_FALSE(d.agrees());
    EXPECT_TRUE(names(d, "memory: 4 GiB"));
    EXPECT_FALSE(names(d, "memory: 3 GiB"));
  }
}

TEST(TdxDifference, OfPageOrderIsNamedByTheProfileThatHasIt) {
  Prediction other = guest();
  other.profile = "qemu-8/edk2-202502";
  other.mrtd = digest<Alg::sha384>(as_bytes("firmware, two passes"));
  Prediction real = other;
  real.events[6] = event(2, tcg::kEventTag, "Linux initrd", "another initrd");
  const Difference d = difference(guest(), {other}, quote_of(real), {});
  EXPECT_TRUE(names(d, "page order: profile qemu-8/edk2-202502 gives the reported mrtd"));
  EXPECT_FALSE(d.agreeing_profile);
}

TEST(TdxDifference, EventsThatAreMissingOrTooManyAreFound) {
  Prediction fewer = guest();
  fewer.events.pop_back();
  const Difference less = difference(guest(), {}, log_of(fewer), {});
  ASSERT_TRUE(less.first);
  EXPECT_FALSE(less.first->reported);
  EXPECT_EQ(less.first->predicted->description, "Linux initrd");
  const Difference more = difference(fewer, {}, log_of(guest()), {});
  ASSERT_TRUE(more.first);
  EXPECT_FALSE(more.first->predicted);
  EXPECT_EQ(more.first->index, 1u);
}

TEST(TdxDifference, WhatWasNotPredictedIsNoDifferenceButSaid) {
  Prediction open = guest();
  open.events.insert(open.events.begin() + 2, missing(0, tcg::kPlatformConfigFlags, "ACPI DATA", "give tables"));
  Prediction real = guest();
  real.events.insert(real.events.begin() + 2, event(0, tcg::kPlatformConfigFlags, "ACPI DATA", "tables"));
  const Difference d = difference(open, {}, log_of(real), {});
  EXPECT_TRUE(d.agrees());
  EXPECT_TRUE(d.partly());
  EXPECT_EQ(d.registers[1].is, RegisterRow::Is::not_predicted);
}

TEST(TdxDifference, NothingComparedIsNoAgreement) {
  const Prediction nothing{
      .profile = "p",
      .mrtd = {},
      .events = {missing(0, 0, "x", ""), missing(1, 0, "x", ""), missing(2, 0, "x", ""), missing(3, 0, "x", "")}};
  EXPECT_FALSE(difference(nothing, {}, log_of(guest()), {}).agrees());
}

}  // namespace
}  // namespace hallmark::tdx
