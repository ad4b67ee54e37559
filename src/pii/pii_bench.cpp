// MB/s of the scanner on one core: prose with a value now and then, the same with nothing but prose, and lines of a
// log.
#include <benchmark/benchmark.h>

#include <string>

#include "pii/masker.h"
#include "pii/scanner.h"

namespace freehold::pii {
namespace {

constexpr std::string_view kProse =
    "When the committee met again in the autumn, the members had read the report and were ready to discuss what it "
    "meant for the coming years. Most of them agreed that "
    "the costs were lower than expected, though nobody could say for certain why. The minutes of the meeting were sent "
    "to all departments, and a second draft was asked "
    "for by the end of the month. It was late when they left the building; the rain had stopped, and the streets were "
    "almost empty. ";
constexpr std::string_view kPeople =
    "Anna Kowalski from Hamburg wrote to jane.roe@example.com that her card 4111 1111 1111 1111 was charged twice; she "
    "can be reached at +49 30 901820 or at 12 Main Street. ";
constexpr std::string_view kLog =
    "2024-03-05T10:11:12.345Z INFO request=550e8400-e29b-41d4-a716-446655440000 status=200 bytes=48213 took=12.5ms "
    "client=203.0.113.7 path=/v1/items/48213?page=2\n";

std::string repeated(std::initializer_list<std::string_view> parts) {
  std::string out;
  while (out.size() < 8'000'000) {
    for (const std::string_view part : parts) out += part;
  }
  return out;
}

void measure(benchmark::State& state, const std::string& text) {
  const auto profile = static_cast<Profile>(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(scan(text, profile));
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}

void prose(benchmark::State& state) {
  measure(state, repeated({kProse}));
}
void prose_with_people(benchmark::State& state) {
  measure(state, repeated({kProse, kProse, kPeople}));
}
void log_lines(benchmark::State& state) {
  measure(state, repeated({kLog}));
}
BENCHMARK(prose)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);
BENCHMARK(prose_with_people)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);
BENCHMARK(log_lines)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace freehold::pii
