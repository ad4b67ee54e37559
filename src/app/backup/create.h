// A backup of a home, made while others work in it. Its parts are copied in an order in which each is at least as new
// as what points to it:
//
// 1. Files, then databases (each as of one moment), then files again as far as they have changed since: what a row
// names
//    is there, with at least as many bytes as the row says.
// 2. The audit log up to its last checkpoint: for what the databases say there is an entry.
// 3. What was kept of requests: whatever an entry points to is there.
// 4. Models, under the store's lock.
//
// Keys are in none of it.
#pragma once

#include <filesystem>
#include <functional>

#include "app/backup/copy_file.h"
#include "app/backup/keys_file.h"
#include "app/backup/manifest.h"
#include "base/result.h"

namespace freehold::app {

struct BackupOptions {
  bool models = false;  // also those that are not made of adapters alone
  CopyProgress progress;
  std::function<void(int)> waiting;  // another process has the store's lock
  std::function<void()> erasing;     // somebody is being erased: it begins when that has ended
  std::function<Result<>()> last;    // what must succeed before the folder appears; may be empty
};

struct BackupMade {
  BackupManifest manifest;
  Digest digest;  // of manifest.json
};

// A folder that must not be there yet, or be empty; it appears when it is complete. Errors: not_found (no home),
// invalid (something is there, or it lies within the home), corrupt (a database, the log), io, exhausted.
Result<BackupMade> make_backup(const std::filesystem::path& home, const std::filesystem::path& out,
                               const BackupOptions& options = {});

// Whether a file or a folder would be made within another folder, or is that one.
bool lies_within(const std::filesystem::path& inner, const std::filesystem::path& outer);

// All keys that lie in a home: also those of subjects. Errors: io.
Result<HomeKeys> keys_of_home(const std::filesystem::path& home);

}  // namespace freehold::app
