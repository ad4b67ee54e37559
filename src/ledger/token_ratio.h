// How many tokens a vendor's tokenizer makes of what a local model's counts as so many: measured on the owner's texts,
// because the texts of requests are not kept. Without a measurement local counts stand for the vendor's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/result.h"

namespace freehold::ledger {

struct TokenRatio {
  std::string vendor;                 // "openai/gpt-4o", as the price book has it
  std::string model;                  // by the name that it is asked by
  std::int64_t millionths = 0;        // the vendor's tokens for a million of the model's
  std::int64_t error_millionths = 0;  // of one text as long as the measured ones: half of the interval that holds 95 %
  std::uint64_t sample_tokens = 0;    // of the model's, in all texts measured
  std::string tokenizer;              // the vendor's: "sha256:…" of its file
  std::int64_t recorded = 0;          // seconds since 1970
  // "x 0.912 +- 3.1 %"
  std::string text() const;
  bool operator==(const TokenRatio&) const = default;
};
// Errors: invalid, naming the member.
Result<> check(const TokenRatio& ratio);

// From the counts of texts: (the model's, the vendor's) of each. Only `millionths`, `error_millionths` and
// `sample_tokens` are set. Errors: invalid (fewer than kFewestTexts, or one without tokens).
Result<TokenRatio> measured(std::span<const std::pair<std::uint64_t, std::uint64_t>> counts);
inline constexpr std::size_t kFewestTexts = 8;

}  // namespace freehold::ledger
