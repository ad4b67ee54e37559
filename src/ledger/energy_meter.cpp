#include "ledger/energy_meter.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>
#include <vector>

namespace freehold::ledger {
namespace {

namespace fs = std::filesystem;

std::string line_of(const fs::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  return error == std::errc() && end != text.data() ? std::optional(n) : std::nullopt;
}

}  // namespace

struct EnergyMeter::State {
  struct Counter {
    int fd = -1;
    std::uint64_t range = 0;  // microjoules at which it begins anew; 0: it does not
    std::uint64_t last = 0;
  };
  std::vector<Counter> counters;
  std::uint64_t microjoules = 0;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    for (const Counter& c : counters) ::close(c.fd);
  }
  static std::optional<std::uint64_t> now(const Counter& c) {
    char text[32];
    const ssize_t n = ::pread(c.fd, text, sizeof text, 0);
    return n > 0 ? number({text, static_cast<std::size_t>(n)}) : std::nullopt;
  }
};

EnergyMeter::EnergyMeter(std::unique_ptr<State> state) : state_(std::move(state)) {}
EnergyMeter::EnergyMeter(EnergyMeter&&) noexcept = default;
EnergyMeter& EnergyMeter::operator=(EnergyMeter&&) noexcept = default;
EnergyMeter::~EnergyMeter() = default;

// Zones are "intel-rapl:0" (a package), "intel-rapl:0:0" (a part of it). Memory is beside the package, cores and
// graphics are in it; "psys" is the whole platform, which would count packages twice.
std::optional<EnergyMeter> EnergyMeter::open(const fs::path& root) {
  auto state = std::make_unique<State>();
  std::error_code ec;
  std::vector<fs::path> zones;
  for (fs::directory_iterator it(root, ec), end; !ec && it != end; it.increment(ec)) zones.push_back(it->path());
  std::sort(zones.begin(), zones.end());
  for (const fs::path& zone : zones) {
    const std::string name = zone.filename().string();
    if (!name.starts_with("intel-rapl:")) continue;
    const std::string what = line_of(zone / "name");
    const bool part = std::count(name.begin(), name.end(), ':') > 1;
    if (part ? what != "dram" : !what.starts_with("package")) continue;
    State::Counter counter;
    counter.range = number(line_of(zone / "max_energy_range_uj")).value_or(0);
    counter.fd = ::open((zone / "energy_uj").c_str(), O_RDONLY | O_CLOEXEC);
    if (counter.fd < 0) continue;
    if (const auto first = State::now(counter)) {
      counter.last = *first;
      state->counters.push_back(counter);
    } else {
      ::close(counter.fd);
    }
  }
  if (state->counters.empty()) return std::nullopt;
  return EnergyMeter(std::move(state));
}

std::size_t EnergyMeter::counters() const {
  return state_->counters.size();
}

std::uint64_t EnergyMeter::read() {
  for (State::Counter& c : state_->counters) {
    const auto now = State::now(c);
    if (!now) continue;
    if (*now >= c.last) {
      state_->microjoules += *now - c.last;
    } else if (c.range > c.last) {
      state_->microjoules += c.range - c.last + *now;
    }
    c.last = *now;
  }
  // 1 nWh = 3.6 microjoules. Of the sum, so that no remainder is lost.
  return state_->microjoules / 36 * 10 + state_->microjoules % 36 * 10 / 36;
}

}  // namespace freehold::ledger
