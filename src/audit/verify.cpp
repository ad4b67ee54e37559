#include "audit/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "audit/folder.h"
#include "audit/segment_scan.h"
#include "base/utf8.h"

namespace freehold::audit {
namespace fs = std::filesystem;

namespace {

Unexpected wrong(const fs::path& file, std::string_view what) {
  return fail(Errc::corrupt, fmt::format("{}: {}", printable(file.string()), what));
}

// The log at one moment: of what is being written nothing half.
struct Snapshot {
  std::vector<Segment> segments;
  std::string last;  // the bytes of the last segment: the only one that may still change
  LevelReader levels;
  std::optional<std::string> published;
};

Result<Snapshot> snapshot_of(const Files& files) {
  auto lock = FolderLock::open(files.folder, FolderLock::Mode::shared);
  if (lock) FH_TRY_VOID(take(*lock, kLockPatience));  // a copy of a log needs no lock and may lack the file
  Snapshot out;
  FH_TRY(out.segments, list_segments(files));
  if (!out.segments.empty()) {
    FH_TRY(out.last, read_file(out.segments.back().path));
  }
  FH_TRY(out.levels, LevelReader::open(files));
  auto published = read_file(files.checkpoint(), 65'536);
  if (published) {
    out.published = std::move(*published);
  } else if (published.error().code != Errc::not_found) {
    return Unexpected(std::move(published).error());
  }
  return out;
}

Result<VerifierKey> key_of(const Files& files, const VerifyOptions& options) {
  auto text = read_file(files.public_key(), 4096);
  if (!text && (text.error().code != Errc::not_found || !options.key)) return Unexpected(std::move(text).error());
  if (!text) return *options.key;
  auto key = VerifierKey::parse(*text);
  if (!key || key->text() + "\n" != *text) return wrong(files.public_key(), "this is no public key");
  if (options.key && options.key->text() != key->text()) {
    return wrong(files.public_key(), "this is not the key that was given");
  }
  return key;
}

// What must be in tree/, compared as it comes. It is written behind the entries: who is killed between leaves a tree
// that lacks what the last group adds, or the last part of it.
class Tree {
 public:
  Tree(const Files& files, const LevelReader& levels) : files_(files), levels_(levels) {}

  void add(const Hash& leaf, std::uint64_t offset) {
    add_to(0, leaf);
    char bytes[8];
    std::memcpy(bytes, &offset, sizeof bytes);
    if (!fits(levels_.index_bytes(), entries_++ * 8, std::string_view(bytes, sizeof bytes))) note(files_.index());
  }
  void add_full(unsigned level, const Hash& hash) {
    for (std::size_t i = 1; i < kLevels.size(); ++i) {
      if (kLevels[i] == level) add_to(i, hash);
    }
  }
  // What the first `least` entries make must be there. False if some of what follows lacks.
  Result<bool> end(std::uint64_t least) {
    bool whole = true;
    const auto sized = [&](const fs::path& file, std::size_t size, std::uint64_t all, std::uint64_t must) {
      if (size < must || size > all) note(file);
      whole = whole && size == all;
    };
    for (std::size_t i = 0; i < kLevels.size(); ++i) {
      sized(files_.level(kLevels[i]), levels_.level_bytes(i).size(), count_[i] * 32, (least >> kLevels[i]) * 32);
    }
    sized(files_.index(), levels_.index_bytes().size(), entries_ * 8, least * 8);
    if (wrong_.empty()) return whole;
    return fail(Errc::corrupt,
                fmt::format("{}: not what the entries make, which are right; remove the folder {}, and it is made anew",
                            printable(wrong_.string()), printable(wrong_.parent_path().string())));
  }

 private:
  void add_to(std::size_t i, const Hash& hash) {
    if (!fits(levels_.level_bytes(i), count_[i]++ * 32, as_text(hash.bytes))) note(files_.level(kLevels[i]));
  }
  // As far as it is there.
  static bool fits(Bytes all, std::size_t at, std::string_view bytes) {
    const std::size_t there = std::min(bytes.size(), all.size() - std::min(at, all.size()));
    return there == 0 || std::memcmp(all.data() + at, bytes.data(), there) == 0;
  }
  void note(const fs::path& file) {
    if (wrong_.empty()) wrong_ = file;
  }

  const Files& files_;
  const LevelReader& levels_;
  std::array<std::uint64_t, kLevels.size()> count_{};
  std::uint64_t entries_ = 0;
  fs::path wrong_;
};

}  // namespace

Result<Verified> verify_log(const fs::path& folder, const VerifyOptions& options) {
  const Files files{folder};
  FH_TRY(const Snapshot now, snapshot_of(files));
  FH_TRY(const VerifierKey key, key_of(files, options));
  Verified out;
  out.key = key.text();

  std::uint64_t published = 0;  // entries that the file `checkpoint` vouches for
  // Where in the log each kept checkpoint belongs.
  std::multimap<std::uint64_t, std::pair<Hash, fs::path>> kept;
  for (const KeptCheckpoint& given : options.against) {
    FH_TRY(const Checkpoint checkpoint, open_kept(key, given));
    kept.emplace(checkpoint.size, std::pair(checkpoint.root, fs::path(given.where)));
  }
  if (now.published) {
    auto checkpoint = key.open(*now.published);
    if (!checkpoint) return wrong(files.checkpoint(), checkpoint.error().what);
    published = checkpoint->size;
    kept.emplace(checkpoint->size, std::pair(checkpoint->root, files.checkpoint()));
  }

  Head head;
  Frontier tree;
  std::uint64_t before_last = 0;       // entries before the last group
  std::vector<std::uint64_t> offsets;  // of those of the last segment
  Tree derived(files, now.levels);
  const auto meet = [&]() -> Result<> {  // the checkpoints of a tree of this size
    const auto [begin, end] = kept.equal_range(tree.size());
    for (auto it = begin; it != end; ++it) {
      if (tree.root() != it->second.first) {
        return fail(Errc::corrupt, fmt::format("the first {} entries are not those of {}", tree.size(),
                                               printable(it->second.second.string())));
      }
    }
    return {};
  };
  FH_TRY_VOID(meet());
  for (std::size_t i = 0; i < now.segments.size(); ++i) {
    const Segment& segment = now.segments[i];
    if (segment.first != head.tree.size()) {
      return wrong(segment.path,
                   fmt::format("begins with entry {}, and {} are before it", segment.first, head.tree.size()));
    }
    MappedFile map;
    const bool last = i + 1 == now.segments.size();
    if (!last) {
      FH_TRY(map, MappedFile::open(segment.path));
    }
    const std::string_view bytes = last ? std::string_view(now.last) : as_text(map.bytes());
    Result<> met;
    auto scan = scan_segment(bytes, head, key.name(), [&](std::string_view, const Hash& leaf, std::uint64_t offset) {
      derived.add(leaf, offset);
      if (last) offsets.push_back(offset);
      tree.append(leaf, [&](unsigned level, const Hash& hash) { derived.add_full(level, hash); });
      if (met && kept.contains(tree.size())) met = meet();
    });
    if (!scan) return in_context(std::move(scan).error(), printable(segment.path.string()));
    if (scan->whole != bytes.size()) {
      const bool unfinished = last && expect_unfinished(bytes.substr(scan->whole), scan->head, key).has_value();
      return wrong(segment.path,
                   fmt::format("byte {}: not a whole group of entries with its checkpoint{}", scan->whole,
                               unfinished ? ": what a process was killed in, which was never acknowledged and is cut "
                                            "off when the log is written to again, or something that was added"
                                          : ""));
    }
    if (bytes.empty()) return wrong(segment.path, "it is empty");
    FH_TRY_VOID(met);
    out.checkpoints += scan->checkpoints;
    out.bytes += bytes.size();
    before_last = segment.first + static_cast<std::uint64_t>(
                                      std::lower_bound(offsets.begin(), offsets.end(), scan->group) - offsets.begin());
    head = std::move(scan->head);
  }
  if (!kept.empty() && kept.rbegin()->first > tree.size()) {
    return fail(Errc::corrupt,
                fmt::format("{} has {} entries, the log {}: it was cut or rolled back",
                            printable(kept.rbegin()->second.second.string()), kept.rbegin()->first, tree.size()));
  }
  if (!head.note.empty()) {
    auto checkpoint = key.open(head.note);
    if (!checkpoint)
      return wrong(now.segments.back().path, fmt::format("the last checkpoint: {}", checkpoint.error().what));
    if (note_size(*checkpoint) != head.note.size()) {
      return wrong(now.segments.back().path, "the last checkpoint has more than one signature");
    }
    out.checkpoint = std::move(*checkpoint);
  }
  FH_TRY(out.tree_whole, derived.end(std::max(before_last, published)));
  return out;
}

}  // namespace freehold::audit
