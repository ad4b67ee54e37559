#include "train/batches.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "base/check.h"
#include "train/dataset.h"

namespace freehold::train {
namespace {

// The free room of every row, with the largest of each half above it: finds the first row that has enough in log time.
class Room {
 public:
  Room(std::size_t rows, std::uint32_t capacity)
      : leaves_(std::bit_ceil(std::max<std::size_t>(rows, 1))), most_(2 * leaves_, capacity) {}

  std::size_t take(std::uint32_t tokens) {
    std::size_t node = 1;
    while (node < leaves_) {
      node *= 2;
      if (most_[node] < tokens) ++node;
    }
    const std::size_t row = node - leaves_;
    most_[node] -= tokens;
    while (node /= 2, node != 0) most_[node] = std::max(most_[2 * node], most_[2 * node + 1]);
    return row;
  }

 private:
  std::size_t leaves_;
  std::vector<std::uint32_t> most_;
};

}  // namespace

std::vector<PackedRow> pack_first_fit_decreasing(std::span<const std::uint32_t> lengths, std::uint32_t capacity,
                                                 std::span<const std::uint32_t> order) {
  std::vector<std::uint32_t> sorted(order.begin(), order.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return lengths[a] > lengths[b]; });
  Room room(sorted.size(), capacity);
  std::vector<PackedRow> rows;
  for (const std::uint32_t example : sorted) {
    FH_CHECK(lengths[example] <= capacity, "what is too long has been refused, dropped or cut");
    const std::size_t row = room.take(lengths[example]);
    if (row >= rows.size()) rows.resize(row + 1);
    rows[row].push_back(example);
  }
  return rows;
}

Batches::Batches(std::vector<std::uint32_t> lengths, const BatchOptions& options)
    : lengths_(std::move(lengths)), options_(options), current_(rows_of(0)) {
  FH_CHECK(!lengths_.empty(), "the data set has examples");
  rows_ = current_.size();
  const std::uint64_t a_step = std::uint64_t{options_.micro_batch_size} * options_.accumulation;
  steps_ = (rows_ + a_step - 1) / a_step;
  // The fullest rows may meet in one micro-batch. Their fill is the same in every epoch.
  std::vector<std::uint32_t> tokens, sequences;
  for (const PackedRow& row : current_) {
    std::uint32_t sum = 0;
    for (const std::uint32_t example : row) sum += lengths_[example];
    tokens.push_back(sum);
    sequences.push_back(static_cast<std::uint32_t>(row.size()));
  }
  const std::size_t most = std::min<std::size_t>(options_.micro_batch_size, current_.size());
  for (auto* values : {&tokens, &sequences}) std::sort(values->rbegin(), values->rend());
  const auto sum = [&](const std::vector<std::uint32_t>& values) {  // what no memory holds anyway is cut to the type
    const auto all =
        std::accumulate(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(most), std::uint64_t{0});
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(all, UINT32_MAX));
  };
  limits_ = {sum(tokens), sum(sequences)};
}

std::vector<PackedRow> Batches::rows_of(std::uint32_t epoch) const {
  const auto count = static_cast<std::uint32_t>(lengths_.size());
  const std::vector<std::uint32_t> order = epoch_order(count, options_.seed, epoch, options_.shuffle);
  std::vector<PackedRow> rows;
  if (options_.row_tokens == 0) {
    for (const std::uint32_t example : order) rows.push_back({example});
    return rows;
  }
  rows = pack_first_fit_decreasing(lengths_, options_.row_tokens, order);
  if (!options_.shuffle) {
    for (PackedRow& row : rows) std::sort(row.begin(), row.end());
    std::sort(rows.begin(), rows.end());
    return rows;
  }
  std::vector<PackedRow> shuffled;
  for (const std::uint32_t row : row_order(static_cast<std::uint32_t>(rows.size()), options_.seed, epoch)) {
    shuffled.push_back(std::move(rows[row]));
  }
  return shuffled;
}

std::vector<PackedRow> Batches::step(std::uint64_t step) {
  const auto epoch = static_cast<std::uint32_t>(step / steps_);
  if (epoch != epoch_) {
    current_ = rows_of(epoch);
    epoch_ = epoch;
  }
  const std::uint64_t micro = options_.micro_batch_size, a_step = micro * options_.accumulation;
  const std::uint64_t first = step % steps_ * a_step, end = std::min(rows_, first + a_step);
  std::vector<PackedRow> batches;
  for (std::uint64_t row = first; row < end; row += micro) {
    PackedRow& batch = batches.emplace_back();
    for (std::uint64_t r = row; r < std::min(end, row + micro); ++r) {
      batch.insert(batch.end(), current_[r].begin(), current_[r].end());
    }
  }
  return batches;
}

}  // namespace freehold::train
