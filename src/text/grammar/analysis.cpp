#include "text/grammar/analysis.h"

#include <algorithm>
#include <numeric>
#include <queue>

#include "base/utf8.h"

namespace freehold::text::grammar {

class Analysis {
 public:
  Analysis(Automaton& a, const Limits& limits) : a_(a), limits_(limits) {}

  Result<void> run() {
    find_shortest();
    if (!a_.rules_[a_.root_].nullable && a_.places_[a_.rules_[a_.root_].start].shortest == kNone)
      return fail(Errc::invalid, "no text can ever satisfy it");
    prune();
    FH_TRY_VOID(rank_rules());
    mark_tails();
    find_first_bytes();
    find_following_bytes();
    FH_TRY_VOID(choose_steps());
    const auto& root = a_.places_[a_.rules_[a_.root_].start];
    a_.nesting_limit_ = std::max(a_.nesting_limit_, root.height);
    return {};
  }

 private:
  // Knuth's generalisation of Dijkstra's algorithm: a place costs one more than the place behind a byte, or a rule's
  // cost and the place behind the call. Calls of rules that can be empty are left out: what follows such a call is
  // already part of the calling place.
  void find_shortest() {
    auto& places = a_.places_;
    std::size_t n = places.size();
    struct Site {
      std::uint32_t from = 0;
      std::uint32_t rule = 0;
      std::uint32_t to = 0;
    };
    std::vector<Site> sites;
    std::vector<std::vector<std::uint32_t>> byte_preds(n), sites_to(n), sites_of(a_.rules_.size());
    for (std::uint32_t x = 0; x < n; ++x) {
      const auto& p = places[x];
      for (std::uint32_t e = p.first_edge; e < p.first_edge + p.edge_count; ++e)
        byte_preds[a_.edges_[e].to].push_back(x);
      for (std::uint32_t c = p.first_call; c < p.first_call + p.call_count; ++c) {
        const auto& call = a_.calls_[c];
        if (a_.rules_[call.rule].nullable) continue;
        sites_to[call.to].push_back(static_cast<std::uint32_t>(sites.size()));
        sites_of[call.rule].push_back(static_cast<std::uint32_t>(sites.size()));
        sites.push_back({x, call.rule, call.to});
      }
    }
    std::vector<std::uint32_t> rule_started_at(n, kNone);
    for (std::uint32_t r = 0; r < a_.rules_.size(); ++r) {
      if (a_.rules_[r].start < n && places[a_.rules_[r].start].rule == r) rule_started_at[a_.rules_[r].start] = r;
    }
    std::vector<std::uint64_t> rule_cost(a_.rules_.size(), kNone);
    using Item = std::pair<std::uint64_t, std::uint32_t>;
    std::priority_queue<Item, std::vector<Item>, std::greater<>> queue;
    for (std::uint32_t x = 0; x < n; ++x) {
      if (places[x].accepts) queue.emplace(0, x);
    }
    auto relax = [&](const Site& s) {
      if (places[s.to].shortest == kNone || rule_cost[s.rule] >= kNone) return;
      queue.emplace(rule_cost[s.rule] + places[s.to].shortest, s.from);
    };
    while (!queue.empty()) {
      auto [cost, x] = queue.top();
      queue.pop();
      if (places[x].shortest != kNone || cost > limits_.shortest) continue;
      places[x].shortest = static_cast<std::uint32_t>(cost);
      for (std::uint32_t y : byte_preds[x]) {
        if (places[y].shortest == kNone) queue.emplace(cost + 1, y);
      }
      for (std::uint32_t s : sites_to[x]) relax(sites[s]);
      std::uint32_t r = rule_started_at[x];
      if (r == kNone || a_.rules_[r].nullable) continue;
      rule_cost[r] = a_.rules_[r].loop ? cost * a_.rules_[r].min : cost;
      for (std::uint32_t s : sites_of[r]) relax(sites[s]);
    }
    for (std::uint32_t r = 0; r < a_.rules_.size(); ++r)
      usable_.push_back(a_.rules_[r].nullable || rule_cost[r] < kNone);
  }

  void prune() {
    std::vector<Automaton::Edge> edges;
    std::vector<Automaton::Call> calls;
    for (auto& p : a_.places_) {
      auto first_edge = static_cast<std::uint32_t>(edges.size());
      auto first_call = static_cast<std::uint32_t>(calls.size());
      for (std::uint32_t e = p.first_edge; e < p.first_edge + p.edge_count; ++e) {
        if (a_.places_[a_.edges_[e].to].shortest != kNone) edges.push_back(a_.edges_[e]);
      }
      for (std::uint32_t c = p.first_call; c < p.first_call + p.call_count; ++c) {
        const auto& call = a_.calls_[c];
        if (a_.places_[call.to].shortest != kNone && usable_[call.rule]) calls.push_back(call);
      }
      p.first_edge = first_edge;
      p.edge_count = static_cast<std::uint32_t>(edges.size()) - first_edge;
      p.first_call = first_call;
      p.call_count = static_cast<std::uint32_t>(calls.size()) - first_call;
    }
    a_.edges_ = std::move(edges);
    a_.calls_ = std::move(calls);
  }

  std::span<const Automaton::Call> start_calls(std::uint32_t rule) const {
    const auto& r = a_.rules_[rule];
    if (a_.places_.empty() || a_.places_[r.start].rule != rule) return {};  // never built: not reachable
    return std::span(a_.calls_).subspan(a_.places_[r.start].first_call, a_.places_[r.start].call_count);
  }

  // Orders the rules so that a rule comes after those it may begin with; a cycle is left recursion.
  Result<void> rank_rules() {
    enum : std::uint8_t { fresh, open, done };
    std::vector<std::uint8_t> state(a_.rules_.size(), fresh);
    rank_.assign(a_.rules_.size(), 0);
    struct Frame {
      std::uint32_t rule = 0;
      std::size_t next = 0;
    };
    for (std::uint32_t r = 0; r < a_.rules_.size(); ++r) {
      if (state[r] != fresh) continue;
      std::vector<Frame> stack = {{r, 0}};
      state[r] = open;
      while (!stack.empty()) {
        Frame& f = stack.back();
        auto calls = start_calls(f.rule);
        if (f.next == calls.size()) {
          state[f.rule] = done;
          for (const auto& c : calls) rank_[f.rule] = std::max(rank_[f.rule], rank_[c.rule] + 1);
          if (rank_[f.rule] > limits_.call_chain)
            return fail(Errc::exhausted, "too many rules that begin with one another");
          stack.pop_back();
          continue;
        }
        std::uint32_t callee = calls[f.next++].rule;
        if (state[callee] == open)
          return fail(Errc::unsupported,
                      "left recursion: rule \"" + printable(a_.rules_[callee].name) +
                          "\" begins with itself; put what repeats behind something that must come first");
        if (state[callee] == fresh) {
          state[callee] = open;
          stack.push_back({callee, 0});
        }
      }
    }
    for (std::uint32_t r = 0; r < a_.rules_.size(); ++r) a_.rules_[r].rank = rank_[r];
    by_rank_.resize(a_.rules_.size());
    std::iota(by_rank_.begin(), by_rank_.end(), 0u);
    std::sort(by_rank_.begin(), by_rank_.end(), [&](auto x, auto y) { return rank_[x] < rank_[y]; });
    return {};
  }

  void mark_tails() {
    for (auto& call : a_.calls_) {
      const auto& to = a_.places_[call.to];
      bool last = to.accepts && to.edge_count == 0 && to.call_count == 0;
      call.tail = last && !a_.rules_[call.rule].keeps_frame;
    }
  }

  void find_first_bytes() {
    for (std::uint32_t r : by_rank_) {
      auto& rule = a_.rules_[r];
      if (a_.places_.empty() || a_.places_[rule.start].rule != r) continue;
      const auto& p = a_.places_[rule.start];
      for (std::uint32_t e = p.first_edge; e < p.first_edge + p.edge_count; ++e) {
        for (unsigned b = a_.edges_[e].lo; b <= a_.edges_[e].hi; ++b) rule.first.set(b);
      }
      for (const auto& c : start_calls(r)) rule.first |= a_.rules_[c.rule].first;
    }
  }

  void find_following_bytes() {
    // If a rule's call of another can be the last thing it does, whatever follows it follows the other.
    std::vector<std::vector<std::uint32_t>> passes_on(a_.rules_.size());
    for (const auto& p : a_.places_) {
      for (std::uint32_t c = p.first_call; c < p.first_call + p.call_count; ++c) {
        const auto& call = a_.calls_[c];
        const auto& to = a_.places_[call.to];
        auto& follow = a_.rules_[call.rule].follow;
        for (std::uint32_t e = to.first_edge; e < to.first_edge + to.edge_count; ++e) {
          for (unsigned b = a_.edges_[e].lo; b <= a_.edges_[e].hi; ++b) follow.set(b);
        }
        for (std::uint32_t k = to.first_call; k < to.first_call + to.call_count; ++k) {
          follow |= a_.rules_[a_.calls_[k].rule].first;
        }
        if (to.accepts) passes_on[p.rule].push_back(call.rule);
      }
    }
    std::vector<std::uint32_t> todo(a_.rules_.size());
    std::iota(todo.begin(), todo.end(), 0u);
    while (!todo.empty()) {
      std::uint32_t r = todo.back();
      todo.pop_back();
      for (std::uint32_t callee : passes_on[r]) {
        auto both = a_.rules_[callee].follow | a_.rules_[r].follow;
        if (both == a_.rules_[callee].follow) continue;
        a_.rules_[callee].follow = both;
        todo.push_back(callee);
      }
    }
  }

  // The first step of each place's shortest text, from the shortest text up: whatever a place needs is ready before it.
  Result<void> choose_steps() {
    auto& places = a_.places_;
    std::vector<std::uint32_t> order(places.size());
    std::iota(order.begin(), order.end(), 0u);
    auto rank = [&](std::uint32_t x) {
      std::uint32_t r = places[x].rule;
      return a_.rules_[r].start == x ? rank_[r] : kNone;
    };
    std::sort(order.begin(), order.end(), [&](auto x, auto y) {
      if (places[x].shortest != places[y].shortest) return places[x].shortest < places[y].shortest;
      return std::pair(rank(x), x) < std::pair(rank(y), y);
    });
    std::uint64_t steps = 0;
    for (std::uint32_t x : order) {
      auto& p = places[x];
      if (p.shortest == 0 || p.shortest == kNone) continue;
      for (std::uint32_t e = p.first_edge; e < p.first_edge + p.edge_count; ++e) {
        if (places[a_.edges_[e].to].shortest + 1 != p.shortest) continue;
        p.step_edge = e;
        p.height = places[a_.edges_[e].to].height;
        break;
      }
      std::string best, other;
      for (std::uint32_t c = p.first_call; c < p.first_call + p.call_count; ++c) {
        const auto& call = a_.calls_[c];
        const auto& rule = a_.rules_[call.rule];
        if (rule.nullable) continue;
        State start = a_.start_of(call.rule);
        if (std::uint64_t{a_.shortest(start)} + places[call.to].shortest != p.shortest) continue;
        bool first = p.step_edge == kNone && p.step_call == kNone;
        if (!first) {
          if (best.empty()) a_.append_shortest({x, 0}, best, p.shortest);
          other.clear();
          a_.append_shortest(start, other, p.shortest);
          a_.append_shortest({call.to, 0}, other, p.shortest);
          if ((steps += 2 * other.size()) > limits_.steps)
            return fail(Errc::exhausted, "the grammar is too ambiguous to find its shortest texts");
          if (other >= best) continue;
          best = other;
        }
        p.step_edge = kNone;
        p.step_call = c;
        p.height = std::max(rule.nesting + a_.height(start), places[call.to].height);
      }
    }
    return {};
  }

  Automaton& a_;
  const Limits& limits_;
  std::vector<bool> usable_;
  std::vector<std::uint32_t> rank_;
  std::vector<std::uint32_t> by_rank_;
};

Result<void> analyse(Automaton& automaton, const Limits& limits) {
  return Analysis(automaton, limits).run();
}

}  // namespace freehold::text::grammar
