#include "app/audit/act.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <vector>

#include "audit/folder.h"
#include "audit/log.h"
#include "audit/writer.h"
#include "base/random_id.h"
#include "guard/policy.h"
#include "store/store.h"

namespace freehold::app {

namespace {

audit::Who look_up_user() {
  const uid_t uid = ::getuid();
  std::vector<char> buffer(16'384);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
    return {"", found->pw_name, "local"};
  }
  return {"", fmt::format("uid {}", uid), "local"};
}

}  // namespace

audit::Who local_user() {
  static const audit::Who user = look_up_user();
  return user;
}

Result<> check_acts_are_recorded() {
  FH_TRY(const std::filesystem::path home, store::default_home());
  const std::filesystem::path folder = audit::audit_folder(home);
  std::error_code ec;
  if (!std::filesystem::exists(folder, ec)) return {};  // it comes with its first entry
  auto log = audit::Writer::open(folder);
  if (!log)
    return in_context(std::move(log).error(), "nothing was done, because it could not be written to the audit log");
  return {};
}

Result<> record_act(std::string_view act, std::string_view subject, audit::Object details) {
  FH_TRY(const std::filesystem::path home, store::default_home());
  return record_act_in(home, act, subject, std::move(details));
}

Result<> record_act_in(const std::filesystem::path& home, std::string_view act, std::string_view subject,
                       audit::Object details) {
  audit::AdminEntry entry{"adm_" + random_id(), audit::now_us(),      local_user(),
                          std::string(act),     std::string(subject), std::move(details)};
  auto written = audit::append_one(audit::audit_folder(home), audit::entry_of(entry));
  if (!written) return in_context(std::move(written).error(), "it is done, but could not be written to the audit log");
  return written;
}

Result<> record_refusal(std::string_view what, std::string_view subject, const guard::Decision& decision) {
  FH_TRY(const std::filesystem::path home, store::default_home());
  audit::RefusalEntry entry;
  entry.id = "adm_" + random_id();
  entry.time = audit::now_us();
  entry.who = local_user();
  entry.endpoint = fmt::format("{} {}", what, subject.substr(0, 300));
  entry.reason = decision.message;
  entry.rule = decision.rule;
  entry.label = decision.label;
  entry.ceiling = decision.ceiling;
  entry.status = 403;
  return audit::append_one(audit::audit_folder(home), audit::entry_of(entry));
}

Result<> record_import(std::string_view act, const store::Imported& imported) {
  const store::Manifest& m = imported.manifest;
  audit::Object details;
  details.add("digest", m.model.id().name()).add("weights", m.model.weights().name());
  if (imported.replaced) details.add("replaced", imported.replaced->name());
  return record_act(act, imported.name.text(), details);
}

}  // namespace freehold::app
