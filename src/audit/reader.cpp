#include "audit/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "audit/record.h"
#include "audit/segment_scan.h"
#include "base/base64.h"
#include "base/utf8.h"

namespace freehold::audit {
namespace {

constexpr std::string_view kProof = "c2sp.org/tlog-proof@v1";

}  // namespace

Result<Reader> Reader::open(const std::filesystem::path& folder) {
  const Files files{folder};
  std::error_code ec;
  if (!std::filesystem::exists(files.public_key(), ec)) {
    return fail(Errc::not_found, fmt::format("there is no audit log in {}", printable(folder.string())));
  }
  FH_TRY(const std::string text, read_file(files.public_key(), 4096));
  FH_TRY(VerifierKey key, VerifierKey::parse(text));
  Reader out(files, std::move(key));
  std::string last;
  {
    auto lock = FolderLock::open(folder, FolderLock::Mode::shared);
    if (lock) FH_TRY_VOID(take(*lock, kLockPatience));  // a copy of a log needs no lock
    FH_TRY(out.segments_, list_segments(files));
    if (!out.segments_.empty()) {
      FH_TRY(last, read_file(out.segments_.back().path));
    }
    FH_TRY(out.levels_, LevelReader::open(files));
  }
  if (out.segments_.empty()) return out;
  const auto note = last_note(last);
  const std::string where = printable(out.segments_.back().path.string());
  if (!note) {
    return fail(Errc::corrupt,
                fmt::format("{} does not end with a checkpoint: a server that is started cuts off what it "
                            "was killed in, freehold audit verify tells more",
                            where));
  }
  auto checkpoint = out.key_.open(*note);
  if (!checkpoint) return in_context(std::move(checkpoint).error(), where);
  out.checkpoint_ = std::move(*checkpoint);
  out.note_ = *note;
  out.end_ = last.size();
  if (out.levels_.entries() < out.size()) FH_TRY_VOID(out.complete_levels(last));
  return out;
}

Result<> Reader::complete_levels(std::string_view last) {
  const std::uint64_t first = segments_.back().first, there = levels_.entries();
  if (there < first) return {};  // more than one group: whoever needs it says so
  std::vector<Hash> leaves;
  std::vector<std::uint64_t> offsets;
  std::uint64_t number = first;
  for (std::size_t at = 0; at < last.size();) {
    const auto record = read_record(last.substr(at));
    if (!record) break;
    if (record->kind == RecordKind::entry && number++ >= there) {
      leaves.push_back(leaf_hash(record->payload));
      offsets.push_back(at);
    }
    at += record->bytes;
  }
  levels_.complete(there, std::move(leaves), std::move(offsets));
  return {};
}

Result<std::string> Reader::bytes_of(std::size_t segment) const {
  FH_TRY(std::string bytes, read_file(segments_[segment].path));
  if (segment + 1 == segments_.size()) bytes.resize(std::min<std::size_t>(bytes.size(), end_));
  return bytes;
}

Result<std::string> Reader::entry(std::uint64_t number) const {
  if (number >= size()) return fail(Errc::not_found, fmt::format("the log has {} entries", size()));
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), number,
                                      [](std::uint64_t n, const Segment& s) { return n < s.first; });
  if (after == segments_.begin()) return fail(Errc::corrupt, "the log's first segment is missing");
  const Segment& segment = *std::prev(after);
  FH_TRY(const std::uint64_t offset, levels_.offset(number));
  FH_TRY(const MappedFile map, MappedFile::open(segment.path));
  const std::string_view bytes = as_text(map.bytes());
  const auto record = offset < bytes.size() ? read_record(bytes.substr(offset)) : std::nullopt;
  if (!record || record->kind != RecordKind::entry) {
    return fail(Errc::corrupt,
                fmt::format("{}, byte {}: there is no entry {}", printable(segment.path.string()), offset, number));
  }
  if (auto path = inclusion(number, record->payload, checkpoint_); !path) {
    return in_context(std::move(path).error(), fmt::format("entry {}", number));
  }
  return std::string(record->payload);
}

Result<> Reader::check() const {
  // Which entry it is costs a look into the tree for each, so only where something is wrong.
  auto whole = check(false);
  return whole ? whole : check(true);
}

Result<> Reader::check(bool look_up) const {
  Head head;
  std::uint64_t number = 0;            // of the entry that comes next
  std::optional<std::uint64_t> other;  // the first whose hash the tree has otherwise
  const auto wrong = [&](std::size_t segment, std::string_view what) {
    const std::string where = printable(segments_[segment].path.string());
    if (other)
      return fail(Errc::corrupt, fmt::format("entry {} is not what was written ({}, {})", *other, where, what));
    return fail(Errc::corrupt, fmt::format("{}, before entry {}: {}", where, number, what));
  };
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    FH_TRY(const std::string bytes, bytes_of(i));
    if (segments_[i].first != number) return wrong(i, "entries before it are missing");
    auto scan = scan_segment(bytes, head, key_.name(), [&](std::string_view, const Hash& leaf, std::uint64_t) {
      if (look_up && !other) {
        if (const auto known = levels_.subtree(0, number); known && *known != leaf) other = number;
      }
      ++number;
    });
    if (!scan) return wrong(i, scan.error().what);
    if (scan->whole != bytes.size()) return wrong(i, fmt::format("byte {}: not a whole record or group", scan->whole));
    head = std::move(scan->head);
  }
  if (head.note != note_) return wrong(segments_.size() - 1, "it does not end with the checkpoint that is signed");
  return {};
}

Result<> Reader::each(std::uint64_t from, const Visit& visit) const {
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    if (i + 1 < segments_.size() && segments_[i + 1].first <= from) continue;
    FH_TRY(const std::string bytes, bytes_of(i));
    std::uint64_t number = segments_[i].first;
    for (std::size_t at = 0; at < bytes.size();) {
      const auto record = read_record(std::string_view(bytes).substr(at));
      if (!record) {
        return fail(Errc::corrupt,
                    fmt::format("{}, byte {}: not a whole record", printable(segments_[i].path.string()), at));
      }
      if (record->kind == RecordKind::entry && !visit(number++, record->payload)) return {};
      at += record->bytes;
    }
  }
  return {};
}

Result<> Reader::each_checkpoint(const VisitNote& visit) const {
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    FH_TRY(const std::string bytes, bytes_of(i));
    for (std::size_t at = 0; at < bytes.size();) {
      const std::string where = fmt::format("{}, byte {}", printable(segments_[i].path.string()), at);
      const auto record = read_record(std::string_view(bytes).substr(at));
      if (!record) return fail(Errc::corrupt, where + ": not a whole record");
      at += record->bytes;
      if (record->kind != RecordKind::checkpoint) continue;
      const std::size_t split = std::min(record->payload.rfind("\n\n"), record->payload.size() - 1);
      auto checkpoint = parse_checkpoint(record->payload.substr(0, split + 1));
      if (!checkpoint) return in_context(std::move(checkpoint).error(), where);
      if (!visit(*checkpoint, record->payload)) return {};
    }
  }
  return {};
}

Result<std::optional<std::uint64_t>> Reader::find(std::string_view id) const {
  const std::string wanted = fmt::format("\"id\":\"{}\"", id);
  for (std::size_t i = segments_.size(); i-- > 0;) {
    FH_TRY(const std::string bytes, bytes_of(i));
    if (bytes.find(wanted) == std::string::npos) continue;
    std::optional<std::uint64_t> found;
    FH_TRY_VOID(each(segments_[i].first, [&](std::uint64_t number, std::string_view entry) {
      if (i + 1 < segments_.size() && number >= segments_[i + 1].first) return false;
      if (entry.find(wanted) != std::string_view::npos) found = number;
      return true;
    }));
    if (found) return found;
  }
  return std::optional<std::uint64_t>();
}

Result<std::vector<Hash>> Reader::inclusion(std::uint64_t number, std::string_view entry, const Checkpoint& in) const {
  FH_TRY(std::vector<Hash> path, inclusion_proof(number, in.size, levels_.lookup()));
  if (!verify_inclusion(leaf_hash(entry), number, in.size, path, in.root)) {
    return fail(Errc::corrupt,
                "the entry, the tree and the checkpoint do not fit together: freehold audit verify tells more");
  }
  return path;
}

Result<std::string> Reader::prove(std::uint64_t number) const {
  FH_TRY(const std::string entry, this->entry(number));
  FH_TRY(const std::vector<Hash> path, inclusion(number, entry, checkpoint_));
  std::string out = fmt::format("{}\nextra {}\nindex {}\n", kProof, base64(entry), number);
  for (const Hash& hash : path) out += base64_of(hash) + '\n';
  return out + '\n' + note_;
}

Result<std::vector<Hash>> Reader::consistency(const Checkpoint& old, const Checkpoint& later) const {
  FH_TRY(std::vector<Hash> proof, consistency_proof(old.size, later.size, levels_.lookup()));
  if (!verify_consistency(old.size, old.root, later.size, later.root, proof)) {
    return fail(Errc::corrupt, fmt::format("the log does not continue the checkpoint of {} entries", old.size));
  }
  return proof;
}

Result<Proven> check_proof(std::string_view proof, const VerifierKey& key) {
  const auto bad = [] { return fail(Errc::corrupt, "this is no proof made by freehold audit prove"); };
  const std::size_t split = proof.find("\n\n");
  if (split == std::string_view::npos) return bad();
  std::vector<std::string_view> lines;
  for (std::string_view rest = proof.substr(0, split + 1); !rest.empty();) {
    const std::size_t end = rest.find('\n');
    lines.push_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  if (lines.size() < 3 || lines.size() > 3 + 64 || lines[0] != kProof || !lines[1].starts_with("extra ") ||
      !lines[2].starts_with("index ")) {
    return bad();
  }
  Proven out;
  const auto entry = from_base64(lines[1].substr(6));
  const std::string_view digits = lines[2].substr(6);
  std::from_chars(digits.data(), digits.data() + digits.size(), out.number);
  if (!entry || std::to_string(out.number) != digits) return bad();
  out.entry = *entry;
  std::vector<Hash> path;
  for (std::size_t i = 3; i < lines.size(); ++i) {
    const auto hash = hash_from_base64(lines[i]);
    if (!hash) return bad();
    path.push_back(*hash);
  }
  FH_TRY(out.checkpoint, key.open(proof.substr(split + 2)));
  if (!verify_inclusion(leaf_hash(out.entry), out.number, out.checkpoint.size, path, out.checkpoint.root)) {
    return fail(Errc::corrupt, "the entry is not in the tree of this checkpoint");
  }
  return out;
}

}  // namespace freehold::audit
