// What one request's cost is made of: each factor, where it comes from, and what it amounts to.
#pragma once

#include <string>
#include <vector>

#include "ledger/event.h"
#include "ledger/machine.h"
#include "ledger/vendor_cost.h"

namespace freehold::ledger {

struct Factor {
  std::string what;      // "depreciation"
  std::string quantity;  // "2.5 s"
  std::string rate;      // "0.0001 USD a second"
  std::string source;    // where the rate comes from, as the owner or the price book says
  Money usd;
};

struct Explained {
  std::vector<Factor> factors;
  std::string unpriced;  // why there is no amount; empty: `usd` is it
  Money usd;             // the sum of the factors
  std::vector<std::string> notes;
};

// What it cost on this machine. An event of a vendor is unpriced here.
Explained explain_local(const Event& event, const MachineHistory& machines);
// What its tokens cost, or would have cost, at a vendor on its day.
Explained explain_at(const Event& event, const VendorPrices& vendor);

// The rule by which requests that were computed together share the machine.
std::string_view sharing_rule();

}  // namespace freehold::ledger
