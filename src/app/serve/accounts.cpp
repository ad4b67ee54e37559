#include "app/serve/accounts.h"

#include <fmt/format.h>

#include "app/serve/reply.h"

namespace freehold::app {

std::optional<guard::Principal> Accounts::principal_of(const http::Request& request) const {
  if (authenticator_) return authenticator_->authenticate(key_of(request));
  guard::Principal anyone;
  anyone.key_id = anyone.name = anyone.tenant = "local";
  anyone.role = guard::Role::admin;
  return anyone;
}

api::Parsed<void> Accounts::may_generate(const guard::Principal& principal) {
  if (principal.role != guard::Role::auditor) return {};
  return api::refuse(api::Problem::forbidden, "a key with the role auditor may read records, not ask models");
}

api::Parsed<Accounts::Admitted> Accounts::admit(const guard::Principal& principal, std::uint64_t tokens_at_most) {
  guard::Admission admission = limiter_.admit(principal, tokens_at_most);
  if (!admission.ok) {
    api::Failure failure{api::Problem::too_many,
                         fmt::format("the limit of this key is reached ({}); try again in {} s",
                                     guard::name_of(admission.limit), admission.retry_after.count()),
                         {},
                         {}};
    failure.headers = guard::rate_limit_headers(admission);
    return tl::unexpected(std::move(failure));
  }
  Admitted out;
  out.headers = guard::rate_limit_headers(admission);
  out.lease = std::move(admission.lease);
  return out;
}

void Accounts::record(ledger::Event event, std::function<void(bool)> stored) {
  if (!log_) return stored(true);
  log_->append(std::move(event), std::move(stored));
}

}  // namespace freehold::app
