#include "app/retain/judge.h"

#include <algorithm>

namespace freehold::app {

using guard::Fate;

std::string_view RetentionJudge::label_of(const KeptThing& thing) const {
  if (!thing.label) return {};
  return thing.label->empty() ? std::string_view(policy_.lowest()) : *thing.label;
}

RetainCounts& RetentionJudge::row(const KeptThing& thing) {
  return rows_[{std::string(thing.place), std::string(label_of(thing))}];
}

Result<Fate> RetentionJudge::judge(const KeptThing& thing) {
  standing_.reset();
  RetainCounts& counts = row(thing);
  counts.oldest = counts.items == 0 ? thing.since : std::min(counts.oldest, thing.since);
  ++counts.items;
  if (thing.busy) return Fate::keep;
  const std::string_view label = label_of(thing);
  Fate fate = Fate::drop_content;
  if (thing.label && !policy_.rank(label)) {
    // Nobody says how long any more, and what has gone does not come back.
    ++counts.unknown;
    if (!thing.leaving) return Fate::keep;
  } else {
    const guard::RetentionRule& rule = thing.label ? policy_.retention.of(label) : policy_.retention.otherwise;
    fate = fate_of(rule, thing.since, now_);
    if (fate == Fate::keep && !thing.leaving) return fate;
    if (fate == Fate::keep) fate = Fate::drop_content;
  }
  if (fate == Fate::drop_content && !thing.words) return Fate::keep;
  FH_TRY(const bool is_held, held(thing));
  if (!is_held) return fate;
  standing_.reset();
  ++counts.held;
  return Fate::keep;
}

Result<bool> RetentionJudge::held(const KeptThing& thing) {
  if (!standing_) {
    FH_TRY(standing_, holds_.stand());
  }
  FH_TRY(const auto holds, holds_.all());
  const guard::Holdable holdable{thing.label ? std::optional(label_of(thing)) : std::nullopt, thing.key, thing.subject};
  return hold_on(holds, holdable) != nullptr;
}

void RetentionJudge::gone(const KeptThing& thing, Fate fate) {
  standing_.reset();
  RetainCounts& counts = row(thing);
  if (fate == Fate::drop_content) ++counts.dropped;
  if (fate == Fate::remove) ++counts.deleted;
}

}  // namespace freehold::app
