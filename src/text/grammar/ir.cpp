#include "text/grammar/ir.h"

#include "base/utf8.h"

namespace freehold::text::grammar {

NodeId Ir::add(Node node) {
  if (nodes_.size() >= limits_.nodes) {
    overflowed_ = true;
    return 0;
  }
  nodes_.push_back(node);
  return static_cast<NodeId>(nodes_.size() - 1);
}

NodeId Ir::bytes(std::string_view text) {
  if (text.empty()) return empty();
  texts_.emplace_back(text);
  return add({.kind = Node::Kind::bytes, .a = static_cast<std::uint32_t>(texts_.size() - 1)});
}

NodeId Ir::chars(CharSet set, Encoding encoding) {
  if (set.empty()) return nothing();
  sets_.push_back(std::move(set));
  return add({.kind = Node::Kind::chars, .encoding = encoding, .a = static_cast<std::uint32_t>(sets_.size() - 1)});
}

NodeId Ir::graph(CodeDfa dfa, Encoding encoding) {
  if (dfa.states.empty()) return nothing();
  graphs_.push_back(std::move(dfa));
  return add({.kind = Node::Kind::graph, .encoding = encoding, .a = static_cast<std::uint32_t>(graphs_.size() - 1)});
}

NodeId Ir::concat(std::span<const NodeId> kids) {
  if (kids.size() == 1) return kids[0];
  for (NodeId kid : kids) {
    if (kid == 0) return nothing();
  }
  auto first = static_cast<std::uint32_t>(kids_.size());
  kids_.insert(kids_.end(), kids.begin(), kids.end());
  return add({.kind = Node::Kind::concat, .first_kid = first, .kid_count = static_cast<std::uint32_t>(kids.size())});
}

NodeId Ir::any_of(std::span<const NodeId> kids) {
  auto first = static_cast<std::uint32_t>(kids_.size());
  for (NodeId kid : kids) {
    if (kid != 0) kids_.push_back(kid);
  }
  auto count = static_cast<std::uint32_t>(kids_.size() - first);
  if (count == 0) return nothing();
  if (count == 1) return kids_[first];
  return add({.kind = Node::Kind::any_of, .first_kid = first, .kid_count = count});
}

NodeId Ir::repeat(NodeId kid, std::uint32_t min, std::uint32_t max) {
  if (min > max) return nothing();
  if (kid == 0) return min == 0 ? empty() : nothing();
  if (max == 0) return empty();
  if (min == 1 && max == 1) return kid;
  auto first = static_cast<std::uint32_t>(kids_.size());
  kids_.push_back(kid);
  return add({.kind = Node::Kind::repeat, .a = min, .b = max, .first_kid = first, .kid_count = 1});
}

NodeId Ir::call(RuleId rule) {
  return add({.kind = Node::Kind::call, .a = rule});
}

NodeId Ir::net(Net net) {
  nets_.push_back(std::move(net));
  return add({.kind = Node::Kind::net, .a = static_cast<std::uint32_t>(nets_.size() - 1)});
}

RuleId Ir::add_rule(std::string name, std::uint32_t nesting, bool keeps_frame) {
  if (rules_.size() >= limits_.rules) {
    overflowed_ = true;
    return 0;
  }
  rules_.push_back({std::move(name), nothing(), nesting, keeps_frame});
  return static_cast<RuleId>(rules_.size() - 1);
}

CharSet json_escaped() {
  CharSet set;
  set.add(0, 0x1F);
  set.add('"', '"');
  set.add('\\', '\\');
  return set;
}

void append_encoded(std::string& out, std::uint32_t c, Encoding encoding) {
  if (encoding == Encoding::raw || (c >= 0x20 && c != '"' && c != '\\')) return append_utf8(out, c);
  out += '\\';
  switch (c) {
    case '"':
      out += '"';
      return;
    case '\\':
      out += '\\';
      return;
    case '\b':
      out += 'b';
      return;
    case '\f':
      out += 'f';
      return;
    case '\n':
      out += 'n';
      return;
    case '\r':
      out += 'r';
      return;
    case '\t':
      out += 't';
      return;
    default:
      break;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "u00";
  out += kHex[c / 16];
  out += kHex[c % 16];
}

}  // namespace freehold::text::grammar
