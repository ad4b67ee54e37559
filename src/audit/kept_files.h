// What lies in $FREEHOLD_HOME/content, for who lets it go when its time is over (docs/adr/0050): records of what was
// said (content.h), files of the vault (vault.h), keys of subjects (subjects.h). No key is needed to look through them.
//
// 1. A record is dropped in place: its line says "freehold-leaving", then its bytes become zeros, then its line says
//    "freehold-dropped", each step synced before the next. Every other record stays where the log's entries say it is,
//    and no proof changes. What was killed between is leaving, and is dropped by the next run.
// 2. Who writes under a subject's key holds Subjects::use() meanwhile, and whoever removes keys and files of the vault
//    shuts these out (Unused): no key goes while something is being written under it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/folder_lock.h"
#include "base/result.h"

namespace freehold::audit {

struct KeptRecord {
  std::string file;          // "records-X"
  std::uint64_t line = 0;    // where its line begins, in bytes
  std::uint64_t offset = 0;  // of its bytes
  std::uint64_t length = 0;
  std::string id, subject;  // of the entry; "sub_…"
  bool dropped = false, leaving = false;
  std::string place() const;  // as the entry has it (ContentPlace)
};

// One thread.
class KeptRecords {
 public:
  explicit KeptRecords(std::filesystem::path home);
  // Looks through what there is, or what has come since it last looked. A file ends where there is no record: what a
  // crash left behind was never acknowledged. Errors: io.
  // `go_on`: false ends it early.
  Result<> look(const std::function<bool()>& go_on = {});
  const std::vector<KeptRecord>& all() const { return records_; }
  // When a file was last written to: seconds since 1970; 0: it is gone.
  std::int64_t changed(const std::string& file) const;
  // Durable when it returns. `which`: numbers in all(). Errors: io, exhausted.
  Result<> drop(std::span<const std::size_t> which);
  // Removes files that hold dropped records only, which must not be written to any more: those that are full, or all
  // (`closed`: nobody writes here). Returns how many.
  Result<std::size_t> remove_dropped(bool closed);

 private:
  std::filesystem::path folder_;
  std::vector<KeptRecord> records_;
  std::map<std::string, std::uint64_t> ends_;  // by file: so far it has been looked through
};

struct VaultFile {
  std::string subject;
  std::filesystem::path path;
  std::int64_t time = 0;  // when it was written: seconds since 1970
};
std::vector<VaultFile> vault_files(const std::filesystem::path& home);

struct SubjectFile {
  std::string id;  // "sub_…"
  std::filesystem::path path;
  std::int64_t time = 0;
};
std::vector<SubjectFile> subject_files(const std::filesystem::path& home);

// Removes what a crash left half removed: keys of subjects, files of the vault.
Result<> finish_removals(const std::filesystem::path& home);

// While this lives, nobody writes under a subject's key.
class Unused {
 public:
  // Waits for those that write. Errors: io.
  static Result<Unused> shut_out(const std::filesystem::path& home);
  // Overwrites, syncs and removes it. One that is gone is no error.
  Result<> remove(const VaultFile& file);
  // The same of a subject's key, if there is no record and no file of the vault under it any more. False: there is.
  Result<bool> destroy(const SubjectFile& subject, KeptRecords& records);

 private:
  Unused(std::filesystem::path home, FolderLock lock) : home_(std::move(home)), lock_(std::move(lock)) {}
  std::filesystem::path home_;
  FolderLock lock_;
};

}  // namespace freehold::audit
