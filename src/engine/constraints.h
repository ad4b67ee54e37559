// The compiled constraints of one model, kept for the next request that brings the same one. A constraint comes from a
// stranger and compiling it takes up to a second, so what is kept is bounded in bytes and entries, for each tenant and
// in all; what one tenant sent is never given to another, not even the knowledge that it was there.
//
// Any thread may call anything; compiling happens outside the lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/grammar/grammar.h"
#include "text/grammar/mask_cache.h"
#include "text/tokenizer.h"
#include "text/tools/constraint.h"

namespace freehold::engine {

// What a constraint is made from.
struct ConstraintSource {
  enum class Kind : std::uint8_t { json_schema, json_object, regex, gbnf, choice, pieces };
  Kind kind = Kind::json_object;
  std::string text;                                             // the schema, the pattern, the grammar
  std::vector<std::string> choices;                             // of `choice`
  std::vector<std::vector<text::grammar::Piece>> alternatives;  // of `pieces`
  // Of `pieces`; its `schema` also for json_schema and json_object, and the limits in that for all.
  text::grammar::PieceOptions options;
};

// Errors: as text/grammar/grammar.h.
Result<text::grammar::GrammarPtr> compile(const ConstraintSource& source);

struct ConstraintLimits {
  std::size_t bytes = std::size_t{512} << 20;  // of all entries: what was compiled, its masks, its source
  std::size_t entries = 256;
  std::size_t tenant_bytes = std::size_t{256} << 20;  // of one tenant's
  std::size_t tenant_entries = 64;
  std::size_t mask_bytes = std::size_t{64} << 20;  // of one entry's masks
};

class ConstraintCache {
 public:
  // Borrows the tokenizer, which outlives the cache. What a tokenizer needs is worked out at the first `get`.
  // `shown`: control tokens that may stand inside texts as what they spell (Request::shown_tokens).
  explicit ConstraintCache(const text::Tokenizer& tokenizer, ConstraintLimits limits = {},
                           std::vector<text::TokenId> shown = {});
  ~ConstraintCache();
  ConstraintCache(const ConstraintCache&) = delete;
  ConstraintCache& operator=(const ConstraintCache&) = delete;

  // The constraint, compiled now or kept from before. Over a limit the least recently used are forgotten, first the
  // tenant's own; whoever still uses one keeps it. One that is larger than a limit alone is given and not kept.
  Result<std::shared_ptr<text::grammar::MaskCache>> get(std::string_view tenant, const ConstraintSource& source);
  // The same for what text/tools makes: tools, thinking, and a start that may come later. `key` says all that decides
  // what `compile` gives.
  struct Made {
    std::shared_ptr<text::grammar::MaskCache> masks;       // null: there is no constraint
    std::shared_ptr<const text::tools::Constraint> start;  // of a lazy one, else null
    std::vector<text::tools::LeftOut> left_out;            // as the constraint has it
  };
  using Compile = std::function<Result<text::tools::Constraint>()>;
  Result<Made> get(std::string_view tenant, std::string_view key, const Compile& compile);
  // The same if it is kept, else nothing; compiles nothing.
  std::optional<Made> find(std::string_view tenant, std::string_view key);
  // Forgets what a tenant sent.
  void drop(std::string_view tenant);
  // Of all tenants.
  void clear();

  std::size_t size() const;    // entries
  std::size_t memory() const;  // bytes; masks grow with use and are counted as they are

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freehold::engine
