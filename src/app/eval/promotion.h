// Moving a name so that a kill at any moment leaves what `models promote` and `models rollback` can bring to an end.
//
// A name that leads to A, with O as its step back (NAME:TAG.previous), is moved to B by these writes, each atomic and
// on disk before the next:
//
//   1. NAME:TAG.pending leads to A.
//   2. The evidence is recorded.
//   3. NAME leads to B.              From here on it has been moved.
//   4. NAME:TAG.previous leads to A.
//   5. NAME:TAG.pending is gone.
//
// If .pending is there, and the last line about NAME is of a move away from what it leads to, a command was killed:
// where it leads to what NAME leads to, nothing was moved, and .previous is still O; otherwise .previous is made what
// it says. Any other .pending is left alone: it may be a user's, of a time when they could give such names. One that
// leads to A (a kill after 1. leaves it) is taken by the next move; one that leads elsewhere stops it. A, B and O have
// a name at every moment, so the store keeps them.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/folder_lock.h"
#include "base/result.h"
#include "store/store.h"

namespace freehold::app {

struct Moved {
  store::ModelName name;
  std::optional<Digest> from;  // nothing: there was no such name
  Digest to;
};

store::ModelName previous_of(const store::ModelName& name);
store::ModelName pending_of(const store::ModelName& name);
// That both are names. Error: invalid (the tag is too long for it).
Result<> can_be_moved(const store::ModelName& name);
// The model that a name leads to; nothing if there is no such name.
Result<std::optional<Digest>> id_of(const store::Store& store, const store::ModelName& name);

// Held around what follows, so that no other command takes a move that is under way for one that was killed. Errors:
// exhausted (another one holds it for too long), io.
Result<FolderLock> lock_promotions(const store::Store& store);

enum class Recovered : std::uint8_t { nothing, undone, finished };
// What a killed command left of this name is brought to an end, and recorded.
Result<Recovered> recover(const store::Store& store, const store::ModelName& name, const store::WriteOptions& options);

// Errors: invalid (.pending is there, and not of this move: nothing was changed). `evidence`: the line to record.
// `after`: called with its number after each write.
Result<> move_name(const store::Store& store, const Moved& moved, const std::string& evidence,
                   const store::WriteOptions& options, const std::function<void(int)>& after = {});

// One line at the end of $FREEHOLD_HOME/promotions.jsonl, on disk when this returns. What a kill left of a line before
// is cut off.
Result<> record_promotion(const store::Store& store, const std::string& line);

// What the promotion was judged by that this move undoes: the last move of this name, if that was a promotion the other
// way round; nothing otherwise.
struct Judged {
  std::string time, method, fit, gate_sha256;
};
Result<std::optional<Judged>> undone_by(const store::Store& store, const Moved& moved);

}  // namespace freehold::app
