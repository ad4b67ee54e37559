#include "app/veil/vendor_veil.h"

#include "app/audit/kept.h"
#include "app/veil/answer_veil.h"
#include "app/veil/owner_veil.h"
#include "audit/master_key.h"
#include "guard/policy.h"

namespace freehold::app {
namespace {

constexpr const char* kOwner = "local";  // the tenant of whoever uses the command line

}  // namespace

Result<std::unique_ptr<VendorVeil>> VendorVeil::open(const std::filesystem::path& home, const guard::Policy& policy,
                                                     const std::string& vendor, const std::string& label) {
  const auto on = [&](guard::Way way) { return guard::treatments(policy, way, guard::Role::admin, label, vendor); };
  std::unique_ptr<VendorVeil> out(new VendorVeil());
  out->sent_ = on(guard::Way::vendor);
  out->given_ = on(guard::Way::answer);
  if (!out->sent_.any() && !out->given_.any()) return std::unique_ptr<VendorVeil>();
  if (out->sent_.has(guard::Treatment::pseudonymise)) {
    FH_TRY(out->vault_, open_vault(home, audit::usual_master_key(home), audit::MasterKey::Make::if_missing));
  }
  out->all_sent_ = Veil(guard::Way::vendor, out->sent_);
  out->all_given_ = Veil(guard::Way::answer, out->given_);
  return out;
}

Veil VendorVeil::asked() const {
  return Veil(guard::Way::vendor, sent_,
              [this](std::string_view kind, std::string_view value) { return vault_->token(kOwner, kind, value); });
}

Result<VendorVeil::Outgoing> VendorVeil::outgoing(const upstream::Call& call) {
  Outgoing out{call, {}};
  Veil veil = asked();
  for (upstream::Message& message : out.call.messages) {
    if (auto other = veil.changed(message.text)) message.text = std::move(*other);
  }
  {
    const std::lock_guard lock(mutex_);
    all_sent_.add(veil);
  }
  if (veil.blocked()) return fail(Errc::invalid, "nothing was sent: " + veil.refusal().message);
  if (!veil.pseudonyms().empty()) FH_TRY_VOID(vault_->keep(kOwner, kOwner, veil.pseudonyms()));
  if (sent_.restore) out.values = veil.pseudonyms();
  return out;
}

Result<std::string> VendorVeil::incoming(std::string text, const audit::Pseudonyms& values) {
  if (!values.empty()) {
    Restorer restorer(values);
    text = restorer.feed(text);
    text += restorer.finish();
  }
  Veil veil(guard::Way::answer, given_);
  if (auto other = veil.changed(text)) text = std::move(*other);
  const std::lock_guard lock(mutex_);
  all_given_.add(veil);
  if (veil.blocked()) return fail(Errc::invalid, veil.refusal().message);
  return text;
}

std::string VendorVeil::identity() const {
  const std::string out = " veiled";
  return out + " " + identity_of(sent_) + " " + identity_of(given_);
}

audit::Object VendorVeil::entry() const {
  const std::lock_guard lock(mutex_);
  audit::Object out;
  out.add("vendor", all_sent_.entry()).add("answer", all_given_.entry());
  return out;
}

std::string VendorVeil::summary() const {
  const std::lock_guard lock(mutex_);
  std::string out = all_sent_.summary();
  if (!out.empty()) out = "sent: " + out;
  if (const std::string given = all_given_.summary(); !given.empty()) {
    out += (out.empty() ? "answers: " : "; answers: ") + given;
  }
  return out;
}

}  // namespace freehold::app
