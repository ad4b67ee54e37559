// Finished sequences that are kept because the next prompt may begin like them (the next turn of a chat, the same
// instructions). A tenant only ever continues sequences of its own: whether a prompt is answered faster must not tell
// what others asked. Nor can a tenant flush what others keep: room is made by the one that holds most
// (docs/adr/0017-admission.md).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "model/kv_cache.h"

namespace freehold::engine {

// How many tokens two sequences have in common at their beginning.
std::size_t common_prefix(std::span<const std::int32_t> a, std::span<const std::int32_t> b);

// Used by one thread. The KV cache outlives it.
class PrefixCache {
 public:
  struct Entry {
    std::string tenant;
    Digest adapter;                    // what its keys and values were computed with; zeros = the base model
    std::vector<std::int32_t> tokens;  // one for each position of the sequence
    model::KvSequence sequence;
    std::uint64_t used = 0;  // the higher, the later it was put in or continued
  };

  PrefixCache(std::uint64_t max_tokens, std::uint32_t max_entries)
      : max_tokens_(max_tokens), max_entries_(max_entries) {}

  // Keeps a sequence (the tokens may be more than its positions), giving up others for it: the longest unused ones of
  // the tenant that would hold most. With `supersede`, entries of the same adapter that are the beginning of the
  // new one go as well.
  void put(std::string_view tenant, std::vector<std::int32_t> tokens, model::KvSequence sequence, bool supersede,
           const Digest& adapter = {});

  std::span<const std::unique_ptr<Entry>> entries() const { return entries_; }
  void touch(Entry& entry) { entry.used = ++clock_; }
  // Gives up an entry other than `spare`: of the tenant whose entries have most positions, the one that was not used
  // for longest. False if there is none.
  bool evict_one(const Entry* spare = nullptr);
  std::uint64_t tokens() const { return tokens_; }  // positions of all entries
  void clear() {
    drop_if([](const Entry&) { return true; });
  }
  template <typename Condition>
  void drop_if(Condition condition) {
    std::erase_if(entries_, [&](const std::unique_ptr<Entry>& e) {
      if (!condition(*e)) return false;
      tokens_ -= e->tokens.size();
      return true;
    });
  }

 private:
  enum class Held : std::uint8_t { tokens, entries };
  // As evict_one, with `more` of it counted as held by `tenant` already.
  bool evict(Held held, std::string_view tenant, std::uint64_t more, const Entry* spare);

  std::uint64_t max_tokens_;
  std::uint32_t max_entries_;
  std::uint64_t tokens_ = 0;  // of all entries
  std::uint64_t clock_ = 0;
  std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace freehold::engine
