// What tokens cost at a vendor on a day, by the price book. The rules, which `cost explain` repeats:
// * tokens of the prompt that were cached have the price of cached input, or of input where none is known;
// * those that were written to the vendor's cache have the price of writes for five minutes, or of input;
// * lines of a batch have the prices of batches, where such are known, and what was cached the lower of the two;
// * a vendor that charges more for long prompts charges it for the whole request, answer too, for cached tokens, for
//   those that are written, and in a batch;
// * what a local model counted is a vendor's count times a measured ratio, or stands for it where none is known;
// * without a price of the prompt's tokens or of the answer's the tokens are unpriced, which is never zero.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/money.h"
#include "ledger/price_book.h"
#include "ledger/token_ratio.h"
#include "ledger/tokens.h"

namespace freehold::ledger {

struct VendorItem {
  std::string_view kind;         // of the tokens: "input", "cached_input", "cache_write", "output"
  std::uint64_t tokens = 0;      // as they were counted
  const Price* price = nullptr;  // the row; owner: the book
  Money cost;
};
// At most one of each kind.
class VendorItems {
 public:
  void push_back(const VendorItem& item) { items_[size_++] = item; }
  const VendorItem* begin() const { return items_.data(); }
  const VendorItem* end() const { return begin() + size_; }
  std::size_t size() const { return size_; }
  const VendorItem& operator[](std::size_t i) const { return items_[i]; }

 private:
  std::array<VendorItem, 4> items_;
  std::size_t size_ = 0;
};
struct VendorCost {
  VendorItems items;         // of no tokens: none
  std::string_view missing;  // the kind without a price; then the cost is not known
  Money total;
  bool priced() const { return missing.empty(); }
};

// The rows that apply to tokens of one length class, batched or not, on one day; owner: the book. Null: there is none.
struct VendorRows {
  const Price *input = nullptr, *output = nullptr, *cached = nullptr, *written = nullptr;
};

// One model of one vendor. Borrows the book, which outlives it.
class VendorPrices {
 public:
  VendorPrices(const PriceBook& book, PriceBook::Name name);
  const PriceBook::Name& name() const { return name_; }
  std::string text() const { return name_.provider + "/" + name_.model; }
  // `day`: "2026-11-01".
  VendorRows rows(std::string_view day, int long_prompts, bool batched) const;
  // `rows`: those of the tokens' day and class. Counts above 1e17, which only sums of impossible events have, are cut
  // there. `ratio`: by which they are estimated; null: they stand for the vendor's.
  static VendorCost cost(const VendorRows& rows, const Tokens& tokens, const TokenRatio* ratio = nullptr);
  VendorCost cost(std::string_view day, const Tokens& tokens, const TokenRatio* ratio = nullptr) const {
    return cost(rows(day, tokens.long_prompts, tokens.batched), tokens, ratio);
  }
  // Ratios of vendors and models, of which those of this vendor are kept, and the last of each model counts.
  void estimate_with(const std::vector<TokenRatio>& ratios);
  const std::vector<TokenRatio>& ratios() const { return ratios_; }
  // Of what `model` counted, or null.
  const TokenRatio* ratio_of(std::string_view model) const;
  // The price that applied, or null.
  const Price* find(std::string_view kind, std::string_view day) const;

 private:
  PriceBook::Name name_;
  std::vector<const Price*> rows_;  // as the book has them
  std::vector<TokenRatio> ratios_;
};

}  // namespace freehold::ledger
