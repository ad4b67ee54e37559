// Where a text stands in a grammar: a set of stacks. A configuration lists the rules that may be at work, each on a
// node that stands for all stacks below it (a graph-structured stack, Tomita 1985); nodes are interned, so equal sets
// of stacks have equal numbers and shared parts are stored once. One byte costs time in the number of rules and nodes
// involved, however many derivations there are.
//
// One owner, one thread. Nodes are only added; release() drops those added since a mark.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "text/grammar/automaton.h"

namespace freehold::text::grammar {

using StackId = std::uint32_t;
inline constexpr StackId kBottom = 0;   // nothing below: the text may end here
inline constexpr StackId kUnknown = 1;  // whatever the caller's stack has below

struct Entry {
  State state;
  StackId below = kBottom;
  bool operator==(const Entry&) const = default;
};
using Config = std::vector<Entry>;  // sorted by state, each state once

class Stacks {
 public:
  explicit Stacks(const Automaton& automaton);

  Config initial() const { return {{automaton_->start_of(automaton_->root()), kBottom}}; }
  // What can be behind `byte`; empty if nothing can. False: more ambiguous than the limits allow, or out of nodes.
  bool step(std::span<const Entry> config, std::uint8_t byte, Config& out);
  // What stands on top once the entry's rule ends.
  void popped(StackId below, Config& out) const;
  // The bytes with which step() leads anywhere, ignoring the nesting limit.
  void possible(std::span<const Entry> config, std::bitset<256>& out);

  bool accepting(const Entry& e) const { return automaton_->accepts(e.state) && nodes_[e.below].open; }
  bool accepting(std::span<const Entry> config) const;
  // Bytes of the shortest text to the end, and that text (the first in byte order). The configuration is not empty.
  std::uint32_t shortest(const Entry& e) const;
  std::uint32_t shortest(std::span<const Entry> config) const;
  void append_shortest(std::span<const Entry> config, std::string& out, std::size_t limit);
  std::uint32_t shortest_below(StackId id) const { return nodes_[id].shortest; }
  void append_below(StackId id, std::string& out, std::size_t limit) const;
  // The frames of an entry from the top down to the bottom, of the shortest text.
  void frames(const Entry& e, std::vector<State>& out) const;

  std::uint32_t depth(StackId id) const { return nodes_[id].depth; }
  std::uint32_t need(const Entry& e) const;  // nesting that the entry has or its shortest texts will need
  void set_nesting_limit(std::uint32_t limit) { nesting_limit_ = limit; }

  std::size_t mark() const { return nodes_.size(); }
  void release(std::size_t mark);
  std::size_t memory() const;

 private:
  struct Edge {
    State to;  // q = kNone: the bottom
    StackId below = kBottom;
    bool operator==(const Edge&) const = default;
  };
  struct NodeInfo {
    std::uint32_t first_edge = 0;
    std::uint32_t edge_count = 0;
    std::uint32_t shortest = 0;
    std::uint32_t depth = 0;
    std::uint32_t need = 0;
    std::uint32_t best = 0;  // the edge of the shortest text
    std::uint32_t hash = 0;
    std::uint32_t next = kNone;  // in its bucket
    bool open = false;           // the bottom can be reached without another byte
  };
  struct Pending {
    std::uint32_t rule = 0;
    StackId below = 0;
  };

  std::span<const Edge> edges(StackId id) const {
    return std::span(edges_).subspan(nodes_[id].first_edge, nodes_[id].edge_count);
  }
  StackId intern(std::span<const Edge> edges, std::uint32_t depth);
  StackId unite(StackId a, StackId b, unsigned level = 0);
  void emit(State state, StackId below);
  void call_from(State state, StackId below, std::uint8_t byte);
  std::uint32_t total(const Edge& e) const;
  void text_of(const Edge& e, std::string& out, std::size_t limit) const;
  void rehash();
  bool spend(std::size_t work) {
    work_ += work;
    return !failed_ && work_ < kMaxWork;
  }

  static constexpr std::size_t kMaxWork = 200'000;  // edges, calls and entries looked at for one byte
  static constexpr std::size_t kMaxNodes = 4'000'000;
  const Automaton* automaton_;
  std::uint32_t nesting_limit_;
  std::vector<NodeInfo> nodes_;
  std::vector<Edge> edges_;
  std::vector<std::uint32_t> buckets_;
  // Scratch of one step.
  std::vector<Entry> active_;
  std::vector<Pending> pending_;
  std::vector<std::uint32_t> visited_;  // per node: the step that popped it
  std::uint32_t step_ = 0;
  Config* out_ = nullptr;
  std::size_t work_ = 0;
  bool failed_ = false;
  std::string text_a_, text_b_;
};

}  // namespace freehold::text::grammar
