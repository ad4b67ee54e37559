#include "text/grammar/vocabulary_index.h"

#include <algorithm>

namespace freehold::text::grammar {
namespace {

constexpr std::uint32_t kNoNode = UINT32_MAX;

}  // namespace

std::shared_ptr<const VocabularyIndex> VocabularyIndex::create(const Tokenizer& tokenizer,
                                                               std::span<const TokenId> shown) {
  std::vector<std::string> texts(tokenizer.size());
  std::vector<TokenId> ends;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto id = static_cast<TokenId>(i);
    if (tokenizer.ends_generation(id)) {
      ends.push_back(id);
      continue;
    }
    switch (tokenizer.token_type(id)) {
      case TokenType::normal:
      case TokenType::user_defined:
      case TokenType::byte:
        texts[i] = tokenizer.token_bytes(id);
        break;
      case TokenType::control:
        if (std::binary_search(shown.begin(), shown.end(), id)) texts[i] = tokenizer.token_bytes(id);
        break;
      case TokenType::unknown:
      case TokenType::unused:
        break;
    }
  }
  return create(texts, ends);
}

std::shared_ptr<const VocabularyIndex> VocabularyIndex::create(std::span<const std::string> texts,
                                                               std::span<const TokenId> ends) {
  auto index = std::make_shared<VocabularyIndex>();
  index->size_ = texts.size();
  index->ends_.assign(ends.begin(), ends.end());
  std::sort(index->ends_.begin(), index->ends_.end());
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < texts.size(); ++i) {
    // A text longer than any useful token would only cost depth.
    bool usable = !texts[i].empty() && texts[i].size() < 4096 && !index->ends_generation(static_cast<TokenId>(i));
    if (usable) {
      order.push_back(i);
      index->bytes_ += texts[i];
      index->longest_ = std::max(index->longest_, static_cast<std::uint32_t>(texts[i].size()));
    }
    index->byte_ends_.push_back(static_cast<std::uint32_t>(index->bytes_.size()));
  }
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return texts[a] < texts[b]; });
  index->first_level_.fill(kNoNode);
  std::vector<std::uint32_t> open;  // the path of nodes that spells the previous text
  std::string_view previous;
  for (std::uint32_t id : order) {
    std::string_view text = texts[id];
    std::size_t common = 0;
    while (common < open.size() && common < text.size() && previous[common] == text[common]) ++common;
    while (open.size() > common) {
      index->nodes_[open.back()].end = static_cast<std::uint32_t>(index->nodes_.size());
      open.pop_back();
    }
    for (std::size_t d = common; d < text.size(); ++d) {
      auto node = static_cast<std::uint32_t>(index->nodes_.size());
      auto byte = static_cast<std::uint8_t>(text[d]);
      if (d == 0) index->first_level_[byte] = node;
      index->nodes_.push_back(
          {0, static_cast<std::uint32_t>(index->tokens_.size()), static_cast<std::uint16_t>(d + 1), byte});
      open.push_back(node);
    }
    index->tokens_.push_back(id);
    previous = text;
  }
  auto last = static_cast<std::uint32_t>(index->nodes_.size());
  for (std::uint32_t node : open) index->nodes_[node].end = last;
  index->nodes_.push_back({last, static_cast<std::uint32_t>(index->tokens_.size()), 0, 0});

  index->has_all_bytes_ = true;
  for (unsigned b = 0; b < 256; ++b) {
    bool in_utf8 = b != 0xC0 && b != 0xC1 && b < 0xF5;
    std::uint32_t node = index->first_level_[b];
    if (in_utf8 && (node == kNoNode || index->tokens_of(node).empty())) index->has_all_bytes_ = false;
  }
  return index;
}

std::string_view VocabularyIndex::bytes_of(TokenId id) const {
  auto i = static_cast<std::size_t>(id);
  if (id < 0 || i >= size_) return {};
  std::uint32_t begin = i == 0 ? 0 : byte_ends_[i - 1];
  return std::string_view(bytes_).substr(begin, byte_ends_[i] - begin);
}

bool VocabularyIndex::ends_generation(TokenId id) const {
  return std::binary_search(ends_.begin(), ends_.end(), id);
}

std::uint32_t VocabularyIndex::fewest_tokens(std::string_view text, std::uint32_t limit,
                                             std::vector<std::uint32_t>& scratch) const {
  if (text.size() / std::max(1u, longest_) > limit) return kNoNode;
  auto& best = scratch;  // best[i]: tokens that write the first i bytes
  best.assign(text.size() + 1, kNoNode);
  best[0] = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (best[i] >= limit) continue;
    std::uint32_t node = first_level_[static_cast<std::uint8_t>(text[i])];
    for (std::size_t j = i + 1; node != kNoNode; ++j) {
      if (nodes_[node].first_token != nodes_[node + 1].first_token) best[j] = std::min(best[j], best[i] + 1);
      if (j == text.size()) break;
      auto byte = static_cast<std::uint8_t>(text[j]);
      std::uint32_t child = node + 1;
      std::uint32_t end = nodes_[node].end;
      while (child < end && nodes_[child].byte < byte) child = nodes_[child].end;
      node = child < end && nodes_[child].byte == byte ? child : kNoNode;
    }
  }
  return best.back();
}

std::size_t VocabularyIndex::memory() const {
  return nodes_.capacity() * sizeof(TreeNode) + tokens_.capacity() * 4 + bytes_.capacity() + byte_ends_.capacity() * 4;
}

}  // namespace freehold::text::grammar
