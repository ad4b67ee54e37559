#include "ledger/vendor_cost.h"

#include <algorithm>

namespace freehold::ledger {

int long_prompts(std::uint64_t prompt_tokens) {
  return (prompt_tokens > 128'000 ? 1 : 0) + (prompt_tokens > 200'000 ? 1 : 0);
}

VendorPrices::VendorPrices(const PriceBook& book, PriceBook::Name name)
    : name_(std::move(name)), rows_(book.history(name_)) {}

const Price* VendorPrices::find(std::string_view kind, std::string_view day) const {
  const Price* best = nullptr;
  for (const Price* p : rows_) {  // sorted as in PriceBook::find
    if (p->kind == kind && p->from <= day) best = p;
  }
  return best;
}

VendorCost VendorPrices::cost(std::string_view day, const Tokens& tokens) const {
  // The dearest class that the prompt is in and the vendor knows of.
  const auto by_length = [&](std::string_view plain, std::string_view above_128k, std::string_view above_200k) {
    const Price* price = nullptr;
    if (tokens.long_prompts >= 2) price = find(above_200k, day);
    if (price == nullptr && tokens.long_prompts >= 1) price = find(above_128k, day);
    return price != nullptr ? std::pair(price, true) : std::pair(find(plain, day), false);
  };
  const auto [input, is_long] = by_length("input", "input_above_128k", "input_above_200k");
  const Price* output = by_length("output", "output_above_128k", "output_above_200k").first;
  const Price* cached = is_long ? nullptr : find("cached_input", day);
  if (cached == nullptr) cached = input;
  VendorCost out;
  const auto add = [&](std::string_view kind, std::uint64_t count, const Price* price) {
    if (count == 0) return;
    if (price == nullptr) {
      if (out.missing.empty()) out.missing = kind;
      return;
    }
    const auto n = static_cast<std::int64_t>(std::min<std::uint64_t>(count, 100'000'000'000'000));
    out.items.push_back({kind, count, price, of_tokens(price->usd_per_million, n)});
    out.total += out.items.back().cost;
  };
  const std::uint64_t hit = std::min(tokens.cached, tokens.prompt);
  add("input", tokens.prompt - hit, input);
  add("cached_input", hit, cached);
  add("output", tokens.completion, output);
  // A model that has no price of tokens at all on that day (fine-tuning only, or not there yet) does not cost nothing.
  if (out.missing.empty() && (input == nullptr || output == nullptr))
    out.missing = input == nullptr ? "input" : "output";
  return out;
}

}  // namespace freehold::ledger
