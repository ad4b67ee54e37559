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
  return evict(Held::tokens, {}, 0, spare);
}

bool PrefixCache::evict(Held held, std::string_view tenant, std::uint64_t more, const Entry* spare) {
  // There are few entries (max_entries): a sum for each costs less than keeping accounts.
  const auto holds = [&](const std::string& who) {
    std::uint64_t sum = who == tenant ? more : 0;
    for (const auto& e : entries_) {
      if (e->tenant == who) sum += held == Held::tokens ? e->tokens.size() : 1;
    }
    return sum;
  };
  const Entry* goes = nullptr;
  std::uint64_t most = 0;
  for (const auto& e : entries_) {
    if (e.get() == spare) continue;
    const std::uint64_t sum = holds(e->tenant);
    if (goes != nullptr && (sum < most || (sum == most && e->used > goes->used))) continue;
    goes = e.get();
    most = sum;
  }
  if (goes == nullptr) return false;
  drop_if([&](const Entry& e) { return &e == goes; });
  return true;
}

void PrefixCache::put(std::string_view tenant, std::vector<std::int32_t> tokens, model::KvSequence sequence,
                      bool supersede, const Digest& adapter) {
  tokens.resize(std::min<std::size_t>(tokens.size(), sequence.length()));
  if (tokens.empty() || tokens.size() > max_tokens_ || max_entries_ == 0) return;
  drop_if([&](const Entry& e) {
    if (e.tenant != tenant || e.adapter != adapter || e.tokens.size() > tokens.size()) return false;
    bool beginning = common_prefix(e.tokens, tokens) == e.tokens.size();
    return beginning && (supersede || e.tokens.size() == tokens.size());
  });
  while (entries_.size() >= max_entries_) evict(Held::entries, tenant, 1, nullptr);
  while (tokens_ > max_tokens_ - tokens.size()) evict(Held::tokens, tenant, tokens.size(), nullptr);
  tokens.shrink_to_fit();
  tokens_ += tokens.size();
  entries_.push_back(
      std::make_unique<Entry>(Entry{std::string(tenant), adapter, std::move(tokens), std::move(sequence), ++clock_}));
}

}  // namespace freehold::engine
