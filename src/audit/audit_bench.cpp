// What the audit log costs: entries a second with so many on their way at once, and how long it takes to verify a log
// of so many entries in groups of so many. On the disk of the temporary folder: name one with TMPDIR.
#include <benchmark/benchmark.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "audit/entry.h"
#include "audit/log.h"
#include "audit/reader.h"
#include "audit/verify.h"

namespace freehold::audit {
namespace {

class Folder {
 public:
  Folder() {
    path_ = (std::filesystem::temp_directory_path() / "freehold-audit-XXXXXX").string();
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~Folder() {
    std::error_code ec;
    if (!path_.empty()) std::filesystem::remove_all(path_, ec);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path log() const { return std::filesystem::path(path_) / "audit"; }

 private:
  std::string path_;
};

std::string example(std::uint64_t i) {
  RequestEntry r;
  r.id = "req_" + std::to_string(i);
  r.time = 1'800'000'000'000'000 + static_cast<std::int64_t>(i);
  r.who = {"k7m2xw9q", "somebody", "user"};
  r.dialect = "openai";
  r.endpoint = "/v1/chat/completions";
  r.model = "llama:8b";
  r.model_digest = r.template_digest = r.request_digest = r.prompt_digest = r.answer_digest =
      "sha256:" + std::string(64, 'a');
  r.sampling = "temperature=0.7 top_p=0.9";
  r.seed = i;
  r.outcome = "completed";
  r.finish = "stop";
  r.status = 200;
  return entry_of(r);
}

void append(benchmark::State& bench) {
  const Folder folder;
  {
    Log log = Log::open(folder.log()).value();
    std::mutex mutex;
    std::condition_variable done;
    std::int64_t waiting = 0;
    std::uint64_t next = 0;
    for (auto _ : bench) {
      std::unique_lock lock(mutex);
      done.wait(lock, [&] { return waiting < bench.range(0); });
      ++waiting;
      lock.unlock();
      log.append(example(next++), [&](bool) {
        const std::lock_guard held(mutex);
        --waiting;
        done.notify_one();
      });
    }
    log.flush();
    bench.counters["groups"] = static_cast<double>(log.counts().groups);
  }
  bench.SetItemsProcessed(bench.iterations());
}
BENCHMARK(append)->Arg(1)->Arg(16)->Arg(256)->UseRealTime();

// Entries, entries a group.
void verify(benchmark::State& bench) {
  const Folder folder;
  const auto entries = static_cast<std::uint64_t>(bench.range(0)), group = static_cast<std::uint64_t>(bench.range(1));
  {
    Writer writer = Writer::open(folder.log()).value();
    for (std::uint64_t i = 0; i < entries; i += group) {
      std::vector<std::string> texts;
      for (std::uint64_t j = i; j < i + group; ++j) texts.push_back(example(j));
      const std::vector<std::string_view> views(texts.begin(), texts.end());
      if (!writer.commit(views)) return bench.SkipWithError("cannot write");
    }
  }
  for (auto _ : bench) {
    if (!verify_log(folder.log())) return bench.SkipWithError("it is wrong");
  }
  bench.SetItemsProcessed(bench.iterations() * static_cast<std::int64_t>(entries));
}
BENCHMARK(verify)->Args({1'000'000, 200})->Args({10'000, 1})->Unit(benchmark::kMillisecond)->Iterations(1);

// One proof from a log of so many entries, the file and its check.
void prove(benchmark::State& bench) {
  const Folder folder;
  const auto entries = static_cast<std::uint64_t>(bench.range(0));
  {
    Writer writer = Writer::open(folder.log()).value();
    for (std::uint64_t i = 0; i < entries; i += 256) {
      std::vector<std::string> texts;
      for (std::uint64_t j = i; j < i + 256; ++j) texts.push_back(example(j));
      const std::vector<std::string_view> views(texts.begin(), texts.end());
      if (!writer.commit(views)) return bench.SkipWithError("cannot write");
    }
  }
  const Reader reader = Reader::open(folder.log()).value();
  std::uint64_t number = 0;
  std::size_t bytes = 0;
  for (auto _ : bench) {
    bytes = reader.prove(number).value().size();
    number = (number + 7919) % entries;
  }
  bench.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(prove)->Arg(1 << 10)->Arg(1 << 15)->Arg(1 << 20)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace freehold::audit
