// The one intermediate form that every kind of grammar becomes: rules whose bodies are small expression trees. Nodes
// live in one arena and are named by number, so sharing costs nothing. A failure (a limit) is remembered and reported
// once, by lower(): what builds nodes need not check each one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/grammar/char_set.h"
#include "text/grammar/code_dfa.h"
#include "text/grammar/limits.h"

namespace freehold::text::grammar {

using NodeId = std::uint32_t;
using RuleId = std::uint32_t;
inline constexpr std::uint32_t kNoMaximum = UINT32_MAX;

// How a code point is written.
enum class Encoding : std::uint8_t {
  raw,   // UTF-8
  json,  // UTF-8 inside a JSON string; what must be escaped has one spelling (\" \\ \n \t \b \f \r, else \u001f)
};

struct Node {
  enum class Kind : std::uint8_t {
    nothing,  // matches no text
    bytes,    // exactly `text`
    chars,    // one code point of sets[a]
    concat,   // the kids one after the other; none = the empty text
    any_of,   // one of the kids
    repeat,   // the kid from `a` to `b` times
    call,     // rule a
    graph,    // graphs[a]
    net,      // nets[a]
  };
  Kind kind = Kind::nothing;
  Encoding encoding = Encoding::raw;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t first_kid = 0;  // in Ir::kids
  std::uint32_t kid_count = 0;
};

// A small automaton whose arcs are expressions, for what a tree would have to write out many times (the members of an
// object, any of which may be missing). From state 0 to state 1.
struct Net {
  struct Arc {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    NodeId label = 0;
  };
  std::uint32_t states = 2;
  std::vector<Arc> arcs;
  std::uint32_t add_state() { return states++; }
};

struct Rule {
  std::string name;  // for messages
  NodeId body = 0;
  std::uint32_t nesting = 0;  // what one call counts against the nesting limit
  bool keeps_frame = false;   // counts also where nothing of the caller follows, so that no frame would be needed
};

class Ir {
 public:
  explicit Ir(Limits limits) : limits_(limits) { nodes_.emplace_back(); }

  NodeId nothing() const { return 0; }
  NodeId empty() { return concat({}); }
  NodeId bytes(std::string_view text);
  NodeId chars(CharSet set, Encoding encoding);
  NodeId graph(CodeDfa dfa, Encoding encoding);
  NodeId concat(std::span<const NodeId> kids);
  NodeId concat(std::initializer_list<NodeId> kids) { return concat(std::span(kids.begin(), kids.size())); }
  NodeId any_of(std::span<const NodeId> kids);
  NodeId any_of(std::initializer_list<NodeId> kids) { return any_of(std::span(kids.begin(), kids.size())); }
  NodeId repeat(NodeId kid, std::uint32_t min, std::uint32_t max);
  NodeId optional(NodeId kid) { return repeat(kid, 0, 1); }
  NodeId call(RuleId rule);
  NodeId net(Net net);

  RuleId add_rule(std::string name, std::uint32_t nesting = 0, bool keeps_frame = false);
  void define(RuleId rule, NodeId body) { rules_[rule].body = body; }

  const Limits& limits() const { return limits_; }
  const Node& node(NodeId id) const { return nodes_[id]; }
  std::span<const NodeId> kids(const Node& n) const { return std::span(kids_).subspan(n.first_kid, n.kid_count); }
  const std::string& text(const Node& n) const { return texts_[n.a]; }
  const CharSet& set(const Node& n) const { return sets_[n.a]; }
  const CodeDfa& dfa(const Node& n) const { return graphs_[n.a]; }
  const Net& net(const Node& n) const { return nets_[n.a]; }
  const std::vector<Rule>& rules() const { return rules_; }
  bool overflowed() const { return overflowed_; }

 private:
  NodeId add(Node node);
  Limits limits_;
  std::vector<Node> nodes_;
  std::vector<NodeId> kids_;
  std::vector<std::string> texts_;
  std::vector<CharSet> sets_;
  std::vector<CodeDfa> graphs_;
  std::vector<Net> nets_;
  std::vector<Rule> rules_;
  bool overflowed_ = false;
};

// One code point as `encoding` writes it.
void append_encoded(std::string& out, std::uint32_t code_point, Encoding encoding);
// Those that have to be escaped in a JSON string.
CharSet json_escaped();

}  // namespace freehold::text::grammar
