// How many events a second are made durable, with so many requests on their way at once. On the disk of the temporary
// folder: name one with TMPDIR.
#include <benchmark/benchmark.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "ledger/usage_log.h"

namespace freehold::ledger {
namespace {

void append(benchmark::State& bench) {
  std::string folder = (std::filesystem::temp_directory_path() / "freehold-usage-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return bench.SkipWithError("no temporary folder");
  {
    UsageLog log = UsageLog::open(folder).value();
    std::mutex mutex;
    std::condition_variable done;
    std::int64_t waiting = 0;
    std::uint64_t next = 0;
    for (auto _ : bench) {
      std::unique_lock lock(mutex);
      done.wait(lock, [&] { return waiting < bench.range(0); });
      ++waiting;
      lock.unlock();
      Event e;
      e.request_id = "chatcmpl-" + std::to_string(next++);
      e.key_id = "abcdefgh";
      e.model = "mistral:q4";
      e.model_digest = "sha256:" + std::string(64, '0');
      e.endpoint = "/v1/chat/completions";
      log.append(std::move(e), [&](bool durable) {
        const std::lock_guard inner(mutex);
        if (!durable) bench.SkipWithError("not stored");
        --waiting;
        done.notify_one();
      });
    }
    log.flush();
    bench.SetItemsProcessed(bench.iterations());
    bench.counters["events/commit"] =
        static_cast<double>(log.counts().stored) / static_cast<double>(log.counts().groups);
  }
  std::error_code ec;
  std::filesystem::remove_all(folder, ec);
}
BENCHMARK(append)->Arg(1)->Arg(8)->Arg(64)->Arg(512)->UseRealTime();

}  // namespace
}  // namespace freehold::ledger
