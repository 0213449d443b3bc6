#include <algorithm>

#include "lib/tee/platform.h"

namespace hallmark {
namespace {

const Register* find(std::span<const Register> registers, std::string_view name) {
  auto it = std::find_if(registers.begin(), registers.end(), [&](const Register& r) { return r.name == name; });
  return it == registers.end() ? nullptr : &*it;
}

}  // namespace

Comparison compare(std::span<const Register> certified, std::span<const Register> present) {
  using Verdict = Comparison::Is;
  Comparison out;
  for (const Register& c : certified) {
    const Register* p = find(present, c.name);
    out.rows.push_back({c.name,
                        p == nullptr ? Verdict::not_present
                        : *p == c    ? Verdict::same
                                     : Verdict::differs,
                        c.digest, p == nullptr ? Bytes{} : p->digest});
  }
  for (const Register& p : present)
    if (find(certified, p.name) == nullptr) out.rows.push_back({p.name, Verdict::not_certified, {}, p.digest});
  return out;
}

// Nothing in common is no agreement: an empty certificate must not match everything.
bool Comparison::agrees() const {
  return std::any_of(rows.begin(), rows.end(), [](const Row& r) { return r.is == Is::same; }) &&
         std::all_of(rows.begin(), rows.end(),
                     [](const Row& r) { return r.is == Is::same || r.is == Is::not_certified; });
}

}  // namespace hallmark
