// Pseudonyms and what they stand for. A pseudonym is a keyed hash of a value within a tenant, so that the same value
// has the same one whenever it comes, in whatever order, and nobody without the master key learns anything from it.
// What it stands for is kept encrypted under the key of the subject in whose request it came (subjects.h): when that
// key is destroyed, nobody can tell any more (docs/adr/0052).
//
// $FREEHOLD_HOME/content/vault/SUBJECT/RANDOM, mode 0600, one file a request that brought values that were not known:
// content.h: seal_content, bound to RANDOM; each part is named by its token and holds the value.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "audit/subjects.h"
#include "base/result.h"

namespace freehold::audit {

// By token, without brackets: "EMAIL_mdkcafobhneg".
using Pseudonyms = std::map<std::string, std::string, std::less<>>;

struct VaultEntry {
  std::string token, value;
  std::string tenant, subject;  // its name
  std::string subject_id;
};

// Thread-safe; several processes may work on one folder.
class Vault {
 public:
  static constexpr std::size_t kTokenLetters = 12;  // 48 bits
  static constexpr std::size_t kLongestToken = 40;  // bytes, with the brackets

  explicit Vault(std::filesystem::path home, Subjects subjects);

  // "EMAIL_mdkcafobhneg" of the kind "email": letters only, which no recogniser takes for a number.
  std::string token(std::string_view tenant, std::string_view kind, std::string_view value) const;
  // Durable when it returns. Errors: io, exhausted, corrupt (also: two values have one token, which does not happen by
  // chance; neither is kept then).
  Result<> keep(std::string_view tenant, std::string_view subject, const Pseudonyms& values);
  // Of all subjects whose keys are there, or of one tenant's. Errors: corrupt, io.
  Result<std::vector<VaultEntry>> find(std::string_view token, std::string_view tenant = {}) const;
  Result<std::vector<VaultEntry>> entries_of(const Subject& subject) const;
  // Removes what is unreadable once the subject's key is destroyed. Returns how many files.
  static Result<std::size_t> remove(const std::filesystem::path& home, const std::string& subject_id);

  const Subjects& subjects() const { return subjects_; }

 private:
  std::string mark_of(const std::string& token, const std::string& value) const;

  const std::filesystem::path home_;
  const Subjects subjects_;
  std::mutex mutex_;  // guards what follows
  // Of subjects that were looked at, by their id.
  struct Known {
    std::filesystem::file_time_type changed;   // of the folder: files are only ever added or removed
    std::map<std::string, std::string> marks;  // by token
  };
  std::map<std::string, Known> known_;
};

std::filesystem::path vault_folder(const std::filesystem::path& home);
// Whether a file of a subject's folder is one of the vault's, and not one that is being written.
bool is_vault_name(std::string_view name);

// The token at the beginning of `text` ("[EMAIL_mdkcafobhneg]…"), without brackets; empty: there is none.
std::string_view token_at(std::string_view text);

}  // namespace freehold::audit
