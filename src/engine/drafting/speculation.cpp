#include "engine/drafting/speculation.h"

#include <algorithm>

#include "text/grammar/matcher.h"

namespace freehold::engine {

Speculation::Speculation(const DraftOptions& options, std::size_t answers, std::uint32_t room, std::uint32_t vocab)
    : options_(options),
      room_(room),
      vocab_(vocab),
      planner_(answers, room, options.drafter != nullptr && options.drafter->costly()) {
  drafts_.reserve(answers);
  queries_.reserve(answers);
  plans_.reserve(answers);
}

void Speculation::start(Draft& draft, const Request& request, std::uint32_t limit) const {
  if (!on()) return;
  const std::uint32_t most = std::min(options_.most, room_);
  draft.tokens.resize(std::size_t{1} + most);
  draft.state = options_.drafter->start(request, limit, most);
}

void Speculation::begin() {
  drafts_.clear();
  queries_.clear();
  plans_.clear();
  chosen_ = 0;
}

void Speculation::ask(Draft& draft, DraftQuery query, std::uint32_t most) {
  draft.tokens[0] = query.tokens.back();
  query.state = draft.state.get();
  query.draft = std::span<std::int32_t>(draft.tokens).subspan(1, std::min<std::size_t>(most, draft.tokens.size() - 1));
  drafts_.push_back(&draft);
  plans_.push_back({&draft.acceptance, query.evidence, static_cast<std::uint32_t>(query.draft.size()), 0});
  queries_.push_back(query);
}

// Takes the most of each as long as there is room, or what pays.
void Speculation::plan() {
  if (options_.adaptive) return planner_.plan(plans_, static_cast<std::uint32_t>(plans_.size()));
  std::uint32_t left = room_;
  for (DraftPlan& p : plans_) {
    p.chosen = std::min(p.available, left);
    left -= p.chosen;
  }
}

namespace {

// Of a guess, the tokens that exist and that the constraint takes; no others can be right.
std::uint32_t possible(const DraftQuery& query, std::uint32_t vocab) {
  const auto guess = query.draft.first(std::min<std::size_t>(query.count, query.draft.size()));
  std::uint32_t taken = 0;
  for (std::int32_t id : guess) {
    if (id < 0 || static_cast<std::uint32_t>(id) >= vocab) break;
    if (query.matcher != nullptr && !query.matcher->accept(id)) break;
    ++taken;
  }
  if (query.matcher != nullptr) query.matcher->rollback(taken);
  return taken;
}

}  // namespace

// How many tokens were guessed.
std::uint32_t Speculation::ask_drafter() {
  if (options_.drafter->costly()) {
    plan();
    for (std::size_t i = 0; i < queries_.size(); ++i) queries_[i].draft = queries_[i].draft.first(plans_[i].chosen);
  }
  options_.drafter->propose(queries_);
  std::uint32_t guessed = 0;
  for (std::size_t i = 0; i < queries_.size(); ++i) {
    const DraftQuery& query = queries_[i];
    plans_[i].available = possible(query, vocab_);
    plans_[i].evidence = std::min(query.evidence, Evidence::strong);
    guessed += plans_[i].available;
  }
  return guessed;
}

void Speculation::choose() {
  // What was costly to guess has been planned already.
  if (options_.drafter->costly()) {
    for (DraftPlan& p : plans_) p.chosen = p.available;
  } else {
    plan();
  }
  for (std::size_t i = 0; i < plans_.size(); ++i) {
    drafts_[i]->guessed = plans_[i].available;
    drafts_[i]->count = plans_[i].chosen;
    drafts_[i]->evidence = plans_[i].evidence;
    chosen_ += plans_[i].chosen;
  }
}

void Speculation::settle(double seconds, std::uint32_t gained) {
  const auto answers = static_cast<std::uint32_t>(plans_.size());
  planner_.cost.measured(answers + chosen_, seconds);
  planner_.settle(answers, chosen_, gained);
}

}  // namespace freehold::engine
