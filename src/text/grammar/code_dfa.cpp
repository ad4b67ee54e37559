#include "text/grammar/code_dfa.h"

#include <algorithm>
#include <map>

#include "base/utf8.h"

namespace freehold::text::grammar {
namespace {

constexpr std::uint32_t kDead = UINT32_MAX;

Unexpected too_many(std::size_t max_states) {
  return fail(Errc::exhausted, "takes more than " + std::to_string(max_states) + " states");
}

}  // namespace

bool CodeDfa::matches(std::string_view utf8) const {
  if (states.empty()) return false;
  std::uint32_t state = 0;
  while (!utf8.empty()) {
    CodePoint c = decode_utf8(utf8);
    if (c.length == 0) return false;
    utf8.remove_prefix(c.length);
    const auto& edges = states[state].edges;
    auto edge = std::find_if(edges.begin(), edges.end(), [&](auto& e) { return e.lo <= c.value && c.value <= e.hi; });
    if (edge == edges.end()) return false;
    state = edge->to;
  }
  return states[state].accepts;
}

bool CodeDfa::empty() const {
  if (states.empty()) return true;
  std::vector<bool> seen(states.size());
  std::vector<std::uint32_t> todo = {0};
  seen[0] = true;
  while (!todo.empty()) {
    const State& state = states[todo.back()];
    todo.pop_back();
    if (state.accepts) return false;
    for (const Edge& e : state.edges) {
      if (!seen[e.to]) todo.push_back(e.to);
      seen[e.to] = true;
    }
  }
  return true;
}

CodeDfa complement(const CodeDfa& dfa) {
  CodeDfa out = dfa;
  if (out.states.empty()) out.states.emplace_back();
  auto sink = static_cast<std::uint32_t>(out.states.size());
  out.states.emplace_back();
  for (auto& state : out.states) {
    CharSet covered;
    for (const auto& e : state.edges) covered.add(e.lo, e.hi);
    CharSet missing = covered.complement();
    for (const CharRange& r : missing.ranges()) state.edges.push_back({r.lo, r.hi, sink});
    std::sort(state.edges.begin(), state.edges.end(), [](auto& a, auto& b) { return a.lo < b.lo; });
    state.accepts = !state.accepts;
  }
  return out;
}

Result<CodeDfa> intersect(const CodeDfa& a, const CodeDfa& b, std::size_t max_states) {
  CodeDfa out;
  if (a.states.empty() || b.states.empty()) return out;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> known;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
  auto state_of = [&](std::uint32_t x, std::uint32_t y) {
    auto [it, added] = known.emplace(std::pair(x, y), static_cast<std::uint32_t>(pairs.size()));
    if (added) pairs.emplace_back(x, y);
    return it->second;
  };
  state_of(0, 0);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (pairs.size() > max_states) return too_many(max_states);
    const auto& p = a.states[pairs[i].first];
    const auto& q = b.states[pairs[i].second];
    CodeDfa::State state;
    state.accepts = p.accepts && q.accepts;
    for (std::size_t k = 0, l = 0; k < p.edges.size() && l < q.edges.size();) {
      const auto& e = p.edges[k];
      const auto& f = q.edges[l];
      std::uint32_t lo = std::max(e.lo, f.lo);
      std::uint32_t hi = std::min(e.hi, f.hi);
      if (lo <= hi) state.edges.push_back({lo, hi, state_of(e.to, f.to)});
      if (e.hi < f.hi) {
        ++k;
      } else {
        ++l;
      }
    }
    out.states.push_back(std::move(state));
  }
  return out;
}

Result<CodeDfa> dfa_of_strings(std::span<const std::string> strings, std::size_t max_states) {
  CodeDfa out;
  if (strings.empty()) return out;
  std::vector<std::map<std::uint32_t, std::uint32_t>> trie(1);
  std::vector<bool> ends(1);
  for (std::string_view rest : strings) {
    std::uint32_t at = 0;
    while (!rest.empty()) {
      CodePoint c = decode_utf8(rest);
      if (c.length == 0) return fail(Errc::invalid, "not UTF-8");
      rest.remove_prefix(c.length);
      auto next = static_cast<std::uint32_t>(trie.size());
      auto [it, added] = trie[at].emplace(c.value, next);
      at = it->second;
      if (added) {
        trie.emplace_back();
        ends.push_back(false);
        if (trie.size() > max_states) return too_many(max_states);
      }
    }
    ends[at] = true;
  }
  out.states.resize(trie.size());
  for (std::size_t i = 0; i < trie.size(); ++i) {
    out.states[i].accepts = ends[i];
    for (auto [c, to] : trie[i]) out.states[i].edges.push_back({c, c, to});
  }
  return out;
}

Result<CodeDfa> dfa_of_length(std::uint32_t min, std::uint32_t max, std::size_t max_states) {
  CodeDfa out;
  if (min > max) return out;
  std::uint32_t last = max == kDead ? min : max;
  if (last >= max_states) return too_many(max_states);
  out.states.resize(last + 1);
  for (std::uint32_t i = 0; i <= last; ++i) {
    out.states[i].accepts = i >= min;
    if (i == max) break;
    std::uint32_t to = std::min(i + 1, last);
    out.states[i].edges = {{0, 0xD7FF, to}, {0xE000, kMaxCodePoint, to}};
  }
  return out;
}

}  // namespace freehold::text::grammar
