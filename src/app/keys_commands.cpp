// `keys create`, `keys list`, `keys rotate`, `keys revoke`: who may use `freehold serve`.
#include <fmt/format.h>

#include <algorithm>

#include "app/audit/act.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/json_writer.h"
#include "app/keys_people.h"
#include "app/moment.h"
#include "app/table.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "guard/policy.h"
#include "store/store.h"

namespace freehold::app {
namespace {

using guard::KeyInfo;

std::string_view state_of(const KeyInfo& key, std::int64_t now) {
  if (key.revoked) return "revoked";
  return key.usable(now) ? "active" : "expired";
}

std::string limits_of(const guard::Limits& limits) {
  std::string out;
  auto add = [&](const std::optional<std::uint64_t>& limit, std::string_view unit) {
    if (limit) out += fmt::format("{}{}{}", out.empty() ? "" : ", ", *limit, unit);
  };
  add(limits.requests_per_minute, " requests/min");
  add(limits.tokens_per_minute, " tokens/min");
  add(limits.concurrency, " at once");
  return out.empty() ? "none" : out;
}

std::string models_of(const guard::Models& models) {
  return models ? printable(fmt::format("{}", fmt::join(*models, ",")), 60) : "all";
}

// "internal up to health"
std::string labels_of(const KeyInfo& key) {
  std::string out = key.label.empty() ? "lowest" : key.label;
  if (key.ceiling) out += " up to " + *key.ceiling;
  return out;
}

// The members of one key in the object that is open. Never a hash.
void write_key(JsonWriter& w, const KeyInfo& key, std::int64_t now) {
  auto moment = [&](std::string_view name, const std::optional<std::int64_t>& when) {
    w.key(name);
    when ? w.value(show_moment(*when)) : w.null();
  };
  auto limit = [&](std::string_view name, const std::optional<std::uint64_t>& value) {
    w.key(name);
    value ? w.value(*value) : w.null();
  };
  w.member("id", key.id).member("name", key.name).member("role", guard::name_of(key.role));
  w.member("state", state_of(key, now));
  w.member("label", key.label);
  w.key("ceiling");
  key.ceiling ? w.value(*key.ceiling) : w.null();
  moment("created", key.created);
  moment("expires", key.expires);
  moment("revoked", key.revoked);
  limit("requests_per_minute", key.limits.requests_per_minute);
  limit("tokens_per_minute", key.limits.tokens_per_minute);
  limit("concurrency", key.limits.concurrency);
  w.key("models");
  if (!key.models) {
    w.null();
    return;
  }
  w.begin_array();
  for (const std::string& model : *key.models) w.value(model);
  w.end_array();
}

// Errors: invalid (not one of the policy's), and those of reading the policy.
Result<> take_labels(const Arguments& arguments, const std::filesystem::path& home, guard::NewKey& wanted) {
  // What is asked in an emergency is rather said to be too much than too little.
  const bool highest = wanted.role == guard::Role::break_glass && !arguments.given("label");
  if (!arguments.given("label") && !arguments.given("ceiling") && !highest) return {};
  FH_TRY(const guard::Policy policy, guard::load_policy(home));
  for (const char* option : {"label", "ceiling"}) {
    if (!arguments.given(option) || policy.rank(arguments.text(option))) continue;
    return fail(Errc::invalid, fmt::format("--{}: there is no label '{}': {}", option,
                                           printable(arguments.text(option), 40), policy.names()));
  }
  if (arguments.given("label")) wanted.label = arguments.text("label");
  if (arguments.given("ceiling")) wanted.ceiling = arguments.text("ceiling");
  if (highest) wanted.label = wanted.ceiling.value_or(policy.of(wanted.role).label);
  if (wanted.ceiling && policy.rank(wanted.label).value_or(0) > *policy.rank(*wanted.ceiling)) {
    return fail(Errc::invalid,
                fmt::format("a key whose requests carry {} cannot have the ceiling {}", wanted.label, *wanted.ceiling));
  }
  return {};
}

std::vector<std::string> separated_by_commas(std::string_view text) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = std::min(text.find(','), text.size());
    parts.emplace_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

// A model may come later, and a name may be a slip: said, not refused.
void note_absent_models(const guard::KeyInfo& key, const std::filesystem::path& home, Console& console) {
  if (!key.models) return;
  const auto store = store::Store::open(home);
  const auto there = store ? store->list() : Result<std::vector<store::Listed>>(std::vector<store::Listed>());
  if (!there) return;
  for (const std::string& wanted : *key.models) {
    const bool found = std::any_of(there->begin(), there->end(), [&](const store::Listed& model) {
      return guard::allows(guard::Models(std::vector{wanted}), model.name.text());
    });
    if (!found) console.note(fmt::format("note: there is no model '{}' in the store yet", printable(wanted, 100)));
  }
}

// A key's text, this once.
void show_made(const guard::CreatedKey& made, std::int64_t now, bool json, Console& console) {
  if (json) {
    JsonWriter w(true);
    w.begin_object();
    write_key(w, made.info, now);
    w.member("key", made.text).end_object();
    console.write(w.take() + "\n");
    return;
  }
  console.write(made.text + "\n");
  console.note(
      fmt::format("this is the only time that the key is shown; freehold keys revoke {} ends it", made.info.id));
}

Result<> run_create(const Arguments& arguments, Console& console) {
  const std::int64_t now = guard::wall_seconds();
  guard::NewKey wanted{.name = std::string(arguments.text("name")),
                       .role = guard::role_from_name(arguments.text("role")).value_or(guard::Role::user)};
  auto limit = [&](std::string_view name) {
    return arguments.given(name) ? std::optional(static_cast<std::uint64_t>(arguments.integer(name))) : std::nullopt;
  };
  wanted.limits = {limit("requests-per-minute"), limit("tokens-per-minute"), limit("concurrency")};
  if (arguments.given("models")) wanted.models = separated_by_commas(arguments.text("models"));
  if (arguments.given("expires")) {
    FH_TRY(wanted.expires, parse_moment("--expires", arguments.text("expires"), now, Direction::future));
  }
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY_VOID(take_labels(arguments, home, wanted));
  FH_TRY(guard::Keys keys, guard::Keys::open(home));
  FH_TRY(const guard::CreatedKey made, keys.create(wanted));
  audit::Object details;
  details.add("name", made.info.name).add("role", guard::name_of(made.info.role));
  details.add("limits", limits_of(made.info.limits)).add("models", models_of(made.info.models));
  details.add("label", made.info.label).add("ceiling", made.info.ceiling.value_or(""));
  if (made.info.expires) details.add("expires", show_moment(*made.info.expires));
  FH_TRY_VOID(record_act("keys.create", made.info.id, details));
  show_made(made, now, arguments.flag("json"), console);
  if (!arguments.given("label") && !made.info.label.empty()) {
    console.note(fmt::format("note: its requests carry the label {}; --label gives it another", made.info.label));
  }
  note_absent_models(made.info, home, console);
  return {};
}

Result<> run_rotate(const Arguments& arguments, Console& console) {
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(guard::Keys keys, guard::Keys::open(home, guard::OpenKeys::existing));
  FH_TRY(const guard::CreatedKey made, keys.rotate(arguments.text("ID")));
  FH_TRY_VOID(record_act("keys.rotate", made.info.id, audit::Object().add("name", made.info.name)));
  show_made(made, guard::wall_seconds(), arguments.flag("json"), console);
  return {};
}

Result<> run_list(const Arguments& arguments, Console& console) {
  const std::int64_t now = guard::wall_seconds();
  FH_TRY(const std::filesystem::path home, store::default_home());
  std::vector<KeyInfo> all;
  auto keys = guard::Keys::open(home, guard::OpenKeys::existing);
  if (keys) {
    FH_TRY(all, keys->list());
  } else if (keys.error().code != Errc::not_found) {
    return Unexpected(std::move(keys).error());
  }
  FH_TRY(const People people, read_people_of(home));
  if (arguments.flag("json")) {
    JsonWriter w(true);
    w.begin_object().key("keys").begin_array();
    for (const KeyInfo& key : all) {
      w.begin_object();
      write_key(w, key, now);
      w.end_object();
    }
    w.end_array();
    write_people(w, people);
    w.end_object();
    console.write(w.take() + "\n");
    return {};
  }
  if (all.empty() && people.empty()) {
    console.note(
        fmt::format("no keys in {}; make one with: freehold keys create --name NAME", printable(home.string())));
    return {};
  }
  std::vector<std::vector<std::string>> rows = {
      {"ID", "NAME", "ROLE", "STATE", "CREATED", "EXPIRES", "LIMITS", "MODELS", "LABELS"}};
  for (const KeyInfo& key : all) {
    rows.push_back({key.id, printable(key.name, 64), std::string(guard::name_of(key.role)),
                    std::string(state_of(key, now)), show_moment(key.created).substr(0, 10),
                    key.expires ? show_moment(*key.expires) : "never", limits_of(key.limits), models_of(key.models),
                    labels_of(key)});
  }
  if (!all.empty()) console.write(as_table(rows, std::vector<Align>(9, Align::left)));
  show_people(people, !all.empty(), console);
  return {};
}

Result<> run_revoke(const Arguments& arguments, Console& console) {
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(guard::Keys keys, guard::Keys::open(home, guard::OpenKeys::existing));
  FH_TRY(const KeyInfo key, keys.revoke(arguments.text("ID")));
  FH_TRY_VOID(record_act("keys.revoke", key.id, audit::Object().add("name", key.name)));
  if (arguments.flag("json")) {
    JsonWriter w(true);
    w.begin_object();
    write_key(w, key, guard::wall_seconds());
    w.end_object();
    console.write(w.take() + "\n");
    return {};
  }
  console.write(fmt::format("revoked {}, {}\n", key.id, printable(key.name, 64)));
  return {};
}

Option limit_option(std::string_view name, std::string_view help) {
  return {.name = name, .type = OptionType::integer, .value = "N", .least = 1, .most = 1e9, .help = help};
}

}  // namespace

Command keys_group() {
  return {
      .name = "keys",
      .summary = "Make, list, rotate and revoke the keys that a server asks for, and block people.",
      .details =
          "Keys are kept in $FREEHOLD_HOME/freehold.db, their secrets as Argon2id hashes. A running server goes by "
          "a change from the next request on.",
  };
}

Command keys_create_command() {
  return {
      .name = "keys create",
      .summary = "Make a key and print it, once.",
      .details = "Only a hash of the key is kept: what is printed now cannot be shown again.",
      .options = {{.name = "name",
                   .type = OptionType::text,
                   .value = "NAME",
                   .help = "Whose key it is, or what for.",
                   .required = true},
                  {.name = "role",
                   .type = OptionType::choice,
                   .value = "admin|user|auditor|operator|break-glass",
                   .fallback = "user",
                   .help =
                       "What the key may do, as the policy has it: everything; answers; reading records; models and "
                       "the server; answers and records in an emergency, with a reason for every request."},
                  {.name = "label",
                   .type = OptionType::text,
                   .value = "LABEL",
                   .help = "What its requests and uploads carry, unless they say a higher one in Freehold-Label; the "
                           "policy's lowest unless given, of break-glass the highest that it may touch."},
                  {.name = "ceiling",
                   .type = OptionType::text,
                   .value = "LABEL",
                   .help = "The highest label that it may say, and of what adapters that it may ask were trained on. "
                           "Unless given: any that its role may say, and adapters up to --label."},
                  limit_option("requests-per-minute", "The most requests a minute; unlimited unless given."),
                  limit_option("tokens-per-minute", "The most tokens a minute, prompts and answers together."),
                  limit_option("concurrency", "The most requests at the same time."),
                  {.name = "models",
                   .type = OptionType::text,
                   .value = "A,B",
                   .help = "The models it may use; a name without a tag stands for all its tags. All unless given."},
                  {.name = "expires",
                   .type = OptionType::text,
                   .value = "WHEN",
                   .help = "A span from now (12h, 30d, 8w) or a date (2027-01-31, at 0:00 UTC); never unless given."},
                  {.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold keys create --name alice", "For a person:"},
                   {"freehold keys create --name ci --models mistral:q4 --requests-per-minute 60 --expires 30d",
                    "For a program, limited:"}},
      .run = run_create,
      .acts = true,
  };
}

Command keys_list_command() {
  return {
      .name = "keys list",
      .summary = "List the keys, never their secrets, and the people who come with tokens or certificates.",
      .options = {{.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold keys list", "Who may do what, until when:"}},
      .run = run_list,
  };
}

Command keys_rotate_command() {
  return {
      .name = "keys rotate",
      .summary = "Give a key a new secret, and print it, once.",
      .details =
          "The old one is refused from then on. Role, limits, labels and date of expiry stay, and so does all that "
          "belongs to the key: files, batches, models that it made.",
      .positionals = {{.name = "ID", .help = "The key's id, as keys list shows it.", .is_file = false}},
      .options = {{.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold keys rotate k7m2xw9q", "Every quarter, or when somebody has seen it:"}},
      .run = run_rotate,
      .acts = true,
  };
}

Command keys_revoke_command() {
  return {
      .name = "keys revoke",
      .summary = "End a key, for good.",
      .positionals = {{.name = "ID", .help = "The key's id, as keys list shows it.", .is_file = false}},
      .options = {{.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold keys revoke k7m2xw9q", "It is refused from then on, also by a server that runs:"}},
      .run = run_revoke,
      .acts = true,
  };
}

}  // namespace freehold::app
