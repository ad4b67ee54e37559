// `keys block`, and what `keys list` says of people.
#include "app/keys_people.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/audit/act.h"
#include "app/commands.h"
#include "app/moment.h"
#include "app/table.h"
#include "base/utf8.h"
#include "guard/sign_in.h"
#include "store/store.h"

namespace freehold::app {
namespace {

using guard::IssuerRule;

// "RS256 k1, ES256 k2", or why there are none.
std::string keys_text(const IssuerRule& rule) {
  const auto set = guard::read_keys(rule);
  if (!set) return "cannot be read: " + set.error().what;
  std::string out;
  for (const guard::PublicKey& key : set->keys()) {
    out += fmt::format("{}{}{}{}", out.empty() ? "" : ", ", guard::name_of(key.algorithm()),
                       key.id().empty() ? "" : " ", printable(key.id(), 40));
  }
  return out;
}

std::string roles_text(const IssuerRule& rule) {
  std::string out;
  for (const auto& [name, role] : rule.roles) {
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", printable(name, 40), guard::name_of(role));
  }
  return out;
}

// DNS names and fingerprints as certificates have them (people.h): in lower case, a fingerprint without colons.
std::string as_in_certificates(std::string what) {
  const bool print = what.starts_with("sha256:");
  if (!print && !what.starts_with("dns:")) return what;
  if (print) what.erase(std::remove(what.begin() + 7, what.end(), ':'), what.end());
  for (char& c : what) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return what;
}

Result<> run_block(const Arguments& arguments, Console& console) {
  const std::string issuer(arguments.text("ISSUER"));
  const std::string subject = issuer == guard::kCertificates ? as_in_certificates(std::string(arguments.text("SUB")))
                                                             : std::string(arguments.text("SUB"));
  const bool good = !issuer.empty() && issuer.find('|') == std::string::npos && !subject.empty() &&
                    issuer.size() <= 300 && subject.size() <= 300 && is_utf8(issuer) && is_utf8(subject);
  if (!good) return fail(Errc::invalid, "ISSUER and SUB are of 1 to 300 bytes, the issuer without '|'");
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(const guard::Policy policy, guard::load_policy(home));
  if (guard::issuer_rule(policy, issuer) == nullptr && issuer != guard::kCertificates) {
    console.note(fmt::format("the policy of {} has no issuer {}: this counts where it has", printable(home.string()),
                             printable(issuer)));
  }
  const std::string id = guard::person_id(issuer, subject);
  const bool undo = arguments.flag("undo");
  FH_TRY(guard::PersonBook book, guard::PersonBook::open(home));
  FH_TRY(const auto seen, book.all());
  if (std::none_of(seen.begin(), seen.end(), [&](const guard::Person& p) { return p.id == id; })) {
    console.note(fmt::format("nobody with the id {} has been here: this counts when they come", printable(id, 600)));
  }
  FH_TRY_VOID(book.block(id, undo ? std::nullopt : std::optional(guard::wall_seconds())));
  FH_TRY_VOID(record_act(undo ? "keys.unblock" : "keys.block", id));
  console.write(fmt::format("{} {}\n", undo ? "let in again:" : "blocked", printable(id, 600)));
  return {};
}

}  // namespace

Result<People> read_people_of(const std::filesystem::path& home) {
  People out;
  FH_TRY(out.policy, guard::load_policy(home));
  auto book = guard::PersonBook::open(home, guard::OpenKeys::existing);
  if (book) {
    FH_TRY(out.seen, book->all());
  } else if (book.error().code != Errc::not_found) {
    return Unexpected(std::move(book).error());
  }
  return out;
}

void write_people(JsonWriter& w, const People& people) {
  w.key("issuers").begin_array();
  for (const IssuerRule& rule : people.policy.sign_in) {
    w.begin_object()
        .member("issuer", rule.issuer)
        .member("audience", fmt::format("{}", fmt::join(rule.audiences, ",")));
    w.member("roles", roles_text(rule)).member("keys", keys_text(rule)).member("file", rule.keys.string()).end_object();
  }
  w.end_array().key("certificates").begin_array();
  for (const guard::CertificateRule& rule : people.policy.certificates) {
    w.begin_object().member("by", guard::name_of(rule.by)).member("value", rule.value);
    w.member("role", guard::name_of(rule.role)).end_object();
  }
  w.end_array().key("people").begin_array();
  for (const guard::Person& person : people.seen) {
    w.begin_object().member("id", person.id).member("name", person.name).member("role", guard::name_of(person.role));
    w.key("seen");
    person.seen ? w.value(show_moment(*person.seen)) : w.null();
    w.key("blocked");
    person.blocked ? w.value(show_moment(*person.blocked)) : w.null();
    w.end_object();
  }
  w.end_array();
}

void show_people(const People& people, bool behind, Console& console) {
  const auto show = [&](std::vector<std::vector<std::string>> rows) {
    if (rows.size() < 2) return;
    console.write((behind ? "\n" : "") + as_table(rows, std::vector<Align>(rows[0].size(), Align::left)));
    behind = true;
  };
  std::vector<std::vector<std::string>> rows = {{"ISSUER", "AUDIENCE", "ROLES", "KEYS"}};
  for (const IssuerRule& rule : people.policy.sign_in) {
    rows.push_back({printable(rule.issuer, 100), printable(fmt::format("{}", fmt::join(rule.audiences, ",")), 60),
                    roles_text(rule), printable(keys_text(rule), 200)});
  }
  show(std::move(rows));
  rows = {{"CERTIFICATE", "ROLE"}};
  for (const guard::CertificateRule& rule : people.policy.certificates) {
    rows.push_back({fmt::format("{}:{}", guard::name_of(rule.by), printable(rule.value, 100)),
                    std::string(guard::name_of(rule.role))});
  }
  show(std::move(rows));
  rows = {{"PERSON", "NAME", "ROLE", "SEEN", "BLOCKED"}};
  for (const guard::Person& person : people.seen) {
    rows.push_back({printable(person.id, 200), printable(person.name, 64),
                    person.seen ? std::string(guard::name_of(person.role)) : "",
                    person.seen ? show_moment(*person.seen) : "never",
                    person.blocked ? show_moment(*person.blocked) : ""});
  }
  show(std::move(rows));
}

Command keys_block_command() {
  return {
      .name = "keys block",
      .summary = "Let somebody in no more who comes with a token or a certificate.",
      .details =
          "Their tokens are refused from then on, and what they left running (batches, fine-tuning jobs) goes on no "
          "more. Keys are ended with keys revoke.",
      .positionals = {{.name = "ISSUER",
                       .help = "The issuer as the policy has it, or 'certificate'.",
                       .is_file = false},
                      {.name = "SUB",
                       .help = "The subject of their tokens, or what of their certificate the policy goes by "
                               "(dns:NAME, email:ADDRESS, uri:URI, cn:NAME, sha256:DIGITS), as keys list shows it.",
                       .is_file = false}},
      .options = {{.name = "undo", .help = "Let them in again."}},
      .examples = {{"freehold keys block https://login.example.org/realms/clinic 4be1f2c0", "Somebody who has left:"},
                   {"freehold keys block certificate dns:ward3.clinic.example", "A machine that was stolen:"}},
      .run = run_block,
      .acts = true,
  };
}

}  // namespace freehold::app
