#include "engine/prefix_cache.h"

#include <algorithm>
#include <utility>

namespace freehold::engine {

std::size_t common_prefix(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
  std::size_t length = std::min(a.size(), b.size());
  return static_cast<std::size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(length), b.begin()).first - a.begin());
}

bool PrefixCache::evict_one(const Entry* spare) {
  Entry* oldest = nullptr;
  for (const auto& e : entries_) {
    if (e.get() != spare && (oldest == nullptr || e->used < oldest->used)) oldest = e.get();
  }
  if (oldest == nullptr) return false;
  drop_if([&](const Entry& e) { return &e == oldest; });
  return true;
}

void PrefixCache::put(std::string_view tenant, std::vector<std::int32_t> tokens, model::KvSequence sequence,
                      bool supersede) {
  tokens.resize(std::min<std::size_t>(tokens.size(), sequence.length()));
  if (tokens.empty() || tokens.size() > max_tokens_ || max_entries_ == 0) return;
  drop_if([&](const Entry& e) {
    if (e.tenant != tenant || e.tokens.size() > tokens.size()) return false;
    bool beginning = common_prefix(e.tokens, tokens) == e.tokens.size();
    return beginning && (supersede || e.tokens.size() == tokens.size());
  });
  while (!entries_.empty() && (entries_.size() >= max_entries_ || tokens_ > max_tokens_ - tokens.size())) evict_one();
  tokens.shrink_to_fit();
  tokens_ += tokens.size();
  entries_.push_back(
      std::make_unique<Entry>(Entry{std::string(tenant), std::move(tokens), std::move(sequence), ++clock_}));
}

}  // namespace freehold::engine
