// Durations as Go writes them, which is how Ollama's clients do: "5m", "1h30m", "-1s", "0".
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace freehold::api {

// A time that is longer than this type holds.
inline constexpr std::chrono::nanoseconds kForever = std::chrono::nanoseconds::max();

// Nothing if it is none. One below zero is kForever, as is one that is too long.
std::optional<std::chrono::nanoseconds> parse_keep_alive_text(std::string_view text);
// The same of a number of seconds.
std::chrono::nanoseconds keep_alive_of_seconds(double seconds);

}  // namespace freehold::api
