#include "text/added_tokens.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "text/normalizer.h"

namespace freehold::text {
namespace {

// `end` moved over the white space that follows it.
std::size_t skip_white_space(std::string_view text, std::size_t end) {
  while (end < text.size()) {
    CodePoint c = decode_utf8(text.substr(end));
    if (c.length == 0 || !is_white_space(c.value)) break;
    end += c.length;
  }
  return end;
}

// `begin` moved over the white space before it, not below `stop`.
std::size_t skip_white_space_back(std::string_view text, std::size_t begin, std::size_t stop) {
  while (begin > stop) {
    std::size_t at = begin - 1;
    while (at > stop && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
    CodePoint c = decode_utf8(text.substr(at, begin - at));
    if (c.length == 0 || !is_white_space(c.value)) break;
    begin = at;
  }
  return begin;
}

}  // namespace

Result<AddedTokens> AddedTokens::create(const Vocabulary& v) {
  AddedTokens added;
  for (std::size_t i = 0; i < v.types.size(); ++i) {
    TokenType type = v.types[i];
    if (type != TokenType::control && type != TokenType::unknown && type != TokenType::user_defined) continue;
    std::string_view text = v.tokens[i];
    if (text.empty()) continue;
    if (text.size() > kMaxAddedTokenBytes) {
      return fail(Errc::unsupported, fmt::format("token {}: a special token of {} bytes (the limit is {})", i,
                                                 text.size(), kMaxAddedTokenBytes));
    }
    bool user_defined = type == TokenType::user_defined;
    auto id = static_cast<TokenId>(i);
    added.insert(text, id, user_defined);
    if (user_defined && v.alphabet == Alphabet::characters && text.find(kSpaceMark) != std::string_view::npos) {
      // SentencePiece looks for it after spaces became marks; we look in the text as it was written.
      std::string plain;
      std::string_view rest = text;
      for (std::size_t mark = 0; (mark = rest.find(kSpaceMark)) != std::string_view::npos;) {
        plain.append(rest.substr(0, mark));
        plain += ' ';
        rest.remove_prefix(mark + kSpaceMark.size());
      }
      plain.append(rest);
      added.insert(plain, id, user_defined);
    }
  }
  added.strips_ = v.strips;
  std::stable_sort(added.strips_.begin(), added.strips_.end(),
                   [](const StripRule& a, const StripRule& b) { return a.token < b.token; });
  return added;
}

std::uint32_t AddedTokens::child_of(std::uint32_t node, char byte) const {
  for (std::uint32_t c = nodes_[node].child; c != 0; c = nodes_[c].sibling) {
    if (nodes_[c].byte == byte) return c;
  }
  return 0;
}

void AddedTokens::insert(std::string_view text, TokenId id, bool user_defined) {
  auto new_node = [&](char byte) {
    nodes_.push_back(Node{.byte = byte});
    return static_cast<std::uint32_t>(nodes_.size() - 1);
  };
  std::uint32_t& first = first_[static_cast<unsigned char>(text[0])];
  if (first == 0) first = new_node(text[0]);
  std::uint32_t node = first;
  for (char byte : text.substr(1)) {
    std::uint32_t next = child_of(node, byte);
    if (next == 0) {
      next = new_node(byte);
      nodes_[next].sibling = nodes_[node].child;
      nodes_[node].child = next;
    }
    node = next;
  }
  // Of several tokens with one text the first counts.
  if (nodes_[node].any == kNoToken) nodes_[node].any = id;
  if (user_defined && nodes_[node].user_defined == kNoToken) nodes_[node].user_defined = id;
}

std::optional<AddedTokens::Hit> AddedTokens::find(std::string_view text, std::size_t from, bool parse_special) const {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    std::uint32_t node = first_[static_cast<unsigned char>(text[begin])];
    TokenId token = kNoToken;
    std::size_t end = begin;
    for (std::size_t at = begin + 1; node != 0; ++at) {
      TokenId here = parse_special ? nodes_[node].any : nodes_[node].user_defined;
      if (here != kNoToken) token = here, end = at;
      node = at < text.size() ? child_of(node, text[at]) : 0;
    }
    if (token == kNoToken) continue;
    Hit hit{{begin, end}, token};
    auto rule = std::lower_bound(strips_.begin(), strips_.end(), token,
                                 [](const StripRule& r, TokenId id) { return r.token < id; });
    if (rule != strips_.end() && rule->token == token) {
      if (rule->left) hit.text.begin = skip_white_space_back(text, begin, from);
      if (rule->right) hit.text.end = skip_white_space(text, end);
    }
    return hit;
  }
  return std::nullopt;
}

}  // namespace freehold::text
