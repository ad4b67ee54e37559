#include "ledger/token_ratio.h"

#include <fmt/format.h>

#include <cmath>

namespace freehold::ledger {
namespace {

constexpr std::int64_t kOne = 1'000'000;
constexpr std::int64_t kMost = 100 * kOne;  // no tokenizer makes a hundred tokens of one

}  // namespace

std::string TokenRatio::text() const {
  return fmt::format("x {:.3f} +- {:.1f} %", static_cast<double>(millionths) / kOne,
                     100 * static_cast<double>(error_millionths) / static_cast<double>(millionths));
}

Result<> check(const TokenRatio& r) {
  const auto wrong = [](std::string_view what) {
    return fail(Errc::invalid, fmt::format("a ratio of tokens: {}", what));
  };
  if (r.vendor.empty() || r.vendor.size() > 200) return wrong("the vendor has no name, or a long one");
  if (r.model.empty() || r.model.size() > 200) return wrong("the model has no name, or one of more than 200 bytes");
  if (r.millionths < kOne / 100 || r.millionths > kMost) return wrong("it is not from 0.01 to 100");
  if (r.error_millionths < 0 || r.error_millionths > kMost) return wrong("its error is not from 0 to 100");
  if (r.sample_tokens == 0) return wrong("nothing was measured");
  return {};
}

Result<TokenRatio> measured(std::span<const std::pair<std::uint64_t, std::uint64_t>> counts) {
  if (counts.size() < kFewestTexts) {
    return fail(Errc::invalid, fmt::format("{} texts are too few to tell how much the ratio varies: at least {}",
                                           counts.size(), kFewestTexts));
  }
  std::uint64_t ours = 0, theirs = 0;
  for (const auto& [local, vendor] : counts) {
    if (local == 0 || vendor == 0) return fail(Errc::invalid, "a text has no tokens");
    ours += local, theirs += vendor;
  }
  TokenRatio out;
  out.sample_tokens = ours;
  const double ratio = static_cast<double>(theirs) / static_cast<double>(ours);
  out.millionths = std::llround(ratio * kOne);
  double squares = 0;
  for (const auto& [local, vendor] : counts)
    squares += std::pow(static_cast<double>(vendor) / static_cast<double>(local) - ratio, 2);
  out.error_millionths = std::llround(1.96 * std::sqrt(squares / static_cast<double>(counts.size() - 1)) * kOne);
  return out;
}

}  // namespace freehold::ledger
