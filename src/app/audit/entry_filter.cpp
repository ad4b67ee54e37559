#include "app/audit/entry_filter.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/audit/audit_commands.h"
#include "app/guard/person.h"
#include "app/moment.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "store/store.h"

namespace freehold::app {
namespace {

using audit::EntryFacts;

struct Row {
  std::string_view option;
  std::string EntryFacts::*member;
};
constexpr Row kRows[] = {{"kind", &EntryFacts::kind},   {"key", &EntryFacts::key},
                         {"name", &EntryFacts::name},   {"model", &EntryFacts::model},
                         {"label", &EntryFacts::label}, {"subject", &EntryFacts::subject},
                         {"act", &EntryFacts::act}};

// The ids that entries have of somebody whom clients name so, while their keys are there.
Result<std::set<std::string>> subjects_called(const Arguments& arguments, const std::string& name) {
  std::set<std::string> out = {name};
  if (arguments.given("folder") || name.starts_with("sub_")) return out;  // a copy has no keys beside it
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(const std::optional<KeptContent> kept, open_kept(arguments, home));
  FH_TRY(const auto subjects, subjects_of(kept, Person{name, {}}));
  for (const audit::Subject& one : subjects) out.insert(one.id);
  return out;
}

}  // namespace

Result<EntryFilter> EntryFilter::of(const Arguments& arguments) {
  EntryFilter out;
  const std::int64_t now = guard::wall_seconds();
  if (arguments.given("since")) {
    FH_TRY(const std::int64_t since, parse_moment("--since", arguments.text("since"), now, Direction::past));
    out.since_ = since * 1'000'000;
  }
  if (arguments.given("until")) {
    FH_TRY(const std::int64_t until, parse_moment("--until", arguments.text("until"), now, Direction::past));
    out.until_ = until * 1'000'000;
  }
  if (out.since_ && out.until_ && *out.since_ >= *out.until_) {
    return fail(Errc::invalid, "--since is not before --until");
  }
  for (const Row& row : kRows) {
    if (arguments.given(row.option)) {
      out.wanted_.push_back({row.option, std::string(arguments.text(row.option)), row.member});
    }
  }
  if (arguments.given("subject")) {
    FH_TRY(out.subjects_, subjects_called(arguments, std::string(arguments.text("subject"))));
  }
  return out;
}

bool EntryFilter::is_like(const Wanted& wanted, const EntryFacts& facts) const {
  const std::string& has = facts.*wanted.member;
  if (wanted.option == "subject") return subjects_.contains(has);
  if (wanted.option != "act") return has == wanted.value;
  return has.starts_with(wanted.value) &&
         (has.size() == wanted.value.size() || wanted.value.ends_with('.') || has[wanted.value.size()] == '.');
}

bool EntryFilter::lets(const EntryFacts& facts) {
  bool all = (!since_ || facts.time >= *since_) && (!until_ || facts.time < *until_);
  for (Wanted& wanted : wanted_) {
    const bool like = is_like(wanted, facts);
    wanted.met = wanted.met || like;
    all = all && like;
    if (wanted.option == "key" && facts.name == wanted.value && !facts.key.empty()) keys_of_name_.insert(facts.key);
  }
  return all;
}

Result<> EntryFilter::each(const audit::Reader& reader, const audit::Reader::Visit& visit) {
  Result<> result;
  FH_TRY_VOID(reader.each(0, [&](std::uint64_t number, std::string_view entry) {
    const auto facts = audit::facts_of(entry);
    if (!facts) {
      result = in_context(facts.error(), fmt::format("entry {}", number));
      return false;
    }
    if (!lets(*facts)) return true;
    ++found_;
    return visit(number, entry);
  }));
  return result;
}

std::string EntryFilter::nothing() const {
  const auto unmet = std::find_if(wanted_.begin(), wanted_.end(), [](const Wanted& one) { return !one.met; });
  if (unmet == wanted_.end()) return "no entry is like that";
  std::string out = fmt::format("no entry of the log has the {} '{}'", unmet->option, printable(unmet->value, 200));
  if (unmet->option == "key" && !keys_of_name_.empty()) {
    out += fmt::format(": it is the name of {} (--name)",
                       printable(fmt::format("{}", fmt::join(keys_of_name_, ", ")), 400));
  }
  if (unmet->option == "subject") {
    out +=
        ": who asked is there only of what was kept (serve --keep-content), and under sub_… alone once it was erased";
  }
  return out;
}

std::vector<Option> entry_filter_options() {
  return {{.name = "since",
           .type = OptionType::text,
           .value = "WHEN",
           .help = "A span back from now (24h, 7d) or a date (2027-01-31, UTC)."},
          {.name = "until", .type = OptionType::text, .value = "WHEN", .help = "The same, for the end."},
          {.name = "kind",
           .type = OptionType::choice,
           .value = "request|admin|refusal",
           .help = "Only entries of this kind."},
          {.name = "key",
           .type = OptionType::text,
           .value = "ID",
           .help = "Only of this key, or of this person: ISSUER|SUBJECT, certificate|NAME."},
          {.name = "name",
           .type = OptionType::text,
           .value = "NAME",
           .help = "Only of keys and people who are called so, or of this user of the machine."},
          {.name = "model", .type = OptionType::text, .value = "NAME", .help = "Only of requests to this model."},
          {.name = "subject",
           .type = OptionType::text,
           .value = "SUBJECT",
           .help = "Only about somebody: as clients name the user, where what they said is kept; sub_… or whatever "
                   "else an act is about."},
          {.name = "label", .type = OptionType::text, .value = "LABEL", .help = "Only with this label of the policy."},
          {.name = "act",
           .type = OptionType::text,
           .value = "ACT",
           .help = "Only this act (keys.create), or all that begin so (keys)."},
          audit_folder_option(),
          master_key_option()};
}

}  // namespace freehold::app
