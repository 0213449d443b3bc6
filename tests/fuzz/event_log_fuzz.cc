#include <cstdlib>

#include "lib/base/files.h"
#include "lib/formats/event_log.h"

// The records of a log that is accepted lie one behind the other in it, up to padding; cut behind a record it is a log
// with the records before; and what is said of a record is short and printable.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hallmark;
  const ByteView bytes{data, size};
  const auto log = parse_event_log(bytes);
  if (!is_event_log(bytes) && log) std::abort();
  if (!log) return 0;
  const auto inside = [&](ByteView part) {
    return part.empty() || (part.data() >= data && part.data() + part.size() <= data + size);
  };
  std::uint64_t end = 0;
  for (const LogRecord& record : log->records) {
    if (record.offset < end || record.digests.size() > log->algorithms.size()) std::abort();
    end = record.offset + 16 + record.data.size();
    for (const LogDigest& digest : record.digests) {
      if (!inside(digest.value)) std::abort();
      end += 2 + digest.value.size();
    }
    if (end > size || !inside(record.data)) std::abort();
    const std::string text = describe_event(record.type, record.data);
    if (text.size() > 600 || printable(text) != text || text.find('\n') != text.npos) std::abort();
  }
  if (log->records.empty()) return 0;
  const auto again = parse_event_log(bytes.first(end));
  if (!again || again->records.size() > log->records.size()) std::abort();
  return 0;
}
