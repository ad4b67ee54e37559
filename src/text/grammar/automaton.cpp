#include "text/grammar/automaton.h"

#include <algorithm>

namespace freehold::text::grammar {

State Automaton::after_edge(State s, std::uint32_t to) const {
  const RuleInfo& r = rules_[places_[s.q].rule];
  if (!r.loop) return {to, 0};
  if (!places_[to].accepts) return {to, s.count};
  // One more time through the body. Without a maximum nothing depends on the count past the minimum.
  std::uint32_t count = r.max == kNoMaximum ? std::min(s.count + 1, r.min) : s.count + 1;
  return {r.start, count};
}

std::span<const Automaton::Edge> Automaton::edges(State s) const {
  const Place& p = places_[s.q];
  const RuleInfo& r = rules_[p.rule];
  if (r.loop && s.q == r.start && s.count == r.max) return {};
  return std::span(edges_).subspan(p.first_edge, p.edge_count);
}

State Automaton::next(State s, std::uint8_t byte) const {
  for (const Edge& e : edges(s)) {
    if (byte < e.lo) break;
    if (byte <= e.hi) return after_edge(s, e.to);
  }
  return {kNone, 0};
}

std::uint32_t Automaton::shortest(State s) const {
  const Place& p = places_[s.q];
  const RuleInfo& r = rules_[p.rule];
  if (!r.loop) return p.shortest;
  std::uint64_t unit = places_[r.start].shortest;
  std::uint64_t done = s.q == r.start ? s.count : s.count + 1;
  std::uint64_t rest = done < r.min ? r.min - done : 0;
  std::uint64_t total = rest * unit + (s.q == r.start ? 0 : p.shortest);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(total, kNone));
}

void Automaton::append_shortest(State s, std::string& out, std::size_t limit) const {
  std::vector<State> stack = {s};
  while (!stack.empty() && out.size() <= limit) {
    State& top = stack.back();
    const Place& p = places_[top.q];
    const RuleInfo& r = rules_[p.rule];
    if (accepts(top) && (r.loop || p.shortest == 0)) {
      stack.pop_back();
    } else if (p.step_edge != kNone) {
      const Edge& e = edges_[p.step_edge];
      out += static_cast<char>(e.lo);
      top = after_edge(top, e.to);
    } else {
      const Call& call = calls_[p.step_call];
      top = {call.to, 0};
      stack.push_back(start_of(call.rule));
    }
  }
}

State Automaton::canonical(State s, std::uint32_t bytes) const {
  const RuleInfo& r = rules_[places_[s.q].rule];
  if (!r.loop || r.max - s.count <= bytes) return s;
  if (s.count >= r.min) return {s.q, r.min};
  return r.min - s.count > bytes ? State{s.q, r.min - bytes - 1} : s;
}

std::size_t Automaton::memory() const {
  std::size_t bytes = places_.capacity() * sizeof(Place) + edges_.capacity() * sizeof(Edge) +
                      calls_.capacity() * sizeof(Call) + rules_.capacity() * sizeof(RuleInfo);
  for (const RuleInfo& r : rules_) bytes += r.name.size();
  return bytes;
}

}  // namespace freehold::text::grammar
