// A progress bar on standard error for what takes longer than a second; nothing at all when that is no terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "app/console.h"

namespace freehold::app {

// Used by one thread. The bar is erased when it goes out of scope, so that what follows starts on a clean line.
class ProgressBar {
 public:
  // `what` names the work: "loading". With `bytes` the numbers are shown as MiB or GiB.
  ProgressBar(Console& console, std::string_view what, bool bytes = true);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Cheap: draws at most ten times a second, and not before a second has passed.
  void update(std::uint64_t done, std::uint64_t total);
  // Shows bytes a second as well.
  void show_rate() { rate_ = true; }
  // Other work begins: its rate and the time that is left are counted from its first update.
  void rename(std::string_view what);
  void clear();

 private:
  Console& console_;  // owner: the caller, which outlives the bar
  std::string what_;
  bool bytes_;
  bool rate_ = false;
  bool begun_ = false;       // of this work something was told
  std::uint64_t first_ = 0;  // what was done then: only what came after it took time
  std::chrono::steady_clock::time_point first_at_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point last_;
};

// "1.4 GiB", "512 KiB", "17 bytes".
std::string human_bytes(std::uint64_t bytes);
// "1,234,567".
std::string grouped(std::uint64_t n);
// "12 s", "3 min 20 s".
std::string human_seconds(double seconds);

}  // namespace freehold::app
