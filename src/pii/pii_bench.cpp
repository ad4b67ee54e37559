// MB/s of the scanner on one core: prose with a value now and then, the same with nothing but prose, lines of a log,
// and sentences with a value or a name in each.
#include <benchmark/benchmark.h>

#include <cstdint>
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

constexpr std::string_view kValues[] = {
    "Please charge card 4111 1111 1111 1111, it expires in May.",
    "My SSN is ###-##-####.",
    "IBAN: DE89 3704 0044 0532 0130 00",
    "The Steuer-ID ## ### ### ### belongs to the file.",
    "Call +49 30 9##### or 212-555-####.",
    "MRN: ##-###-##, admitted 03/05/2024.",
    "client=203.0.113.## mac 00:1b:44:11:3a:##",
    "born on 5 March 19##",
    "{\"cardNumber\": \"55000055########\"}",
    "Passport No. C01X00T##",
    "NHS number ### ### ####",
    "Write to jane.roe##@mail.example.co.uk.",
    "invoice 48213-##/2024 of ###,## EUR",
    "Reisepassnummer: C#######",
    "order ######### shipped",
    "plate B-AB ####",
    "token ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "BSN ######### staat in het dossier",
};
constexpr std::string_view kNames[] = {
    "Anna Kowalski moved to Hamburg last year.",   "The letter was signed by Dr. Michael Okafor.",
    "Jan de Vries and Sofia Rossi met in Lisbon.", "Frau Klein hat gestern angerufen.",
    "Please ask Priya Sharma about the contract.", "Mr. van der Meer lives in Utrecht, Netherlands.",
};

// Sentences in a row, each '#' a digit: the same at every run.
template <std::size_t count>
std::string sentences(const std::string_view (&templates)[count]) {
  std::string out;
  std::uint32_t state = 1;
  auto next = [&] { return (state = state * 1664525u + 1013904223u) >> 16; };
  while (out.size() < 8'000'000) {
    for (const char c : templates[next() % count]) out += c == '#' ? static_cast<char>('0' + next() % 10) : c;
    out += '\n';
  }
  return out;
}

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
void sentences_with_values(benchmark::State& state) {
  measure(state, sentences(kValues));
}
void sentences_with_names(benchmark::State& state) {
  measure(state, sentences(kNames));
}
BENCHMARK(prose)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);
BENCHMARK(prose_with_people)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);
BENCHMARK(log_lines)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

BENCHMARK(sentences_with_values)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);
BENCHMARK(sentences_with_names)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace freehold::pii
