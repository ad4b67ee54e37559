// A compiled grammar: one deterministic automaton over bytes for each rule, whose states may also call rules. Immutable
// and shared by all sequences.
//
// What a state knows about finishing: `shortest` is the length in bytes of the shortest text from it to the end of its
// own rule, and append_shortest() writes that text, the first in byte order of all that short. These texts are what
// makes an end reachable (matcher.h): the shortest text of a whole stack is the concatenation of its frames' texts, and
// what follows the first byte of a shortest text is the shortest text of the state behind that byte.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/grammar/ir.h"

namespace freehold::text::grammar {

inline constexpr std::uint32_t kNone = UINT32_MAX;

// Where one rule stands. `count` is how often the body of a counted loop is complete, 0 elsewhere.
struct State {
  std::uint32_t q = 0;
  std::uint32_t count = 0;
  bool operator==(const State&) const = default;
  auto operator<=>(const State&) const = default;
};

class Automaton {
 public:
  struct Edge {
    std::uint8_t lo = 0;
    std::uint8_t hi = 0;
    std::uint32_t to = 0;
  };
  struct Call {
    std::uint32_t rule = 0;
    std::uint32_t to = 0;  // where this rule goes on
    bool tail = false;     // `to` can only end this rule: no frame is needed
  };
  struct Place {  // what State::q numbers
    std::uint32_t first_edge = 0;
    std::uint32_t edge_count = 0;
    std::uint32_t first_call = 0;
    std::uint32_t call_count = 0;
    std::uint32_t rule = 0;
    bool accepts = false;
    std::uint32_t shortest = kNone;
    std::uint32_t height = 0;  // how much nesting the shortest text needs
    // The shortest text's first step: an edge's lowest byte or a call (kNone = the text is empty).
    std::uint32_t step_edge = kNone;
    std::uint32_t step_call = kNone;
  };
  // Places of a rule that repeats a body without calls, no text of which begins another: counted, not written out.
  struct RuleInfo {
    std::string name;
    std::uint32_t start = 0;
    std::uint32_t nesting = 0;
    std::uint32_t rank = 0;  // above those of all rules that it may begin with
    bool nullable = false;
    bool keeps_frame = false;  // a call of it is never a tail call
    bool loop = false;
    std::uint32_t min = 0;
    std::uint32_t max = 0;
    std::bitset<256> first;   // bytes that its texts begin with
    std::bitset<256> follow;  // bytes that may come right behind them
  };

  std::uint32_t root() const { return root_; }
  State start_of(std::uint32_t rule) const { return {rules_[rule].start, 0}; }
  const RuleInfo& rule(std::uint32_t r) const { return rules_[r]; }
  const RuleInfo& rule_of(State s) const { return rules_[places_[s.q].rule]; }
  const Place& place(State s) const { return places_[s.q]; }
  std::size_t place_count() const { return places_.size(); }
  std::size_t rule_count() const { return rules_.size(); }

  bool accepts(State s) const {
    const Place& p = places_[s.q];
    const RuleInfo& r = rules_[p.rule];
    return r.loop ? s.q == r.start && s.count >= r.min : p.accepts;
  }
  // Nothing can follow inside the rule.
  bool exhausted(State s) const {
    const Place& p = places_[s.q];
    const RuleInfo& r = rules_[p.rule];
    return (p.edge_count == 0 && p.call_count == 0) || (r.loop && s.q == r.start && s.count == r.max);
  }
  // The place behind the byte inside the rule (q = kNone if there is none).
  State next(State s, std::uint8_t byte) const;
  std::span<const Edge> edges(State s) const;
  std::span<const Call> calls(State s) const {
    const Place& p = places_[s.q];
    return std::span(calls_).subspan(p.first_call, p.call_count);
  }

  std::uint32_t shortest(State s) const;
  std::uint32_t height(State s) const { return places_[s.q].height; }
  // Stops when `out` has more than `limit` bytes.
  void append_shortest(State s, std::string& out, std::size_t limit) const;

  std::uint32_t nesting_limit() const { return nesting_limit_; }
  // A state with the same texts of up to `bytes` bytes in front of it as `s`, and the same for many counts.
  State canonical(State s, std::uint32_t bytes) const;
  // About what it holds, in bytes.
  std::size_t memory() const;

 private:
  friend class Lowering;
  friend class Analysis;
  State after_edge(State s, std::uint32_t to) const;
  std::vector<Place> places_;
  std::vector<Edge> edges_;
  std::vector<Call> calls_;
  std::vector<RuleInfo> rules_;
  std::uint32_t root_ = 0;
  std::uint32_t nesting_limit_ = 0;
};

// Makes the automaton. `weights_are_rules`: nesting counts every rule (GBNF) and not only arrays and objects. Errors:
// exhausted (a limit, named), unsupported (left recursion, naming the rule), invalid (no text can ever match).
Result<Automaton> lower(const Ir& ir, RuleId root, std::uint32_t nesting_limit);

}  // namespace freehold::text::grammar
