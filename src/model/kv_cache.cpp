#include "model/kv_cache.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace freehold::model {
namespace {

std::size_t blocks_for(std::uint64_t tokens) {
  return (tokens + kKvBlock - 1) / kKvBlock;
}

// The first position that a query at `position` or later still sees.
std::uint32_t window_start(std::uint32_t window, std::uint32_t position) {
  return window == 0 || position + 1 <= window ? 0 : position + 1 - window;
}

}  // namespace

kernel::KvType kv_type(const Spec& spec, KvChoice choice) {
  switch (choice) {
    case KvChoice::automatic:
      return spec.quantised ? kernel::KvType::f16 : kernel::KvType::f32;
    case KvChoice::f32:
      return kernel::KvType::f32;
    case KvChoice::f16:
      return kernel::KvType::f16;
    case KvChoice::q8_0:
      return kernel::KvType::q8_0;
  }
  return kernel::KvType::f32;
}

std::optional<KvChoice> kv_choice_from_name(std::string_view name) {
  if (name == "auto") return KvChoice::automatic;
  for (KvChoice choice : {KvChoice::f32, KvChoice::f16, KvChoice::q8_0}) {
    if (name_of(kv_type({}, choice)) == name) return choice;
  }
  return std::nullopt;
}

KvLayout::KvLayout(const Spec& spec, KvChoice choice)
    : kv_heads(spec.kv_heads), head_size(spec.head_size), type(kv_type(spec, choice)) {
  for (const Block& block : spec.blocks) {
    auto it = std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.window == block.window; });
    if (it == groups.end()) it = groups.insert(groups.end(), Group{block.window, 0});
    group_of_layer.push_back(static_cast<std::uint32_t>(it - groups.begin()));
    index_in_group.push_back(it->layers++);
  }
}

std::size_t KvLayout::blocks_needed(std::size_t group, std::uint64_t tokens, std::uint32_t sequences,
                                    std::uint32_t chunk) const {
  // Every sequence may have a last block that holds one position.
  const auto all = static_cast<std::size_t>((tokens + std::uint64_t{sequences} * (kKvBlock - 1)) / kKvBlock);
  if (groups[group].window == 0) return all;
  // One sequence holds the window's blocks, those of the chunk being written, and a part-filled one at either end.
  const std::size_t each = blocks_for(groups[group].window) + blocks_for(chunk) + 2;
  return std::min(all, each * sequences);
}

std::uint64_t KvLayout::bytes_needed(std::uint64_t tokens, std::uint32_t sequences, std::uint32_t chunk) const {
  std::uint64_t bytes = 0;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    bytes += blocks_needed(g, tokens, sequences, chunk) * groups[g].layers * bytes_per_layer();
  }
  return bytes;
}

Result<std::unique_ptr<KvCache>> KvCache::create(const KvLayout& layout, std::uint64_t tokens, std::uint32_t sequences,
                                                 std::uint32_t chunk, std::uint32_t longest) {
  std::unique_ptr<KvCache> cache(new KvCache(layout));
  cache->longest_ = longest;
  cache->pools_.resize(layout.groups.size());
  for (std::size_t g = 0; g < layout.groups.size(); ++g) {
    Pool& pool = cache->pools_[g];
    const std::size_t blocks = layout.blocks_needed(g, tokens, sequences, chunk);
    pool.block_bytes = layout.groups[g].layers * layout.bytes_per_layer();
    pool.bytes = blocks * pool.block_bytes;
    void* p = ::mmap(nullptr, pool.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
      return fail(Errc::exhausted, fmt::format("key/value cache: no memory for {} bytes", pool.bytes));
    ::madvise(p, pool.bytes, MADV_HUGEPAGE);
    pool.memory = static_cast<std::byte*>(p);
    pool.references.resize(blocks);
    pool.free.reserve(blocks);
    for (std::size_t b = blocks; b > 0; --b) pool.free.push_back(static_cast<std::uint32_t>(b - 1));
  }
  return cache;
}

KvCache::~KvCache() {
  for (Pool& pool : pools_) {
    if (pool.memory != nullptr) ::munmap(pool.memory, pool.bytes);
  }
}

std::byte* KvCache::take(std::size_t group) {
  Pool& pool = pools_[group];
  FH_CHECK(!pool.free.empty(), "reserve and fork count the free blocks first");
  std::uint32_t index = pool.free.back();
  pool.free.pop_back();
  pool.references[index] = 1;
  return pool.memory + index * pool.block_bytes;
}

void KvCache::share(std::size_t group, std::byte* block) {
  Pool& pool = pools_[group];
  ++pool.references[static_cast<std::size_t>(block - pool.memory) / pool.block_bytes];
}

std::uint32_t KvCache::references(std::size_t group, const std::byte* block) const {
  const Pool& pool = pools_[group];
  return pool.references[static_cast<std::size_t>(block - pool.memory) / pool.block_bytes];
}

void KvCache::drop(std::size_t group, std::byte* block) {
  Pool& pool = pools_[group];
  auto index = static_cast<std::uint32_t>(static_cast<std::size_t>(block - pool.memory) / pool.block_bytes);
  if (--pool.references[index] == 0) pool.free.push_back(index);
}

std::size_t KvCache::free_blocks(std::size_t group) const {
  return pools_[group].free.size();
}
std::size_t KvCache::total_blocks(std::size_t group) const {
  return pools_[group].references.size();
}

KvSequence KvCache::new_sequence() {
  KvSequence s;
  s.cache_ = this;
  s.tables_.resize(pools_.size());
  s.first_.assign(pools_.size(), 0);
  for (auto& table : s.tables_) table.reserve(blocks_for(longest_) + 1);
  return s;
}

Result<KvSequence> KvCache::fork(const KvSequence& from, std::uint32_t length) {
  FH_CHECK(from.cache_ == this, "a sequence is forked in its own cache");
  if (length > from.length_)
    return fail(Errc::invalid, fmt::format("cannot continue after {} of {} positions", length, from.length_));
  const std::uint32_t whole = length / kKvBlock;
  const bool part = length % kKvBlock != 0;
  for (std::size_t g = 0; g < pools_.size(); ++g) {
    const std::uint32_t oldest = window_start(layout_.groups[g].window, length) / kKvBlock;
    if (length > 0 && oldest < from.first_[g]) {
      return fail(Errc::invalid,
                  fmt::format("a window has dropped positions before {} that a continuation after {} would see",
                              from.first_[g] * kKvBlock, length));
    }
    if (part && pools_[g].free.empty()) return fail(Errc::exhausted, "key/value cache: no free block");
  }
  KvSequence s = new_sequence();
  s.length_ = length;
  for (std::size_t g = 0; g < pools_.size(); ++g) {
    const std::uint32_t oldest = std::min(window_start(layout_.groups[g].window, length) / kKvBlock, whole);
    s.first_[g] = oldest;
    for (std::uint32_t b = 0; b < whole; ++b) {
      std::byte* block = b < oldest ? nullptr : from.tables_[g][b];
      if (block != nullptr) share(g, block);
      s.tables_[g].push_back(block);
    }
    if (part) {
      std::byte* copy = take(g);
      std::memcpy(copy, from.tables_[g][whole], pools_[g].block_bytes);
      s.tables_[g].push_back(copy);
    }
  }
  return s;
}

KvSequence::KvSequence(KvSequence&& other) noexcept
    : cache_(std::exchange(other.cache_, nullptr)),
      length_(std::exchange(other.length_, 0)),
      tentative_(std::exchange(other.tentative_, 0)),
      tables_(std::move(other.tables_)),
      first_(std::move(other.first_)) {
  other.tables_.clear();
}

KvSequence& KvSequence::operator=(KvSequence&& other) noexcept {
  std::swap(cache_, other.cache_);
  std::swap(length_, other.length_);
  std::swap(tentative_, other.tentative_);
  std::swap(tables_, other.tables_);
  std::swap(first_, other.first_);
  return *this;
}

const KvLayout& KvSequence::layout() const {
  return cache_->layout();
}

KvSequence::~KvSequence() {
  if (cache_ == nullptr) return;
  for (std::size_t g = 0; g < tables_.size(); ++g) {
    for (std::byte* block : tables_[g]) {
      if (block != nullptr) cache_->drop(g, block);
    }
  }
}

Result<> KvSequence::reserve(std::uint32_t tokens) {
  if (tokens > cache_->longest_ - std::min(length_, cache_->longest_)) {
    return fail(Errc::exhausted,
                fmt::format("{} + {} positions exceed the longest sequence of {}", length_, tokens, cache_->longest_));
  }
  const std::size_t want = blocks_for(std::uint64_t{length_} + tokens);
  for (std::size_t g = 0; g < tables_.size(); ++g) {
    const std::size_t more = want > tables_[g].size() ? want - tables_[g].size() : 0;
    if (cache_->free_blocks(g) < more) return fail(Errc::exhausted, "key/value cache: not enough free blocks");
  }
  for (std::size_t g = 0; g < tables_.size(); ++g) {
    while (tables_[g].size() < want) tables_[g].push_back(cache_->take(g));
  }
  return {};
}

void KvSequence::advance(std::uint32_t tokens) {
  length_ += tokens;
  free_passed();
}

void KvSequence::keep_for_truncate(std::uint32_t positions) {
  tentative_ = positions;
  free_passed();
}

// Frees the blocks that have left every window, also of the shortest sequence that a truncate may still make.
void KvSequence::free_passed() {
  const std::uint32_t shortest = length_ - std::min(tentative_, length_);
  for (std::size_t g = 0; g < tables_.size(); ++g) {
    const std::uint32_t oldest = window_start(cache_->layout_.groups[g].window, shortest) / kKvBlock;
    for (; first_[g] < oldest; ++first_[g]) {
      cache_->drop(g, std::exchange(tables_[g][first_[g]], nullptr));
    }
  }
}

Result<> KvSequence::truncate(std::uint32_t length) {
  if (length >= length_) return {};
  for (std::size_t g = 0; g < tables_.size(); ++g) {
    if (window_start(cache_->layout_.groups[g].window, length) / kKvBlock < first_[g]) {
      return fail(Errc::invalid,
                  fmt::format("a window has dropped positions that a continuation after {} would see", length));
    }
  }
  const std::size_t keep = blocks_for(length);
  // The last block will be written again: if it is shared, it must become ours first.
  const bool part = length % kKvBlock != 0;
  auto shared = [&](std::size_t g) { return part && cache_->references(g, tables_[g][keep - 1]) > 1; };
  for (std::size_t g = 0; g < tables_.size(); ++g) {
    if (shared(g) && cache_->free_blocks(g) == 0) return fail(Errc::exhausted, "key/value cache: no free block");
  }
  for (std::size_t g = 0; g < tables_.size(); ++g) {
    if (!shared(g)) continue;
    std::byte* ours = cache_->take(g);
    std::memcpy(ours, tables_[g][keep - 1], cache_->pools_[g].block_bytes);
    cache_->drop(g, std::exchange(tables_[g][keep - 1], ours));
  }
  for (std::size_t g = 0; g < tables_.size(); ++g) {
    while (tables_[g].size() > keep) {
      if (tables_[g].back() != nullptr) cache_->drop(g, tables_[g].back());
      tables_[g].pop_back();
    }
  }
  length_ = length;
  return {};
}

}  // namespace freehold::model
