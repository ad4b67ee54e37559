// "Own or rent?": what a machine costs against what vendors would have asked for the same work, as a function of how
// much work there is. A machine costs its owner its fixed costs and its power idle in any case; work adds the power
// above that. A vendor costs by the token. So there is a volume from which on owning is cheaper, if there is one at
// all.
#pragma once

#include <cstdint>
#include <optional>

#include "ledger/machine.h"
#include "ledger/money.h"

namespace freehold::ledger {

inline constexpr std::int64_t kMonthSeconds = kYearSeconds / 12;

// Work that was done: so many tokens (of prompts and answers) kept the machine busy for so long.
struct Work {
  std::uint64_t tokens = 0;
  std::int64_t busy_us = 0;
  Money energy;  // of the busy time: measured, or by the watts under load
};

struct OwnOrRent {
  Money fixed_month;                       // of the machine, working or not
  Money energy_above_idle;                 // of the work
  std::uint64_t tokens_month_at_most = 0;  // what the machine could do, never pausing
  Money own_per_million_at_most;           // tokens, when it never pauses: no volume is cheaper

  // Tokens a month from which on owning is cheaper than a vendor who asks `vendor` for the same work; unset: never,
  // because the vendor asks less than the power costs.
  std::optional<std::uint64_t> break_even;
};
// `work.tokens` and `work.busy_us` are not 0.
OwnOrRent own_or_rent(const Rates& rates, const Work& work, Money vendor);

// What a million tokens cost when the machine works so many thousandths of the time; 1 to 1000.
Money own_per_million(const Rates& rates, const Work& work, int utilisation_permille);

// Days until what a vendor would have asked, less what running the machine costs, has paid for it; unset: never, or
// there was no price to pay. Both a day.
std::optional<std::int64_t> payback_days(const Machine& machine, Money vendor_a_day, Money energy_above_idle_a_day);

}  // namespace freehold::ledger
