// Promise 1: {scalar, avx2, avx512, amx} x {1, 2 threads} x {alone, in a batch of 7} x {whole prompt, chunks of 1, 13,
// 512} x {cold, cached prefix} give the same logits and final hidden states for every family and weight type, and for
// two families with every type of the key/value cache. Each row is compared with memcmp against the definition: scalar
// kernels, one thread, alone, the whole prompt at once. Every run compares a fifth of the ways, so chosen that family
// and type go round them all; FREEHOLD_MATRIX=full, as in `./dev nightly`, compares all of them everywhere.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "format/checkpoint.h"
#include "kernel/amx_emulator_testing.h"
#include "kernel/kernels.h"
#include "model/model.h"
#include "store/synth/synth.h"

namespace freehold {
namespace {

constexpr std::uint32_t kPrompt = 81;  // over two windows of 32 and five attention blocks' edges
constexpr std::uint32_t kLongest = 128;
constexpr std::uint32_t kMostTokens = 7 * kPrompt;

struct Way {
  kernel::Level level;
  int threads;
  bool batch_of_7;
  std::uint32_t chunk;
  std::uint32_t cached;  // positions taken from another sequence's cache; 0 = cold

  std::string describe() const {
    return std::string(kernel::name_of(level)) + ", " + std::to_string(threads) + " threads, " +
           (batch_of_7 ? "batch of 7" : "alone") + ", chunks of " + std::to_string(chunk) + ", " +
           std::to_string(cached) + " cached";
  }
};

std::vector<std::int32_t> tokens(std::uint32_t count, std::uint64_t stream, std::uint32_t vocab) {
  std::vector<std::int32_t> out(count);
  for (std::uint32_t i = 0; i < count; ++i) out[i] = static_cast<std::int32_t>(uniform_draw(1, stream, i) * vocab);
  return out;
}

std::shared_ptr<const format::Checkpoint> make(const store::Shape& shape, std::string_view type, std::string& bytes) {
  ThreadPool pool(2);
  auto made = store::synthesise({shape, store::weight_type_from_name(type).value(), 0}, pool, [&](Bytes b) -> Result<> {
    bytes.append(as_text(b));
    return {};
  });
  EXPECT_TRUE(made) << shape.name << " " << type;
  auto gguf = format::parse_gguf(as_bytes(bytes));
  EXPECT_TRUE(gguf) << shape.name << " " << type;
  return std::make_shared<format::Checkpoint>(std::move(*gguf));
}

// The logits and the final hidden states of all positions from `way.cached` on, (kPrompt, V + C) with the cached rows
// left zero.
std::vector<float> run(const std::shared_ptr<const model::Model>& m, const Way& way,
                       model::KvChoice kept = model::KvChoice::automatic) {
  ThreadPool pool(way.threads);
  const std::uint32_t V = m->spec().vocab, C = m->spec().width, W = V + C;
  model::Executor executor(m, pool, kernel::table_even_if_unsupported(way.level), kMostTokens, kLongest, kMostTokens);
  auto cache = model::KvCache::create(model::KvLayout(m->spec(), kept), 20 * kLongest, 20, kMostTokens, kLongest);
  EXPECT_TRUE(cache);
  const auto prompt = tokens(kPrompt, 0, V);
  std::vector<float> out(std::size_t{kPrompt} * W);

  // Six neighbours that run along with other texts and other lengths.
  struct Neighbour {
    model::KvSequence sequence;
    std::vector<std::int32_t> ids;
    std::size_t done = 0;
  };
  std::vector<Neighbour> neighbours(way.batch_of_7 ? 6 : 0);
  for (std::size_t i = 0; i < neighbours.size(); ++i) {
    neighbours[i].sequence = (*cache)->new_sequence();
    neighbours[i].ids = tokens(static_cast<std::uint32_t>(17 + 11 * i), i + 1, V);
  }

  model::KvSequence first = (*cache)->new_sequence();
  model::KvSequence* sequence = &first;
  model::KvSequence continued;
  std::uint32_t done = 0;
  if (way.cached != 0) {
    // Somebody else computed the prefix, and went elsewhere after it.
    auto other = std::vector<std::int32_t>(prompt.begin(), prompt.begin() + way.cached);
    EXPECT_TRUE(first.reserve(way.cached));
    const model::BatchItem item{&first, other, model::LogitsWanted::none};
    EXPECT_TRUE(executor.forward({&item, 1}, {}));
    auto fork = (*cache)->fork(first, way.cached);
    EXPECT_TRUE(fork) << fork.error().what;
    continued = std::move(*fork);
    const auto away = tokens(5, 99, V);
    EXPECT_TRUE(first.reserve(5));
    const model::BatchItem elsewhere{&first, away, model::LogitsWanted::none};
    EXPECT_TRUE(executor.forward({&elsewhere, 1}, {}));
    sequence = &continued;
    done = way.cached;
  }
  std::vector<float> logits(std::size_t{kMostTokens} * V), hidden(std::size_t{kPrompt} * C), later(V);
  while (done < kPrompt) {
    const std::uint32_t n = std::min(way.chunk, kPrompt - done);
    std::vector<model::BatchItem> items;
    EXPECT_TRUE(sequence->reserve(n));
    const std::size_t before = neighbours.size() / 2;  // ours is in the middle
    auto add_neighbour = [&](Neighbour& other) {
      const std::size_t more = std::min<std::size_t>(1 + done % 9, other.ids.size() - other.done);
      if (more == 0) return;
      EXPECT_TRUE(other.sequence.reserve(static_cast<std::uint32_t>(more)));
      items.push_back({&other.sequence, std::span(other.ids).subspan(other.done, more), model::LogitsWanted::none});
      other.done += more;
    };
    for (std::size_t i = 0; i < before; ++i) add_neighbour(neighbours[i]);
    items.push_back({sequence, std::span(prompt).subspan(done, n), model::LogitsWanted::all,
                     std::span(hidden).first(std::size_t{n} * C)});
    for (std::size_t i = before; i < neighbours.size(); ++i) add_neighbour(neighbours[i]);
    auto ran = executor.forward(items, logits);
    EXPECT_TRUE(ran);
    for (std::size_t i = 0; i < n; ++i) {
      float* row = out.data() + (done + i) * W;
      std::copy_n(logits.data() + i * V, V, row);
      std::copy_n(hidden.data() + i * C, C, row + V);
    }
    // The output matrix by itself gives the same.
    executor.logits_of(std::span(hidden).subspan((n - 1) * std::size_t{C}, C), nullptr, later);
    EXPECT_EQ(std::memcmp(later.data(), logits.data() + (n - 1) * std::size_t{V}, V * sizeof(float)), 0);
    done += n;
  }
  return out;
}

// The whole product for the vector levels, but that single tokens (81 passes) run with the longer cached prefix only;
// scalar kernels are slow, and beside the definition two ways that differ in everything suffice.
std::vector<Way> all_ways() {
  std::vector<Way> ways = {{kernel::Level::scalar, 2, true, 13, 45}, {kernel::Level::scalar, 1, false, 1, 70}};
  for (kernel::Level level : {kernel::Level::avx2, kernel::Level::avx512, kernel::Level::amx}) {
    if (level > kernel::detect_level()) {
      // Emulated, an instruction costs microseconds: two ways that differ in everything.
      if (level != kernel::Level::amx || !kernel::amx_for_tests()) continue;
      ways.push_back({level, 2, true, 13, 45});
      ways.push_back({level, 1, false, 512, 0});
      continue;
    }
    for (int threads : {1, 2}) {
      for (bool batch : {false, true}) {
        for (std::uint32_t cached : {0u, 32u, 45u}) {
          for (std::uint32_t chunk : {13u, 512u}) ways.push_back({level, threads, batch, chunk, cached});
        }
        ways.push_back({level, threads, batch, 1, 45});
      }
    }
  }
  return ways;
}

// The ways of one family and type: all, or a fifth of those that are quick, a third of those with scalar kernels and an
// eighth of those with emulated ones, beginning elsewhere at every `turn`, so that a few types of a family have met
// all.
std::vector<Way> ways_of(std::size_t turn) {
  const char* wish = std::getenv("FREEHOLD_MATRIX");
  std::vector<Way> ways = all_ways();
  if (wish != nullptr && std::string_view(wish) == "full") return ways;
  std::size_t quick = turn, scalar = turn, emulated = 3 * turn;
  std::erase_if(ways, [&](const Way& way) {
    if (way.level == kernel::Level::scalar) return scalar++ % 3 != 0;
    if (way.level > kernel::detect_level()) return emulated++ % 8 != 0;
    return quick++ % 5 != 0;
  });
  return ways;
}

class Promise1 : public testing::TestWithParam<std::string> {};

TEST_P(Promise1, TheSameInputGivesTheSameBits) {
  const store::Shape* shape = store::shape_from_name(GetParam());
  ASSERT_NE(shape, nullptr);
  std::size_t compared = 0, turn = static_cast<std::size_t>(shape - store::all_shapes().data());
  for (const char* type : {"f32", "f16", "bf16", "q8_0", "q4_0", "q4_k", "q6_k"}) {
    std::string bytes;
    auto checkpoint = make(*shape, type, bytes);
    ThreadPool pool(2);
    auto m = model::Model::load(checkpoint, pool);
    ASSERT_TRUE(m) << m.error().what;
    const std::size_t W = (*m)->spec().vocab + (*m)->spec().width;
    const auto expected = run(*m, {kernel::Level::scalar, 1, false, kPrompt, 0});
    for (float l : expected) ASSERT_TRUE(std::abs(l) < 1e6f) << type;
    for (const Way& way : ways_of(turn++)) {
      const auto got = run(*m, way);
      const std::size_t from = way.cached * W;
      EXPECT_EQ(std::memcmp(got.data() + from, expected.data() + from, (expected.size() - from) * sizeof(float)), 0)
          << type << ": " << way.describe();
      ++compared;
    }
  }
  std::printf("%s: %zu ways compared\n", GetParam().c_str(), compared);
  EXPECT_GT(compared, 0u);
}

// A window, and a soft cap with heads of another size; weights of floats and quantised.
TEST(Promise1Cache, EveryTypeOfTheCacheKeepsIt) {
  std::vector<std::vector<float>> seen;
  std::size_t turn = 0;
  for (const char* family : {"tiny-mistral", "tiny-gemma2"}) {
    for (const char* type : {"f32", "q4_0"}) {
      std::string bytes;
      auto checkpoint = make(*store::shape_from_name(family), type, bytes);
      ThreadPool pool(2);
      auto m = model::Model::load(checkpoint, pool);
      ASSERT_TRUE(m) << m.error().what;
      const std::size_t W = (*m)->spec().vocab + (*m)->spec().width;
      for (model::KvChoice kept : {model::KvChoice::f32, model::KvChoice::f16, model::KvChoice::q8_0}) {
        const auto expected = run(*m, {kernel::Level::scalar, 1, false, kPrompt, 0}, kept);
        for (const Way& way : ways_of(turn++)) {
          const auto got = run(*m, way, kept);
          const std::size_t from = way.cached * W;
          EXPECT_EQ(std::memcmp(got.data() + from, expected.data() + from, (expected.size() - from) * sizeof(float)), 0)
              << family << " " << type << " " << static_cast<int>(kept) << ": " << way.describe();
        }
        for (const auto& other : seen) EXPECT_NE(other, expected) << "another cache gives other logits";
        seen.push_back(expected);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Promise1,
                         testing::Values("tiny-llama", "tiny-llama3", "tiny-mistral", "tiny-mixtral", "tiny-qwen2",
                                         "tiny-qwen3", "tiny-gemma2", "tiny-gemma3"),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace freehold
