// Checked unsigned 64-bit arithmetic for sizes and offsets that come from files.
#pragma once

#include <cstdint>
#include <optional>

namespace freehold {

inline std::optional<std::uint64_t> add_ok(std::uint64_t a, std::uint64_t b) {
  std::uint64_t r = 0;
  if (__builtin_add_overflow(a, b, &r)) return std::nullopt;
  return r;
}

inline std::optional<std::uint64_t> mul_ok(std::uint64_t a, std::uint64_t b) {
  std::uint64_t r = 0;
  if (__builtin_mul_overflow(a, b, &r)) return std::nullopt;
  return r;
}

// a rounded up to a multiple of `unit` (> 0).
inline std::optional<std::uint64_t> round_up_ok(std::uint64_t a, std::uint64_t unit) {
  auto padded = add_ok(a, unit - 1);
  if (!padded) return std::nullopt;
  return *padded / unit * unit;
}

}  // namespace freehold
