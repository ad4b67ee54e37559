#include "engine/constraints.h"

#include <algorithm>
#include <mutex>

namespace freehold::engine {
namespace {

namespace grammar = text::grammar;

// Everything that decides what compiles, each part with its length: equal keys mean equal constraints.
class Key {
 public:
  Key& add(std::string_view text) {
    add(text.size());
    key_ += text;
    return *this;
  }
  Key& add(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) key_ += static_cast<char>(number >> shift);
    return *this;
  }
  std::string take() { return std::move(key_); }

 private:
  std::string key_;
};

std::string key_of(const ConstraintSource& s) {
  Key key;
  key.add(static_cast<std::uint64_t>(s.kind)).add(s.text).add(s.choices.size());
  for (const std::string& c : s.choices) key.add(c);
  key.add(s.alternatives.size());
  for (const auto& pieces : s.alternatives) {
    key.add(pieces.size());
    for (const grammar::Piece& p : pieces) key.add(static_cast<std::uint64_t>(p.kind)).add(p.text);
  }
  const grammar::PieceOptions& o = s.options;
  key.add(o.min).add(o.max).add(o.before).add(o.between).add(o.after);
  key.add(static_cast<std::uint64_t>(o.schema.dialect))
      .add(o.schema.allow_spaces ? 1 : 0)
      .add(o.schema.open_objects ? 1 : 0);
  const grammar::Limits& l = o.schema.limits;
  for (std::uint64_t limit : {l.source_bytes, l.pattern_bytes, l.depth, l.rules, l.nodes, l.nfa_states, l.dfa_states,
                              l.steps, l.call_chain, l.alternatives, std::size_t{l.shortest}, std::size_t{l.nesting}})
    key.add(limit);
  return key.take();
}

// No source has a kind of that number: the two sorts of keys are never equal.
std::string made_key(std::string_view key) {
  return Key().add(UINT64_MAX).add(key).take();
}

}  // namespace

Result<grammar::GrammarPtr> compile(const ConstraintSource& s) {
  const grammar::SchemaOptions& schema = s.options.schema;
  switch (s.kind) {
    case ConstraintSource::Kind::json_schema:
      return grammar::compile_json_schema(s.text, schema);
    case ConstraintSource::Kind::json_object:
      return grammar::compile_json_object(schema);
    case ConstraintSource::Kind::regex:
      return grammar::compile_regex(s.text, schema.limits);
    case ConstraintSource::Kind::gbnf:
      return grammar::compile_gbnf(s.text, schema.limits);
    case ConstraintSource::Kind::choice:
      return grammar::compile_choice(s.choices, schema.limits);
    case ConstraintSource::Kind::pieces:
      return grammar::compile_pieces(s.alternatives, s.options);
  }
  return fail(Errc::internal, "no such kind of constraint");
}

struct ConstraintCache::State {
  struct Entry {
    std::string tenant;
    std::string key;
    Made made;
    std::uint64_t used = 0;
    std::size_t fixed = 0;  // bytes beside the masks
    std::size_t bytes() const { return fixed + made.masks->memory(); }
  };

  State(const text::Tokenizer& t, ConstraintLimits l, std::vector<text::TokenId> s)
      : tokenizer(t), limits(l), shown(std::move(s)) {}

  Result<Made> get(std::string_view tenant, std::string key, const Compile& compile);

  // The lock is held.
  const Made* find(std::string_view tenant, std::string_view key) {
    for (Entry& e : entries) {
      if (e.tenant != tenant || e.key != key) continue;
      e.used = ++clock;
      return &e.made;
    }
    return nullptr;
  }
  template <typename Counts>
  void keep_within(std::size_t most_bytes, std::size_t most_entries, Counts counts) {
    while (true) {
      std::size_t bytes = 0;
      std::size_t count = 0;
      auto oldest = entries.end();
      for (auto e = entries.begin(); e != entries.end(); ++e) {
        if (!counts(*e)) continue;
        bytes += e->bytes();
        ++count;
        if (oldest == entries.end() || e->used < oldest->used) oldest = e;
      }
      if (oldest == entries.end() || (bytes <= most_bytes && count <= most_entries)) return;
      entries.erase(oldest);
    }
  }
  void evict(std::string_view tenant) {
    keep_within(limits.tenant_bytes, limits.tenant_entries, [&](const Entry& e) { return e.tenant == tenant; });
    keep_within(limits.bytes, limits.entries, [](const Entry&) { return true; });
  }

  const text::Tokenizer& tokenizer;
  ConstraintLimits limits;
  const std::vector<text::TokenId> shown;
  std::once_flag once;
  std::shared_ptr<const grammar::VocabularyIndex> vocabulary;

  mutable std::mutex mutex;
  std::vector<Entry> entries;  // few: looked through
  std::uint64_t clock = 0;
};

Result<ConstraintCache::Made> ConstraintCache::State::get(std::string_view tenant, std::string key,
                                                          const Compile& compile) {
  {
    const std::lock_guard lock(mutex);
    if (const Made* kept = find(tenant, key)) {
      const Made made = *kept;
      evict(tenant);  // masks have grown since
      return made;
    }
  }
  FH_TRY(text::tools::Constraint constraint, compile());
  Made made;
  if (constraint.kind == text::tools::Constraint::Kind::nothing) return made;
  std::call_once(once, [&] { vocabulary = grammar::VocabularyIndex::create(tokenizer, shown); });
  std::size_t fixed = constraint.grammar->memory() + key.size() + tenant.size() + sizeof(Entry);
  for (const auto& left : constraint.left_out) fixed += sizeof(left) + left.tool.size() + left.pointer.size();
  made.left_out = constraint.left_out;
  made.masks = std::make_shared<grammar::MaskCache>(constraint.grammar, vocabulary, limits.mask_bytes);
  if (constraint.kind == text::tools::Constraint::Kind::lazy) {
    made.start = std::make_shared<const text::tools::Constraint>(std::move(constraint));
  }
  const std::lock_guard lock(mutex);
  if (const Made* kept = find(tenant, key)) return *kept;                // somebody was faster
  if (fixed > std::min(limits.bytes, limits.tenant_bytes)) return made;  // would push out everything and itself
  entries.push_back({std::string(tenant), std::move(key), made, ++clock, fixed});
  evict(tenant);
  return made;
}

ConstraintCache::ConstraintCache(const text::Tokenizer& tokenizer, ConstraintLimits limits,
                                 std::vector<text::TokenId> shown)
    : state_(std::make_unique<State>(tokenizer, limits, std::move(shown))) {}
ConstraintCache::~ConstraintCache() = default;

Result<std::shared_ptr<grammar::MaskCache>> ConstraintCache::get(std::string_view tenant,
                                                                 const ConstraintSource& source) {
  FH_TRY(Made made, state_->get(tenant, key_of(source), [&]() -> Result<text::tools::Constraint> {
    text::tools::Constraint whole;
    whole.kind = text::tools::Constraint::Kind::whole;
    FH_TRY(whole.grammar, compile(source));
    return whole;
  }));
  return made.masks;
}

Result<ConstraintCache::Made> ConstraintCache::get(std::string_view tenant, std::string_view key,
                                                   const Compile& compile) {
  return state_->get(tenant, made_key(key), compile);
}

std::optional<ConstraintCache::Made> ConstraintCache::find(std::string_view tenant, std::string_view key) {
  const std::string whole = made_key(key);
  const std::lock_guard lock(state_->mutex);
  const Made* kept = state_->find(tenant, whole);
  return kept == nullptr ? std::nullopt : std::optional(*kept);
}

void ConstraintCache::drop(std::string_view tenant) {
  std::lock_guard lock(state_->mutex);
  std::erase_if(state_->entries, [&](const State::Entry& e) { return e.tenant == tenant; });
}

void ConstraintCache::clear() {
  std::lock_guard lock(state_->mutex);
  state_->entries.clear();
}

std::size_t ConstraintCache::size() const {
  std::lock_guard lock(state_->mutex);
  return state_->entries.size();
}

std::size_t ConstraintCache::memory() const {
  std::lock_guard lock(state_->mutex);
  std::size_t bytes = 0;
  for (const State::Entry& e : state_->entries) bytes += e.bytes();
  return bytes;
}

}  // namespace freehold::engine
