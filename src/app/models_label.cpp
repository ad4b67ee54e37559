// `models label`: the highest label that a model may be given, and what it was made of.
#include <fmt/format.h>

#include "app/audit/act.h"
#include "app/json_writer.h"
#include "app/labelling.h"
#include "app/models_commands.h"
#include "app/starter.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

Result<guard::Labelled> row_of(const guard::LabelBook& book, const std::string& subject) {
  FH_TRY(const auto all, book.all());
  for (const guard::Labelled& row : all) {
    if (row.subject == subject) return row;
  }
  return guard::Labelled{subject, std::nullopt, std::nullopt, {}};
}

// What a name was made of, its content's label included, which stays with it whatever it is called.
Result<> take_in_contents(guard::Labelled& row, const std::string& reference, const guard::Policy& policy) {
  FH_TRY(const guard::Resource model, labelled_model(reference));
  for (const std::string& label : model.labels) row.label = higher_label(policy, row.label.value_or(""), label);
  return {};
}

// A name that led to another model when it was labelled: that model keeps what was said of it, under its digest.
Result<> leave_with_content(guard::LabelBook& book, const guard::Labelled& row, const guard::Policy& policy) {
  if (row.label) {
    FH_TRY_VOID(book.raise(row.content, *row.label, [&](std::string_view a, std::string_view b) {
      return higher_label(policy, std::string(a), std::string(b)) == a;
    }));
  }
  if (!row.ceiling) return {};
  FH_TRY(guard::Labelled content, row_of(book, row.content));
  const bool lower = !content.ceiling || higher_label(policy, *content.ceiling, *row.ceiling) == *content.ceiling;
  if (lower) content.ceiling = row.ceiling;
  return book.put(content);
}

// The ceiling that holds for it, the lowest of all that do; its own, if that is as low. Nothing: none does.
Result<std::optional<guard::Labelled>> limit_of(const guard::LabelBook& book, const guard::Labelled& row,
                                                const store::Manifest& manifest, const guard::Policy& policy) {
  FH_TRY(const auto all, book.all());
  const auto name = store::ModelName::parse(row.subject);
  const bool by_name = name && !row.subject.starts_with("sha256:");
  const auto limits = guard::limits_of(all, by_name ? row.subject : "", contents_of(manifest));
  std::optional<guard::Labelled> lowest;
  for (const guard::Labelled& limit : limits) {
    const bool as_low = !lowest || higher_label(policy, *lowest->ceiling, *limit.ceiling) == *lowest->ceiling;
    if (as_low && (!lowest || *limit.ceiling != *lowest->ceiling || limit.subject == row.subject)) lowest = limit;
  }
  return lowest;
}

// `limit`: whose ceiling holds.
void show(const guard::Labelled& row, const std::optional<guard::Labelled>& limit, bool json, Console& console) {
  const bool of_another = limit && limit->subject != row.subject;
  if (!json) {
    const std::string whose = of_another ? fmt::format(" (of {})", printable(limit->subject)) : "";
    console.write(fmt::format("{}: ceiling {}{}, made of data {}\n", printable(row.subject),
                              limit ? printable(*limit->ceiling) : "not set", whose,
                              row.label ? "labelled " + *row.label : "without a label"));
    return;
  }
  JsonWriter w(true);
  w.begin_object().member("model", row.subject).key("ceiling");
  limit ? w.value(*limit->ceiling) : w.null();
  if (of_another) w.member("ceiling_of", limit->subject);
  w.key("data");
  row.label ? w.value(*row.label) : w.null();
  w.end_object();
  console.write(w.take() + "\n");
}

Result<> run_label(const Arguments& arguments, Console& console) {
  FH_TRY(const guard::Policy policy, own_policy());
  FH_TRY(const store::Store store, open_store());
  const std::string reference(arguments.text("MODEL"));
  auto resolved = store.resolve(reference);
  if (!resolved && resolved.error().code == Errc::not_found && means_starter(reference)) {
    console.hint("freehold models import starter brings it in; what is served under that name is then the one there");
    return fail(Errc::invalid, "the built-in starter is not in the store, and only what is there can be labelled");
  }
  FH_TRY(const store::Resolved found, std::move(resolved));
  if (!found.manifest) {
    console.hint(
        "freehold models import brings it in; for files outside of the store, the policy has ceilings by name");
    return fail(Errc::invalid,
                fmt::format("{} is not in the store: only what is there can be labelled", printable(reference)));
  }
  const std::string content = content_of(*found.manifest);
  const auto name = store::ModelName::parse(reference);
  const bool by_name = name && !reference.starts_with("sha256:");
  FH_TRY(guard::LabelBook book, label_book());
  FH_TRY(guard::Labelled row, row_of(book, by_name ? name->text() : content));
  FH_TRY(const std::string data, label_option(arguments, "data", policy));
  const bool clear = arguments.flag("clear");
  if (!clear && !arguments.given("LABEL") && data.empty()) {
    FH_TRY_VOID(take_in_contents(row, reference, policy));
    FH_TRY(const auto limit, limit_of(book, row, *found.manifest, policy));
    show(row, limit, arguments.flag("json"), console);
    return {};
  }
  if (clear && (arguments.given("LABEL") || !data.empty())) {
    return fail(Errc::invalid, "--clear takes no label");
  }
  if (arguments.given("LABEL")) {
    row.ceiling = arguments.text("LABEL");
    if (!policy.rank(*row.ceiling)) {
      return fail(Errc::invalid,
                  fmt::format("there is no label '{}': {}", printable(*row.ceiling, 40), policy.names()));
    }
  }
  // A hold on a label is on what carries it: taking that off would let it go.
  store::Leave leave;
  if (row.label && (clear || (!data.empty() && higher_label(policy, data, *row.label) != data))) {
    FH_TRY(leave, leave_of_holds(reference, "models label", "given a lower label"));
  }
  if (by_name && !row.content.empty() && row.content != content) FH_TRY_VOID(leave_with_content(book, row, policy));
  if (!data.empty()) row.label = data;
  if (clear) row.ceiling = row.label = std::nullopt;
  row.content = by_name ? content : std::string();
  FH_TRY_VOID(book.put(row));
  FH_TRY_VOID(record_act("models.label", row.subject,
                         audit::Object()
                             .add("ceiling", row.ceiling.value_or(""))
                             .add("data", row.label.value_or(""))
                             .add("content", content)));
  FH_TRY(const auto limit, limit_of(book, row, *found.manifest, policy));
  show(row, limit, arguments.flag("json"), console);
  return {};
}

}  // namespace

Command models_label_command() {
  return {
      .name = "models label",
      .summary = "Say which data a model may be given, and what it was made of.",
      .details =
          "LABEL is a ceiling: a request, a file or a batch that carries a higher one is refused (docs/policy.md). It "
          "is "
          "the name's; another name of the same model that has none of its own has it, too, and a digest's holds for "
          "every name. Shown is the ceiling that holds, and whose it is if it is another's. --data says what a model "
          "or an adapter was trained on: only keys that are cleared for it may "
          "ask "
          "it, and its answers carry it. `tune` and fine-tuning over HTTP say that by themselves. Without a label, "
          "what is "
          "set is shown.",
      .positionals = {{.name = "MODEL", .help = "A name or a digest in the store.", .is_file = false},
                      {.name = "LABEL", .help = "The ceiling.", .required = false, .is_file = false}},
      .options = {{.name = "data",
                   .type = OptionType::text,
                   .value = "LABEL",
                   .help = "The highest label of what it was trained on."},
                  {.name = "clear", .help = "Remove both; what a digest has stays."},
                  {.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold models label mistral:q4 internal", "No personal data for this model:"},
                   {"freehold models label support-lora --data personal", "An adapter from elsewhere:"}},
      .run = run_label,
      .acts = true,
  };
}

}  // namespace freehold::app
