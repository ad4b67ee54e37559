// What tokens cost at a vendor on a day, by the price book. The rules, which `cost explain` repeats:
// * tokens of the prompt that were cached have the price of cached input, or of input where none is known;
// * a vendor that charges more for long prompts charges it for the whole request, answer too, and for cached tokens;
// * without a price of the prompt's tokens or of the answer's the tokens are unpriced, which is never zero.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/money.h"
#include "ledger/price_book.h"

namespace freehold::ledger {

// Of one request, or the sum of several of one length class.
struct Tokens {
  std::uint64_t prompt = 0, cached = 0, completion = 0;  // cached ones are part of the prompt's
  int long_prompts = 0;  // 0: prompts of at most 128000 tokens; 1: of at most 200000; 2: longer
};
int long_prompts(std::uint64_t prompt_tokens);

struct VendorItem {
  std::string_view kind;  // of the tokens: "input", "cached_input", "output"
  std::uint64_t tokens = 0;
  const Price* price = nullptr;  // the row; owner: the book
  Money cost;
};
struct VendorCost {
  std::vector<VendorItem> items;  // of no tokens: none
  std::string_view missing;       // the kind without a price; then the cost is not known
  Money total;
  bool priced() const { return missing.empty(); }
};

// One model of one vendor. Borrows the book, which outlives it.
class VendorPrices {
 public:
  VendorPrices(const PriceBook& book, PriceBook::Name name);
  const PriceBook::Name& name() const { return name_; }
  std::string text() const { return name_.provider + "/" + name_.model; }
  // `day`: "2026-11-01". Counts above 1e14 are cut there.
  VendorCost cost(std::string_view day, const Tokens& tokens) const;
  // The price that applied, or null.
  const Price* find(std::string_view kind, std::string_view day) const;

 private:
  PriceBook::Name name_;
  std::vector<const Price*> rows_;  // as the book has them
};

}  // namespace freehold::ledger
