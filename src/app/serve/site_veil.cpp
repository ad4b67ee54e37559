// What the server does with personal data on the way of a request: the policy's rules, the vault, the log.
#include "api/peek.h"
#include "app/serve/reply.h"
#include "app/serve/site.h"

namespace freehold::app {
namespace {

using guard::Way;

std::string subject_in(const http::Request& request, const guard::Principal& who) {
  std::string named = user_of(request);
  return named.empty() ? who.key_id : named;
}

}  // namespace

Site::Ways Site::ways(const guard::Principal& who, const NamedModel& named, const std::string& label) const {
  if (recorded_) return recorded_();
  const guard::Policy& policy = permissions().policy();
  if (policy.personal_data.rules.empty()) return {};
  const std::string model = named.model->base ? named.model->base->name() : named.model->name();
  const auto on = [&](Way way) { return guard::treatments(policy, way, who.role, label, model); };
  return {on(Way::request), on(Way::answer), accounts_.keeps() ? on(Way::log) : guard::Treatments{}};
}

Veil::Token Site::tokens_of(const guard::Principal& who) const {
  if (vault == nullptr) return {};
  return [kept = vault.get(), tenant = who.tenant](std::string_view kind, std::string_view value) {
    return kept->token(tenant, kind, value);
  };
}

api::Parsed<ExchangeVeil> Site::veil(const http::Request& request, const guard::Principal& who, const Ways& ways,
                                     const std::string& label,
                                     const std::function<api::Parsed<void>(Veil&)>& use) const {
  ExchangeVeil out;
  out.log = ways.log;
  out.counters = &veiled_;
  if (!ways.request.any()) return out;
  if (ways.request.has(guard::Treatment::pseudonymise) && vault == nullptr) {
    return api::refuse(api::Problem::unavailable, "there is no vault for the pseudonyms that the policy asks for");
  }
  out.request = Veil(Way::request, ways.request, tokens_of(who));
  auto used = use(out.request);
  if (out.request.blocked()) {
    guard::Decision denied;
    denied.rule = out.request.rule();
    denied.label = label;
    denied.message = out.request.refusal().message;
    denied.kinds = out.request.refused_kinds();
    (void)permit(who, denied);
    veiled_.add(Way::request, out.request);
    return tl::unexpected(out.request.refusal());
  }
  FH_TRY_VOID(std::move(used));
  // A replay has no request that anybody might ask about later.
  if (!out.request.pseudonyms().empty() && !recorded_) {
    if (auto kept = vault->keep(who.tenant, subject_in(request, who), out.request.pseudonyms()); !kept) {
      if (warn) warn("the vault: " + kept.error().what);
      return api::refuse(api::Problem::unavailable,
                         "what the pseudonyms stand for could not be kept, so nothing is asked");
    }
  }
  return out;
}

}  // namespace freehold::app
