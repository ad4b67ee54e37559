// Reading a segment from its head on: which groups are whole, and whether what follows them is the rest of a group that
// was not finished, or damage.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "audit/merkle.h"
#include "audit/note.h"
#include "base/result.h"

namespace freehold::audit {

// The log as it was at some checkpoint.
struct Head {
  Frontier tree;
  std::string note;      // the checkpoint, signed; empty: no entries
  Hash chained() const;  // what the next checkpoint calls `previous`
};

// Called for each entry, in order, also for those of a group that turns out not to be whole.
using OnEntry = std::function<void(std::string_view entry, const Hash& leaf, std::uint64_t offset)>;

struct Scan {
  Head head;              // after the last whole group; what it began with if there is none
  std::size_t whole = 0;  // bytes up to there; 0: not even the segment's head and one group
  std::size_t group = 0;  // where the last whole group begins
  std::uint64_t checkpoints = 0;
};

// `bytes` of a segment that begins where `before` ends. The signatures of checkpoints are not looked at, but all that
// they say. Errors: corrupt, with the byte.
Result<Scan> scan_segment(std::string_view bytes, const Head& before, std::string_view origin,
                          const OnEntry& on_entry = {});
// The last checkpoint of a segment that ends with one, signed, from its last bytes.
std::optional<std::string_view> last_note(std::string_view bytes);
// What is behind the last whole group: the beginning of one, perhaps with holes (a loss of power writes pages in any
// order), or damage, which shows in a later checkpoint that continues another than the last whole one. Errors: corrupt.
Result<> expect_unfinished(std::string_view rest, const Head& head, const VerifierKey& key);

}  // namespace freehold::audit
