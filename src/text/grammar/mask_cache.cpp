#include "text/grammar/mask_cache.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "text/grammar/explorer.h"

namespace freehold::text::grammar {
namespace {

using TreeNode = VocabularyIndex::TreeNode;

std::uint64_t key_of(State s) {
  return std::uint64_t{s.q} << 32 | s.count;
}

// Builds one record: walks the vocabulary with the state on top of an unknown rest.
class RecordBuilder {
 public:
  RecordBuilder(const Automaton& automaton, const VocabularyIndex& vocabulary, State state)
      : automaton_(automaton), vocabulary_(vocabulary), state_(state), stacks_(automaton), explorer_(stacks_) {}

  Result<std::shared_ptr<const MaskRecord>> build() {
    stacks_.set_nesting_limit(UINT32_MAX);
    Entry top = {state_, kUnknown};
    Explorer::Id start = explorer_.add({&top, 1});
    record_->ends_here = explorer_.accepting(start);
    auto nodes = vocabulary_.nodes();
    auto end = static_cast<std::uint32_t>(vocabulary_.node_count());
    explorer_.walk(nodes, 0, end, start, [&](std::uint32_t node, Explorer::Id to) {
      for (std::uint32_t t : vocabulary_.tokens_of(node)) stay(t, to);
      // The rule can end here: whatever follows in the tree depends on what is below.
      if (explorer_.accepting(to)) add_rests(node);
    });
    if (explorer_.failed()) return fail(Errc::exhausted, "the grammar is too ambiguous here");
    finish();
    return std::shared_ptr<const MaskRecord>(std::move(record_));
  }

 private:
  void stay(std::uint32_t token, Explorer::Id to) {
    if (group_of_.size() <= to) group_of_.resize(to + 1, kNone);
    if (group_of_[to] == kNone) {
      group_of_[to] = static_cast<std::uint32_t>(record_->groups.size());
      record_->groups.push_back(group(to));
    }
    record_->groups[group_of_[to]].tokens.push_back(token);
    ++staying_;
  }

  MaskRecord::Group group(Explorer::Id id) {
    MaskRecord::Group g;
    auto config = explorer_.config(id);
    record_->ambiguous |= config.size() > 1;
    for (const Entry& e : config) record_->need = std::max(record_->need, stacks_.need(e));
    stacks_.frames(config.front(), g.frames);
    if (automaton_.rule_of(state_).loop) {
      g.counts_on = true;
      g.frames.back().count -= state_.count;
    }
    return g;
  }

  // The tokens below the node go on behind the rule's end; only what can follow the rule anywhere matters.
  void add_rests(std::uint32_t node) {
    auto nodes = vocabulary_.nodes();
    std::size_t skip = nodes[node].depth;
    const auto& follow = automaton_.rule_of(state_).follow;
    for (std::uint32_t child = node + 1; child < nodes[node].end; child = nodes[child].end) {
      if (!follow.test(nodes[child].byte)) continue;
      for (std::uint32_t i = nodes[child].first_token; i < nodes[nodes[child].end].first_token; ++i) {
        std::uint32_t token = vocabulary_.tokens()[i];
        rests_.emplace_back(vocabulary_.bytes_of(static_cast<TokenId>(token)).substr(skip), token);
      }
    }
  }

  void finish() {
    auto& groups = record_->groups;
    for (auto& g : groups) std::sort(g.tokens.begin(), g.tokens.end());
    std::size_t words = vocabulary_.mask_words();
    std::vector<std::uint64_t> bits(words, 0);
    for (const auto& g : groups) {
      for (std::uint32_t t : g.tokens) bits[t / 64] |= std::uint64_t{1} << (t % 64);
    }
    for (const auto& rest : rests_) record_->ambiguous |= (bits[rest.second / 64] >> (rest.second % 64) & 1) != 0;
    // Where the rule can end at once every token depends; only those that also stay make it ambiguous.
    if (record_->ends_here && staying_ > 0) record_->ambiguous |= overlaps_ends();
    if (staying_ * 32 > words * 64) {
      record_->bits = std::move(bits);
    } else {
      for (const auto& g : groups) record_->sparse.insert(record_->sparse.end(), g.tokens.begin(), g.tokens.end());
    }
    auto largest = std::max_element(groups.begin(), groups.end(),
                                    [](auto& a, auto& b) { return a.tokens.size() < b.tokens.size(); });
    if (largest != groups.end()) {
      std::swap(*largest, groups.front());
      groups.front().tokens = {};
    }
    std::sort(rests_.begin(), rests_.end());
    rests_.erase(std::unique(rests_.begin(), rests_.end()), rests_.end());
    std::vector<std::uint32_t> open;
    std::string_view previous;
    auto& tree = record_->rests;
    for (const auto& [text, token] : rests_) {
      std::size_t common = 0;
      while (common < open.size() && common < text.size() && previous[common] == text[common]) ++common;
      while (open.size() > common) {
        tree[open.back()].end = static_cast<std::uint32_t>(tree.size());
        open.pop_back();
      }
      for (std::size_t d = common; d < text.size(); ++d) {
        open.push_back(static_cast<std::uint32_t>(tree.size()));
        tree.push_back(
            {0, static_cast<std::uint32_t>(record_->rest_tokens.size()), static_cast<std::uint8_t>(text[d])});
      }
      record_->rest_tokens.push_back(token);
      previous = text;
    }
    for (std::uint32_t node : open) tree[node].end = static_cast<std::uint32_t>(tree.size());
    tree.push_back(
        {static_cast<std::uint32_t>(tree.size()), static_cast<std::uint32_t>(record_->rest_tokens.size()), 0});
    tree.shrink_to_fit();
  }

  // Whether what can follow the rule anywhere shares a first byte with what stays inside: then a token may do both.
  bool overlaps_ends() const {
    std::bitset<256> stays;
    for (const auto& g : record_->groups) {
      for (std::uint32_t t : g.tokens)
        stays.set(static_cast<std::uint8_t>(vocabulary_.bytes_of(static_cast<TokenId>(t))[0]));
    }
    return (stays & automaton_.rule_of(state_).follow).any();
  }

  const Automaton& automaton_;
  const VocabularyIndex& vocabulary_;
  State state_;
  Stacks stacks_;
  Explorer explorer_;
  std::shared_ptr<MaskRecord> record_ = std::make_shared<MaskRecord>();
  std::vector<std::uint32_t> group_of_;
  std::vector<std::pair<std::string_view, std::uint32_t>> rests_;
  std::size_t staying_ = 0;
};

}  // namespace

std::size_t MaskRecord::memory() const {
  std::size_t bytes = sizeof(MaskRecord) + this->bits.capacity() * 8 + sparse.capacity() * 4 +
                      rests.capacity() * sizeof(Rest) + rest_tokens.capacity() * 4;
  for (const Group& g : groups) bytes += sizeof(Group) + g.frames.capacity() * sizeof(State) + g.tokens.capacity() * 4;
  return bytes;
}

struct MaskCache::Table {
  mutable std::shared_mutex mutex;
  std::unordered_map<std::uint64_t, std::shared_ptr<const MaskRecord>> records;
  std::size_t bytes = 0;
  std::size_t max_bytes = 0;
};

MaskCache::MaskCache(std::shared_ptr<const Automaton> automaton, std::shared_ptr<const VocabularyIndex> vocabulary,
                     std::size_t max_bytes)
    : automaton_(std::move(automaton)), vocabulary_(std::move(vocabulary)), table_(std::make_unique<Table>()) {
  table_->max_bytes = max_bytes;
}
MaskCache::~MaskCache() = default;

Result<std::shared_ptr<const MaskRecord>> MaskCache::find(State state) {
  std::uint64_t key = key_of(state);
  {
    std::shared_lock lock(table_->mutex);
    if (auto it = table_->records.find(key); it != table_->records.end()) return it->second;
  }
  // Two threads may build the same one; the first stays.
  FH_TRY(auto record, RecordBuilder(*automaton_, *vocabulary_, state).build());
  std::unique_lock lock(table_->mutex);
  if (table_->bytes + record->memory() > table_->max_bytes) {
    table_->records.clear();
    table_->bytes = 0;
  }
  auto [it, added] = table_->records.try_emplace(key, record);
  if (added) table_->bytes += record->memory();
  return it->second;
}

std::size_t MaskCache::memory() const {
  std::shared_lock lock(table_->mutex);
  return table_->bytes;
}

}  // namespace freehold::text::grammar
