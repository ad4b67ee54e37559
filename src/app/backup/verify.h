// Whether a backup is what was written: every byte of it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/backup/copy_file.h"
#include "app/backup/manifest.h"
#include "base/result.h"

namespace freehold::app {

struct ReadBackup {
  BackupManifest manifest;
  Digest digest;           // of manifest.json
  bool is_signed = false;  // by the key of the log
};
// The manifest, checked against its note and, if it is signed, against the key of the log: the given one, otherwise the
// one that it names itself. Errors: not_found (no backup), corrupt, unsupported.
Result<ReadBackup> read_backup(const std::filesystem::path& backup, const std::optional<audit::VerifierKey>& key);

struct BackupDamage {
  std::string path;  // below the backup
  std::string what;
};
// Everything that is not as the manifest says, also what is there and not in it; then the audit log by its own rules.
// Errors: of reading the disk.
Result<std::vector<BackupDamage>> damages_of(const std::filesystem::path& backup, const BackupManifest& manifest,
                                             const CopyProgress& progress = {});

// That a home's audit log is whole and continues the checkpoint of the manifest. Errors: audit/verify.h.
Result<> check_restored_log(const std::filesystem::path& home, const BackupManifest& manifest);

}  // namespace freehold::app
