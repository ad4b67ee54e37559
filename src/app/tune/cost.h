// What a run costs: energy here, and what vendors charge for training on as many tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/json_writer.h"
#include "base/result.h"
#include "ledger/price_book.h"

namespace freehold::app {

// What the machine draws while it trains, and what energy costs: whoever pays for it knows, and nobody else.
struct Energy {
  std::int64_t watts = 0;
  ledger::Money usd_per_kwh;
};
std::vector<Option> energy_options();  // --watts, --kwh-price
// Nothing if neither is given. Errors: invalid (one without the other, no amount of money).
Result<std::optional<Energy>> energy_of(const Arguments& arguments);

struct TuningCost {
  std::uint64_t tokens = 0;  // read in training, all epochs together: what vendors bill
  std::optional<double> kwh;
  std::optional<ledger::Money> here;  // of the energy alone
  std::optional<Energy> energy;
  struct Vendor {
    const ledger::Price* price;  // owner: the price book that is built in
    ledger::Money cost;
  };
  std::vector<Vendor> vendors;  // every model with a price of training that applied on the day, the cheapest first
};
// `seconds`: of the whole run, if they are known. `day`: "2026-11-27".
TuningCost cost_of(std::uint64_t tokens, std::optional<double> seconds, const std::optional<Energy>& energy,
                   const std::string& day);

std::string cost_text(const TuningCost& cost);
void write_cost(JsonWriter& w, const TuningCost& cost);  // the member "cost"

}  // namespace freehold::app
