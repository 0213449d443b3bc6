#include "lib/base/suggest.h"

#include <algorithm>
#include <vector>

namespace hallmark {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Longer words are nobody's typing error, and the table would grow with the square.
  constexpr std::size_t kLongest = 64;
  if (a.size() > kLongest || b.size() > kLongest) return std::max(a.size(), b.size());
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); i++) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); j++) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); i++)
    for (std::size_t j = 1; j <= b.size(); j++) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

std::string did_you_mean(std::string_view word, std::span<const std::string> known) {
  const std::size_t near_enough = std::max<std::size_t>(1, word.size() / 3);
  const std::string* best = nullptr;
  std::size_t best_distance = near_enough + 1;
  for (const std::string& k : known)
    if (std::size_t distance = edit_distance(word, k); distance < best_distance) {
      best = &k;
      best_distance = distance;
    }
  return best ? ", did you mean \"" + *best + "\"?" : "";
}

}  // namespace hallmark
