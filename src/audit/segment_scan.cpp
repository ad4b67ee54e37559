#include "audit/segment_scan.h"

#include <fmt/format.h>

#include "audit/record.h"

namespace freehold::audit {
namespace {

// The text of a note without its signatures, which begin behind the last empty line.
std::string_view text_of_note(std::string_view note) {
  const std::size_t split = note.rfind("\n\n");
  return split == std::string_view::npos ? note : note.substr(0, split + 1);
}

Unexpected damaged(std::size_t at, std::string_view what) {
  return fail(Errc::corrupt, fmt::format("byte {}: {}", at, what));
}

}  // namespace

Hash Head::chained() const {
  return note.empty() ? Hash{} : sha256(note);
}

Result<Scan> scan_segment(std::string_view bytes, const Head& before, std::string_view origin,
                          const OnEntry& on_entry) {
  Scan out{before, 0, 0, 0};
  const auto first = read_record(bytes);
  if (!first || first->kind != RecordKind::segment) return out;
  if (parse_segment_head(first->payload) != SegmentHead{before.tree.size(), before.note}) {
    return damaged(0, "the segment does not begin where the one before it ends");
  }
  Frontier tree = before.tree;
  std::size_t group = first->bytes;
  for (std::size_t at = first->bytes; at < bytes.size();) {
    const auto record = read_record(bytes.substr(at));
    if (!record) break;
    if (record->kind == RecordKind::segment) return damaged(at, "a segment's head inside a segment");
    if (record->kind == RecordKind::entry) {
      const Hash leaf = leaf_hash(record->payload);
      if (on_entry) on_entry(record->payload, leaf, at);
      tree.append(leaf);
      at += record->bytes;
      continue;
    }
    const auto checkpoint = parse_checkpoint(text_of_note(record->payload));
    if (!checkpoint) return damaged(at, checkpoint.error().what);
    const std::string_view wrong = checkpoint->origin != origin          ? "a checkpoint of another log"
                                   : tree.size() == out.head.tree.size() ? "a checkpoint without entries"
                                   : checkpoint->size != tree.size()     ? "a checkpoint with another number of entries"
                                   : checkpoint->root != tree.root()     ? "the entries are not those of the checkpoint"
                                   : checkpoint->previous != out.head.chained()
                                       ? "a checkpoint that continues another one"
                                       : "";
    if (!wrong.empty()) return damaged(at, wrong);
    at += record->bytes;
    out = {{tree, std::string(record->payload)}, at, group, out.checkpoints + 1};
    group = at;
  }
  return out;
}

std::optional<std::string_view> last_note(std::string_view bytes) {
  constexpr std::string_view kBegin = "\nC 0000";
  for (std::size_t at = bytes.rfind(kBegin); at != std::string_view::npos && at > 0; at = bytes.rfind(kBegin, at - 1)) {
    const auto record = read_record(bytes.substr(at + 1));
    if (record && at + 1 + record->bytes == bytes.size()) return record->payload;
  }
  return std::nullopt;
}

Result<> expect_unfinished(std::string_view rest, const Head& head, const VerifierKey& key) {
  constexpr std::string_view kBegin = "C 0000";  // a checkpoint has some hundred bytes
  for (std::size_t at = rest.find(kBegin); at != std::string_view::npos; at = rest.find(kBegin, at + 1)) {
    const auto record = read_record(rest.substr(at));
    if (!record) continue;
    const auto checkpoint = key.open(record->payload);
    if (checkpoint && checkpoint->previous != head.chained()) {
      return fail(Errc::corrupt,
                  fmt::format("entries from number {} on were acknowledged and are damaged", head.tree.size()));
    }
  }
  return {};
}

}  // namespace freehold::audit
