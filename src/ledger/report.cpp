#include "ledger/report.h"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace freehold::ledger {

void ReportRow::add(const ReportRow& o) {
  requests += o.requests, completed += o.completed;
  prompt_tokens += o.prompt_tokens, cached_tokens += o.cached_tokens, completion_tokens += o.completion_tokens;
  compute_us += o.compute_us, energy_nwh += o.energy_nwh;
  local += o.local, paid += o.paid;
  others.resize(std::max(others.size(), o.others.size()));
  for (std::size_t i = 0; i < o.others.size(); ++i) others[i] += o.others[i];
}

void Pricing::begin_day(std::int64_t day) {
  if (day == day_ && !day_text_.empty()) return;
  day_ = day;
  day_text_ = day_text(day);
  rates_ = machines_.rates_on(day);
  for (Rows& rows : others_rows_) rows = {};
  for (auto& [name, paid] : paid_) paid.rows = {};
}

VendorCost Pricing::cost(const VendorPrices& vendor, Rows& rows, const DaySum& sum, const TokenRatio* ratio) {
  std::optional<VendorRows>& of_class =
      rows[static_cast<std::size_t>(std::clamp(sum.long_prompts, 0, 2)) * 2 + (sum.batched ? 1 : 0)];
  if (!of_class) of_class = vendor.rows(day_text_, sum.long_prompts, sum.batched);
  return VendorPrices::cost(*of_class, sum.tokens(), ratio);
}

// An event has the vendor's name as the price book has it; what is not there is unpriced.
const VendorCost* Pricing::paid(const DaySum& sum) {
  begin_day(sum.day);
  auto found = paid_.find(sum.vendor);
  if (found == paid_.end()) {
    auto name = book_.resolve(sum.vendor);
    Paid fresh;
    if (name) fresh.prices.emplace(book_, std::move(*name));
    found = paid_.emplace(sum.vendor, std::move(fresh)).first;
  }
  if (!found->second.prices) return nullptr;
  last_paid_ = cost(*found->second.prices, found->second.rows, sum, nullptr);
  return &last_paid_;
}

void Pricing::price(const DaySum& sum, ReportRow& row) {
  begin_day(sum.day);
  row.group = sum.group;
  row.requests = sum.requests, row.completed = sum.completed;
  row.prompt_tokens = sum.prompt_tokens, row.cached_tokens = sum.cached_tokens;
  row.completion_tokens = sum.completion_tokens;
  row.compute_us = sum.compute_us, row.energy_nwh = sum.energy_nwh;
  row.local = row.paid = {};
  const auto amount = [&](const VendorCost* cost) {
    return cost != nullptr && cost->priced() ? Amount{cost->total, 0} : Amount{{}, sum.requests};
  };
  if (!sum.vendor.empty()) {
    row.paid = amount(paid(sum));
  } else if (rates_ != nullptr) {
    row.local.usd = local_cost(*rates_, static_cast<std::int64_t>(sum.compute_us),
                               static_cast<std::int64_t>(sum.metered_us), static_cast<std::int64_t>(sum.energy_nwh))
                        .total();
    row.local.unpriced = sum.requests - sum.timed;
  } else {
    row.local.unpriced = sum.requests;
  }
  row.others.resize(others_.size());
  for (std::size_t i = 0; i < others_.size(); ++i) {
    const VendorCost there =
        cost(others_[i], others_rows_[i], sum, sum.vendor.empty() ? others_[i].ratio_of(sum.model) : nullptr);
    row.others[i] = amount(&there);
  }
}

ReportRow Pricing::priced(const DaySum& sum) {
  ReportRow row;
  price(sum, row);
  return row;
}

Result<Report> report(UsageQuery& usage, const Filter& filter, GroupBy by, Pricing& pricing) {
  // By tag there may be as many as there are events: what is looked through and sorted is the names alone.
  std::deque<ReportRow> rows;
  boost::unordered_flat_map<std::string, std::size_t> place;
  const auto add = [&](const std::string& group, const ReportRow& part) {
    const auto [found, fresh] = place.try_emplace(group, rows.size());
    if (fresh) {
      rows.push_back(part);
    } else {
      rows[found->second].add(part);
    }
  };
  ReportRow part;
  if (by == GroupBy::tag) {
    FH_TRY_VOID(usage.each_day_row(filter, [&](const DayRow& row) {
      pricing.price(row.sum, part);
      add(row.tag, part);
    }));
  } else {
    FH_TRY(const std::vector<DaySum> sums, usage.day_sums(filter, by));
    for (const DaySum& sum : sums) {
      pricing.price(sum, part);
      add(by == GroupBy::day ? day_text(sum.day) : sum.group, part);
    }
  }
  Report out;
  out.total.others.resize(pricing.others().size());
  std::vector<std::pair<std::string, std::size_t>> sorted(place.begin(), place.end());
  std::sort(sorted.begin(), sorted.end());
  out.rows.reserve(sorted.size());
  for (auto& [group, at] : sorted) {
    out.rows.push_back(std::move(rows[at]));
    out.rows.back().group = std::move(group);
  }
  for (const ReportRow& row : out.rows) out.total.add(row);
  return out;
}

Result<Idle> idle(UsageQuery& usage, std::int64_t since, std::int64_t until, const MachineHistory& machines) {
  Idle out;
  if (since >= until) return out;
  Filter filter;
  filter.since = since, filter.until = until;
  FH_TRY(const std::vector<BusyDay> days, usage.busy_days(filter));
  std::map<std::int64_t, std::int64_t> busy;
  for (const BusyDay& day : days) busy[day.day] += static_cast<std::int64_t>(day.compute_us);
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
