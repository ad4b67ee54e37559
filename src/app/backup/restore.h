// A home made of a backup. It is built beside its place and appears there in one step: killed at any instant, what was
// there before is there.
#pragma once

#include <filesystem>
#include <optional>

#include "app/backup/copy_file.h"
#include "app/backup/keys_file.h"
#include "app/backup/verify.h"
#include "base/result.h"

namespace freehold::app {

struct RestoreOptions {
  const HomeKeys* keys = nullptr;  // those of the home; null: it gets none, and its audit log cannot be continued
  bool replace = false;            // also where there is something: it is put aside, not deleted
  CopyProgress progress;
};

struct Restored {
  std::uint64_t subjects_without_key = 0;      // when the backup was made they had one
  std::optional<std::filesystem::path> aside;  // where what was there before is now
  bool recorded = false;                       // whether its log has an entry of this
};

// `read`: of read_backup. The log of the new home is verified, and has an entry of the restoring if there is its key.
// Errors: invalid (something is there; a server runs there; keys of another home), corrupt (naming the file), io,
// exhausted, unsupported.
Result<Restored> restore_backup(const std::filesystem::path& backup, const ReadBackup& read,
                                const std::filesystem::path& home, const RestoreOptions& options);

}  // namespace freehold::app
