#include "audit/writer.h"

#include <fmt/format.h>

#include <chrono>
#include <vector>

#include "audit/record.h"
#include "audit/segment_scan.h"
#include "base/check.h"
#include "base/file.h"
#include "base/file_mode.h"
#include "base/utf8.h"

namespace freehold::audit {
namespace fs = std::filesystem;

namespace {

std::int64_t system_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The key of the log, made if there is no log yet.
Result<SigningKey> key_of(const Files& files) {
  auto text = read_file(files.key(), 4096);
  if (text) {
    auto key = SigningKey::parse(*text);
    if (!key) return in_context(std::move(key).error(), printable(files.key().string()));
    return key;
  }
  if (text.error().code != Errc::not_found) return Unexpected(std::move(text).error());
  FH_TRY(const std::vector<Segment> segments, list_segments(files));
  if (!segments.empty()) {
    return fail(Errc::not_found,
                fmt::format("the signing key {} is missing: put it back, or move the folder away to begin a new log",
                            printable(files.key().string())));
  }
  FH_TRY(SigningKey key, SigningKey::create());
  FH_TRY_VOID(write_file_atomically(files.key(), key.text() + "\n", FileAccess::owner));
  return key;
}

// Its public half, where others find it.
Result<> check_public_key(const Files& files, const VerifierKey& key) {
  const auto text = read_file(files.public_key(), 4096);
  if (text && *text == key.text() + "\n") return {};
  if (text) {
    return fail(Errc::corrupt,
                fmt::format("{} is not the public half of the key beside it", printable(files.public_key().string())));
  }
  if (text.error().code != Errc::not_found) return Unexpected(text.error());
  return write_file_atomically(files.public_key(), key.text() + "\n", FileAccess::owner);
}

// What somebody was killed in the middle of; the lock is held, so nobody is writing it.
void remove_unfinished(const fs::path& folder) {
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    std::error_code ignored;
    if (it->path().filename().string().starts_with(".tmp-")) fs::remove(it->path(), ignored);
  }
}

}  // namespace

struct Writer::State {
  Files files;
  WriterOptions options;
  FolderLock lock;
  SigningKey key;
  LevelWriter levels;

  Head head;
  std::uint64_t first = 0;  // of the segment that is open
  Fd segment;               // none: the next group begins one
  std::uint64_t end = 0;    // of the segment, in bytes
  std::string told;         // what the file `checkpoint` says
  bool failed = false;

  State(Files f, WriterOptions o, FolderLock l, SigningKey k, LevelWriter w)
      : files(std::move(f)), options(std::move(o)), lock(std::move(l)), key(std::move(k)), levels(std::move(w)) {}

  // `least`: so many entries must be there.
  Result<> recover(std::uint64_t least);
  Result<Head> head_before(const std::vector<Segment>& segments, std::size_t i, std::string_view content);
  Result<Head> rebuild_levels(const std::vector<Segment>& segments, std::size_t count);
  Result<> check_ends(const std::vector<Segment>& segments);
  Result<bool> take_over(const std::vector<Segment>& segments, std::size_t i, std::uint64_t least);
  Result<std::uint64_t> published_size();
  Result<> take_lock();
  Result<> catch_up();
  Result<> add(std::span<const std::string_view> entries);
  Result<> publish();
  Unexpected at(const Segment& where, Error error) const {
    return in_context(std::move(error), printable(where.path.string()));
  }
};

// Everything from the segments' bytes: for a folder whose tree/ is damaged or gone. The head before segment `count`.
Result<Head> Writer::State::rebuild_levels(const std::vector<Segment>& segments, std::size_t count) {
  Head before;
  levels.seek(0);
  for (std::size_t i = 0; i < count; ++i) {
    FH_TRY(const std::string content, read_file(segments[i].path));
    Frontier tree = before.tree;
    auto scan = scan_segment(
        content, before, key.verifier().name(), [&](std::string_view, const Hash& leaf, std::uint64_t offset) {
          levels.add(leaf, offset);
          tree.append(leaf, [&](unsigned level, const Hash& hash) { levels.add_full(level, hash); });
        });
    if (!scan) return at(segments[i], std::move(scan).error());
    if (scan->whole != content.size()) {
      return at(segments[i], {Errc::corrupt, fmt::format("byte {}: not a whole record", scan->whole)});
    }
    before = std::move(scan->head);
    FH_TRY_VOID(levels.write());
  }
  return before;
}

// The log as it was where segment `i` begins, which its head says, and tree/ if it is sound.
Result<Head> Writer::State::head_before(const std::vector<Segment>& segments, std::size_t i, std::string_view content) {
  const std::uint64_t size = segments[i].first;
  if (size == 0) return Head{};
  const auto record = read_record(content);
  const auto said = record && record->kind == RecordKind::segment ? parse_segment_head(record->payload) : std::nullopt;
  if (said && said->first == size) {
    const auto checkpoint = key.verifier().open(said->note);
    const auto reader = LevelReader::open(files);
    if (checkpoint && checkpoint->size == size && reader) {
      auto peaks = peaks_of(size, reader->lookup());
      if (peaks) {
        Frontier tree(size, std::move(*peaks));
        if (tree.root() == checkpoint->root) return Head{std::move(tree), said->note};
      }
    }
  }
  return rebuild_levels(segments, i);
}

constexpr std::size_t kMostOfNote = 4096;  // bytes; a checkpoint with its signature has some 400

// Whether each segment ends with the checkpoint with which the next one begins.
Result<> Writer::State::check_ends(const std::vector<Segment>& segments) {
  const auto damaged = [&](const Segment& where, std::string_view what) {
    return at(where, {Errc::corrupt, fmt::format("{}; nothing is written to a damaged log: put back what it was, or "
                                                 "move the folder away to begin a new one",
                                                 what)});
  };
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const Segment& where = segments[i];
    if (i == 0 && where.first != 0) return damaged(where, "the segments before it are missing");
    if (i + 1 == segments.size()) break;
    const Segment& next = segments[i + 1];
    FH_TRY(const MappedFile map, MappedFile::open(where.path));
    FH_TRY(const MappedFile behind, MappedFile::open(next.path));
    const std::string_view all = as_text(map.bytes());
    const auto note = last_note(all.substr(all.size() - std::min(all.size(), kMostOfNote)));
    const auto begin = read_record(as_text(behind.bytes()));
    const auto said = begin && begin->kind == RecordKind::segment ? parse_segment_head(begin->payload) : std::nullopt;
    if (!note) return damaged(where, "it does not end with a checkpoint");
    if (i + 2 == segments.size() && !said) continue;  // a group that was never acknowledged: take_over
    if (said != SegmentHead{next.first, std::string(*note)})
      return damaged(next, "it does not begin where the segment before it ends");
  }
  return {};
}

// Makes the last whole group of segment `i` the one that is continued. False if it has none: then it is the beginning
// of a group that was never acknowledged, and gone.
Result<bool> Writer::State::take_over(const std::vector<Segment>& segments, std::size_t i, std::uint64_t least) {
  const Segment& where = segments[i];
  FH_TRY(const std::string content, read_file(where.path));
  FH_TRY(const Head before, head_before(segments, i, content));
  if (before.tree.size() != where.first) {
    return at(where, {Errc::corrupt, fmt::format("the segment before it ends with {} entries", before.tree.size())});
  }
  struct Leaf {
    Hash hash;
    std::uint64_t offset;
  };
  std::vector<Leaf> leaves;
  auto scan = scan_segment(content, before, key.verifier().name(),
                           [&](std::string_view, const Hash& leaf, std::uint64_t offset) {
                             leaves.push_back({leaf, offset});
                           });
  if (!scan) return at(where, std::move(scan).error());
  const auto rest = std::string_view(content).substr(scan->whole);
  if (auto unfinished = expect_unfinished(rest, scan->head, key.verifier()); !unfinished) {
    return at(where, std::move(unfinished).error());
  }
  if (scan->head.tree.size() < least) {  // looked at before anything is cut
    return at(where,
              {Errc::corrupt,
               fmt::format("byte {}: the log had {} entries, and {} are whole: it is damaged, was cut or rolled back",
                           scan->whole, least, scan->head.tree.size())});
  }
  if (scan->whole == 0) {
    FH_TRY_VOID(remove_file(where.path));
    return false;
  }
  if (auto sound = key.verifier().open(scan->head.note); !sound) return at(where, std::move(sound).error());
  FH_TRY(segment, open_file(where.path, Make::never));
  if (!rest.empty()) FH_TRY_VOID(cut_file(segment, scan->whole, where.path));
  FH_TRY_VOID(write_at(segment, scan->group, std::string_view(content).substr(scan->group, scan->whole - scan->group),
                       where.path));
  FH_TRY_VOID(sync_data(segment, where.path));
  FH_TRY_VOID(sync_folder(files.folder));
  levels.seek(where.first);
  Frontier tree = before.tree;
  for (const Leaf& leaf : leaves) {
    if (tree.size() == scan->head.tree.size()) break;
    levels.add(leaf.hash, leaf.offset);
    tree.append(leaf.hash, [&](unsigned level, const Hash& hash) { levels.add_full(level, hash); });
  }
  FH_TRY_VOID(levels.write());
  FH_TRY_VOID(levels.trim());
  first = where.first;
  end = scan->whole;
  head = std::move(scan->head);
  return true;
}

Result<> Writer::State::recover(std::uint64_t least) {
  segment = {};
  first = end = 0;
  head = {};
  FH_TRY(std::vector<Segment> segments, list_segments(files));
  FH_TRY_VOID(check_ends(segments));
  while (!segments.empty()) {
    FH_TRY(const bool whole, take_over(segments, segments.size() - 1, least));
    if (whole) return {};
    segments.pop_back();
  }
  if (least > 0) {
    return fail(Errc::corrupt,
                fmt::format("{}: the log had {} entries, and there are none", printable(files.folder.string()), least));
  }
  levels.seek(0);
  return levels.trim();
}

// How many entries the file `checkpoint` vouches for. It is written after the log, so the log is never behind it.
Result<std::uint64_t> Writer::State::published_size() {
  const auto text = read_file(files.checkpoint(), 65'536);
  if (!text && text.error().code == Errc::not_found) return 0;
  if (!text) return Unexpected(text.error());
  const auto checkpoint = key.verifier().open(*text);
  if (!checkpoint) return 0;  // not a whole one: made anew
  told = *text;
  return checkpoint->size;
}

Result<Writer> Writer::open(const fs::path& folder, WriterOptions options) {
  if (!options.now) options.now = system_seconds;
  const Files files{folder};
  std::error_code ec;
  if (!fs::exists(folder, ec)) {
    FH_TRY_VOID(make_directories(folder));
    set_mode(folder, 0700);
  }
  FH_TRY(FolderLock lock, FolderLock::open(folder, FolderLock::Mode::exclusive));
  FH_TRY_VOID(take(lock, options.lock_seconds));
  remove_unfinished(folder);
  FH_TRY(SigningKey key, key_of(files));
  FH_TRY_VOID(check_public_key(files, key.verifier()));
  FH_TRY(LevelWriter levels, LevelWriter::open(files));
  auto state = std::make_unique<State>(files, std::move(options), std::move(lock), std::move(key), std::move(levels));
  FH_TRY(const std::uint64_t least, state->published_size());
  FH_TRY_VOID(state->recover(least));
  state->lock.release();
  return Writer(std::move(state));
}

Result<> Writer::State::take_lock() {
  FH_TRY_VOID(take(lock, options.lock_seconds));
  if (lock.in_place()) return {};
  // Somebody has removed it, and others lock the one that they have made.
  FH_TRY(lock, FolderLock::open(files.folder, FolderLock::Mode::exclusive));
  return take(lock, options.lock_seconds);
}

// Whether somebody else has written since this writer did.
Result<> Writer::State::catch_up() {
  std::error_code ec;
  bool moved = !segment;
  if (segment) {
    if (!is_at(segment.get(), files.segment(first))) {
      return fail(Errc::corrupt, fmt::format("{} was removed or replaced while it was written to",
                                             printable(files.segment(first).string())));
    }
    FH_TRY(const std::uint64_t now, size_of(segment, files.segment(first)));
    if (now < end)
      return fail(Errc::corrupt, fmt::format("{} has become shorter", printable(files.segment(first).string())));
    moved = now != end;
  }
  moved = moved || (head.tree.size() != first && fs::exists(files.segment(head.tree.size()), ec));
  if (!moved) return {};
  return recover(head.tree.size());
}

Result<> Writer::State::add(std::span<const std::string_view> entries) {
  const bool begins = !segment || end >= options.segment_bytes;
  const std::uint64_t from = begins ? 0 : end;
  Frontier tree = head.tree;
  std::string bytes;
  if (begins) append_record(bytes, RecordKind::segment, text_of(SegmentHead{tree.size(), head.note}));
  for (const std::string_view entry : entries) {
    const Hash leaf = leaf_hash(entry);
    levels.add(leaf, from + bytes.size());
    append_record(bytes, RecordKind::entry, entry);
    tree.append(leaf, [&](unsigned level, const Hash& hash) { levels.add_full(level, hash); });
  }
  std::string note = key.sign({key.verifier().name(), tree.size(), tree.root(), head.chained(), options.now()});
  append_record(bytes, RecordKind::checkpoint, note);
  if (begins) {
    FH_TRY_VOID(levels.sync());  // of what is behind us: from here on only this segment's part is made anew
    first = head.tree.size();
    FH_TRY(segment, open_file(files.segment(first), Make::if_missing));
  }
  if (auto written = write_at(segment, from, bytes, files.segment(first)); !written) {
    // What has arrived of it is no group: so that nobody takes it for damage, before the next who writes cuts it off.
    if (begins)
      (void)remove_file(files.segment(first));
    else
      (void)cut_file(segment, from, files.segment(first));
    return written;
  }
  FH_TRY_VOID(sync_data(segment, files.segment(first)));
  if (begins) FH_TRY_VOID(sync_folder(files.folder));
  FH_TRY_VOID(levels.write());
  end = from + bytes.size();
  head = {std::move(tree), std::move(note)};
  return {};
}

Result<> Writer::commit(std::span<const std::string_view> entries) {
  State& s = *state_;
  FH_CHECK(!entries.empty() && entries.size() <= kLargestGroup, "a group has 1 to 256 entries");
  if (s.failed) return fail(Errc::io, "the audit log can no longer be written");
  for (const std::string_view entry : entries) {
    if (entry.size() > kLongestPayload) return fail(Errc::invalid, "an entry of the audit log is too long");
  }
  FH_TRY_VOID(s.take_lock());
  Result<> done = s.catch_up();
  if (done) done = s.add(entries);
  s.failed = !done;
  s.lock.release();
  return done;
}

bool Writer::published() const {
  return state_->told == state_->head.note;
}

Result<> Writer::publish() {
  if (published() || state_->failed) return {};
  FH_TRY_VOID(state_->take_lock());
  const auto done = state_->publish();
  state_->lock.release();
  return done;
}

Result<> Writer::State::publish() {
  // Another process may have been here: the copy never goes back.
  const auto there = read_file(files.checkpoint(), 65'536);
  const auto theirs = there ? key.verifier().open(*there) : Result<Checkpoint>(fail(Errc::not_found, ""));
  if (!theirs || theirs->size < head.tree.size()) {
    FH_TRY_VOID(write_file_atomically(files.checkpoint(), head.note, FileAccess::owner));
  }
  told = head.note;
  return {};
}

Writer::Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;
Writer::~Writer() {
  if (state_) (void)publish();
}

bool Writer::failed() const {
  return state_->failed;
}
std::uint64_t Writer::size() const {
  return state_->head.tree.size();
}
const std::string& Writer::note() const {
  return state_->head.note;
}

}  // namespace freehold::audit
