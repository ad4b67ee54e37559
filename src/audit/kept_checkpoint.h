// A checkpoint that somebody has kept: on paper, in a photograph, in an editor's file. It comes back with what these
// make of its blanks and dashes, and with mistakes of who has typed it in.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "audit/note.h"
#include "base/result.h"

namespace freehold::audit {

struct KeptCheckpoint {
  explicit KeptCheckpoint(std::string n, std::string where_ = "the checkpoint that was given")
      : note(std::move(n)), where(std::move(where_)) {}
  std::string note;
  std::string where;  // what errors call it: its file
};

// As it was printed: no carriage returns and blanks at the ends of lines, no empty lines at the end but its line end,
// an em dash where one or two hyphens, or an en dash, begin a line.
std::string tidied_note(std::string_view note);

// What it says, if `key` has signed it. Errors: invalid, where its own text is at fault: it names the line that cannot
// be read, or says that this text was not signed; corrupt, where it is of another log.
Result<Checkpoint> open_kept(const VerifierKey& key, const KeptCheckpoint& kept);

}  // namespace freehold::audit
