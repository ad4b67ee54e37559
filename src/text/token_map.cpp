#include "text/token_map.h"

#include <bit>
#include <cstring>
#include <random>

namespace freehold::text {
namespace {

struct Keys {
  std::uint64_t a, b;
};

// Chosen once a process. No result depends on them, only where an entry lies.
const Keys& keys() {
  static const Keys k = [] {
    std::random_device device;
    auto word = [&] { return (static_cast<std::uint64_t>(device()) << 32 | device()) | 1; };
    return Keys{word(), word()};
  }();
  return k;
}

std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t hash(std::string_view text) {
  const Keys& k = keys();
  std::uint64_t h = k.a ^ text.size();
  while (text.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    h = fold(h ^ word, k.b) + k.a;
    text.remove_prefix(8);
  }
  std::uint64_t word = 0;
  if (!text.empty()) std::memcpy(&word, text.data(), text.size());
  return fold(fold(h ^ word, k.b) ^ k.a, k.b ^ 0x9E3779B97F4A7C15u);
}

std::size_t slots_for(std::size_t entries) {
  return std::bit_ceil(entries + entries / 2 + 4);
}

}  // namespace

TextMap::TextMap(std::size_t entries) : slots_(slots_for(entries), kNoToken), tags_(slots_.size(), 0) {}

std::size_t TextMap::slot_of(const TextTable& texts, std::string_view text) const {
  std::uint64_t h = hash(text);
  auto tag = static_cast<std::uint8_t>(h >> 56);
  std::size_t mask = slots_.size() - 1;
  std::size_t slot = h & mask;
  while (slots_[slot] != kNoToken && (tags_[slot] != tag || texts[static_cast<std::size_t>(slots_[slot])] != text)) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

bool TextMap::insert(const TextTable& texts, TokenId id) {
  std::string_view text = texts[static_cast<std::size_t>(id)];
  std::size_t slot = slot_of(texts, text);
  if (slots_[slot] != kNoToken) return false;
  slots_[slot] = id;
  tags_[slot] = static_cast<std::uint8_t>(hash(text) >> 56);
  return true;
}

TokenId TextMap::find(const TextTable& texts, std::string_view text) const {
  return slots_[slot_of(texts, text)];
}

MergeMap::MergeMap(std::size_t entries) : entries_(slots_for(entries)) {}

std::size_t MergeMap::slot_of(std::uint64_t key) const {
  std::size_t mask = entries_.size() - 1;
  std::size_t slot = fold(key ^ keys().a, keys().b) & mask;
  while (entries_[slot].key != key && entries_[slot].key != UINT64_MAX) slot = (slot + 1) & mask;
  return slot;
}

void MergeMap::insert(TokenId left, TokenId right, Merge merge) {
  Entry& e = entries_[slot_of(key_of(left, right))];
  if (e.key != UINT64_MAX) return;
  e.key = key_of(left, right);
  e.merge = merge;
}

}  // namespace freehold::text
