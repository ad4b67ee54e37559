// Limits on what may be used: by key, tag or everybody, in tokens or USD, by day, week, month or for good. They are
// kept in costs.db; a row is superseded, never edited.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/event.h"
#include "ledger/money.h"

namespace freehold::ledger {

enum class BudgetScope : std::uint8_t { total, key, tag };
enum class BudgetMeasure : std::uint8_t { usd, tokens };
enum class BudgetCounts : std::uint8_t { all, vendors, local };        // whose answers
enum class BudgetPeriod : std::uint8_t { day, week, month, forever };  // of the calendar, UTC; weeks begin on Monday
std::string_view name_of(BudgetScope scope);
std::string_view name_of(BudgetMeasure measure);
std::string_view name_of(BudgetCounts counts);
std::string_view name_of(BudgetPeriod period);

struct Budget {
  BudgetScope scope = BudgetScope::total;
  std::string subject;  // the key's id, the tag; empty: of the total
  BudgetMeasure measure = BudgetMeasure::usd;
  BudgetCounts counts = BudgetCounts::vendors;
  BudgetPeriod period = BudgetPeriod::month;
  Int128 limit = 0;       // attodollars, or tokens (prompt and answer)
  int soft_percent = 80;  // of the limit, from which on answers carry a warning; 0: never
  bool hard = true;       // whether requests are refused that could pass the limit

  // Whether it is about the same; of two such the later applies.
  bool same_as(const Budget& o) const {
    return scope == o.scope && subject == o.subject && measure == o.measure && counts == o.counts && period == o.period;
  }
  bool operator==(const Budget&) const = default;
  // "key abcdefgh: 20.00 USD a month at vendors"
  std::string text() const;
  // An amount in its measure: "20.00 USD", "5000 tokens".
  std::string amount(Int128 units) const;
};
// Errors: invalid, naming what is wrong.
Result<> check(const Budget& budget);

// The time of a period around a moment: from the first to before the second, microseconds since 1970.
struct BudgetTime {
  std::int64_t begin = 0, end = 0;
  bool operator==(const BudgetTime&) const = default;
};
BudgetTime time_of(BudgetPeriod period, std::int64_t moment);

// What a request could use at most.
struct BudgetAsk {
  std::int64_t time = 0;  // when it arrived, as its event will say: microseconds since 1970
  std::string key_id, tag;
  std::string vendor;  // empty: this machine
  std::uint64_t prompt_tokens = 0, completion_tokens = 0;
  std::uint64_t tokens() const { return prompt_tokens + completion_tokens; }
};
// Whether a request of this kind counts against the budget.
bool concerns(const Budget& budget, const BudgetAsk& ask);

}  // namespace freehold::ledger
