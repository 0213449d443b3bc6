// Where a prediction and what a guest reports part, and why.
//
// Registers that differ say nothing; the first event that differs does. A log names it outright. A quote alone has
// only the registers, so what could have been otherwise is tried: the other profiles, other sizes of memory, other
// spellings of the command line. A cause is named only where the changed prediction gives what was reported, or where
// the events themselves show it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/tee/tdx/event.h"

namespace hallmark::tdx {

// What was predicted for one profile.
struct Prediction {
  std::string profile;
  Digest mrtd{};
  std::vector<Event> events;
};

// What a guest says of itself, in a log, in a quote, or in both.
struct Reported {
  std::optional<Digest> mrtd;             // of a quote
  Rtmrs rtmrs;                            // of the quote where there is one, else folded from the log
  std::optional<std::vector<Event>> log;  // in the order of the log
};

// What could have been otherwise: one event of the prediction with another digest.
struct Alternative {
  std::string cause;  // "memory: the guest has 4294967296 bytes, and 2147483648 were given"
  std::size_t event;  // its index in Prediction::events
  Digest digest;
};

struct RegisterRow {
  std::string name;
  std::optional<Digest> predicted, reported;
  enum class Is { same, differs, not_predicted, not_reported } is = Is::same;
};

struct Difference {
  std::vector<RegisterRow> registers;
  // The first event of the log that is not the predicted one.
  struct First {
    unsigned rtmr = 0;
    std::size_t index = 0;                     // of the events of that register, from 0
    std::optional<Event> predicted, reported;  // nothing where one side has no more
  };
  std::optional<First> first;
  std::vector<std::string> causes;  // the most telling first
  // What is attested beside the registers and is not as it must be, one sentence each.
  std::vector<std::string> attested;
  // The profile whose prediction gives all that was reported, where the asked one does not.
  std::optional<std::string> agreeing_profile;
  // What a difference may be of besides the guest.
  std::vector<std::string> warnings;

  // All that was predicted was reported, and the same; `partly` says that something was not predicted.
  bool agrees() const;
  bool partly() const;
};
Json to_json(const Difference&);
std::string to_text(const Difference&);

// What stands behind an event of that kind, in the words of who set the guest up; empty for other kinds.
std::string_view usual_cause(const Event& event);
// EV_SEPARATOR "separator"
std::string event_name(const Event& event);

// `others` are the predictions for the other profiles.
Difference difference(const Prediction& predicted, const std::vector<Prediction>& others, const Reported& reported,
                      const std::vector<Alternative>& alternatives);

}  // namespace hallmark::tdx
