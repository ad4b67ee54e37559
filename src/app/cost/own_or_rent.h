// The side of `cost compare` that reads the ledger: "own or rent?"
#pragma once

#include "app/command.h"
#include "ledger/price_book.h"

namespace freehold::app {

Result<> compare_from_ledger(const Arguments& arguments, Console& console, const ledger::PriceBook& book);

// Blended prices of a million tokens, by the conventions of the field: Artificial Analysis' 3:1, 80/20, the simple
// mean.
struct Blend {
  std::string_view name;
  int input, output;  // parts
};
inline constexpr Blend kBlends[] = {{"80/20", 4, 1}, {"3:1", 3, 1}, {"mean", 1, 1}};
ledger::Money blended(const Blend& blend, ledger::Money input, ledger::Money output);

}  // namespace freehold::app
