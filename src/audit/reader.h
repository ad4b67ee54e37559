// Entries of a log for those who look at it: by number, by id, or all. One entry is checked against the signed
// checkpoint; who goes through all of them asks `check` first. A server may go on writing meanwhile, and what it writes
// later is not seen.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "audit/folder.h"
#include "audit/note.h"
#include "base/result.h"

namespace freehold::audit {

class Reader {
 public:
  // Errors: not_found (no log there), corrupt, io.
  static Result<Reader> open(const std::filesystem::path& folder);

  std::uint64_t size() const { return checkpoint_.size; }
  const std::string& note() const { return note_; }  // the latest checkpoint, signed; empty if there are no entries
  const VerifierKey& key() const { return key_; }
  // The files of what is seen, and how many bytes of the last one. Those before it do not change any more.
  const std::vector<Segment>& segments() const { return segments_; }
  std::uint64_t end() const { return end_; }

  // It is the one that the latest checkpoint is about. Errors: not_found, corrupt.
  Result<std::string> entry(std::uint64_t number) const;
  // Each entry in order, from the segment on that holds number `from`, until `visit` says false.
  // Only the records' sums are looked at.
  using Visit = std::function<bool(std::uint64_t number, std::string_view entry)>;
  Result<> each(std::uint64_t from, const Visit& visit) const;
  // That all entries and checkpoints are those that the latest checkpoint signs. Errors: corrupt, naming the first
  // entry that is not what was written where tree/ still knows it, and otherwise how far all was well.
  Result<> check() const;
  // Each checkpoint in order, as it was signed, until `visit` says false. The signatures are not looked at (verify.h).
  using VisitNote = std::function<bool(const Checkpoint& checkpoint, std::string_view note)>;
  Result<> each_checkpoint(const VisitNote& visit) const;
  // The number of the last entry with this id; nothing if there is none. Looks through the text of the log, from its
  // end.
  Result<std::optional<std::uint64_t>> find(std::string_view id) const;
  // That an entry is in the log of the latest checkpoint: a file that needs nothing else but the public key
  // (https://c2sp.org/tlog-proof, whose `extra` is the entry). It is checked before it is given. Errors: not_found,
  // corrupt.
  Result<std::string> prove(std::uint64_t number) const;
  // That the log continues this checkpoint of it: the hashes of RFC 9162, 2.1.4. Errors: invalid, corrupt.
  Result<std::vector<Hash>> consistency(const Checkpoint& old) const { return consistency(old, checkpoint_); }
  // The same between two checkpoints of it; and that an entry is in the log of one (2.1.3): checked before they are
  // given.
  Result<std::vector<Hash>> consistency(const Checkpoint& old, const Checkpoint& later) const;
  Result<std::vector<Hash>> inclusion(std::uint64_t number, std::string_view entry, const Checkpoint& in) const;

 private:
  Reader(Files files, VerifierKey key) : files_(std::move(files)), key_(std::move(key)) {}
  Result<> complete_levels(std::string_view last);  // of the last segment, whole
  Result<std::string> bytes_of(std::size_t segment) const;
  Result<> check(bool look_up) const;

  Files files_;
  VerifierKey key_;
  std::vector<Segment> segments_;
  std::uint64_t end_ = 0;  // of the last segment, in bytes
  LevelReader levels_;
  std::string note_;
  Checkpoint checkpoint_;
};

struct Proven {
  std::uint64_t number = 0;
  std::string entry;
  Checkpoint checkpoint;
};
// What Reader::prove has made. Errors: corrupt.
Result<Proven> check_proof(std::string_view proof, const VerifierKey& key);

}  // namespace freehold::audit
