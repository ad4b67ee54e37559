// Whether a log is what was written: every byte of it, against its last checkpoint and against any that were kept
// elsewhere. Reads only; a server may go on writing meanwhile. tools/verify/verify.py is a second one that shares
// nothing with this.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "audit/kept_checkpoint.h"
#include "audit/note.h"
#include "base/result.h"

namespace freehold::audit {

struct VerifyOptions {
  // The log's public key, as somebody has kept it; otherwise the one in the folder is believed.
  std::optional<VerifierKey> key;
  // Checkpoints that were kept: the log must continue them.
  std::vector<KeptCheckpoint> against;
};

struct Verified {
  std::string key;        // VerifierKey::text()
  Checkpoint checkpoint;  // the last one; size 0: no entries
  std::uint64_t checkpoints = 0;
  std::uint64_t bytes = 0;
  bool tree_whole = true;  // false: tree/ lacks what the last group adds, since its writer was killed; made anew
};

// Errors: corrupt, naming the file and the byte of the first thing that is wrong; not_found (no log); io; invalid (the
// key, or what is no signed checkpoint in `against`: open_kept).
Result<Verified> verify_log(const std::filesystem::path& folder, const VerifyOptions& options = {});

}  // namespace freehold::audit
