#include "app/progress.h"

#include <fmt/format.h>

#include <algorithm>

namespace freehold::app {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

ProgressBar::ProgressBar(Console& console, std::string_view what, bool bytes)
    : console_(console), what_(what), bytes_(bytes), begin_(steady_clock::now()), last_(begin_) {}

ProgressBar::~ProgressBar() {
  clear();
}

void ProgressBar::clear() {
  if (drawn_) console_.write_error_stream("\r\033[K");
  drawn_ = false;
}

void ProgressBar::rename(std::string_view what) {
  if (what == what_) return;
  what_ = what;
  begun_ = false;
}

void ProgressBar::update(std::uint64_t done, std::uint64_t total) {
  if (!console_.err_is_terminal() || total == 0) return;
  auto now = steady_clock::now();
  if (!begun_ || done < first_) {
    begun_ = true;
    first_ = done;
    first_at_ = now;
  }
  if (now - begin_ < std::chrono::seconds(1) || now - last_ < milliseconds(100)) return;
  last_ = now;
  drawn_ = true;
  double fraction = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const double seconds = duration<double>(now - first_at_).count();
  const double rate = seconds > 0 ? static_cast<double>(done - first_) / seconds : 0;
  const double rest = static_cast<double>(total) - static_cast<double>(std::min(done, total));
  const bool known = rate > 0 && static_cast<double>(done - first_) > 0.01 * static_cast<double>(total - first_);
  std::string left = known ? human_seconds(rest / rate) + " left" : "";
  std::string numbers = bytes_ ? fmt::format("{} of {}", human_bytes(done), human_bytes(total))
                               : fmt::format("{} of {}", grouped(done), grouped(total));
  if (rate_ && known) numbers += fmt::format("  {}/s", human_bytes(static_cast<std::uint64_t>(rate)));
  std::string tail = fmt::format(" {:3.0f} %  {}  {}", fraction * 100, numbers, left);
  int room = console_.columns() - static_cast<int>(what_.size() + tail.size()) - 4;
  int width = std::clamp(room, 0, 40);
  int filled = static_cast<int>(fraction * width);
  std::string bar = width >= 5 ? fmt::format(" [{}{}]", std::string(static_cast<std::size_t>(filled), '#'),
                                             std::string(static_cast<std::size_t>(width - filled), ' '))
                               : "";
  console_.write_error_stream(fmt::format("\r\033[K{}{}{}", what_, bar, tail));
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  double x = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (x >= 1024 && unit < 5) {
    x /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", x, x < 100 ? 1 : 0, kUnits[unit]);
}

std::string grouped(std::uint64_t n) {
  std::string digits = fmt::format("{}", n);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string human_seconds(double seconds) {
  if (seconds < 100) return fmt::format("{:.0f} s", seconds);
  auto whole = static_cast<std::uint64_t>(seconds);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace freehold::app
