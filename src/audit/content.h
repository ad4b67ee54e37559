// What was asked and answered, kept under the keys of those whom it is about: only if somebody wants it kept
// (freehold serve --keep-content). The audit log holds the digest of what is written here, encrypted, so that its
// proofs stay good when a key is destroyed.
//
// $FREEHOLD_HOME/content/records-X, mode 0600: X is random, each process that writes has files of its own. A record is
// a line, "freehold-content 1 ID SUBJECT LENGTH", and so many bytes (master_key.h: seal, bound to the ID), and a line
// feed. What no entry of the log points to was never acknowledged. The line of a record
// whose time was over begins otherwise (kept_files.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/subjects.h"
#include "base/group_commit.h"
#include "base/result.h"

namespace freehold::audit {

inline constexpr std::string_view kRecordsName = "records-";  // files' names begin so
// How a record's line begins: as it was written, while it is being dropped, behind that. Of one length, so that one can
// take another's place.
inline constexpr std::string_view kKeptMark = "freehold-content 1 ", kLeavingMark = "freehold-leaving 1 ",
                                  kDroppedMark = "freehold-dropped 1 ";

// Named parts, in order; names are plain words and may come several times.
using Parts = std::vector<std::pair<std::string, std::string>>;

struct Content {
  std::string id;               // of the entry
  std::string tenant, subject;  // whose it is
  Parts parts;
  // Whether the subject has been erased since this was asked: asked before it is written, while no key is destroyed
  // (Subjects::use). Then it is not kept. May be empty.
  std::function<bool()> erased = {};
};

// Where it lies, as the entry says.
struct ContentPlace {
  std::string subject;  // Subject::id
  std::string place;    // "records-X:OFFSET:LENGTH", of the encrypted bytes
  std::string digest;   // of these: "sha256:…"
};

struct ContentOptions {
  std::uint64_t file_bytes = std::uint64_t{64} << 20;  // a file that has so many is followed by another
};

// Thread-safe. Records are encrypted, written and synced in groups on a thread of its own. A failure is final, as
// group_commit.h has it.
class ContentLog {
 public:
  static Result<ContentLog> open(const std::filesystem::path& home, Subjects subjects, ContentOptions options = {});
  ContentLog(ContentLog&&) noexcept;
  ContentLog& operator=(ContentLog&&) noexcept;
  ~ContentLog();  // writes what waits, calls back, ends the thread

  // Calls back once: with the place when it is durable (an empty one if its subject has been erased), with nothing if
  // it could not be kept.
  void append(Content content, std::function<void(std::optional<ContentPlace>)> kept);
  std::optional<Error> failure() const;

 private:
  struct State;
  explicit ContentLog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The encrypted bytes at a place. Errors: not_found (also: its time was over), corrupt (not what the digest says), io.
Result<std::string> read_content(const std::filesystem::path& home, const ContentPlace& place);
// The encrypted bytes of parts, bound to `id`; and the way back. Error: corrupt.
std::string seal_content(const Subject& subject, std::string_view id, const Parts& parts);
Result<Parts> open_content(const Subject& subject, std::string_view id, std::string_view sealed);

}  // namespace freehold::audit
