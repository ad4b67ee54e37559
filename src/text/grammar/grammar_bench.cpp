// What a mask costs for each token at a vocabulary of 128,000, and what compiling costs. The vocabulary is llama 3's
// from $FREEHOLD_SHARED/oracle/tokenizers, or, without it, one of the same size made of words. Counters: cold_us is the
// mean of a first text (the records are built in it), mean_us and p99_us are those of the texts after it;
// mask_tight_budget gives the same texts just the tokens they need, so every mask is steered.
#include <benchmark/benchmark.h>
#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <random>

#include "format/checkpoint.h"
#include "format/gguf.h"
#include "model/tokenizer_loader.h"
#include "text/grammar/grammar.h"
#include "text/grammar/matcher.h"

namespace freehold::text::grammar {
namespace {

std::shared_ptr<const VocabularyIndex> from_oracle() {
  const char* shared = std::getenv("FREEHOLD_SHARED");
  std::string path =
      std::string(shared != nullptr ? shared : "../shared") + "/oracle/tokenizers/ggml-vocab-llama-bpe.gguf.gz";
  std::string bytes;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return nullptr;
  std::vector<char> buffer(1 << 20);
  for (int n = 0; (n = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0;)
    bytes.append(buffer.data(), static_cast<std::size_t>(n));
  gzclose(file);
  std::vector<std::uint64_t> aligned((bytes.size() + 7) / 8);
  std::memcpy(aligned.data(), bytes.data(), bytes.size());
  auto gguf = format::parse_gguf({reinterpret_cast<const std::byte*>(aligned.data()), bytes.size()});
  if (!gguf) return nullptr;
  auto loaded = model::load_tokenizer(format::Checkpoint(std::move(*gguf)));
  return loaded ? VocabularyIndex::create(loaded->tokenizer) : nullptr;
}

std::shared_ptr<const VocabularyIndex> from_words() {
  std::vector<std::string> tokens;
  for (int b = 0; b < 256; ++b) tokens.emplace_back(1, static_cast<char>(b));
  std::mt19937 random(1);
  while (tokens.size() < 128'000) {
    std::string word = random() % 2 != 0 ? " " : "";
    for (unsigned i = 0, n = 1 + random() % 9; i < n; ++i) word += static_cast<char>('a' + random() % 26);
    if (random() % 20 == 0) word += "\",";
    tokens.push_back(word);
  }
  tokens.emplace_back();
  TokenId end = 128'000;
  return VocabularyIndex::create(tokens, {&end, 1});
}

const std::shared_ptr<const VocabularyIndex>& vocabulary() {
  static const auto index = [] {
    auto oracle = from_oracle();
    return oracle ? oracle : from_words();
  }();
  return index;
}

struct Case {
  const char* name;
  const char* schema;  // null: any JSON object
  const char* text;    // what a model writes
};

const Case kCases[] = {
    {"person",
     R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0,"maximum":150},"email":{"type":"string","format":"email"},"tags":{"type":"array","items":{"type":"string"},"maxItems":8},"address":{"type":"object","properties":{"street":{"type":"string","maxLength":200},"city":{"type":"string"},"zip":{"type":"string","pattern":"^[0-9]{5}$"}},"required":["street","city","zip"],"additionalProperties":false}},"required":["name","age","address"],"additionalProperties":false})",
     R"({"name": "Ada Lovelace", "age": 36, "email": "ada@example.org", "tags": ["mathematics", "analytical engine", "poetry"], "address": {"street": "12 St James's Square, behind the old library", "city": "London", "zip": "12345"}})"},
    {"enum_and_union",
     R"({"type":"object","properties":{"steps":{"type":"array","items":{"anyOf":[{"type":"object","properties":{"kind":{"const":"search"},"query":{"type":"string"}},"required":["kind","query"],"additionalProperties":false},{"type":"object","properties":{"kind":{"const":"open"},"url":{"type":"string","format":"uri"},"reason":{"type":["string","null"]}},"required":["kind","url"],"additionalProperties":false}]}},"verdict":{"enum":["yes","no","unknown"]}},"required":["steps","verdict"],"additionalProperties":false})",
     R"({"steps": [{"kind": "search", "query": "how tall is the Eiffel tower in metres"}, {"kind": "open", "url": "https://example.org/tower?lang=en", "reason": null}, {"kind": "search", "query": "second opinion"}], "verdict": "yes"})"},
    {"recursive",
     R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"value":{"type":"number"},"children":{"type":"array","items":{"$ref":"#/$defs/node"}}},"required":["value","children"],"additionalProperties":false}}})",
     R"({"value": 1.5, "children": [{"value": 2, "children": [{"value": -3.25e2, "children": []}, {"value": 7, "children": []}]}, {"value": 4, "children": [{"value": 0.125, "children": [{"value": 10, "children": []}]}]}]})"},
    {"bounded_text",
     R"({"type":"object","properties":{"summary":{"type":"string","minLength":20,"maxLength":4000},"score":{"type":"number","minimum":0,"maximum":1}},"required":["summary","score"],"additionalProperties":false})",
     R"({"summary": "The committee met twice, once in spring and once in autumn, and agreed that the bridge should be repaired before the winter.", "score": 0.875})"},
    {"any_object", nullptr,
     R"({"id": 7, "items": [{"a": true, "b": [1, 2, 3]}, "text with \"quotes\" and \u00e9", null], "nested": {"deep": {"deeper": {"x": 1e5}}}})"},
};

GrammarPtr compile(const Case& c) {
  auto g = c.schema != nullptr ? compile_json_schema(c.schema) : compile_json_object();
  if (!g) std::abort();
  return *g;
}

// Longest tokens first, as long as the grammar takes them: about what a tokenizer does.
std::vector<TokenId> tokens_of(std::string_view text) {
  std::vector<std::string> by_length;
  std::vector<TokenId> out;
  static const auto ids = [] {
    std::vector<std::pair<std::string_view, TokenId>> sorted;
    for (std::size_t i = 0; i < vocabulary()->size(); ++i) {
      auto id = static_cast<TokenId>(i);
      if (!vocabulary()->bytes_of(id).empty()) sorted.emplace_back(vocabulary()->bytes_of(id), id);
    }
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  }();
  while (!text.empty()) {
    std::size_t length = std::min<std::size_t>(text.size(), 16);
    for (; length > 0; --length) {
      auto at = std::lower_bound(ids.begin(), ids.end(), std::pair(text.substr(0, length), TokenId{0}));
      if (at != ids.end() && at->first == text.substr(0, length)) {
        out.push_back(at->second);
        break;
      }
    }
    if (length == 0) std::abort();
    text.remove_prefix(length);
  }
  return out;
}

void mask(benchmark::State& state, const Case& c, bool tight) {
  using clock = std::chrono::steady_clock;
  auto cache = std::make_shared<MaskCache>(compile(c), vocabulary());
  std::vector<std::uint64_t> bits(vocabulary()->mask_words());
  auto tokens = tokens_of(c.text);
  Matcher matcher(cache);
  std::vector<double> times;
  auto run = [&] {
    matcher.reset();
    auto left = static_cast<std::uint32_t>(tokens.size() + 1);
    for (TokenId t : tokens) {
      auto begin = clock::now();
      auto kind = matcher.fill_mask(bits, tight ? left-- : kNoBudget);
      bool good = kind && (bits[static_cast<std::size_t>(t) / 64] >> (static_cast<std::size_t>(t) % 64) & 1) != 0;
      if (!matcher.accept(t)) std::abort();
      times.push_back(std::chrono::duration<double, std::micro>(clock::now() - begin).count());
      if (!good && !tight) std::abort();
    }
  };
  run();
  double cold = 0;
  for (double t : times) cold += t / static_cast<double>(times.size());
  times.clear();
  for (auto _ : state) run();
  double mean = 0;
  for (double t : times) mean += t / static_cast<double>(times.size());
  std::sort(times.begin(), times.end());
  state.counters["tokens"] = static_cast<double>(tokens.size());
  state.counters["cold_us"] = cold;
  state.counters["mean_us"] = mean;
  state.counters["p99_us"] = times[times.size() * 99 / 100];
  state.counters["max_us"] = times.back();
  state.counters["cache_kb"] = static_cast<double>(cache->memory()) / 1024;
}

void compiling(benchmark::State& state, const Case& c) {
  for (auto _ : state) benchmark::DoNotOptimize(compile(c));
  state.counters["places"] = static_cast<double>(compile(c)->place_count());
}

void index(benchmark::State& state) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < vocabulary()->size(); ++i)
    texts.emplace_back(vocabulary()->bytes_of(static_cast<TokenId>(i)));
  for (auto _ : state) benchmark::DoNotOptimize(VocabularyIndex::create(texts, vocabulary()->ends()));
  state.counters["tokens"] = static_cast<double>(texts.size());
  state.counters["kb"] = static_cast<double>(vocabulary()->memory()) / 1024;
}
BENCHMARK(index)->Unit(benchmark::kMillisecond);

const int kRegistered = [] {
  for (const Case& c : kCases) {
    std::string name = c.name;
    benchmark::RegisterBenchmark(("mask/" + name).c_str(), [&c](benchmark::State& s) {
      mask(s, c, false);
    })->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark(("mask_tight_budget/" + name).c_str(), [&c](benchmark::State& s) {
      mask(s, c, true);
    })->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark(("compile/" + name).c_str(), [&c](benchmark::State& s) {
      compiling(s, c);
    })->Unit(benchmark::kMicrosecond);
  }
  return 0;
}();

}  // namespace
}  // namespace freehold::text::grammar
