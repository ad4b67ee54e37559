// The keys of data subjects: what is kept of what somebody asked, and was answered, is encrypted under a key of that
// subject alone, within a tenant. Destroying the key is what erasure means: everything under it is unreadable from then
// on, in every copy, and not a byte of a log or of its proofs has to change (docs/adr/0045).
//
// $FREEHOLD_HOME/content/subjects/NAME, mode 0600, one a subject; NAME is MasterKey::blind of tenant and subject, so
// that the folder tells nobody who is in it. A line, "freehold-subject 1 ID BASE64": the ID is what entries of the
// audit log call the subject; the rest is the key, the tenant and the subject, sealed under the master key.
//
// Nothing is kept in memory: a key that was destroyed is gone for those that run, too.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/master_key.h"
#include "base/folder_lock.h"
#include "base/result.h"

namespace freehold::audit {

struct Subject {
  std::string id;            // "sub_…", random
  std::string tenant, name;  // the key's id, and whom its client says it asks for
  Secret key;
  std::filesystem::path file;
};

// One thread, but for reading, which any may do. Several processes may work on one folder.
class Subjects {
 public:
  // Makes the folder if it is missing, unless `make` is never. Errors: not_found (nothing was ever kept); invalid
  // (another master key than the one that the folder began with), io.
  static Result<Subjects> open(const std::filesystem::path& home, MasterKey master, MasterKey::Make make);

  // A subject's name is at most kLongestName bytes; a longer one counts as the digest of it.
  static constexpr std::size_t kLongestName = 1024;
  // Durable when it returns. Errors: io, exhausted, corrupt.
  Result<Subject> find_or_make(std::string_view tenant, std::string_view name) const;
  Result<std::optional<Subject>> find(std::string_view tenant, std::string_view name) const;
  // All; what cannot be read is an error that names the file, or, with `unreadable`, one of these.
  Result<std::vector<Subject>> list(std::vector<Error>* unreadable = nullptr) const;
  // Overwrites the key, syncs, removes the file, syncs the folder. What is under it cannot be read any more.
  Result<> destroy(const Subject& subject) const;
  // Held by who writes under a subject's key, from finding it until what was written is durable: meanwhile none is
  // destroyed because there is nothing under it (kept_files.h). Errors: io.
  Result<FolderLock> use() const;
  // The id in a subject's file, for which no key is needed; nothing if it is none.
  static std::optional<std::string> id_in(const std::filesystem::path& file);
  // MasterKey::blind.
  std::string blind(std::string_view text) const { return master_.blind(text); }

 private:
  Subjects(std::filesystem::path folder, MasterKey master);
  std::string file_name(std::string_view tenant, std::string_view name) const;
  Result<std::optional<Subject>> read(const std::string& file) const;
  std::filesystem::path folder_;  // content/
  MasterKey master_;
};

// A name as subjects have it: a longer one than kLongestName counts as the digest of it, "sha256:…".
std::string subject_name(std::string_view name);

std::filesystem::path content_folder(const std::filesystem::path& home);

}  // namespace freehold::audit
