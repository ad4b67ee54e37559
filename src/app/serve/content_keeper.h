// What is asked and answered, kept under the keys of those whom it is about (audit/content.h), where the server was
// started to keep it: what the audit trail is told of a request waits for it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "app/command.h"
#include "app/serve/audit_trail.h"
#include "app/serve/erasures.h"
#include "audit/content.h"
#include "audit/vault.h"
#include "guard/policy.h"

namespace freehold::app {

// For AuditTrail. The content is durable before the entry that points to it is written.
// Nothing is kept of who has been erased since it was asked; `erasures`: null if nobody is.
AuditTrail::Keep keep_in(audit::ContentLog log, std::shared_ptr<const Erasures> erasures = nullptr);

// Of `freehold serve`: the keys under which what is said is kept; nothing if it is not. Made where they are missing,
// which must be before the seal closes, since the master key may lie anywhere.
Result<std::optional<audit::Subjects>> kept_subjects(const Arguments& arguments, const std::filesystem::path& home);
// That rules of the policy change what models are asked or answer, and none what is kept of it; nothing if it is not
// so.
std::optional<std::string> note_on_what_is_kept(const guard::Policy& policy);
// The vault for the pseudonyms that the policy makes, under the same keys; null if it makes none. Error: also invalid
// (--master-key, and nothing that needs it).
Result<std::unique_ptr<audit::Vault>> vault_of(const Arguments& arguments, const std::filesystem::path& home,
                                               const guard::Policy& policy);
// The audit log, behind which what is said is kept if there are keys for that.
Result<std::unique_ptr<AuditTrail>> open_trail(const std::filesystem::path& home,
                                               std::optional<audit::Subjects> subjects,
                                               std::shared_ptr<const Erasures> erasures = nullptr);

}  // namespace freehold::app
