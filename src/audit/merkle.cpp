#include "audit/merkle.h"

#include <openssl/evp.h>

#include <bit>

#include "base/check.h"

namespace freehold::audit {
namespace {

// A context that is used again: OpenSSL 3 looks a digest up anew for each new one, which costs more than the hash.
class Hasher {
 public:
  Hasher() {
    FH_CHECK(context_ != nullptr && EVP_DigestInit_ex(context_, EVP_sha256(), nullptr) == 1, "OpenSSL has SHA-256");
  }
  ~Hasher() { EVP_MD_CTX_free(context_); }
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  Hash operator()(unsigned char first, std::string_view a, std::string_view b) {
    Hash out;
    const bool good =
        EVP_DigestInit_ex(context_, nullptr, nullptr) == 1 && EVP_DigestUpdate(context_, &first, 1) == 1 &&
        EVP_DigestUpdate(context_, a.data(), a.size()) == 1 && EVP_DigestUpdate(context_, b.data(), b.size()) == 1 &&
        EVP_DigestFinal_ex(context_, reinterpret_cast<unsigned char*>(out.bytes.data()), nullptr) == 1;
    FH_CHECK(good, "hashing memory cannot fail");
    return out;
  }

 private:
  EVP_MD_CTX* context_ = EVP_MD_CTX_new();
};

Hasher& hasher() {
  thread_local Hasher own;
  return own;
}

std::string_view text_of(const Hash& hash) {
  return {reinterpret_cast<const char*>(hash.bytes.data()), hash.bytes.size()};
}

}  // namespace

Hash leaf_hash(std::string_view entry) {
  return hasher()(0, entry, {});
}

Hash node_hash(const Hash& left, const Hash& right) {
  return hasher()(1, text_of(left), text_of(right));
}

Hash empty_root() {
  return sha256(std::string_view());
}

unsigned split_level(std::uint64_t n) {
  return static_cast<unsigned>(std::bit_width(n - 1)) - 1;
}

void Frontier::append(const Hash& leaf, const std::function<void(unsigned, const Hash&)>& full) {
  Hash hash = leaf;
  unsigned level = 0;
  for (std::uint64_t n = size_; (n & 1) != 0; n >>= 1) {
    hash = node_hash(peaks_.back(), hash);
    peaks_.pop_back();
    ++level;
    if (full) full(level, hash);
  }
  peaks_.push_back(hash);
  ++size_;
}

Hash Frontier::root() const {
  if (peaks_.empty()) return empty_root();
  Hash hash = peaks_.back();
  for (std::size_t i = peaks_.size() - 1; i-- > 0;) hash = node_hash(peaks_[i], hash);
  return hash;
}

Result<std::vector<Hash>> peaks_of(std::uint64_t size, const Subtree& subtree) {
  std::vector<Hash> peaks;
  for (std::uint64_t from = 0; from < size;) {
    const auto level = static_cast<unsigned>(std::bit_width(size - from)) - 1;
    FH_TRY(const Hash hash, subtree(level, from >> level));
    peaks.push_back(hash);
    from += std::uint64_t{1} << level;
  }
  return peaks;
}

Result<Hash> root_of(std::uint64_t size, const Subtree& subtree) {
  FH_TRY(std::vector<Hash> peaks, peaks_of(size, subtree));
  return Frontier(size, std::move(peaks)).root();
}

namespace {

// The root of leaves [from, from + n): from is a multiple of the power of two that is not below n.
Result<Hash> range_root(std::uint64_t from, std::uint64_t n, const Subtree& subtree) {
  if (std::has_single_bit(n)) {
    const auto level = static_cast<unsigned>(std::countr_zero(n));
    return subtree(level, from >> level);
  }
  const std::uint64_t k = std::uint64_t{1} << split_level(n);
  FH_TRY(const Hash left, range_root(from, k, subtree));
  FH_TRY(const Hash right, range_root(from + k, n - k, subtree));
  return node_hash(left, right);
}

}  // namespace

Result<std::vector<Hash>> inclusion_proof(std::uint64_t index, std::uint64_t size, const Subtree& subtree) {
  if (index >= size) return fail(Errc::invalid, "there is no such entry in a tree of this size");
  std::vector<Hash> proof;
  std::uint64_t from = 0;
  for (std::uint64_t n = size; n > 1;) {
    const std::uint64_t k = std::uint64_t{1} << split_level(n);
    const bool left = index - from < k;
    FH_TRY(const Hash other, left ? range_root(from + k, n - k, subtree) : range_root(from, k, subtree));
    proof.push_back(other);
    if (!left) from += k;
    n = left ? k : n - k;
  }
  return std::vector<Hash>(proof.rbegin(), proof.rend());
}

Result<std::vector<Hash>> consistency_proof(std::uint64_t old_size, std::uint64_t size, const Subtree& subtree) {
  if (old_size == 0 || old_size > size) return fail(Errc::invalid, "there is no proof between trees of these sizes");
  std::vector<Hash> proof;
  if (old_size == size) return proof;
  std::uint64_t from = 0, n = size, m = old_size;
  bool whole = true;  // the old tree is all of what is left of it: its root is known to who asks
  while (m != n) {
    const std::uint64_t k = std::uint64_t{1} << split_level(n);
    const bool left = m <= k;
    FH_TRY(const Hash other, left ? range_root(from + k, n - k, subtree) : range_root(from, k, subtree));
    proof.push_back(other);
    if (left) {
      n = k;
    } else {
      from += k;
      m -= k;
      n -= k;
      whole = false;
    }
  }
  if (!whole) {
    FH_TRY(const Hash rest, range_root(from, m, subtree));
    proof.push_back(rest);
  }
  return std::vector<Hash>(proof.rbegin(), proof.rend());
}

bool verify_inclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size, std::span<const Hash> proof,
                      const Hash& root) {
  if (index >= size) return false;
  std::uint64_t fn = index, sn = size - 1;
  Hash r = leaf;
  for (const Hash& p : proof) {
    if (sn == 0) return false;
    if ((fn & 1) != 0 || fn == sn) {
      r = node_hash(p, r);
      while ((fn & 1) == 0 && fn != 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      r = node_hash(r, p);
    }
    fn >>= 1;
    sn >>= 1;
  }
  return sn == 0 && r == root;
}

bool verify_consistency(std::uint64_t old_size, const Hash& old_root, std::uint64_t size, const Hash& root,
                        std::span<const Hash> proof) {
  if (old_size == 0 || old_size > size) return false;
  if (old_size == size) return proof.empty() && old_root == root;
  std::vector<Hash> path(proof.begin(), proof.end());
  if (std::has_single_bit(old_size)) path.insert(path.begin(), old_root);
  if (path.empty()) return false;
  std::uint64_t fn = old_size - 1, sn = size - 1;
  while ((fn & 1) != 0) {
    fn >>= 1;
    sn >>= 1;
  }
  Hash fr = path[0], sr = path[0];
  for (std::size_t i = 1; i < path.size(); ++i) {
    if (sn == 0) return false;
    if ((fn & 1) != 0 || fn == sn) {
      fr = node_hash(path[i], fr);
      sr = node_hash(path[i], sr);
      while ((fn & 1) == 0 && fn != 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      sr = node_hash(sr, path[i]);
    }
    fn >>= 1;
    sn >>= 1;
  }
  return sn == 0 && fr == old_root && sr == root;
}

}  // namespace freehold::audit
