// What a request pays for its key: the first time a process sees it, every other time, and for its limits.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "guard/authenticator.h"
#include "guard/limiter.h"
#include "guard/secret.h"

namespace freehold::guard {
namespace {

void first_time(benchmark::State& bench) {
  if (!prepare_secrets()) return bench.SkipWithError("no libsodium");
  const std::string text = random_key_secret();
  const std::string hash = hash_secret(text).value();
  for (auto _ : bench) benchmark::DoNotOptimize(verify_secret(hash, text));
}
BENCHMARK(first_time)->Unit(benchmark::kMillisecond);

void afterwards(benchmark::State& bench) {
  std::string folder = (std::filesystem::temp_directory_path() / "freehold-keys-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return bench.SkipWithError("no temporary folder");
  {
    Keys keys = Keys::open(folder).value();
    const std::string text = keys.create({.name = "x"}).value().text;
    const Authenticator authenticator = Authenticator::create(std::move(keys)).value();
    for (auto _ : bench) benchmark::DoNotOptimize(authenticator.authenticate(text));
  }
  std::error_code ec;
  std::filesystem::remove_all(folder, ec);
}
BENCHMARK(afterwards);

void limits(benchmark::State& bench) {
  Limiter limiter;
  const Principal principal{"k", "k", Role::user, "k", {1'000'000'000, 1'000'000'000, 10}, std::nullopt};
  for (auto _ : bench) {
    Admission admission = limiter.admit(principal, 100);
    admission.lease.settle(10);
  }
}
BENCHMARK(limits);

}  // namespace
}  // namespace freehold::guard
