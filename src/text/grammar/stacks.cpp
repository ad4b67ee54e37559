#include "text/grammar/stacks.h"

#include <algorithm>

namespace freehold::text::grammar {
namespace {

std::uint32_t mix(std::uint64_t h, std::uint64_t v) {
  h = (h ^ v) * 0x9E3779B97F4A7C15ull;
  return static_cast<std::uint32_t>(h >> 32);
}

constexpr State kBottomState = {kNone, 0};
constexpr State kUnknownState = {kNone, 1};
constexpr unsigned kMaxUnite = 2000;  // levels of two stacks laid over one another

}  // namespace

Stacks::Stacks(const Automaton& automaton) : automaton_(&automaton), nesting_limit_(automaton.nesting_limit()) {
  rehash();
  Edge bottom = {kBottomState, kBottom};
  Edge unknown = {kUnknownState, kUnknown};
  intern({&bottom, 1}, 0);
  intern({&unknown, 1}, 0);
}

void Stacks::rehash() {
  buckets_.assign(std::max<std::size_t>(256, buckets_.size() * 2), kNone);
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {  // the newest first in each bucket: release() relies on it
    std::uint32_t& head = buckets_[nodes_[i].hash & (buckets_.size() - 1)];
    nodes_[i].next = head;
    head = i;
  }
}

std::uint32_t Stacks::total(const Edge& e) const {
  if (e.to.q == kNone) return 0;
  std::uint64_t sum = std::uint64_t{automaton_->shortest(e.to)} + nodes_[e.below].shortest;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, kNone - 1));
}

void Stacks::text_of(const Edge& e, std::string& out, std::size_t limit) const {
  if (e.to.q == kNone) return;
  automaton_->append_shortest(e.to, out, limit);
  append_below(e.below, out, limit);
}

void Stacks::append_below(StackId id, std::string& out, std::size_t limit) const {
  while (out.size() <= limit) {
    const Edge& e = edges_[nodes_[id].best];
    if (e.to.q == kNone) return;
    automaton_->append_shortest(e.to, out, limit);
    id = e.below;
  }
}

StackId Stacks::intern(std::span<const Edge> list, std::uint32_t depth) {
  std::uint32_t hash = mix(depth, list.size());
  for (const Edge& e : list) hash = mix(mix(hash, std::uint64_t{e.to.q} << 32 | e.to.count), e.below);
  for (std::uint32_t i = buckets_[hash & (buckets_.size() - 1)]; i != kNone; i = nodes_[i].next) {
    if (nodes_[i].hash == hash && nodes_[i].depth == depth && std::ranges::equal(edges(i), list)) return i;
  }
  auto id = static_cast<StackId>(nodes_.size());
  if (id >= kMaxNodes) {
    failed_ = true;
    return kBottom;
  }
  NodeInfo node;
  node.first_edge = static_cast<std::uint32_t>(edges_.size());
  node.edge_count = static_cast<std::uint32_t>(list.size());
  node.depth = depth;
  node.hash = hash;
  node.shortest = kNone;
  node.need = kNone;
  for (std::uint32_t i = 0; i < list.size(); ++i) {
    const Edge& e = list[i];
    bool bottom = e.to.q == kNone;
    std::uint32_t cost = total(e);
    bool better = cost < node.shortest;
    if (cost == node.shortest) {
      text_a_.clear();
      text_b_.clear();
      text_of(e, text_a_, cost);
      text_of(list[node.best - node.first_edge], text_b_, cost);
      work_ += text_a_.size() / 8;
      better = text_a_ < text_b_;
    }
    if (better) {
      node.shortest = cost;
      node.best = node.first_edge + i;
    }
    std::uint32_t need = bottom ? 0 : std::max(nodes_[e.below].need, nodes_[e.below].depth + automaton_->height(e.to));
    node.need = std::min(node.need, need);
    node.open |= bottom || (automaton_->accepts(e.to) && nodes_[e.below].open);
  }
  edges_.insert(edges_.end(), list.begin(), list.end());
  if (nodes_.size() >= buckets_.size()) rehash();
  std::uint32_t& head = buckets_[hash & (buckets_.size() - 1)];
  node.next = head;
  head = id;
  nodes_.push_back(node);
  return id;
}

// All stacks of both. Edges to the same state become one, on the union of what is below them.
StackId Stacks::unite(StackId a, StackId b, unsigned level) {
  if (a == b) return a;
  std::vector<Edge> merged(edges(a).begin(), edges(a).end());
  for (std::uint32_t i = 0; i < nodes_[b].edge_count; ++i) {
    Edge e = edges_[nodes_[b].first_edge + i];
    auto at = std::lower_bound(merged.begin(), merged.end(), e, [](auto& x, auto& y) { return x.to < y.to; });
    if (at == merged.end() || at->to != e.to) {
      merged.insert(at, e);
    } else if (at->below != e.below) {
      auto index = at - merged.begin();
      if (level > kMaxUnite || !spend(1)) {
        failed_ = true;
        return a;
      }
      merged[static_cast<std::size_t>(index)].below = unite(at->below, e.below, level + 1);
    }
  }
  spend(merged.size());
  return intern(merged, std::min(nodes_[a].depth, nodes_[b].depth));
}

void Stacks::emit(State state, StackId below) {
  if (std::max(nodes_[below].need, nodes_[below].depth + automaton_->height(state)) > nesting_limit_) return;
  auto at = std::lower_bound(out_->begin(), out_->end(), state, [](const Entry& e, State s) { return e.state < s; });
  if (at != out_->end() && at->state == state) {
    auto index = static_cast<std::size_t>(at - out_->begin());
    StackId both = unite(at->below, below);
    (*out_)[index].below = both;
  } else {
    out_->insert(at, {state, below});
  }
}

// Registers the rules that `state` may call and that can begin with the byte.
void Stacks::call_from(State state, StackId below, std::uint8_t byte) {
  for (const auto& call : automaton_->calls(state)) {
    const auto& rule = automaton_->rule(call.rule);
    spend(1);
    if (!rule.first.test(byte)) continue;
    StackId on = below;
    if (!call.tail) {
      Edge e = {{call.to, 0}, below};
      on = intern({&e, 1}, nodes_[below].depth + rule.nesting);
      if (nodes_[on].need > nesting_limit_) continue;
    }
    auto same = std::find_if(pending_.begin(), pending_.end(), [&](auto& p) { return p.rule == call.rule; });
    if (same == pending_.end()) {
      pending_.push_back({call.rule, on});
    } else {
      same->below = unite(same->below, on);
    }
  }
}

bool Stacks::step(std::span<const Entry> config, std::uint8_t byte, Config& out) {
  out.clear();
  out_ = &out;
  work_ = 0;
  failed_ = false;
  ++step_;
  visited_.resize(nodes_.size(), 0);
  active_.assign(config.begin(), config.end());
  pending_.clear();
  // Whatever is at work, or comes to be when a rule ends here.
  for (std::size_t i = 0; i < active_.size(); ++i) {
    Entry e = active_[i];
    if (!spend(1)) return false;
    State next = automaton_->next(e.state, byte);
    if (next.q != kNone) emit(next, e.below);
    call_from(e.state, e.below, byte);
    if (!automaton_->accepts(e.state) || (e.below < visited_.size() && visited_[e.below] == step_)) continue;
    if (e.below < visited_.size()) visited_[e.below] = step_;
    for (const Edge& edge : edges(e.below)) {
      if (edge.to.q != kNone) active_.push_back({edge.to, edge.below});
    }
  }
  // Callers before those they call: when a rule's turn comes, everybody who calls it here is known.
  while (!pending_.empty()) {
    auto top = std::max_element(pending_.begin(), pending_.end(), [&](auto& a, auto& b) {
      return automaton_->rule(a.rule).rank < automaton_->rule(b.rule).rank;
    });
    if (!spend(pending_.size())) return false;
    Pending p = *top;
    *top = pending_.back();
    pending_.pop_back();
    State start = automaton_->start_of(p.rule);
    State next = automaton_->next(start, byte);
    if (next.q != kNone) emit(next, p.below);
    call_from(start, p.below, byte);
  }
  return spend(0);
}

void Stacks::popped(StackId below, Config& out) const {
  out.clear();
  for (const Edge& e : edges(below)) {
    if (e.to.q != kNone) out.push_back({e.to, e.below});
  }
}

void Stacks::possible(std::span<const Entry> config, std::bitset<256>& out) {
  out.reset();
  ++step_;
  visited_.resize(nodes_.size(), 0);
  active_.assign(config.begin(), config.end());
  for (std::size_t i = 0; i < active_.size(); ++i) {
    Entry e = active_[i];
    for (const auto& edge : automaton_->edges(e.state)) {
      for (unsigned b = edge.lo; b <= edge.hi; ++b) out.set(b);
    }
    for (const auto& call : automaton_->calls(e.state)) out |= automaton_->rule(call.rule).first;
    if (!automaton_->accepts(e.state) || visited_[e.below] == step_) continue;
    visited_[e.below] = step_;
    for (const Edge& edge : edges(e.below)) {
      if (edge.to.q != kNone) active_.push_back({edge.to, edge.below});
    }
  }
}

bool Stacks::accepting(std::span<const Entry> config) const {
  return std::any_of(config.begin(), config.end(), [&](const Entry& e) { return accepting(e); });
}

std::uint32_t Stacks::shortest(const Entry& e) const {
  std::uint64_t sum = std::uint64_t{automaton_->shortest(e.state)} + nodes_[e.below].shortest;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, kNone - 1));
}

std::uint32_t Stacks::shortest(std::span<const Entry> config) const {
  std::uint32_t best = kNone;
  for (const Entry& e : config) best = std::min(best, shortest(e));
  return best;
}

void Stacks::append_shortest(std::span<const Entry> config, std::string& out, std::size_t limit) {
  std::uint32_t best = shortest(config);
  text_a_.clear();
  bool found = false;
  for (const Entry& e : config) {
    if (shortest(e) != best) continue;
    text_b_.clear();
    automaton_->append_shortest(e.state, text_b_, limit);
    append_below(e.below, text_b_, limit);
    if (!found || text_b_ < text_a_) std::swap(text_a_, text_b_);
    found = true;
  }
  out += text_a_;
}

void Stacks::frames(const Entry& e, std::vector<State>& out) const {
  out.push_back(e.state);
  for (const Edge* edge = &edges_[nodes_[e.below].best]; edge->to.q != kNone;) {
    out.push_back(edge->to);
    edge = &edges_[nodes_[edge->below].best];
  }
}

std::uint32_t Stacks::need(const Entry& e) const {
  return std::max(nodes_[e.below].need, nodes_[e.below].depth + automaton_->height(e.state));
}

void Stacks::release(std::size_t mark) {
  while (nodes_.size() > mark) {
    const NodeInfo& node = nodes_.back();
    buckets_[node.hash & (buckets_.size() - 1)] = node.next;
    edges_.resize(node.first_edge);
    nodes_.pop_back();
  }
}

std::size_t Stacks::memory() const {
  return nodes_.capacity() * sizeof(NodeInfo) + edges_.capacity() * sizeof(Edge) + buckets_.capacity() * 4;
}

}  // namespace freehold::text::grammar
