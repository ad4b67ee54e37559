#include "engine/drafting/draft_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/random.h"
#include "base/utf8.h"
#include "engine/sampling/chain.h"

namespace freehold::engine {

Result<> same_vocabulary(const text::Tokenizer& model, const text::Tokenizer& draft) {
  constexpr std::string_view kNeed = "a draft model needs the same vocabulary, token by token";
  if (model.size() != draft.size()) {
    return fail(Errc::invalid,
                fmt::format("the draft model has {} tokens, the model {}: {}", draft.size(), model.size(), kNeed));
  }
  for (std::size_t i = 0; i < model.size(); ++i) {
    const auto id = static_cast<text::TokenId>(i);
    const bool same = model.token_text(id) == draft.token_text(id) && model.token_type(id) == draft.token_type(id) &&
                      model.ends_generation(id) == draft.ends_generation(id) &&
                      model.token_bytes(id) == draft.token_bytes(id);
    if (same) continue;
    return fail(Errc::invalid,
                fmt::format("token {} is '{}' in the draft model, '{}' in the model{}: {}", i,
                            printable(draft.token_text(id)), printable(model.token_text(id)),
                            model.token_text(id) == draft.token_text(id) ? " with another meaning" : "", kNeed));
  }
  return {};
}

struct ModelDrafter::State final : DraftState {
  explicit State(const Sampling& sampling) : chain(sampling) {}
  DefaultChain chain;
  model::KvSequence sequence;
  std::vector<std::int32_t> tokens;  // of the answer, then of the guess; those in the cache and perhaps more
  std::size_t agreed = 0;            // of tokens, those that the answer is known to have
  std::uint32_t most = 0;
  bool hopeless = false;  // longer than the context, or not for this model
};

ModelDrafter::ModelDrafter(Decoder& decoder, const text::Tokenizer& tokenizer)
    : decoder_(decoder), tokenizer_(tokenizer), sampler_(decoder.vocab()) {
  const std::size_t most = decoder.max_logit_rows();
  items_.reserve(most);
  rows_.reserve(most);
  ready_.reserve(most);
  logits_.resize(most * decoder.vocab());
}

std::unique_ptr<DraftState> ModelDrafter::start(const Request& request, std::uint32_t limit, std::uint32_t most) {
  auto state = std::make_unique<State>(request.sampling);
  state->sequence = decoder_.cache().new_sequence();
  state->tokens.reserve(request.prompt.size() + limit + most);
  state->most = most;
  return state;
}

bool ModelDrafter::add(const Row& row, std::uint32_t count, bool logits) {
  State& s = *row.state;
  if (!s.sequence.reserve(count)) return false;
  const auto tokens = std::span<const std::int32_t>(s.tokens).subspan(s.sequence.length(), count);
  items_.push_back({&s.sequence, tokens, logits ? model::LogitsWanted::last : model::LogitsWanted::none});
  if (logits) rows_.push_back(row);
  return true;
}

// What answers have said since the last time, as far as a batch holds it.
void ModelDrafter::catch_up(std::span<DraftQuery> queries) {
  std::uint32_t left = decoder_.max_batch_tokens();
  for (DraftQuery& query : queries) {
    State& s = *static_cast<State*>(query.state);
    if (s.hopeless || query.draft.empty() || items_.size() == decoder_.max_logit_rows() || left == 0) continue;
    const std::size_t known = std::min(s.tokens.size(), query.tokens.size());
    const auto agrees = std::mismatch(s.tokens.begin() + static_cast<std::ptrdiff_t>(s.agreed),
                                      s.tokens.begin() + static_cast<std::ptrdiff_t>(known),
                                      query.tokens.begin() + static_cast<std::ptrdiff_t>(s.agreed));
    // The last token is always run: its logits are needed.
    const auto keep = std::min<std::size_t>(agrees.first - s.tokens.begin(), query.tokens.size() - 1);
    const auto unknown = query.tokens.subspan(s.agreed);
    s.hopeless =
        query.tokens.size() > decoder_.context() || std::any_of(unknown.begin(), unknown.end(), [&](std::int32_t id) {
          return id < 0 || static_cast<std::uint32_t>(id) >= decoder_.vocab();
        });
    if (s.hopeless) {
      s.sequence = {};
      continue;
    }
    if (!s.sequence.truncate(static_cast<std::uint32_t>(keep))) s.sequence = decoder_.cache().new_sequence();
    s.sequence.keep_for_truncate(0);
    s.tokens.assign(query.tokens.begin(), query.tokens.end());
    s.agreed = s.tokens.size();
    const auto missing = static_cast<std::uint32_t>(s.tokens.size()) - s.sequence.length();
    const std::uint32_t count = std::min(missing, left);
    if (!add({&query, &s}, count, count == missing)) {
      s.hopeless = true;
      s.sequence = {};
      continue;
    }
    left -= count;
  }
}

// Draws the next token of a guess. False if nothing can follow it.
bool ModelDrafter::guess(const Row& row, std::span<const float> logits) {
  DraftQuery& query = *row.query;
  State& s = *row.state;
  std::span<const std::int32_t> history = s.tokens;
  const Sampling& sampling = query.request->sampling;
  if (sampling.penalty_scope == PenaltyScope::answer) history = history.subspan(query.request->prompt.size());
  if (sampling.penalty_last != 0 && history.size() > sampling.penalty_last)
    history = history.last(sampling.penalty_last);
  const double uniform = draw_of(*query.request, query.choice, query.sampled + query.count);
  const auto token = sampler_.sample(s.chain, logits, {sampling.logit_bias, history}, uniform);
  if (!token) return false;  // the model that counts may do better
  query.draft[query.count++] = *token;
  s.tokens.push_back(*token);
  return query.count < query.draft.size() && !(tokenizer_.contains(*token) && tokenizer_.ends_generation(*token));
}

void ModelDrafter::run_batch() {
  ready_ = rows_;
  const auto done = decoder_.forward(items_, std::span<float>(logits_).first(rows_.size() * decoder_.vocab()));
  if (!done) {
    for (const Row& row : ready_) row.state->hopeless = true;
    ready_.clear();
  }
  items_.clear();
  rows_.clear();
}

void ModelDrafter::propose(std::span<DraftQuery> queries) {
  items_.clear();
  rows_.clear();
  catch_up(queries);
  for (bool first = true; !items_.empty(); first = false) {
    run_batch();
    for (std::size_t r = 0; r < ready_.size(); ++r) {
      const Row row = ready_[r];
      const auto logits = std::span<const float>(logits_).subspan(r * decoder_.vocab(), decoder_.vocab());
      if (!guess(row, logits) || row.state->sequence.length() >= decoder_.context()) continue;
      if (first) row.state->sequence.keep_for_truncate(row.state->most);
      (void)add(row, 1, true);
    }
  }
}

}  // namespace freehold::engine
