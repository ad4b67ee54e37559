// The paged key/value cache: blocks of 32 positions, owned by sequences through handles, shared by reference count when
// one sequence continues another's prefix.
//
// Layers with the same window form a group; a group has its own blocks, and one block holds 32 positions of all layers
// of its group: per layer the keys of all kv heads, then their values (kernel/kv_block.h). When a position has left the
// window for good, its group's block is freed while the others keep theirs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernel/kv_block.h"
#include "model/spec.h"

namespace freehold::model {

inline constexpr std::uint32_t kKvBlock = kernel::kKvBlock;

// What is asked for. The type is part of what determines the logits (docs/adr/0009).
enum class KvChoice : std::uint8_t {
  automatic,  // f16 where linear weights are quantised, f32 where they are floats
  f32,
  f16,
  q8_0,
};
kernel::KvType kv_type(const Spec& spec, KvChoice choice);
// "auto", "f32", "f16", "q8_0".
std::optional<KvChoice> kv_choice_from_name(std::string_view name);

// Where each layer's keys and values live.
struct KvLayout {
  struct Group {
    std::uint32_t window = 0;  // 0 = all positions stay
    std::uint32_t layers = 0;
  };
  std::vector<Group> groups;
  std::vector<std::uint32_t> group_of_layer;
  std::vector<std::uint32_t> index_in_group;
  std::uint32_t kv_heads = 0;
  std::uint32_t head_size = 0;
  kernel::KvType type = kernel::KvType::f32;

  explicit KvLayout(const Spec& spec, KvChoice choice = KvChoice::automatic);
  // Of a block: all keys of a layer, and keys with values.
  std::size_t key_bytes_per_layer() const { return kv_heads * kernel::kv_key_bytes(type, head_size); }
  std::size_t bytes_per_layer() const {
    return key_bytes_per_layer() + kv_heads * kernel::kv_value_bytes(type, head_size);
  }
  // Blocks that group g needs for `sequences` sequences of up to `tokens` positions in all, fed in chunks of up to
  // `chunk`.
  std::size_t blocks_needed(std::size_t group, std::uint64_t tokens, std::uint32_t sequences,
                            std::uint32_t chunk) const;
  // Bytes of a whole cache for the same.
  std::uint64_t bytes_needed(std::uint64_t tokens, std::uint32_t sequences, std::uint32_t chunk) const;
};

class KvCache;

// One sequence's place in the cache. Movable; returns its blocks when destroyed. The cache outlives it. Not
// thread-safe.
class KvSequence {
 public:
  KvSequence() = default;
  KvSequence(KvSequence&& other) noexcept;
  KvSequence& operator=(KvSequence&& other) noexcept;
  ~KvSequence();

  bool valid() const { return cache_ != nullptr; }
  const KvLayout& layout() const;
  // Positions written so far: the next token goes to position length().
  std::uint32_t length() const { return length_; }

  // Makes room for `tokens` more positions. Errc::exhausted if the cache has too few free blocks; nothing changes then.
  Result<> reserve(std::uint32_t tokens);
  // The positions have been written (by Executor::forward): moves on, and frees blocks that left every window of their
  // group.
  void advance(std::uint32_t tokens);
  // Forgets positions from `length` on. Fails (Errc::invalid) if a window has already dropped what they would need.
  Result<> truncate(std::uint32_t length);
  // The last `positions` may be taken back: from now on advance keeps the blocks that a truncate by as many needs.
  // Call it before the positions are written; 0, as in the beginning, frees what was kept for that.
  void keep_for_truncate(std::uint32_t positions);

  // Block table of a group: entry i holds positions 32 i …; null where the window has passed or nothing is reserved.
  std::span<std::byte* const> blocks(std::size_t group) const { return tables_[group]; }

 private:
  friend class KvCache;
  void free_passed();
  KvCache* cache_ = nullptr;  // owner of all blocks
  std::uint32_t length_ = 0;
  std::uint32_t tentative_ = 0;  // of these, positions that may be taken back
  std::vector<std::vector<std::byte*>>
      tables_;                        // by group; capacity reserved at creation, so decoding allocates nothing
  std::vector<std::uint32_t> first_;  // by group: first block not yet freed
};

class KvCache {
 public:
  // Room for `sequences` sequences with `tokens` positions in all; memory is reserved now and touched on first use.
  // `longest` is the longest a single sequence may become. Errc::exhausted if the system does not give the memory.
  static Result<std::unique_ptr<KvCache>> create(const KvLayout& layout, std::uint64_t tokens, std::uint32_t sequences,
                                                 std::uint32_t chunk, std::uint32_t longest);
  ~KvCache();
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  const KvLayout& layout() const { return layout_; }
  std::uint32_t longest() const { return longest_; }

  KvSequence new_sequence();
  // A sequence that continues `from` after its first `length` positions: whole blocks are shared, a part-filled last
  // block is copied. Errc::invalid if a window has dropped positions that the continuation would see; Errc::exhausted
  // as reserve.
  Result<KvSequence> fork(const KvSequence& from, std::uint32_t length);

  // Blocks free in a group, and in all of it.
  std::size_t free_blocks(std::size_t group) const;
  std::size_t total_blocks(std::size_t group) const;

 private:
  friend class KvSequence;
  explicit KvCache(KvLayout layout) : layout_(std::move(layout)) {}
  struct Pool {
    std::byte* memory = nullptr;  // mmap
    std::size_t bytes = 0;
    std::size_t block_bytes = 0;
    std::vector<std::uint32_t> references;  // by block
    std::vector<std::uint32_t> free;        // indices, used as a stack
  };
  std::byte* take(std::size_t group);
  void share(std::size_t group, std::byte* block);
  void drop(std::size_t group, std::byte* block);
  std::uint32_t references(std::size_t group, const std::byte* block) const;

  KvLayout layout_;
  std::uint32_t longest_ = 0;
  std::vector<Pool> pools_;
};

}  // namespace freehold::model
