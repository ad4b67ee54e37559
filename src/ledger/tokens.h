// The tokens of a request, or of several, as far as they decide what is paid for them.
#pragma once

#include <cstdint>

#include "ledger/event.h"

namespace freehold::ledger {

// Of one request, or the sum of several that are of one length class and batched alike.
struct Tokens {
  std::uint64_t prompt = 0, cached = 0, completion = 0;  // cached ones are part of the prompt's
  int long_prompts = 0;            // 0: prompts of at most 128000 tokens; 1: of at most 200000; 2: longer
  std::uint64_t cache_writes = 0;  // of the prompt's and none of the cached: written to a vendor's cache
  bool batched = false;            // lines of a batch
  bool operator==(const Tokens&) const = default;
};

inline int long_prompts(std::uint64_t prompt_tokens) {
  return (prompt_tokens > 128'000 ? 1 : 0) + (prompt_tokens > 200'000 ? 1 : 0);
}

inline Tokens tokens_of(const Event& e) {
  return {e.prompt_tokens,      e.cached_tokens, e.completion_tokens, long_prompts(e.prompt_tokens),
          e.cache_write_tokens, e.batched};
}

}  // namespace freehold::ledger
