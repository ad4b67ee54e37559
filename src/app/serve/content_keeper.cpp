#include "app/serve/content_keeper.h"

#include <algorithm>
#include <utility>

#include "app/audit/kept.h"
#include "audit/folder.h"

namespace freehold::app {

AuditTrail::Keep keep_in(audit::ContentLog log, std::shared_ptr<const Erasures> erasures) {
  auto shared = std::make_shared<audit::ContentLog>(std::move(log));
  return [shared, erasures = std::move(erasures)](audit::RequestEntry entry, Said said, AuditTrail::Then then) {
    audit::Content content{entry.id, entry.who.key, said.subject.empty() ? entry.who.key : std::move(said.subject), {}};
    if (erasures) {
      content.erased = [erasures, asked = said.asked, key = content.tenant, subject = content.subject] {
        return erasures->since(asked, key, subject);
      };
    }
    content.parts.emplace_back("address", std::move(said.address));
    content.parts.emplace_back("body", std::move(said.body));
    for (auto& [name, value] : said.earlier) content.parts.emplace_back(std::move(name), std::move(value));
    for (std::string& answer : said.answers) content.parts.emplace_back("answer", std::move(answer));
    shared->append(std::move(content), [entry = std::move(entry), then = std::move(then)](
                                           const std::optional<audit::ContentPlace>& place) mutable {
      if (!place) return then(std::move(entry), false);
      if (place->place.empty()) return then(std::move(entry), true);  // its subject has been erased meanwhile
      entry.subject = place->subject;
      entry.content = place->place;
      entry.content_digest = place->digest;
      then(std::move(entry), true);
    });
  };
}

Result<std::unique_ptr<audit::Vault>> vault_of(const Arguments& arguments, const std::filesystem::path& home,
                                               const guard::Policy& policy) {
  const auto& rules = policy.personal_data.rules;
  if (std::any_of(rules.begin(), rules.end(),
                  [](const auto& rule) { return rule.treatment == guard::Treatment::pseudonymise; })) {
    return open_vault(home, master_key_of(arguments, home), audit::MasterKey::Make::if_missing);
  }
  if (arguments.given("master-key") && !arguments.flag("keep-content")) {
    return fail(Errc::invalid, "--master-key is for --keep-content, or a policy that makes pseudonyms");
  }
  return std::unique_ptr<audit::Vault>();
}

std::optional<std::string> note_on_what_is_kept(const guard::Policy& policy) {
  using guard::Treatment;
  using guard::Way;
  const auto any = [&](std::initializer_list<Way> ways) {
    const auto& rules = policy.personal_data.rules;
    return std::any_of(rules.begin(), rules.end(), [&](const guard::PersonalRule& rule) {
      const bool changes = rule.treatment == Treatment::mask || rule.treatment == Treatment::pseudonymise;
      return changes && std::find(ways.begin(), ways.end(), rule.way) != ways.end();
    });
  };
  if (!any({Way::request, Way::answer, Way::vendor}) || any({Way::log})) return std::nullopt;
  return "the policy changes personal data in what models are asked or answer, and --keep-content keeps requests as "
         "they were sent (encrypted): a rule for 'log' masks what is kept";
}

Result<std::optional<audit::Subjects>> kept_subjects(const Arguments& arguments, const std::filesystem::path& home) {
  if (!arguments.flag("keep-content")) {
    return std::optional<audit::Subjects>();
  }
  using audit::MasterKey;
  FH_TRY(MasterKey master, MasterKey::open(master_key_of(arguments, home), MasterKey::Make::if_missing));
  FH_TRY(audit::Subjects subjects, audit::Subjects::open(home, std::move(master), MasterKey::Make::if_missing));
  return std::optional(std::move(subjects));
}

Result<std::unique_ptr<AuditTrail>> open_trail(const std::filesystem::path& home,
                                               std::optional<audit::Subjects> subjects,
                                               std::shared_ptr<const Erasures> erasures) {
  auto log = audit::Log::open(audit::audit_folder(home));
  if (!log) return in_context(std::move(log).error(), "the audit log");
  AuditTrail::Keep keep;
  if (subjects) {
    FH_TRY(audit::ContentLog content, audit::ContentLog::open(home, std::move(*subjects)));
    keep = keep_in(std::move(content), std::move(erasures));
  }
  return std::make_unique<AuditTrail>(std::move(*log), std::move(keep));
}

}  // namespace freehold::app
