#include "audit/merkle.h"

#include <gtest/gtest.h>

#include <random>

namespace freehold::audit {
namespace {

Hash from_hex(const std::string& hex) {
  return Digest::parse("sha256:" + hex).value();
}

// The tree that the tests of Certificate Transparency are written against (certificate-transparency-go, RFC 6962's
// reference implementation): eight leaves, the roots of the first 1 … 8, and proofs.
const std::vector<std::string> kLeaves = {
    "",
    std::string(1, '\0'),
    "\x10",
    "\x20\x21",
    "\x30\x31",
    "\x40\x41\x42\x43",
    "\x50\x51\x52\x53\x54\x55\x56\x57",
    "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
};
const char* const kRoots[] = {
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

std::vector<Hash> leaf_hashes() {
  std::vector<Hash> out;
  for (const std::string& leaf : kLeaves) out.push_back(leaf_hash(leaf));
  return out;
}

// The definition of RFC 9162, 2.1.1, word for word.
Hash definition(std::span<const Hash> leaves) {
  if (leaves.empty()) return empty_root();
  if (leaves.size() == 1) return leaves[0];
  std::size_t k = 1;
  while (2 * k < leaves.size()) k *= 2;
  return node_hash(definition(leaves.first(k)), definition(leaves.subspan(k)));
}

Subtree subtree_of(std::span<const Hash> leaves) {
  return [leaves](unsigned level, std::uint64_t index) -> Result<Hash> {
    const std::uint64_t n = std::uint64_t{1} << level;
    if ((index + 1) * n > leaves.size()) return fail(Errc::internal, "a subtree that is not full");
    return definition(leaves.subspan(index * n, n));
  };
}

TEST(Merkle, TheRootsOfCertificateTransparency) {
  EXPECT_EQ(empty_root().hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const auto leaves = leaf_hashes();
  Frontier tree;
  EXPECT_EQ(tree.root(), empty_root());
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    tree.append(leaves[i]);
    EXPECT_EQ(tree.root().hex(), kRoots[i]) << i + 1;
    EXPECT_EQ(root_of(i + 1, subtree_of(leaves)).value().hex(), kRoots[i]);
  }
}

TEST(Merkle, TheProofsOfCertificateTransparency) {
  const auto leaves = leaf_hashes();
  const std::vector<Hash> first = {from_hex("96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"),
                                   from_hex("5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"),
                                   from_hex("6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4")};
  EXPECT_EQ(inclusion_proof(0, 8, subtree_of(leaves)).value(), first);
  const std::vector<Hash> six_to_eight = {from_hex("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"),
                                          from_hex("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
                                          from_hex("d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")};
  EXPECT_EQ(consistency_proof(6, 8, subtree_of(leaves)).value(), six_to_eight);
}

TEST(Merkle, EveryProofOfSmallTreesHoldsAndNoOther) {
  std::vector<Hash> leaves;
  for (int i = 0; i < 40; ++i) leaves.push_back(leaf_hash(std::to_string(i)));
  const Subtree subtree = subtree_of(leaves);
  for (std::uint64_t n = 1; n <= leaves.size(); ++n) {
    const Hash root = definition(std::span(leaves).first(n));
    for (std::uint64_t i = 0; i < n; ++i) {
      auto proof = inclusion_proof(i, n, subtree).value();
      ASSERT_TRUE(verify_inclusion(leaves[i], i, n, proof, root)) << i << " of " << n;
      ASSERT_FALSE(verify_inclusion(leaves[i], (i + 1) % n, n, proof, root) && n > 1);
      ASSERT_FALSE(verify_inclusion(leaf_hash("x"), i, n, proof, root));
      ASSERT_FALSE(verify_inclusion(leaves[i], i, n, proof, leaf_hash("x")));
      proof.push_back(root);
      ASSERT_FALSE(verify_inclusion(leaves[i], i, n, proof, root)) << "a hash too many";
    }
    for (std::uint64_t m = 1; m <= n; ++m) {
      const Hash old_root = definition(std::span(leaves).first(m));
      auto proof = consistency_proof(m, n, subtree).value();
      ASSERT_TRUE(verify_consistency(m, old_root, n, root, proof)) << m << " in " << n;
      ASSERT_FALSE(verify_consistency(m, leaf_hash("x"), n, root, proof));
      ASSERT_FALSE(verify_consistency(m, old_root, n, leaf_hash("x"), proof));
      for (Hash& hash : proof) {
        hash.bytes[7] ^= std::byte{1};
        ASSERT_FALSE(verify_consistency(m, old_root, n, root, proof));
        hash.bytes[7] ^= std::byte{1};
      }
      if (!proof.empty()) proof.pop_back();
      ASSERT_FALSE(verify_consistency(m, old_root, n, root, proof) && m != n) << "a hash too few";
    }
  }
  EXPECT_EQ(inclusion_proof(3, 3, subtree).error().code, Errc::invalid);
  EXPECT_EQ(consistency_proof(0, 3, subtree).error().code, Errc::invalid);
  EXPECT_EQ(consistency_proof(4, 3, subtree).error().code, Errc::invalid);
  EXPECT_FALSE(verify_consistency(0, empty_root(), 3, leaves[0], {}));
  EXPECT_FALSE(verify_inclusion(leaves[0], 0, 0, {}, leaves[0]));
}

TEST(Merkle, AFrontierTellsEverySubtreeThatBecomesFull) {
  std::vector<Hash> leaves;
  Frontier tree;
  std::size_t told = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    leaves.push_back(leaf_hash(std::to_string(i)));
    tree.append(leaves.back(), [&](unsigned level, const Hash& hash) {
      const std::uint64_t n = std::uint64_t{1} << level;
      EXPECT_EQ((i + 1) % n, 0u);
      EXPECT_EQ(hash, definition(std::span(leaves).last(n)));
      ++told;
    });
    EXPECT_EQ(Frontier(i + 1, peaks_of(i + 1, subtree_of(leaves)).value()).root(), tree.root());
  }
  EXPECT_EQ(told, 50u + 25 + 12 + 6 + 3 + 1);
}

}  // namespace
}  // namespace freehold::audit
