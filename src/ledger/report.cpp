#include "ledger/report.h"

#include <algorithm>
#include <map>

namespace freehold::ledger {

void ReportRow::add(const ReportRow& o) {
  requests += o.requests, completed += o.completed;
  prompt_tokens += o.prompt_tokens, cached_tokens += o.cached_tokens, completion_tokens += o.completion_tokens;
  compute_us += o.compute_us, energy_nwh += o.energy_nwh;
  local += o.local, paid += o.paid;
  others.resize(std::max(others.size(), o.others.size()));
  for (std::size_t i = 0; i < o.others.size(); ++i) others[i] += o.others[i];
}

// An event has the vendor's name as the price book has it; what is not there is unpriced.
const VendorPrices* Pricing::paid_to(const std::string& vendor) {
  auto found = paid_.find(vendor);
  if (found == paid_.end()) {
    auto name = book_.resolve(vendor);
    found = paid_.emplace(vendor, name ? std::optional(VendorPrices(book_, std::move(*name))) : std::nullopt).first;
  }
  return found->second ? &*found->second : nullptr;
}

ReportRow Pricing::priced(const DaySum& sum) {
  ReportRow row;
  row.group = sum.group;
  row.requests = sum.requests, row.completed = sum.completed;
  row.prompt_tokens = sum.prompt_tokens, row.cached_tokens = sum.cached_tokens;
  row.completion_tokens = sum.completion_tokens;
  row.compute_us = sum.compute_us, row.energy_nwh = sum.energy_nwh;
  const std::string day = day_text(sum.day);
  const auto at = [&](const VendorPrices& vendor) {
    const VendorCost cost = vendor.cost(day, sum.tokens(), sum.vendor.empty() ? vendor.ratio_of(sum.model) : nullptr);
    return cost.priced() ? Amount{cost.total, 0} : Amount{{}, sum.requests};
  };
  if (!sum.vendor.empty()) {
    const VendorPrices* vendor = paid_to(sum.vendor);
    row.paid = vendor != nullptr ? at(*vendor) : Amount{{}, sum.requests};
  } else if (const Rates* rates = machines_.rates_on(sum.day)) {
    row.local.usd = local_cost(*rates, static_cast<std::int64_t>(sum.compute_us),
                               static_cast<std::int64_t>(sum.metered_us), static_cast<std::int64_t>(sum.energy_nwh))
                        .total();
    row.local.unpriced = sum.requests - sum.timed;
  } else {
    row.local.unpriced = sum.requests;
  }
  for (const VendorPrices& vendor : others_) row.others.push_back(at(vendor));
  return row;
}

Result<Report> report(UsageQuery& usage, const Filter& filter, GroupBy by, Pricing& pricing) {
  FH_TRY(const std::vector<DaySum> sums, usage.day_sums(filter, by));
  std::map<std::string, ReportRow> rows;
  Report out;
  out.total.others.resize(pricing.others().size());
  for (const DaySum& sum : sums) {
    const ReportRow part = pricing.priced(sum);
    std::string group = by == GroupBy::day ? day_text(sum.day) : sum.group;
    ReportRow& row = rows[group];
    row.group = std::move(group);
    row.add(part);
    out.total.add(part);
  }
  for (auto& [name, row] : rows) out.rows.push_back(std::move(row));
  return out;
}

Result<Idle> idle(UsageQuery& usage, std::int64_t since, std::int64_t until, const MachineHistory& machines) {
  Idle out;
  if (since >= until) return out;
  Filter filter;
  filter.since = since, filter.until = until;
  filter.vendor = "";
  FH_TRY(const std::vector<DaySum> sums, usage.day_sums(filter, GroupBy::all));
  std::map<std::int64_t, std::int64_t> busy;
  for (const DaySum& sum : sums) busy[sum.day] += static_cast<std::int64_t>(sum.compute_us);
  for (std::int64_t day = day_of(since); day <= day_of(until - 1); ++day) {
    const std::int64_t begin = std::max(since, day * kDayMicroseconds);
    const std::int64_t end = std::min(until, (day + 1) * kDayMicroseconds);
    const auto found = busy.find(day);
    const std::int64_t left = std::max<std::int64_t>(0, end - begin - (found == busy.end() ? 0 : found->second));
    if (const Rates* rates = machines.rates_on(day)) {
      out.microseconds += left;
      out.usd += for_time(rates->idle(), left);
    } else {
      out.unpriced_microseconds += left;
    }
  }
  return out;
}

}  // namespace freehold::ledger
