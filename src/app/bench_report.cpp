#include "app/bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "app/json_writer.h"
#include "app/version.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

constexpr double kLostWorthSaying = 0.02;
constexpr double kLostTooMuch = 0.1;

// "[######....]": how far towards the peak.
std::string bar_of(double fraction) {
  constexpr int kCells = 10;
  const int filled = std::clamp(static_cast<int>(std::lround(fraction * kCells)), 0, kCells);
  return "[" + std::string(static_cast<std::size_t>(filled), '#') +
         std::string(static_cast<std::size_t>(kCells - filled), '.') + "]";
}

std::string number(double x) {
  const double a = std::abs(x);
  return fmt::format("{:.{}f}", x, a < 10 ? 3 : a < 100 ? 2 : 1);
}

std::string_view word_of(Verdict v) {
  switch (v) {
    case Verdict::better:
      return "better";
    case Verdict::worse:
      return "worse";
    case Verdict::within_noise:
      break;
  }
  return "within noise";
}

}  // namespace

BenchReport::BenchReport(Console& console, bool json, std::string_view level, int threads, bool quick)
    : console_(console),
      json_(json),
      quick_(quick),
      read_(read_machine()),
      threads_(threads),
      bar_(console, "measuring", false) {
  machine_ = {read_.cpu, read_.cpus_available, std::string(level)};
}

void BenchReport::begin() {
  heading(fmt::format("{}, {} threads, {}\n{}", printable(read_.cpu), threads_, machine_.level, version_line()));
}

void BenchReport::model(std::string name, std::string weights) {
  model_ = std::move(name);
  weights_ = std::move(weights);
}

void BenchReport::heading(std::string_view text) {
  if (json_) return;
  bar_.clear();
  console_.write(std::string(text) + "\n");
  (void)console_.flush();
}

void BenchReport::note(std::string_view text) {
  bar_.clear();
  console_.note(text);
}

void BenchReport::progress(std::string_view what) {
  bar_.rename(what);
  bar_.update(static_cast<std::uint64_t>(step_), static_cast<std::uint64_t>(std::max(steps_, step_ + 1)));
  ++step_;
}

void BenchReport::line(const BenchLine& line) {
  std::optional<Comparison> comparison;
  if (baseline_) {
    const auto* old = baseline_->find(bench_key(line, model_, weights_, threads_));
    if (old != nullptr && old->unit == line.unit) {
      comparison = compare(line, *old);
      ++compared_;
      better_ += comparison->verdict == Verdict::better ? 1 : 0;
      worse_ += comparison->verdict == Verdict::worse ? 1 : 0;
    } else {
      ++unknown_;
    }
  }
  ++lines_;
  disturbed_ += line.lost > kLostTooMuch ? 1 : 0;
  bar_.clear();
  json_ ? print_json(line, comparison) : print_row(line, comparison);
  (void)console_.flush();
}

void BenchReport::print_row(const BenchLine& line, const std::optional<Comparison>& comparison) {
  std::string row = fmt::format("{:<34}{:>10} {:<9}", printable(line.name()), number(line.median), line.unit);
  row += line.runs > 1 ? fmt::format(" ±{:>4.1f} %", line.spread() * 50) : std::string(8, ' ');
  if (line.per_cycle > 0) row += fmt::format("  {:.0f} a cycle and core", line.per_cycle);
  if (line.peak > 0) {
    row += fmt::format("  {} {:>5.1f} % of {} ({} {})", bar_of(line.fraction), line.fraction * 100, line.peak_name,
                       number(line.peak), line.rate_unit);
  }
  if (comparison) {
    row += fmt::format("  {:.3f}x ({:.3f}-{:.3f}) {}", comparison->ratio, comparison->low, comparison->high,
                       word_of(comparison->verdict));
  }
  if (line.lost > kLostWorthSaying) row += fmt::format("  (others had the CPU {:.0f} % of the time)", line.lost * 100);
  while (!row.empty() && row.back() == ' ') row.pop_back();
  console_.write(row + "\n");
}

void BenchReport::print_json(const BenchLine& line, const std::optional<Comparison>& comparison) {
  JsonWriter w;
  w.begin_object().member("benchmark", line.benchmark);
  w.member("case", bench_key(line, model_, weights_, threads_));
  w.member("median", line.median).member("unit", line.unit).member("low", line.low).member("high", line.high);
  w.member("spread", line.spread()).member("runs", line.runs).member("lost", line.lost);
  if (line.peak > 0) {
    w.member("rate", line.rate).member("rate_unit", line.rate_unit).member("peak", line.peak);
    w.member("peak_name", line.peak_name).member("fraction_of_peak", line.fraction).member("steady", line.steady);
  }
  if (line.per_cycle > 0) w.member("per_cycle", line.per_cycle);
  if (comparison) {
    w.key("compared").begin_object().member("ratio", comparison->ratio).member("low", comparison->low);
    w.member("high", comparison->high).member("verdict", word_of(comparison->verdict)).end_object();
  }
  if (line.of_the_model) w.member("model", model_).member("weight_type", weights_);
  w.key("flags").begin_object().member("isa", machine_.level);
  if (quick_) w.member("quick", true);
  bool says_threads = false;
  for (const auto& [key, value] : line.detail) {
    says_threads |= key == "threads";
    std::int64_t n = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), n);
    if (error == std::errc() && end == value.data() + value.size()) {
      w.member(key, n);
    } else {
      w.member(key, value);
    }
  }
  if (!says_threads) w.member("threads", threads_);
  w.end_object().member("version", version()).member("commit", commit()).member("build", build_type());
  w.member("compiler", compiler()).key("machine").begin_object().member("cpu", machine_.cpu);
  w.member("cpus", machine_.cpus)
      .member("memory_bytes", read_.memory_total)
      .member("system", read_.system)
      .end_object();
  console_.write(w.end_object().take() + "\n");
}

Result<> BenchReport::finish() {
  bar_.clear();
  if (disturbed_ > 0) {
    console_.note(
        fmt::format("note: in {} of {} results other processes had the CPUs for more than a tenth of the time",
                    disturbed_, lines_));
  }
  if (baseline_) {
    console_.note(fmt::format("compared {} results: {} better, {} worse, {} within the noise; {} had no counterpart",
                              compared_, better_, worse_, compared_ - better_ - worse_, unknown_));
  }
  return console_.flush();
}

}  // namespace freehold::app
