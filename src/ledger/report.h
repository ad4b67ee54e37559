// What was used in a time, priced both ways: what it cost here, what vendors that answered were paid, and what the same
// tokens would have cost at vendors that did not. Amounts are sums of exact products, so the rows add up to the total
// to the last digit; what has no price is counted as unpriced, never as zero.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/machine.h"
#include "ledger/usage_query.h"
#include "ledger/vendor_cost.h"

namespace freehold::ledger {

struct Amount {
  Money usd;
  std::uint64_t unpriced = 0;  // requests that are not in it, because something about them is not known
  Amount& operator+=(const Amount& other) {
    usd += other.usd, unpriced += other.unpriced;
    return *this;
  }
  bool operator==(const Amount&) const = default;
};

struct ReportRow {
  std::string group;  // the group's name; for GroupBy::day "2026-11-01"
  std::uint64_t requests = 0, completed = 0;
  std::uint64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  std::uint64_t compute_us = 0, energy_nwh = 0;
  Amount local;                // of what this machine answered
  Amount paid;                 // of what vendors answered, at their prices
  std::vector<Amount> others;  // one a vendor that was asked for: all tokens, whoever answered
  void add(const ReportRow& other);
  bool operator==(const ReportRow&) const = default;
};

// What the machine cost while it worked for nobody.
struct Idle {
  std::int64_t microseconds = 0;           // of the time in which the machine's costs are known
  std::int64_t unpriced_microseconds = 0;  // before that
  Money usd;
};

struct Report {
  std::vector<ReportRow> rows;  // in the order of groups
  ReportRow total;
};

// Puts prices to sums. Borrows book and machines, which outlive it. One thread at a time.
class Pricing {
 public:
  // `others`: the vendors to compare with.
  Pricing(const PriceBook& book, const MachineHistory& machines, std::vector<VendorPrices> others = {})
      : book_(book), machines_(machines), others_(std::move(others)), others_rows_(others_.size()) {}
  const std::vector<VendorPrices>& others() const { return others_; }
  const MachineHistory& machines() const { return machines_; }
  // The sums of one group on one day. Sums of one day, one after the other, are quick: its rows are looked up once.
  ReportRow priced(const DaySum& sum);
  // The same without a new row: `row` is overwritten.
  void price(const DaySum& sum, ReportRow& row);
  // What was paid to the vendor that answered, by kinds of tokens; null: the price book does not have it.
  const VendorCost* paid(const DaySum& sum);

 private:
  // Of one day, by class of length and batched or not.
  using Rows = std::array<std::optional<VendorRows>, 6>;
  struct Paid {
    std::optional<VendorPrices> prices;
    Rows rows;
  };
  VendorCost cost(const VendorPrices& vendor, Rows& rows, const DaySum& sum, const TokenRatio* ratio);
  void begin_day(std::int64_t day);
  const PriceBook& book_;
  const MachineHistory& machines_;
  std::vector<VendorPrices> others_;
  std::vector<Rows> others_rows_;
  std::map<std::string, Paid, std::less<>> paid_;
  VendorCost last_paid_;
  std::int64_t day_ = INT64_MIN;
  std::string day_text_;
  const Rates* rates_ = nullptr;  // of the day
};

// Errors: of reading.
Result<Report> report(UsageQuery& usage, const Filter& filter, GroupBy by, Pricing& pricing);
// Of the time from `since` to `until` (microseconds since 1970), which both must be set.
Result<Idle> idle(UsageQuery& usage, std::int64_t since, std::int64_t until, const MachineHistory& machines);

}  // namespace freehold::ledger
