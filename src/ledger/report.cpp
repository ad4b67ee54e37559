#include "ledger/report.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <string_view>

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

namespace {

// Rows by the name of their group, in any order. There may be as many as there are events, so what is looked through
// and sorted is small and lies together: the names in one text, an entry a row, and a table of the entries' numbers by
// their hash (open addressing, at most half full).
class Groups {
 public:
  void add(std::string_view name, const ReportRow& part) {
    if (entries_.size() * 2 >= slots_.size()) grow();
    const std::size_t hash = std::hash<std::string_view>{}(name);
    std::size_t slot = hash & (slots_.size() - 1);
    for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
      const Entry& entry = entries_[slots_[slot] - 1];
      if (entry.hash == hash && name_of(entry) == name) return rows_[entry.row].add(part);
    }
    entries_.push_back(
        {hash, names_.size(), static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(rows_.size())});
    slots_[slot] = static_cast<std::uint32_t>(entries_.size());
    names_ += name;
    rows_.push_back(part);
  }
  std::vector<ReportRow> in_order() && {
    std::sort(entries_.begin(), entries_.end(),
              [this](const Entry& a, const Entry& b) { return name_of(a) < name_of(b); });
    std::vector<ReportRow> out;
    out.reserve(entries_.size());
    for (const Entry& entry : entries_) {
      out.push_back(std::move(rows_[entry.row]));
      out.back().group = name_of(entry);
    }
    return out;
  }

 private:
  struct Entry {
    std::size_t hash, begin;  // of the name in names_
    std::uint32_t size, row;
  };
  std::string_view name_of(const Entry& entry) const {
    return std::string_view(names_).substr(entry.begin, entry.size);
  }
  void grow() {
    slots_.assign(std::max<std::size_t>(64, slots_.size() * 2), 0);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      std::size_t slot = entries_[i].hash & (slots_.size() - 1);
      while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
      slots_[slot] = static_cast<std::uint32_t>(i + 1);
    }
  }
  std::string names_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;
  std::deque<ReportRow> rows_;
};

}  // namespace

Result<Report> report(UsageQuery& usage, const Filter& filter, GroupBy by, Pricing& pricing) {
  Groups groups;
  ReportRow part;
  if (by == GroupBy::tag) {  // there may be as many as there are events
    FH_TRY_VOID(usage.each_day_row(filter, [&](const DayRow& row) {
      pricing.price(row.sum, part);
      groups.add(row.tag, part);
    }));
  } else {
    FH_TRY(const std::vector<DaySum> sums, usage.day_sums(filter, by));
    for (const DaySum& sum : sums) {
      pricing.price(sum, part);
      groups.add(by == GroupBy::day ? day_text(sum.day) : sum.group, part);
    }
  }
  Report out;
  out.total.others.resize(pricing.others().size());
  out.rows = std::move(groups).in_order();
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
