// `guard reveal`: what a pseudonym stands for, for who has the master key and says why.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "app/audit/act.h"
#include "app/audit/kept.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/guard/person.h"
#include "app/json_writer.h"
#include "app/sealing.h"
#include "base/utf8.h"
#include "store/store.h"

namespace freehold::app {
namespace {

// As it stands in a text, or without its brackets.
Result<std::string> pseudonym_from(std::string_view text) {
  const std::string bracketed = text.starts_with('[') ? std::string(text) : fmt::format("[{}]", text);
  const std::string_view token = audit::token_at(bracketed);
  if (!token.empty() && token.size() + 2 == bracketed.size()) return std::string(token);
  return fail(Errc::invalid,
              fmt::format("'{}' is no pseudonym, which look like [EMAIL_mdkcafobhneg]", printable(text, 60)));
}

Result<> run_reveal(const Arguments& arguments, Console& console) {
  FH_TRY(const std::string reason, reason_of(arguments));
  FH_TRY(const auto home, store::default_home());
  local_user();
  FH_TRY(Sealing sealing, Sealing::begin(arguments));
  sealing.reads(arguments, "master-key");
  FH_TRY_VOID(sealing.enter(console));
  FH_TRY(const std::string token, pseudonym_from(arguments.text("TOKEN")));
  FH_TRY(const auto vault, open_vault(home, master_key_of(arguments, home), audit::MasterKey::Make::never));
  const std::string key = arguments.given("key") ? std::string(arguments.text("key")) : std::string();
  FH_TRY(auto entries, vault->find(token, key));
  // Whoever has said it, a value of a tenant is one.
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return std::tie(a.tenant, a.value) < std::tie(b.tenant, b.value);
  });
  const auto same = [](const auto& a, const auto& b) { return a.tenant == b.tenant && a.value == b.value; };
  entries.erase(std::unique(entries.begin(), entries.end(), same), entries.end());
  // Before anything is shown, and also if there is nothing: that somebody has asked is what the log is for.
  FH_TRY_VOID(
      record_act("guard.reveal", token,
                 audit::Object().add("reason", reason).add("key", key).add("found", std::uint64_t{entries.size()})));
  if (entries.empty()) {
    return fail(Errc::not_found,
                fmt::format("nobody can tell what {} stands for: it is not in this vault, or who it was "
                            "about was erased",
                            token));
  }
  if (arguments.flag("json")) {
    JsonWriter out;
    out.begin_array();
    for (const audit::VaultEntry& entry : entries) {
      out.begin_object().member("token", entry.token).member("value", entry.value).member("key", entry.tenant);
      out.end_object();
    }
    console.write(out.end_array().take() + "\n");
    return {};
  }
  for (const audit::VaultEntry& entry : entries) console.write(fmt::format("{}\n", printable(entry.value, 4096)));
  return {};
}

}  // namespace

Command guard_reveal_command() {
  return {
      .name = "guard reveal",
      .summary = "Say what a pseudonym stands for.",
      .details =
          "Where the policy says `do: pseudonymise`, values in requests become tokens such as [EMAIL_mdkcafobhneg], "
          "the same for the same value within an API key. What they stand for is kept in the vault, encrypted under "
          "the key of the subject in whose request the value came, which the master key wraps; guard erase destroys "
          "it. If the same value comes again within that API key, in whoever's request, before or after the erasure, "
          "it is kept for that request's subject, and the token can be revealed by that: also where it stands in older "
          "texts that were about somebody who has been erased.\n\n"
          "That somebody asked, for which token and why, is written to the audit log before the value is shown; the "
          "value is not.",
      .positionals = {{.name = "TOKEN", .help = "The pseudonym, with or without its brackets.", .is_file = false}},
      .options = {reason_option(),
                  subject_key_option(),
                  {.name = "json", .help = "Print JSON."},
                  master_key_option(),
                  sealed_option()},
      .examples = {{"freehold guard reveal EMAIL_mdkcafobhneg --reason \"complaint 4711\"",
                    "Whom does the answer mean?"}},
      .run = run_reveal,
      .acts = true,
  };
}

}  // namespace freehold::app
