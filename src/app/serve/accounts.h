// Who may ask, how much, and the record of what was answered: keys, limits and the usage log together, as the server
// uses them.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/call.h"
#include "app/serve/audit_trail.h"
#include "app/serve/permissions.h"
#include "guard/authenticator.h"
#include "guard/limiter.h"
#include "guard/lockout.h"
#include "guard/principal.h"
#include "http/message.h"
#include "ledger/budget_book.h"
#include "ledger/usage_log.h"

namespace freehold::app {

// Thread-safe.
class Accounts {
 public:
  // Without an authenticator nobody is asked for a key. Without a log nothing is recorded (tests).
  Accounts(std::filesystem::path home, std::optional<guard::Authenticator> authenticator,
           std::optional<ledger::UsageLog> log, std::optional<ledger::BudgetBook> budgets = {},
           std::unique_ptr<AuditTrail> trail = {}, std::unique_ptr<Permissions> permissions = {},
           guard::LockoutOptions lockout = {})
      : home_(std::move(home)),
        authenticator_(std::move(authenticator)),
        lockout_(lockout),
        log_(std::move(log)),
        budgets_(std::move(budgets)),
        trail_(std::move(trail)),
        permissions_(permissions ? std::move(permissions) : std::make_unique<Permissions>()) {}

  // Whose request this is: by its key or token, or else by the certificate of its connection. A wrong key is counted
  // against the address, and why somebody is not let in is told to the audit log: to be asked once a request, first.
  // Errors: unauthorised; too_many, while the address has to wait.
  api::Parsed<guard::Principal> enter(const http::Request& request) const;
  // The same of a request that has been let in, or was made by the program; nothing if the key is missing or wrong, and
  // for what runs on somebody's behalf, if that key is not valid any more.
  std::optional<guard::Principal> principal_of(const http::Request& request) const;
  // Whether nobody but the holder of this key, which was given by hand, can ask.
  bool is_only_key(const guard::Principal& principal) const {
    return authenticator_ && authenticator_->is_only(principal.key_id);
  }
  Permissions& permissions() const { return *permissions_; }
  // Whether the policy lets them; a refusal is told to the audit log. Error: forbidden.
  api::Parsed<void> permit(const guard::Principal& principal, const guard::Decision& decision) const;

  // A request that may cost so many tokens: against the key's limits, then against budgets. `headers` says how the
  // limits stand. Errors: too_many, budget, unavailable (budgets cannot be read).
  struct Admitted {
    guard::Lease lease;
    ledger::Reservation reservation;
    std::vector<std::pair<std::string, std::string>> headers;
  };
  // Whether the key is at one of its limits already: asked before anything is worked out. Error: too_many.
  api::Parsed<void> check(const guard::Principal& principal);
  // Counts a request that costs no tokens and is answered at once: against requests per minute alone. Error: too_many.
  api::Parsed<void> count_request(const guard::Principal& principal);
  api::Parsed<Admitted> admit(const guard::Principal& principal, const ledger::BudgetAsk& at_most);

  // The tenants whose keys have stopped being valid since the last call.
  std::vector<std::string> gone() const { return authenticator_ ? authenticator_->gone() : std::vector<std::string>(); }

  // The event of a finished request. Errors: of reading the record.
  Result<std::optional<ledger::Event>> recorded(std::string_view request_id) const;
  // The members of its entry in the audit log, of a request that was refused as well; nothing if there is none. Looks
  // through the log from its end. Errors: of reading it.
  Result<std::optional<std::map<std::string, std::string>>> logged(std::string_view request_id) const;
  // Calls back once the event and its entry in the audit log are on disk (true), or cannot be (false); what was
  // reserved is given back before. Of `entry`, what the event does not say; `said`: if it keeps what is said.
  void record(ledger::Event event, audit::RequestEntry entry, Said said, ledger::Reservation reservation,
              std::function<void(bool)> stored);
  // Why the use of an answer cannot be recorded any more, by the audit log or by the record of usage.
  std::optional<Error> failure() const;
  bool keeps() const { return trail_ && trail_->keeps(); }
  // A request is to be answered so; what was refused or changed is written to the audit log. `then` as
  // AuditTrail::answered calls it.
  void answered(const http::Request& request, int status, const std::function<void()>& then) const;
  AuditTrail* trail() const { return trail_.get(); }

 private:
  guard::Entrance judge(const http::Request& request, const guard::Origin& origin) const;
  void tell(const std::optional<guard::LockoutReport>& report) const;
  std::optional<guard::Principal> principal_of_tenant(const std::string& tenant) const;

  std::filesystem::path home_;
  std::optional<guard::Authenticator> authenticator_;
  mutable guard::Lockout lockout_;
  guard::Limiter limiter_;
  std::optional<ledger::UsageLog> log_;
  std::optional<ledger::BudgetBook> budgets_;
  std::unique_ptr<AuditTrail> trail_;
  std::unique_ptr<Permissions> permissions_;
};

}  // namespace freehold::app
