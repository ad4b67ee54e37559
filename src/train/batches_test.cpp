#include "train/batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/random.h"

namespace freehold::train {
namespace {

std::vector<std::uint32_t> random_lengths(std::size_t n, std::uint64_t seed, std::uint32_t most) {
  std::vector<std::uint32_t> lengths(n);
  for (std::size_t i = 0; i < n; ++i) lengths[i] = 1 + static_cast<std::uint32_t>(uniform_draw(seed, 1, i) * most);
  return lengths;
}

std::uint32_t fill(const PackedRow& row, const std::vector<std::uint32_t>& lengths) {
  return std::accumulate(row.begin(), row.end(), 0U,
                         [&](std::uint32_t sum, std::uint32_t i) { return sum + lengths[i]; });
}

// The definition, row by row.
std::vector<PackedRow> plainly(const std::vector<std::uint32_t>& lengths, std::uint32_t capacity,
                               std::vector<std::uint32_t> order) {
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return lengths[a] > lengths[b]; });
  std::vector<PackedRow> rows;
  for (const std::uint32_t i : order) {
    auto fits = std::find_if(rows.begin(), rows.end(),
                             [&](const PackedRow& row) { return fill(row, lengths) + lengths[i] <= capacity; });
    if (fits == rows.end()) fits = rows.insert(rows.end(), PackedRow());
    fits->push_back(i);
  }
  return rows;
}

TEST(Packing, IsFirstFitDecreasing) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::size_t n = 1 + static_cast<std::size_t>(uniform_draw(seed, 0, 0) * 200);
    const auto lengths = random_lengths(n, seed, 64);
    std::vector<std::uint32_t> order(n);
    std::iota(order.rbegin(), order.rend(), 0U);
    EXPECT_EQ(pack_first_fit_decreasing(lengths, 64, order), plainly(lengths, 64, order)) << seed;
  }
}

// Every example once an epoch, no row too full, no micro-batch beyond the limits, the same again when asked again.
TEST(Batches, EveryExampleOnceAnEpoch) {
  for (const std::uint32_t row_tokens : {0U, 100U}) {
    for (const bool shuffle : {false, true}) {
      const auto lengths = random_lengths(157, 3, 100);
      BatchOptions options;
      options.micro_batch_size = 3;
      options.accumulation = 4;
      options.row_tokens = row_tokens;
      options.shuffle = shuffle;
      options.seed = 11;
      Batches batches(lengths, options);
      std::vector<std::vector<PackedRow>> all;
      std::vector<PackedRow> epochs[2];
      for (std::uint64_t epoch = 0; epoch < 2; ++epoch) {
        std::vector<std::uint32_t> seen;
        for (std::uint64_t s = 0; s < batches.steps_per_epoch(); ++s) {
          all.push_back(batches.step(epoch * batches.steps_per_epoch() + s));
          EXPECT_LE(all.back().size(), 4U);
          for (const PackedRow& micro : all.back()) {
            EXPECT_LE(fill(micro, lengths), batches.limits().tokens);
            EXPECT_LE(micro.size(), batches.limits().sequences);
            seen.insert(seen.end(), micro.begin(), micro.end());
            epochs[epoch].push_back(micro);
          }
        }
        std::sort(seen.begin(), seen.end());
        std::vector<std::uint32_t> every(lengths.size());
        std::iota(every.begin(), every.end(), 0U);
        EXPECT_EQ(seen, every);
      }
      EXPECT_EQ(epochs[0] == epochs[1], !shuffle);
      Batches again(lengths, options);
      for (std::size_t s = all.size(); s-- > 0;) EXPECT_EQ(again.step(s), all[s]) << s;
    }
  }
}

TEST(Batches, PackingFillsRows) {
  const auto lengths = random_lengths(500, 5, 60);
  BatchOptions options;
  options.row_tokens = 256;
  const Batches packed(lengths, options);
  const auto tokens = std::accumulate(lengths.begin(), lengths.end(), std::uint64_t{0});
  EXPECT_LE(packed.rows(), tokens / 256 + 2);
  EXPECT_LE(packed.limits().tokens, 256U);
}

TEST(Batches, OneExampleIsAnEpoch) {
  Batches one({7}, {.micro_batch_size = 8, .accumulation = 8});
  EXPECT_EQ(one.steps_per_epoch(), 1U);
  EXPECT_EQ(one.step(5), (std::vector<PackedRow>{{0}}));
  EXPECT_EQ(one.limits().tokens, 7U);
}

}  // namespace
}  // namespace freehold::train
