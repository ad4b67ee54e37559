#include "app/veil/owner_veil.h"

#include <fmt/format.h>

#include "app/audit/kept.h"
#include "audit/master_key.h"
#include "guard/policy.h"

namespace freehold::app {
namespace {

constexpr const char* kCommandLine = "local";  // the tenant of whoever uses the command line

}  // namespace

std::string identity_of(const guard::Treatments& treatments) {
  std::string out = fmt::format("{} {} ", pii::name_of(treatments.profile), treatments.restore);
  for (const guard::Treatment treatment : treatments.of) out += static_cast<char>('0' + static_cast<int>(treatment));
  return out;
}

Result<OwnerVeil> OwnerVeil::open(const std::filesystem::path& home, const std::string& model) {
  FH_TRY(const guard::Policy policy, guard::load_policy(home));
  OwnerVeil out;
  if (policy.personal_data.rules.empty()) return out;
  const auto on = [&](guard::Way way) { return guard::treatments(policy, way, guard::Role::admin, {}, model); };
  out.asked_ = on(guard::Way::request);
  out.given_ = on(guard::Way::answer);
  if (out.asked_.has(guard::Treatment::pseudonymise)) {
    FH_TRY(out.vault_, open_vault(home, audit::usual_master_key(home), audit::MasterKey::Make::if_missing));
  }
  return out;
}

std::string OwnerVeil::identity() const {
  return active() ? identity_of(asked_) + " " + identity_of(given_) : std::string();
}

Veil OwnerVeil::fresh() const {
  return Veil(guard::Way::request, asked_, [this](std::string_view kind, std::string_view value) {
    return vault_->token(kCommandLine, kind, value);
  });
}

api::Parsed<void> OwnerVeil::keep(const Veil& used) const {
  if (used.pseudonyms().empty()) return {};
  if (auto kept = vault_->keep(kCommandLine, kCommandLine, used.pseudonyms()); !kept) {
    return api::refuse(api::Problem::unavailable, "the vault: " + kept.error().what);
  }
  return {};
}

api::Parsed<ExchangeVeil> OwnerVeil::use(api::Call& call, const SpellTokens& spell) const {
  ExchangeVeil out;
  if (!active()) return out;
  FH_TRY_VOID(check_veiled(given_, call));
  out.request = fresh();
  FH_TRY_VOID(veil_call(out.request, call, spell));
  FH_TRY_VOID(keep(out.request));
  out.answer = answer_veil(given_, out.request, call);
  return out;
}

api::Parsed<void> OwnerVeil::use(api::EmbedCall& call, const SpellTokens& spell) const {
  Veil veil = fresh();
  FH_TRY_VOID(veil_texts(veil, call.inputs, "input", spell));
  return keep(veil);
}

}  // namespace freehold::app
