#include "ledger/money.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/utf8.h"

namespace freehold::ledger {
namespace {

__extension__ typedef unsigned __int128 Unsigned128;

constexpr std::size_t kDigitsOfPart = Money::kDigits;
constexpr std::uint64_t kWhole = 1'000'000'000'000'000'000;  // attodollars

// Whole dollars, and at least two of the 18 digits behind the point. In two halves of 64 bits: 128 are slow to divide.
std::string text_of(Unsigned128 units) {
  const Unsigned128 whole = units / kWhole;
  auto part = static_cast<std::uint64_t>(units % kWhole);
  char digits[kDigitsOfPart] = {};
  for (char* d = std::end(digits); d != std::begin(digits); part /= 10) *--d = static_cast<char>('0' + part % 10);
  std::size_t kept = kDigitsOfPart;
  while (kept > 2 && digits[kept - 1] == '0') --kept;
  constexpr std::uint64_t kMost = 10'000'000'000'000'000'000U;
  std::string out;
  if (whole >= kMost) out += std::to_string(static_cast<std::uint64_t>(whole / kMost));
  const std::string low = std::to_string(static_cast<std::uint64_t>(whole % kMost));
  if (!out.empty()) out.append(19 - low.size(), '0');
  out += low;
  out += '.';
  return out.append(digits, kept);
}

}  // namespace

Result<Money> Money::parse(std::string_view text) {
  const std::string_view given = text;
  const auto wrong = [&](std::string_view why) {
    return fail(Errc::invalid, fmt::format("'{}' {}", printable(given, 60), why));
  };
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  const std::string_view part = point < text.size() ? text.substr(point + 1) : std::string_view();
  const auto is_number = [](std::string_view s) {
    return std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (whole.empty() || !is_number(whole) || !is_number(part) || (point < text.size() && part.empty()))
    return wrong("is no amount");
  if (whole.size() > 15) return wrong("is too large");
  if (part.size() > kDigits) return wrong("has more than 18 digits behind the point");
  Int128 units = 0;
  for (const char c : whole) units = units * 10 + (c - '0');
  for (int i = 0; i < kDigits; ++i)
    units = units * 10 + (static_cast<std::size_t>(i) < part.size() ? part[static_cast<std::size_t>(i)] - '0' : 0);
  return attodollars(negative ? -units : units);
}

std::string Money::text() const {
  if (units_ >= 0) return text_of(static_cast<Unsigned128>(units_));
  return "-" + text_of(Unsigned128{0} - static_cast<Unsigned128>(units_));
}

std::string Money::rounded(int digits) const {
  Int128 unit = 1;
  for (int i = digits; i < kDigits; ++i) unit *= 10;
  const Int128 half = units_ < 0 ? -(unit / 2) : unit / 2;
  const Money kept = attodollars((units_ + half) / unit * unit);
  std::string out = kept.text();
  const std::size_t point = out.find('.');
  out.resize(std::max(out.size(), point + 1 + static_cast<std::size_t>(digits)), '0');
  out.resize(digits == 0 ? point : point + 1 + static_cast<std::size_t>(digits));
  return out;
}

Money divided(Money whole, std::int64_t by) {
  const Int128 n = by < 0 ? -static_cast<Int128>(by) : by, units = by < 0 ? -whole.units() : whole.units();
  return Money::attodollars((units + (units < 0 ? -(n / 2) : n / 2)) / n);
}

}  // namespace freehold::ledger
