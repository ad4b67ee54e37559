#include "ledger/vendor_cost.h"

#include <algorithm>

namespace freehold::ledger {

VendorPrices::VendorPrices(const PriceBook& book, PriceBook::Name name)
    : name_(std::move(name)), rows_(book.history(name_)) {}

const Price* VendorPrices::find(std::string_view kind, std::string_view day) const {
  const Price* best = nullptr;
  for (const Price* p : rows_) {  // sorted as in PriceBook::find
    if (p->kind == kind && p->from <= day) best = p;
  }
  return best;
}

void VendorPrices::estimate_with(const std::vector<TokenRatio>& ratios) {
  ratios_.clear();
  for (const TokenRatio& ratio : ratios) {
    if (ratio.vendor != text()) continue;
    std::erase_if(ratios_, [&](const TokenRatio& other) { return other.model == ratio.model; });
    ratios_.push_back(ratio);
  }
}

const TokenRatio* VendorPrices::ratio_of(std::string_view model) const {
  const auto found =
      std::find_if(ratios_.begin(), ratios_.end(), [&](const TokenRatio& ratio) { return ratio.model == model; });
  return found != ratios_.end() ? &*found : nullptr;
}

VendorRows VendorPrices::rows(std::string_view day, int long_prompts, bool batched) const {
  // The dearest class that the prompt is in and the vendor knows of.
  const auto by_length = [&](std::string_view plain, std::string_view batch, std::string_view above_128k,
                             std::string_view above_200k) {
    const Price* price = nullptr;
    if (long_prompts >= 2) price = find(above_200k, day);
    if (price == nullptr && long_prompts >= 1) price = find(above_128k, day);
    if (price != nullptr) return std::pair(price, true);
    if (batched) price = find(batch, day);
    return std::pair(price != nullptr ? price : find(plain, day), false);
  };
  const auto [input, is_long] = by_length("input", "batch_input", "input_above_128k", "input_above_200k");
  const auto of_cache = [&, plain = input, above = is_long](std::string_view kind) {
    const Price* price = above ? nullptr : find(kind, day);
    return price != nullptr ? price : plain;
  };
  VendorRows out;
  out.input = input;
  out.output = by_length("output", "batch_output", "output_above_128k", "output_above_200k").first;
  out.cached = of_cache("cached_input");
  if (out.cached != nullptr && input != nullptr && batched && input->usd_per_million < out.cached->usd_per_million)
    out.cached = input;
  out.written = of_cache("cache_write_5m");
  return out;
}

VendorCost VendorPrices::cost(const VendorRows& rows, const Tokens& tokens, const TokenRatio* ratio) {
  VendorCost out;
  const auto add = [&](std::string_view kind, std::uint64_t count, const Price* price) {
    if (count == 0) return;
    if (price == nullptr) {
      if (out.missing.empty()) out.missing = kind;
      return;
    }
    const auto n = static_cast<std::int64_t>(std::min<std::uint64_t>(count, 100'000'000'000'000'000));
    Money cost = of_tokens(price->usd_per_million, n);
    // Exact: a token's price is a whole number of picodollars.
    if (ratio != nullptr) cost = Money::attodollars(cost.units() / 1'000'000 * ratio->millionths);
    out.items.push_back({kind, count, price, cost});
    out.total += cost;
  };
  const std::uint64_t hit = std::min(tokens.cached, tokens.prompt);
  const std::uint64_t written = std::min(tokens.cache_writes, tokens.prompt - hit);
  add("input", tokens.prompt - hit - written, rows.input);
  add("cached_input", hit, rows.cached);
  add("cache_write", written, rows.written);
  add("output", tokens.completion, rows.output);
  // A model that has no price of tokens at all on that day (fine-tuning only, or not there yet) does not cost nothing.
  if (out.missing.empty() && (rows.input == nullptr || rows.output == nullptr))
    out.missing = rows.input == nullptr ? "input" : "output";
  return out;
}

}  // namespace freehold::ledger
