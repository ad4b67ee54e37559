#include "app/bench_compare.h"

#include <fmt/format.h>

#include <optional>

#include "base/file.h"
#include "base/utf8.h"
#include "format/json.h"

namespace freehold::app {
namespace {

std::string text_of(const format::Value& object, std::string_view key) {
  const format::Value* v = object.member(key);
  return std::string(v != nullptr ? v->as_string().value_or("") : "");
}

std::optional<double> number_of(const format::Value& object, std::string_view key) {
  const format::Value* v = object.member(key);
  return v != nullptr ? v->as_f64() : std::nullopt;
}

Result<BenchMachine> machine_of(const format::Value& line) {
  const format::Value* machine = line.member("machine");
  const format::Value* flags = line.member("flags");
  if (machine == nullptr || flags == nullptr || !number_of(*machine, "cpus")) {
    return fail(Errc::invalid, "it does not say on which machine it was measured");
  }
  return BenchMachine{text_of(*machine, "cpu"), static_cast<int>(*number_of(*machine, "cpus")), text_of(*flags, "isa")};
}

}  // namespace

std::string BenchMachine::text() const {
  return fmt::format("{}, {} CPUs, {}", printable(cpu), cpus, printable(level));
}

Result<Baseline> Baseline::parse(std::string_view text) {
  Baseline out;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view row = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (row.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto here = [&](std::string_view what) { return fail(Errc::invalid, fmt::format("line {}: {}", number, what)); };
    auto value = format::parse_json(row);
    if (!value) return here(value.error().what);
    const std::string key = text_of(*value, "case");
    auto median = number_of(*value, "median"), low = number_of(*value, "low"), high = number_of(*value, "high");
    if (key.empty() || !median || !low || !high) return here("not a result of 'freehold bench --json'");
    const format::Value* flags = value->member("flags");
    if (flags != nullptr && flags->member("quick") != nullptr)
      return here("measured with --quick, which is too rough to compare with");
    auto machine = machine_of(*value);
    if (!machine) return here(machine.error().what);
    if (!out.lines_.empty() && *machine != out.machine_) {
      return here(fmt::format("measured on another machine ({}) than the lines above", machine->text()));
    }
    out.machine_ = std::move(*machine);
    out.lines_[key] = {*median, *low, *high, text_of(*value, "unit")};
  }
  if (out.lines_.empty()) return fail(Errc::invalid, "no results in it");
  return out;
}

Result<Baseline> Baseline::read(const std::filesystem::path& path) {
  FH_TRY(std::string text, read_file(path));
  auto baseline = parse(text);
  if (!baseline) return in_context(std::move(baseline).error(), printable(path.string()));
  return baseline;
}

Result<> Baseline::check(const BenchMachine& now) const {
  if (now == machine_) return {};
  return fail(Errc::invalid, fmt::format("measured on another machine: {} then, {} now; ratios would mean nothing",
                                         machine_.text(), now.text()));
}

const Baseline::Line* Baseline::find(const std::string& key) const {
  auto it = lines_.find(key);
  return it == lines_.end() ? nullptr : &it->second;
}

std::string bench_key(const BenchLine& line, std::string_view model, std::string_view weights, int threads) {
  std::string key = line.name();
  if (line.of_the_model) key += fmt::format(" | {} {} | {} threads", model, weights, threads);
  return key;
}

Comparison compare(const BenchLine& now, const Baseline::Line& old) {
  Comparison c;
  if (old.median <= 0 || old.low <= 0 || old.high <= 0) return c;
  c.ratio = now.median / old.median;
  c.low = now.low / old.high;
  c.high = now.high / old.low;
  constexpr double kMargin = 1.01;  // of each range: two runs of one sample must not differ "outside the noise"
  const bool above = now.low / kMargin > old.high * kMargin, below = now.high * kMargin < old.low / kMargin;
  if (above || below) c.verdict = above != now.smaller_is_better ? Verdict::better : Verdict::worse;
  return c;
}

}  // namespace freehold::app
