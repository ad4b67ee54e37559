// What the server has kept of what was asked and answered, for those who have the master key.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "app/audit/replay.h"
#include "app/command.h"
#include "audit/content.h"
#include "audit/vault.h"
#include "base/result.h"

namespace freehold::app {

Option master_key_option();
// --master-key, or where it usually is.
std::filesystem::path master_key_of(const Arguments& arguments, const std::filesystem::path& home);

// The vault of pseudonyms. Errors: MasterKey::open, Subjects::open.
Result<std::unique_ptr<audit::Vault>> open_vault(const std::filesystem::path& home,
                                                 const std::filesystem::path& master_key, audit::MasterKey::Make make);

class KeptContent {
 public:
  // Errors: MasterKey::open, Subjects::open.
  static Result<KeptContent> open(const std::filesystem::path& home, const std::filesystem::path& master_key);
  const audit::Subjects& subjects() const { return subjects_; }

  // What the entry points to. Errors: not_found (nothing was kept of it; its subject was erased), corrupt.
  Result<audit::Parts> of(const Members& entry);

 private:
  KeptContent(std::filesystem::path home, audit::Subjects subjects)
      : home_(std::move(home)), subjects_(std::move(subjects)) {}
  std::filesystem::path home_;
  audit::Subjects subjects_;
  bool listed_ = false;
  std::map<std::string, audit::Subject> by_id_;
};

// The parts that a replay needs.
Asked asked_of(const audit::Parts& parts);
// {"address", "body", "answers", "earlier": what it went on from, where there is something}
std::string content_json(const audit::Parts& parts);

}  // namespace freehold::app
