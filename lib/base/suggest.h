// What a person who mistyped a word may have meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hallmark {

// The fewest insertions, deletions, replacements and swaps of neighbours that turn one into the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

// ", did you mean \"measure\"?", or nothing when no known word is near.
std::string did_you_mean(std::string_view word, std::span<const std::string> known);

}  // namespace hallmark
