// The Merkle tree of RFC 9162, section 2.1: hashes of leaves and nodes, roots, and proofs of inclusion and of
// consistency. A leaf is SHA-256(0x00 || entry), a node SHA-256(0x01 || left || right), so that neither can be taken
// for the other; n leaves are split at the largest power of two below n, so that a subtree that is full never changes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"

namespace freehold::audit {

using Hash = Digest;

Hash leaf_hash(std::string_view entry);
Hash node_hash(const Hash& left, const Hash& right);
Hash empty_root();  // of a tree without leaves: SHA-256 of nothing

// The largest power of two below n, as an exponent; n >= 2.
unsigned split_level(std::uint64_t n);

// A tree that grows, as far as growing needs it: the roots of its full subtrees, O(log n) of them.
class Frontier {
 public:
  Frontier() = default;
  // `peaks`: the roots of the full subtrees that `size` leaves are made of, the largest first.
  Frontier(std::uint64_t size, std::vector<Hash> peaks) : size_(size), peaks_(std::move(peaks)) {}

  // Calls full(level, hash) for each subtree of 2^level leaves, level > 0, that this leaf completes.
  void append(const Hash& leaf, const std::function<void(unsigned, const Hash&)>& full = {});
  std::uint64_t size() const { return size_; }
  Hash root() const;

 private:
  std::uint64_t size_ = 0;
  std::vector<Hash> peaks_;
};

// The root of the full subtree of 2^level leaves that begins at leaf index * 2^level.
using Subtree = std::function<Result<Hash>(unsigned level, std::uint64_t index)>;

// The peaks of a Frontier of so many leaves; the root of these.
Result<std::vector<Hash>> peaks_of(std::uint64_t size, const Subtree& subtree);
Result<Hash> root_of(std::uint64_t size, const Subtree& subtree);
// RFC 9162, 2.1.3.1 and 2.1.4.1; at most 2 log2(size) + 2 hashes. Errors: invalid (no such leaf or size), those of
// `subtree`.
Result<std::vector<Hash>> inclusion_proof(std::uint64_t index, std::uint64_t size, const Subtree& subtree);
Result<std::vector<Hash>> consistency_proof(std::uint64_t old_size, std::uint64_t size, const Subtree& subtree);

// RFC 9162, 2.1.3.2 and 2.1.4.2. Any input is allowed.
bool verify_inclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size, std::span<const Hash> proof,
                      const Hash& root);
bool verify_consistency(std::uint64_t old_size, const Hash& old_root, std::uint64_t size, const Hash& root,
                        std::span<const Hash> proof);

}  // namespace freehold::audit
