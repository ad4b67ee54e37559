#include "ledger/explain.h"

#include <fmt/format.h>

namespace freehold::ledger {
namespace {

std::string rate(Money amount, std::string_view unit) {
  return fmt::format("{} USD {}", amount.text(), unit);
}

// "2.5": millionths as a decimal.
std::string decimal(std::int64_t millionths) {
  std::string text = Money::picodollars(Int128{millionths} * 1'000'000).text();
  return text.ends_with(".00") ? text.substr(0, text.size() - 3) : text;
}

std::string watts(std::int64_t milliwatts) {
  return decimal(milliwatts * 1000) + " W";
}

}  // namespace

std::string_view sharing_rule() {
  return "the time and the measured energy of every step are split among the requests of its batch by the tokens they "
         "had in it (largest remainder), so the shares add up to the step";
}

Explained explain_local(const Event& event, const MachineHistory& machines) {
  Explained out;
  if (!event.vendor.empty()) {
    out.unpriced = fmt::format("{} answered, not this machine", event.vendor);
    return out;
  }
  const std::int64_t day = day_of(event.time);
  const MachineRow* row = machines.on(day);
  if (row == nullptr) {
    out.unpriced = fmt::format("what this machine costs on {} is not known: freehold cost machine --from {}",
                               day_text(day), day_text(day));
    return out;
  }
  if (!event.compute_us) {
    out.unpriced = "its share of the machine was not recorded (by an earlier version of the program)";
    return out;
  }
  const Machine& m = row->machine;
  const Rates& rates = *machines.rates_on(day);
  const auto us = static_cast<std::int64_t>(*event.compute_us);
  const auto nwh = static_cast<std::int64_t>(event.energy_nwh.value_or(0));
  const LocalCost cost = local_cost(rates, us, event.energy_nwh ? us : 0, nwh);
  const std::string time = decimal(us) + " s", said = fmt::format("row {} of cost machine, from {}", row->id, m.from);
  if (m.price > Money()) {
    out.factors.push_back(
        {"depreciation", time, rate(rates.depreciation, "a second"),
         fmt::format("({} - {} USD) / {} days; {}", m.price.text(), m.residual.text(), m.life_days, said),
         cost.depreciation});
  }
  if (m.rent_per_hour > Money()) {
    out.factors.push_back({"rent", time, rate(rates.rent, "a second"),
                           fmt::format("{} USD an hour; {}", m.rent_per_hour.text(), said), cost.rent});
  }
  if (m.hosting_per_month > Money()) {
    out.factors.push_back({"hosting", time, rate(rates.hosting, "a second"),
                           fmt::format("{} USD a month of 365/12 days; {}", m.hosting_per_month.text(), said),
                           cost.hosting});
  }
  const std::string overhead =
      m.overhead_permille == 1000 ? "" : fmt::format(" x {} overhead", decimal(m.overhead_permille * 1000));
  const std::string tariff = fmt::format("{} USD a kWh{}; {}", m.tariff.text(), overhead, said);
  if (event.energy_nwh) {
    out.factors.push_back({"energy, measured", decimal(nwh) + " mWh", rate(rates.energy, "a nanowatt-hour"),
                           "RAPL counters of processors and memory; " + tariff, cost.energy});
  } else {
    out.factors.push_back({"energy, by stated watts", time, rate(rates.load_power, "a second"),
                           fmt::format("{} under load at {}", watts(m.load_milliwatts), tariff), cost.energy});
  }
  for (const Factor& f : out.factors) out.usd += f.usd;
  return out;
}

Explained explain_at(const Event& event, const VendorPrices& vendor) {
  Explained out;
  const std::string day = day_text(day_of(event.time));
  const TokenRatio* ratio = event.vendor.empty() ? vendor.ratio_of(event.model) : nullptr;
  const VendorCost cost = vendor.cost(day, tokens_of(event), ratio);
  if (!cost.priced()) {
    out.unpriced = fmt::format("{} has no known price of {} on {}", vendor.text(), cost.missing, day);
    return out;
  }
  for (const VendorItem& item : cost.items) {
    const Price& p = *item.price;
    out.factors.push_back(
        {std::string(item.kind),
         fmt::format("{} tokens{}", item.tokens, ratio != nullptr ? " x " + decimal(ratio->millionths) : ""),
         rate(p.usd_per_million, "a million"),
         fmt::format("{} from {} ({}); {}; confidence {}", p.kind, p.from.empty() ? "an unknown day" : p.from,
                     p.basis.empty() ? "not said" : p.basis, p.source, p.confidence),
         item.cost});
    if (p.from.empty()) out.notes.push_back(fmt::format("from when the price of {} applied is not known", p.kind));
    const bool cached = item.kind == "cached_input", written = item.kind == "cache_write";
    if (cached && p.kind == "batch_input") {
      out.notes.push_back(
          "cached input of a batch: taken at the price of a batch's input, the lower one that is known");
    } else if (cached && p.kind != "cached_input") {
      out.notes.push_back("no price of cached input is known: taken at the price of input");
    } else if (written && !p.kind.starts_with("cache_write")) {
      out.notes.push_back("no price of writing to the cache is known: taken at the price of input");
    } else if (!cached && !written && event.batched && !p.kind.starts_with("batch_")) {
      out.notes.push_back(fmt::format("no price of a batch's {} is known: taken at the usual one", item.kind));
    }
  }
  out.usd = cost.total;
  if (event.vendor.empty() && event.cached_tokens > 0) {
    out.notes.push_back(
        "what was cached here is taken as cached there; vendors cache prompts from about 1024 tokens on, and not for "
        "long");
  }
  if (ratio != nullptr) {
    out.notes.push_back(
        fmt::format("counted in tokens of the local model, and estimated in the vendor's: {} for a text like those of "
                    "the {} tokens "
                    "measured",
                    ratio->text(), ratio->sample_tokens));
  } else if (event.vendor.empty()) {
    out.notes.push_back(
        "counted in tokens of the local model: the vendor's tokenizer would count a different number, by an unknown "
        "factor (freehold cost tokenizer measures it)");
  }
  if (!event.vendor.empty() && event.finish_reason == kUncounted) {
    out.notes.push_back(
        "an estimate: the vendor did not count this request, so what is missing is the most that it can be (a token a "
        "byte of the prompt, and the longest answer that was asked for)");
  }
  return out;
}

}  // namespace freehold::ledger
