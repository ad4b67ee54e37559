// What a backup says of itself: manifest.json, which lists every file with its SHA-256, and manifest.note, which has
// the digest of that and, if the home has an audit log, the signature of the log's key (docs/formats/backup.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/note.h"
#include "base/hash.h"
#include "base/result.h"

namespace freehold::app {

inline constexpr std::string_view kManifestName = "manifest.json";
inline constexpr std::string_view kManifestNoteName = "manifest.note";
inline constexpr std::string_view kBackupData = "data";  // the folder that holds the home

struct BackupManifest {
  struct File {
    std::string path;  // below the home, parts joined by '/'
    std::uint64_t size = 0;
    Digest digest;
  };
  struct Link {  // of a model's folder to the blobs that it is made of
    std::string path, target;
  };
  // A name of the store whose files are not in the backup.
  struct Absent {
    std::string name;
    std::uint64_t bytes = 0;
    std::string source;  // where it can be had again
  };
  std::string made;     // UTC
  std::string program;  // its version
  std::vector<File> files;
  std::vector<Link> links;
  std::string log_key;         // the log's public key; empty: there was no log
  std::string log_checkpoint;  // signed; empty: there were no entries
  std::vector<Absent> absent_models;
  std::vector<std::string> secrets;  // keys of the home: in the file of keys, if there is one, never in the backup
  std::uint64_t subject_keys = 0;    // those of subjects, which are not listed
  std::vector<std::string> left_out;

  std::uint64_t bytes() const;
};

std::string backup_manifest_json(const BackupManifest& manifest);
// Also of a stranger: every path stays below the home, each is there once, links lead to blobs. Errors: corrupt,
// unsupported (a later version).
Result<BackupManifest> parse_backup_manifest(std::string_view json);

// What manifest.note says of a manifest with this text. `key`: null if there is no log.
std::string backup_note(std::string_view manifest, const audit::SigningKey* key);
// That the note is of this manifest and, if it has a key, signed by that. Errors: corrupt.
Result<> check_backup_note(std::string_view note, std::string_view manifest, const audit::VerifierKey* key);

// Parts that are plain names, joined by '/', at most 4096 bytes.
bool safe_backup_path(std::string_view path);

}  // namespace freehold::app
