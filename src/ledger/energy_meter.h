// Energy as the processor measures it (Intel's and AMD's RAPL), through /sys/class/powercap: of all processor packages
// and their memory. It does not see the rest of the machine (disks, fans, losses of the power supply).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

namespace freehold::ledger {

// One thread at a time may read.
class EnergyMeter {
 public:
  // Nothing if the machine has no such counters, or they may not be read (Linux lets only root).
  static std::optional<EnergyMeter> open(const std::filesystem::path& root = "/sys/class/powercap");
  EnergyMeter(EnergyMeter&&) noexcept;
  EnergyMeter& operator=(EnergyMeter&&) noexcept;
  ~EnergyMeter();

  // Nanowatt-hours since it was opened. Never falls; counters that wrap are followed as long as it is read at least
  // once a wrap (a minute at 4000 W, by the smallest counters). What cannot be read any more counts as nothing.
  std::uint64_t read();
  std::size_t counters() const;

 private:
  struct State;
  explicit EnergyMeter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freehold::ledger
