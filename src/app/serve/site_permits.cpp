// The part of Site for what somebody may do, beyond what the policy says at once.
#include <fmt/format.h>

#include "app/serve/latencies.h"
#include "app/serve/methods.h"
#include "app/serve/site.h"
#include "base/utf8.h"

namespace freehold::app {

api::Parsed<void> Site::may_ask(const guard::Principal& who) const {
  FH_TRY_VOID(permit(who, permissions().decide(who, guard::Action::ask)));
  return accounts_.check(who);
}

api::Parsed<Site::KeepLeave> Site::may_keep(const http::Request& request, const guard::Principal& who) const {
  if (!request.headers.get("freehold-user").empty()) {
    return api::refuse(api::Problem::invalid,
                       "the header Freehold-User names whom a request to a model is for; what is kept here is the "
                       "key's, and lines of batches name theirs in 'user'");
  }
  KeepLeave leave = erasures_->writing();
  const bool from_outside = request.begun != std::chrono::steady_clock::time_point();
  if (erasures_->since(from_outside ? request.begun : arrival_of(request), who.tenant, {})) {
    return api::refuse(api::Problem::conflict,
                       "all that this key has left here was erased while this was on its way: send it again");
  }
  return leave;
}

api::Parsed<Permissions::Leave> Site::may_go(const guard::Principal& who, const std::string& label) const {
  guard::Decision held;
  auto leave = permissions().may_go(who.tenant, label, &held);
  if (!held.rule.empty()) (void)permit(who, held);
  return leave;
}

api::Parsed<Permissions::Leave> Site::may_go(const guard::Principal& who, const ModelFacts& model,
                                             const Permissions::Leave& beside) const {
  guard::Decision held;
  auto leave = permissions().may_go(model, &held, beside);
  if (!held.rule.empty()) (void)permit(who, held);
  return leave;
}

void Site::tell_of_use(const http::Request& request, const guard::Principal& who) const {
  if (!permissions().policy().of(who.role).reason) return;
  const std::string what = fmt::format("{} {}", logged_method(request.method), logged_path(request));
  if (AuditTrail* trail = accounts_.trail()) {
    trail->act(who_of(who), "break-glass", what, audit::Object().add("reason", who.reason).add("request", request.id));
  }
  if (warn) {
    warn(fmt::format("warning: break-glass: {} ({}) {}: {}", printable(who.name, 64), who.key_id, printable(what),
                     printable(who.reason, 200)));
  }
}

}  // namespace freehold::app
