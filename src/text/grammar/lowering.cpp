// From expressions to one deterministic automaton a rule: Thompson's construction over bytes, then subsets of its
// states. Calls are arcs like bytes are: a subset that can call a rule from several places calls it once.
#include <algorithm>
#include <unordered_map>

#include "text/grammar/analysis.h"
#include "text/grammar/automaton.h"

namespace freehold::text::grammar {
namespace {

using Subset = std::vector<std::uint32_t>;  // sorted

struct SubsetHash {
  std::size_t operator()(const Subset& s) const {
    std::uint64_t h = 1469598103934665603ull;
    for (std::uint32_t v : s) h = (h ^ v) * 1099511628211ull;
    return static_cast<std::size_t>(h ^ (h >> 29));
  }
};

struct Arc {
  enum class Kind : std::uint8_t { epsilon, bytes, call };
  Kind kind = Kind::epsilon;
  std::uint8_t lo = 0;
  std::uint8_t hi = 0;
  std::uint32_t to = 0;
  std::uint32_t rule = 0;
  std::uint32_t next = kNone;  // the next arc of the same state
};

// Repetitions up to this many states are written out.
constexpr std::uint64_t kWriteOut = 40;

}  // namespace

class Lowering {
 public:
  Lowering(const Ir& ir, Automaton& out) : ir_(ir), out_(out), limits_(ir.limits()) {}

  Result<void> run(RuleId root, std::uint32_t nesting_limit) {
    out_.nesting_limit_ = nesting_limit;
    if (ir_.overflowed()) return fail(Errc::exhausted, "the grammar is too large");
    FH_TRY_VOID(find_nullable());
    out_.rules_.resize(ir_.rules().size());
    for (RuleId r = 0; r < ir_.rules().size(); ++r) {
      auto& info = out_.rules_[r];
      info.name = ir_.rules()[r].name;
      info.nesting = ir_.rules()[r].nesting;
      info.keeps_frame = ir_.rules()[r].keeps_frame;
      info.nullable = nullable_[r];
    }
    // Only what the root reaches.
    std::vector<bool> wanted(ir_.rules().size());
    std::vector<RuleId> todo = {root};
    wanted[root] = true;
    while (!todo.empty()) {
      RuleId r = todo.back();
      todo.pop_back();
      called_.clear();
      FH_TRY(std::uint32_t start, build(ir_.rules()[r].body, r));
      out_.rules_[r].start = start;
      for (std::uint32_t c : called_) {
        if (c >= wanted.size() || wanted[c]) continue;
        wanted[c] = true;
        todo.push_back(c);
      }
    }
    out_.root_ = root;
    return {};
  }

 private:
  Unexpected too_large(const char* what) const {
    return fail(Errc::exhausted, std::string("the grammar needs too many ") + what);
  }

  // Which rules match the empty text: repeated until nothing changes, now forwards, now backwards.
  Result<void> find_nullable() {
    std::size_t count = ir_.rules().size();
    nullable_.assign(count, false);
    bool backwards = true;
    for (bool changed = true; changed; backwards = !backwards) {
      changed = false;
      for (RuleId i = 0; i < count; ++i) {
        RuleId r = backwards ? static_cast<RuleId>(count - 1 - i) : i;
        if (nullable_[r] || !can_be_empty(ir_.rules()[r].body)) continue;
        nullable_[r] = changed = true;
      }
      if (over()) return too_large("rules");
    }
    return {};
  }

  bool can_be_empty(NodeId id) {
    ++steps_;
    const Node& n = ir_.node(id);
    auto kids = ir_.kids(n);
    auto empty = [&](NodeId k) { return can_be_empty(k); };
    switch (n.kind) {
      case Node::Kind::nothing:
      case Node::Kind::bytes:
      case Node::Kind::chars:
        return false;
      case Node::Kind::concat:
        return std::all_of(kids.begin(), kids.end(), empty);
      case Node::Kind::any_of:
        return std::any_of(kids.begin(), kids.end(), empty);
      case Node::Kind::repeat:
        return n.a == 0 || can_be_empty(kids[0]);
      case Node::Kind::call:
        return nullable_[n.a];
      case Node::Kind::graph:
        return ir_.dfa(n).states[0].accepts;
      case Node::Kind::net:
        break;
    }
    const Net& net = ir_.net(n);
    std::vector<bool> reached(net.states);
    reached[0] = true;
    for (bool changed = true; changed;) {
      changed = false;
      for (const Net::Arc& a : net.arcs) {
        ++steps_;
        if (!reached[a.from] || reached[a.to] || !can_be_empty(a.label)) continue;
        reached[a.to] = changed = true;
      }
    }
    return reached[1];
  }

  // ---- Thompson's construction -------------------------------------------------------------------------------------

  std::uint32_t add_state() {
    heads_.push_back(kNone);
    ++nfa_total_;
    return static_cast<std::uint32_t>(heads_.size() - 1);
  }
  void add_arc(std::uint32_t from, Arc arc) {
    arc.next = heads_[from];
    heads_[from] = static_cast<std::uint32_t>(arcs_.size());
    arcs_.push_back(arc);
    ++steps_;
  }
  void epsilon(std::uint32_t from, std::uint32_t to) { add_arc(from, {.to = to}); }
  void bytes(std::uint32_t from, std::uint32_t to, std::uint8_t lo, std::uint8_t hi) {
    add_arc(from, {.kind = Arc::Kind::bytes, .lo = lo, .hi = hi, .to = to});
  }
  bool over() const { return nfa_total_ > limits_.nfa_states || steps_ > limits_.steps; }

  void text(std::uint32_t from, std::uint32_t to, std::string_view s) {
    for (std::size_t i = 0; i < s.size(); ++i) {
      std::uint32_t next = i + 1 == s.size() ? to : add_state();
      auto b = static_cast<std::uint8_t>(s[i]);
      bytes(from, next, b, b);
      from = next;
    }
    if (s.empty()) epsilon(from, to);
  }

  void chars(std::uint32_t from, std::uint32_t to, const CharSet& set, Encoding encoding) {
    static const CharSet escaped = [] {
      CharSet s = json_escaped();
      (void)s.ranges();  // sorts it now: nobody else may
      return s;
    }();
    static const CharSet plain_set = [] {
      CharSet s = escaped.complement();
      (void)s.ranges();
      return s;
    }();
    CharSet plain = encoding == Encoding::json ? set.intersect(plain_set) : set;
    for (const Utf8Sequence& s : utf8_sequences(plain)) {
      std::uint32_t at = from;
      for (std::size_t i = 0; i < s.length; ++i) {
        std::uint32_t next = i + 1 == s.length ? to : add_state();
        bytes(at, next, s.lo[i], s.hi[i]);
        at = next;
      }
    }
    if (encoding == Encoding::raw) return;
    CharSet spelled_out = set.intersect(escaped);
    for (const CharRange& r : spelled_out.ranges()) {
      for (std::uint32_t c = r.lo; c <= r.hi; ++c) {
        std::string spelled;
        append_encoded(spelled, c, encoding);
        text(from, to, spelled);
      }
    }
  }

  Result<void> emit(NodeId id, std::uint32_t from, std::uint32_t to) {
    if (over()) return too_large("states");
    const Node& n = ir_.node(id);
    auto kids = ir_.kids(n);
    switch (n.kind) {
      case Node::Kind::nothing:
        return {};
      case Node::Kind::bytes:
        text(from, to, ir_.text(n));
        return {};
      case Node::Kind::chars:
        chars(from, to, ir_.set(n), n.encoding);
        return {};
      case Node::Kind::concat:
        for (std::size_t i = 0; i < kids.size(); ++i) {
          std::uint32_t next = i + 1 == kids.size() ? to : add_state();
          FH_TRY_VOID(emit(kids[i], from, next));
          from = next;
        }
        if (kids.empty()) epsilon(from, to);
        return {};
      case Node::Kind::any_of:
        // Each between states of its own: a kid may loop on its first state.
        for (NodeId kid : kids) {
          std::uint32_t a = add_state();
          std::uint32_t b = add_state();
          epsilon(from, a);
          FH_TRY_VOID(emit(kid, a, b));
          epsilon(b, to);
        }
        return {};
      case Node::Kind::repeat:
        return emit_repeat(n, kids[0], from, to);
      case Node::Kind::call:
        emit_call(n.a, from, to);
        return {};
      case Node::Kind::graph:
        return emit_graph(ir_.dfa(n), n.encoding, from, to);
      case Node::Kind::net:
        break;
    }
    const Net& net = ir_.net(n);
    std::vector<std::uint32_t> state(net.states);
    for (auto& s : state) s = add_state();
    epsilon(from, state[0]);
    epsilon(state[1], to);
    for (const Net::Arc& a : net.arcs) {
      std::uint32_t x = add_state();
      std::uint32_t y = add_state();
      epsilon(state[a.from], x);
      FH_TRY_VOID(emit(a.label, x, y));
      epsilon(y, state[a.to]);
    }
    return {};
  }

  void emit_call(std::uint32_t rule, std::uint32_t from, std::uint32_t to) {
    called_.push_back(rule);
    add_arc(from, {.kind = Arc::Kind::call, .to = to, .rule = rule});
    bool nullable = rule < nullable_.size() ? nullable_[rule] : out_.rules_[rule].nullable;
    if (nullable) epsilon(from, to);
  }

  Result<void> emit_graph(const CodeDfa& dfa, Encoding encoding, std::uint32_t from, std::uint32_t to) {
    std::vector<std::uint32_t> state(dfa.states.size());
    for (auto& s : state) s = add_state();
    epsilon(from, state[0]);
    for (std::size_t i = 0; i < state.size(); ++i) {
      if (over()) return too_large("states");
      if (dfa.states[i].accepts) epsilon(state[i], to);
      // All ranges to one target at once: fewer byte sequences.
      std::unordered_map<std::uint32_t, CharSet> by_target;
      std::vector<std::uint32_t> order;
      for (const auto& e : dfa.states[i].edges) {
        auto [it, added] = by_target.try_emplace(e.to);
        if (added) order.push_back(e.to);
        it->second.add(e.lo, e.hi);
      }
      for (std::uint32_t t : order) chars(state[i], state[t], by_target[t], encoding);
    }
    return {};
  }

  Result<void> emit_repeat(const Node& n, NodeId kid, std::uint32_t from, std::uint32_t to) {
    std::uint32_t min = n.a;
    std::uint32_t max = n.b;
    std::uint64_t copies = max == kNoMaximum ? std::max(min, 1u) : max;
    if (copies > 4) {
      FH_TRY(std::uint32_t loop, loop_rule(kid, min, max));
      if (loop != kNone) {
        emit_call(loop, from, to);
        return {};
      }
    }
    std::uint32_t at = add_state();
    epsilon(from, at);
    for (std::uint64_t i = 0; i < copies; ++i) {
      if (over()) return too_large("states");
      bool last_forever = max == kNoMaximum && i + 1 == copies;
      std::uint32_t begin = add_state();
      std::uint32_t end = add_state();
      epsilon(at, begin);
      if (i >= min) epsilon(at, to);
      FH_TRY_VOID(emit(kid, begin, end));
      if (last_forever) epsilon(end, begin);
      std::uint32_t next = add_state();
      epsilon(end, next);
      at = next;
    }
    epsilon(at, to);
    return {};
  }

  // A counted loop for {min, max} of the kid, or kNone when writing it out is as good or the only way.
  Result<std::uint32_t> loop_rule(NodeId kid, std::uint32_t min, std::uint32_t max) {
    auto key = std::to_string(kid) + "," + std::to_string(min) + "," + std::to_string(max);
    if (auto it = loops_.find(key); it != loops_.end()) return it->second;
    loops_[key] = kNone;
    if (has_calls(kid) || can_be_empty(kid)) return kNone;
    // A rule of its own, built beside the one being built.
    auto rule = static_cast<std::uint32_t>(out_.rules_.size());
    std::size_t places = out_.places_.size();
    std::size_t edges = out_.edges_.size();
    std::size_t calls = out_.calls_.size();
    out_.rules_.push_back({.name = "repetition", .nullable = min == 0, .loop = true, .min = min, .max = max});
    auto heads = std::move(heads_);
    auto arcs = std::move(arcs_);
    heads_.clear();
    arcs_.clear();
    auto built = build(kid, rule);
    heads_ = std::move(heads);
    arcs_ = std::move(arcs);
    if (!built) return tl::unexpected(std::move(built).error());
    std::size_t size = out_.places_.size() - places;
    bool usable = out_.calls_.size() == calls && size * (max == kNoMaximum ? min : max) > kWriteOut;
    for (std::size_t i = places; i < out_.places_.size(); ++i) {
      usable &= !out_.places_[i].accepts || out_.places_[i].edge_count == 0;
    }
    if (!usable || size == 0) {
      out_.places_.resize(places);
      out_.edges_.resize(edges);
      out_.calls_.resize(calls);
      out_.rules_.pop_back();
      return kNone;
    }
    out_.rules_[rule].start = *built;
    loops_[key] = rule;
    return rule;
  }

  bool has_calls(NodeId id) const {
    const Node& n = ir_.node(id);
    if (n.kind == Node::Kind::call) return true;
    if (n.kind == Node::Kind::net) return true;
    auto kids = ir_.kids(n);
    if (n.kind == Node::Kind::repeat && (n.b == kNoMaximum ? n.a : n.b) > 4) return true;  // may become a loop itself
    return std::any_of(kids.begin(), kids.end(), [&](NodeId k) { return has_calls(k); });
  }

  // ---- subsets -----------------------------------------------------------------------------------------------------

  // Adds what epsilon arcs reach; keeps only states with other arcs and the final one.
  void close(Subset& set) {
    ++mark_;
    marks_.resize(heads_.size(), 0);
    Subset kept;
    Subset todo;
    for (std::uint32_t s : set) {
      if (marks_[s] != mark_) todo.push_back(s);
      marks_[s] = mark_;
    }
    while (!todo.empty()) {
      std::uint32_t s = todo.back();
      todo.pop_back();
      bool keep = s == final_;
      for (std::uint32_t a = heads_[s]; a != kNone; a = arcs_[a].next) {
        ++steps_;
        const Arc& arc = arcs_[a];
        if (arc.kind != Arc::Kind::epsilon) {
          keep = true;
        } else if (marks_[arc.to] != mark_) {
          marks_[arc.to] = mark_;
          todo.push_back(arc.to);
        }
      }
      if (keep) kept.push_back(s);
    }
    std::sort(kept.begin(), kept.end());
    set = std::move(kept);
  }

  // The deterministic automaton of one body, appended to the output; returns its first place.
  Result<std::uint32_t> build(NodeId body, std::uint32_t rule) {
    heads_.clear();
    arcs_.clear();
    marks_.clear();
    std::uint32_t first = add_state();
    std::uint32_t final_state = add_state();
    FH_TRY_VOID(emit(body, first, final_state));
    final_ = final_state;
    marks_.assign(heads_.size(), 0);
    mark_ = 0;

    auto base = static_cast<std::uint32_t>(out_.places_.size());
    std::unordered_map<Subset, std::uint32_t, SubsetHash> known;
    std::vector<const Subset*> order;
    auto place_of = [&](Subset set) {
      close(set);
      auto next = static_cast<std::uint32_t>(base + order.size());
      auto [it, added] = known.try_emplace(std::move(set), next);
      if (added) order.push_back(&it->first);
      return it->second;
    };
    place_of({first});
    struct Segment {
      std::uint32_t at = 0;
      bool begins = false;
      std::uint32_t to = 0;
    };
    std::vector<Segment> segments;
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (base + order.size() > limits_.dfa_states || over()) return too_large("states");
      Automaton::Place place;
      place.rule = rule;
      place.first_edge = static_cast<std::uint32_t>(out_.edges_.size());
      place.first_call = static_cast<std::uint32_t>(out_.calls_.size());
      segments.clear();
      std::vector<std::pair<std::uint32_t, std::uint32_t>> calls;
      for (std::uint32_t s : *order[i]) {
        place.accepts |= s == final_;
        for (std::uint32_t a = heads_[s]; a != kNone; a = arcs_[a].next) {
          const Arc& arc = arcs_[a];
          if (arc.kind == Arc::Kind::bytes) {
            segments.push_back({arc.lo, true, arc.to});
            segments.push_back({arc.hi + 1u, false, arc.to});
          } else if (arc.kind == Arc::Kind::call) {
            calls.emplace_back(arc.rule, arc.to);
          }
        }
      }
      // Sweep over the ends of the ranges; between two ends the set of targets is the same.
      std::sort(segments.begin(), segments.end(), [](auto& a, auto& b) { return a.at < b.at; });
      steps_ += segments.size();
      Subset active;
      for (std::size_t k = 0; k < segments.size();) {
        std::uint32_t at = segments[k].at;
        for (; k < segments.size() && segments[k].at == at; ++k) {
          if (segments[k].begins) {
            active.push_back(segments[k].to);
          } else {
            active.erase(std::find(active.begin(), active.end(), segments[k].to));
          }
        }
        if (active.empty()) continue;
        steps_ += active.size();
        std::uint32_t to = place_of(Subset(active));
        auto lo = static_cast<std::uint8_t>(at);
        auto hi = static_cast<std::uint8_t>(segments[k].at - 1);
        bool joins =
            out_.edges_.size() > place.first_edge && out_.edges_.back().to == to && out_.edges_.back().hi + 1 == lo;
        if (joins) {
          out_.edges_.back().hi = hi;
        } else {
          out_.edges_.push_back({lo, hi, to});
        }
      }
      std::sort(calls.begin(), calls.end());
      for (std::size_t k = 0; k < calls.size();) {
        std::uint32_t callee = calls[k].first;
        Subset targets;
        for (; k < calls.size() && calls[k].first == callee; ++k) targets.push_back(calls[k].second);
        targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
        out_.calls_.push_back({callee, place_of(std::move(targets)), false});
      }
      place.edge_count = static_cast<std::uint32_t>(out_.edges_.size()) - place.first_edge;
      place.call_count = static_cast<std::uint32_t>(out_.calls_.size()) - place.first_call;
      out_.places_.push_back(place);
      marks_.resize(heads_.size(), 0);
    }
    return base;
  }

  const Ir& ir_;
  Automaton& out_;
  const Limits& limits_;
  std::vector<bool> nullable_;
  std::vector<std::uint32_t> heads_;  // of the rule being built: first arc of each state
  std::vector<Arc> arcs_;
  std::uint32_t final_ = 0;
  std::vector<std::uint32_t> marks_;
  std::uint32_t mark_ = 0;
  std::vector<std::uint32_t> called_;
  std::unordered_map<std::string, std::uint32_t> loops_;
  std::uint64_t nfa_total_ = 0;
  std::uint64_t steps_ = 0;
};

Result<Automaton> lower(const Ir& ir, RuleId root, std::uint32_t nesting_limit) {
  Automaton out;
  FH_TRY_VOID(Lowering(ir, out).run(root, nesting_limit));
  FH_TRY_VOID(analyse(out, ir.limits()));
  return out;
}

}  // namespace freehold::text::grammar
