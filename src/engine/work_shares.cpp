// What a step cost in time and energy, and each answer's share of it.
#include <algorithm>
#include <utility>

#include "base/apportion.h"
#include "engine/scheduler.h"

namespace freehold::engine {

void Engine::State::begin_work() {
  work.clock = options.clock();
  if (options.energy) work.meter = options.energy();
}

void Engine::State::measure_work() {
  const double now = options.clock();
  work.seconds += std::max(0.0, now - work.clock);
  work.clock = now;
  if (!options.energy) return;
  const std::uint64_t meter = options.energy();
  work.energy_nwh += meter - work.meter;
  work.meter = meter;
}

void Engine::State::charge_work() {
  const std::size_t n = items.size();
  for (std::size_t i = 0; i < n; ++i) weights[i] = items[i].tokens.size();
  order.resize(n);
  const auto split = [&](std::uint64_t total) {
    apportion(total, std::span(weights).first(n), std::span(shares).first(n), order);
  };
  const auto whole = static_cast<std::uint64_t>(work.seconds * 1e6);
  work.seconds -= static_cast<double>(whole) * 1e-6;
  split(whole);
  for (std::size_t i = 0; i < n; ++i) owners[i].answer->compute_us += shares[i];
  if (!options.energy) return;
  split(std::exchange(work.energy_nwh, 0));
  for (std::size_t i = 0; i < n; ++i) {
    std::optional<std::uint64_t>& energy = owners[i].answer->energy_nwh;
    energy = energy.value_or(0) + shares[i];
  }
}

}  // namespace freehold::engine
