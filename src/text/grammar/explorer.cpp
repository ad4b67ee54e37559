#include "text/grammar/explorer.h"

#include <algorithm>

namespace freehold::text::grammar {
namespace {

std::size_t hash_of(std::span<const Entry> config) {
  std::uint64_t h = config.size();
  for (const Entry& e : config) {
    h = (h ^ (std::uint64_t{e.state.q} << 32 | e.state.count)) * 0x9E3779B97F4A7C15ull;
    h = (h ^ (h >> 29) ^ e.below) * 0xBF58476D1CE4E5B9ull;
  }
  return static_cast<std::size_t>(h ^ (h >> 32));
}

}  // namespace

void Explorer::reset() {
  items_.clear();
  entries_.clear();
  tables_.clear();
  if (buckets_.size() > 4096) buckets_.clear();
  std::fill(buckets_.begin(), buckets_.end(), 0u);
  failed_ = false;
}

Explorer::Id Explorer::add(std::span<const Entry> given) {
  if (buckets_.size() < 2 * (items_.size() + 1)) {
    buckets_.assign(std::max<std::size_t>(64, buckets_.size() * 2), 0);
    for (Id i = 0; i < items_.size(); ++i) {
      std::size_t at = hash_of(config(i)) & (buckets_.size() - 1);
      while (buckets_[at] != 0) at = (at + 1) & (buckets_.size() - 1);
      buckets_[at] = i + 1;
    }
  }
  std::size_t at = hash_of(given) & (buckets_.size() - 1);
  for (; buckets_[at] != 0; at = (at + 1) & (buckets_.size() - 1)) {
    if (std::ranges::equal(config(buckets_[at] - 1), given)) return buckets_[at] - 1;
  }
  if (items_.size() >= kMaxItems) {
    failed_ = true;
    return kDead;
  }
  auto id = static_cast<Id>(items_.size());
  buckets_[at] = id + 1;
  Item item;
  item.first = static_cast<std::uint32_t>(entries_.size());
  item.count = static_cast<std::uint32_t>(given.size());
  item.accepting = stacks_->accepting(given);
  stacks_->possible(given, item.possible);
  entries_.insert(entries_.end(), given.begin(), given.end());
  items_.push_back(item);
  return id;
}

Explorer::Id Explorer::next(Id from, std::uint8_t byte) {
  if (items_[from].table == UINT32_MAX) {
    items_[from].table = static_cast<std::uint32_t>(tables_.size());
    tables_.resize(tables_.size() + 256, 0);
  }
  std::uint32_t slot = items_[from].table + byte;
  if (std::uint32_t known = tables_[slot]; known != 0) return known == 1 ? kDead : known - 2;
  if (!stacks_->step(config(from), byte, scratch_)) failed_ = true;
  Id to = failed_ || scratch_.empty() ? kDead : add(scratch_);
  tables_[slot] = to == kDead ? 1 : to + 2;
  return to;
}

}  // namespace freehold::text::grammar
