// From a parsed regular expression to an expression of a grammar, and to an automaton over code points.
#include <algorithm>
#include <map>

#include "text/grammar/regex_ast.h"

namespace freehold::text::grammar {
namespace {

using Kind = RegexAst::Kind;

bool has_anchor(const RegexAst& ast, std::uint32_t id) {
  const auto& p = ast.parts[id];
  if (p.kind == Kind::begin || p.kind == Kind::end) return true;
  return std::any_of(p.kids.begin(), p.kids.end(), [&](auto k) { return has_anchor(ast, k); });
}

// The alternatives of the whole expression, each as the items that follow one another, groups around all of it opened.
std::vector<std::vector<std::uint32_t>> branches(const RegexAst& ast) {
  std::vector<std::vector<std::uint32_t>> out;
  std::vector<std::uint32_t> todo = {ast.root};
  while (!todo.empty()) {
    std::uint32_t id = todo.back();
    todo.pop_back();
    const auto& p = ast.parts[id];
    if (p.kind == Kind::any_of) {
      todo.insert(todo.end(), p.kids.rbegin(), p.kids.rend());
    } else if (p.kind == Kind::concat && p.kids.size() == 1) {
      todo.push_back(p.kids[0]);
    } else if (p.kind == Kind::concat) {
      out.push_back(p.kids);
    } else {
      out.push_back({id});
    }
  }
  return out;
}

struct Ends {
  bool begin = false;
  bool end = false;
};

// Takes the anchors off a branch's ends.
Ends trim(const RegexAst& ast, std::vector<std::uint32_t>& items) {
  Ends ends;
  while (!items.empty() && ast.parts[items.front()].kind == Kind::begin) {
    items.erase(items.begin());
    ends.begin = true;
  }
  while (!items.empty() && ast.parts[items.back()].kind == Kind::end) {
    items.pop_back();
    ends.end = true;
  }
  return ends;
}

NodeId convert(Ir& ir, const RegexAst& ast, std::uint32_t id, Encoding encoding) {
  const auto& p = ast.parts[id];
  if (p.kind == Kind::chars) return ir.chars(p.set, encoding);
  std::vector<NodeId> kids;
  for (std::uint32_t k : p.kids) kids.push_back(convert(ir, ast, k, encoding));
  if (p.kind == Kind::repeat) return ir.repeat(kids[0], p.min, p.max);
  return p.kind == Kind::any_of ? ir.any_of(kids) : ir.concat(kids);
}

// Thompson's construction over code points, with arcs that only the beginning or the end of the text may take.
class DfaBuilder {
 public:
  DfaBuilder(const RegexAst& ast, std::size_t max_states) : ast_(ast), max_states_(max_states) {}

  Result<CodeDfa> build(Reach reach) {
    std::uint32_t start = add_state();
    std::uint32_t inner = add_state();
    std::uint32_t outer = add_state();
    final_ = add_state();
    arc(start, {Arc::epsilon, {}, inner});
    arc(outer, {Arc::epsilon, {}, final_});
    if (reach == Reach::anywhere) {
      arc(inner, {Arc::chars, CharSet::all(), inner});
      arc(outer, {Arc::chars, CharSet::all(), outer});
    }
    std::uint32_t first = add_state();
    arc(inner, {Arc::epsilon, {}, first});
    if (!emit(ast_.root, first, outer)) return too_many();

    std::map<Set, std::uint32_t> known;
    std::vector<const Set*> order;
    CodeDfa dfa;
    auto state_of = [&](Set set, bool at_begin) {
      bool accepts = false;
      close(set, at_begin, accepts);
      // At the beginning more may be accepted than the same set accepts elsewhere.
      set.push_back(at_begin && accepts ? kAccepting : 0);
      auto [it, added] = known.try_emplace(std::move(set), static_cast<std::uint32_t>(order.size()));
      if (added) {
        order.push_back(&it->first);
        dfa.states.emplace_back().accepts = accepts;
      }
      return it->second;
    };
    state_of({start}, true);
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (order.size() > max_states_ || work_ > 100 * max_states_ + 1'000'000) return too_many();
      struct End {
        std::uint32_t at = 0;
        bool begins = false;
        std::uint32_t to = 0;
      };
      std::vector<End> ends;
      for (std::uint32_t s : *order[i]) {
        if (s >= arcs_.size()) continue;
        for (const Arc& a : arcs_[s]) {
          if (a.kind != Arc::chars) continue;
          for (const CharRange& r : a.set.ranges()) {
            ends.push_back({r.lo, true, a.to});
            ends.push_back({r.hi + 1, false, a.to});
          }
        }
      }
      work_ += ends.size();
      std::sort(ends.begin(), ends.end(), [](auto& a, auto& b) { return a.at < b.at; });
      Set active;
      for (std::size_t k = 0; k < ends.size();) {
        std::uint32_t at = ends[k].at;
        for (; k < ends.size() && ends[k].at == at; ++k) {
          if (ends[k].begins) {
            active.push_back(ends[k].to);
          } else {
            active.erase(std::find(active.begin(), active.end(), ends[k].to));
          }
        }
        if (active.empty()) continue;
        work_ += active.size();
        std::uint32_t to = state_of(active, false);
        auto& edges = dfa.states[i].edges;
        if (!edges.empty() && edges.back().to == to && edges.back().hi + 1 == at) {
          edges.back().hi = ends[k].at - 1;
        } else {
          edges.push_back({at, ends[k].at - 1, to});
        }
      }
    }
    return dfa;
  }

 private:
  struct Arc {
    enum Kind : std::uint8_t { epsilon, chars, at_begin, at_end };
    Kind kind = epsilon;
    CharSet set;
    std::uint32_t to = 0;
  };
  using Set = std::vector<std::uint32_t>;
  static constexpr std::uint32_t kAccepting = UINT32_MAX;

  Unexpected too_many() const {
    return fail(Errc::exhausted, "the pattern takes more than " + std::to_string(max_states_) + " states");
  }
  std::uint32_t add_state() {
    arcs_.emplace_back();
    return static_cast<std::uint32_t>(arcs_.size() - 1);
  }
  void arc(std::uint32_t from, Arc a) { arcs_[from].push_back(std::move(a)); }

  bool emit(std::uint32_t id, std::uint32_t from, std::uint32_t to) {
    if (arcs_.size() > 8 * max_states_) return false;
    const auto& p = ast_.parts[id];
    switch (p.kind) {
      case Kind::chars:
        arc(from, {Arc::chars, p.set, to});
        return true;
      case Kind::begin:
        arc(from, {Arc::at_begin, {}, to});
        return true;
      case Kind::end:
        arc(from, {Arc::at_end, {}, to});
        return true;
      case Kind::any_of:
        for (std::uint32_t k : p.kids) {
          std::uint32_t a = add_state();
          std::uint32_t b = add_state();
          arc(from, {Arc::epsilon, {}, a});
          arc(b, {Arc::epsilon, {}, to});
          if (!emit(k, a, b)) return false;
        }
        return true;
      case Kind::concat:
        for (std::uint32_t k : p.kids) {
          std::uint32_t next = add_state();
          if (!emit(k, from, next)) return false;
          from = next;
        }
        arc(from, {Arc::epsilon, {}, to});
        return true;
      case Kind::repeat:
        break;
    }
    std::uint32_t copies = p.max == kNoMaximum ? std::max(p.min, 1u) : p.max;
    for (std::uint32_t i = 0; i < copies; ++i) {
      std::uint32_t begin = add_state();
      std::uint32_t end = add_state();
      arc(from, {Arc::epsilon, {}, begin});
      if (i >= p.min) arc(from, {Arc::epsilon, {}, to});
      if (!emit(p.kids[0], begin, end)) return false;
      if (p.max == kNoMaximum && i + 1 == copies) arc(end, {Arc::epsilon, {}, begin});
      from = add_state();
      arc(end, {Arc::epsilon, {}, from});
    }
    arc(from, {Arc::epsilon, {}, to});
    return true;
  }

  // What epsilon arcs reach (`accepts`: and, at an end of the text, arcs for that end); keeps states that read.
  void close(Set& set, bool at_begin, bool& accepts) {
    Set readers;
    for (bool at_end : {false, true}) {
      std::vector<bool>& seen = seen_;
      seen.assign(arcs_.size(), false);
      Set todo;
      for (std::uint32_t s : set) {
        if (!seen[s]) todo.push_back(s);
        seen[s] = true;
      }
      while (!todo.empty()) {
        std::uint32_t s = todo.back();
        todo.pop_back();
        bool reads = false;
        accepts |= s == final_;
        for (const Arc& a : arcs_[s]) {
          ++work_;
          reads |= a.kind == Arc::chars;
          bool open =
              a.kind == Arc::epsilon || (a.kind == Arc::at_begin && at_begin) || (a.kind == Arc::at_end && at_end);
          if (!open || seen[a.to]) continue;
          seen[a.to] = true;
          todo.push_back(a.to);
        }
        // The final state and those with an end arc decide about accepting, so they tell sets apart.
        bool ends =
            s == final_ || std::any_of(arcs_[s].begin(), arcs_[s].end(), [](auto& a) { return a.kind == Arc::at_end; });
        if (!at_end && (reads || ends)) readers.push_back(s);
      }
    }
    std::sort(readers.begin(), readers.end());
    set = std::move(readers);
  }

  const RegexAst& ast_;
  std::size_t max_states_;
  std::vector<std::vector<Arc>> arcs_;
  std::vector<bool> seen_;
  std::uint32_t final_ = 0;
  std::uint64_t work_ = 0;
};

}  // namespace

Result<CodeDfa> regex_to_dfa(const RegexAst& ast, Reach reach, std::size_t max_states) {
  return DfaBuilder(ast, max_states).build(reach);
}

Result<NodeId> regex_to_ir(Ir& ir, const RegexAst& ast, Reach reach, Encoding encoding) {
  NodeId any = ir.repeat(ir.chars(CharSet::all(), encoding), 0, kNoMaximum);
  std::vector<NodeId> choices;
  for (auto items : branches(ast)) {
    Ends ends = trim(ast, items);
    if (std::any_of(items.begin(), items.end(), [&](auto i) { return has_anchor(ast, i); })) {
      FH_TRY(CodeDfa dfa, regex_to_dfa(ast, reach, ir.limits().dfa_states / 4));
      return ir.graph(std::move(dfa), encoding);
    }
    std::vector<NodeId> sequence;
    if (reach == Reach::anywhere && !ends.begin) sequence.push_back(any);
    for (std::uint32_t i : items) sequence.push_back(convert(ir, ast, i, encoding));
    if (reach == Reach::anywhere && !ends.end) sequence.push_back(any);
    choices.push_back(ir.concat(sequence));
  }
  return ir.any_of(choices);
}

std::optional<CharRun> as_char_run(const RegexAst& ast, Reach reach) {
  auto all = branches(ast);
  if (all.size() != 1) return std::nullopt;
  auto items = all[0];
  Ends ends = trim(ast, items);
  if (items.size() != 1 || (reach == Reach::anywhere && !(ends.begin && ends.end))) return std::nullopt;
  const auto& p = ast.parts[items[0]];
  if (p.kind == Kind::chars) return CharRun{p.set, 1, 1};
  if (p.kind != Kind::repeat) return std::nullopt;
  const RegexAst::Part* body = &ast.parts[p.kids[0]];
  while (body->kind == Kind::concat && body->kids.size() == 1) body = &ast.parts[body->kids[0]];
  if (body->kind != Kind::chars) return std::nullopt;
  return CharRun{body->set, p.min, p.max};
}

}  // namespace freehold::text::grammar
