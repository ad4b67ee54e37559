// `models import`, `models alias`, `models rm`: giving and taking names.
#include <fmt/format.h>

#include "app/audit/act.h"
#include "app/json_writer.h"
#include "app/labelling.h"
#include "app/models_commands.h"
#include "app/starter.h"
#include "base/utf8.h"
#include "store/way_back.h"
#include "train/provenance.h"

namespace freehold::app {
namespace {

constexpr std::string_view kForceHelp = "Move the name if it leads to another model already.";

// The label of a model that is about to come: on its name until its content is known, taken back if it does not come.
class NameLabel {
 public:
  static Result<NameLabel> put(const std::string& name, const std::string& label) {
    NameLabel out;
    out.label_ = label;
    if (label.empty()) return out;
    FH_TRY(out.policy_, own_policy());
    if (!out.policy_.rank(label)) {
      return fail(Errc::invalid, fmt::format("its provenance says that it was made of data labelled '{}', which is not "
                                             "one of the policy's labels: {}",
                                             printable(label, 40), out.policy_.names()));
    }
    FH_TRY(out.book_, label_book());
    FH_TRY(const auto all, out.book_->all());
    out.before_ = {name, std::nullopt, std::nullopt, {}};
    for (const guard::Labelled& row : all) {
      if (row.subject == name) out.before_ = row;
    }
    guard::Labelled now = out.before_;
    now.label = higher_label(out.policy_, now.label.value_or(""), label);
    FH_TRY_VOID(out.book_->put(now));
    return out;
  }
  NameLabel(NameLabel&& other) noexcept
      : label_(std::move(other.label_)),
        policy_(std::move(other.policy_)),
        book_(std::exchange(other.book_, std::nullopt)),
        before_(std::move(other.before_)) {}
  NameLabel& operator=(NameLabel&&) = delete;
  ~NameLabel() {
    if (book_) (void)book_->put(before_);
  }

  Result<> keep(const store::Manifest& manifest) {
    if (label_.empty()) return {};
    return mark_content(policy_, content_of(manifest), label_);  // and the name goes back to what it had
  }

 private:
  NameLabel() = default;
  std::string label_;
  guard::Policy policy_;
  std::optional<guard::LabelBook> book_;
  guard::Labelled before_;
};

void hint_at_force(const Error& error, Console& console) {
  if (error.what.find("leads to another model already") == std::string::npos) return;
  console.hint("choose another name, or move this one with --force");
}

Result<> run_import(const Arguments& arguments, Console& console) {
  FH_TRY(store::Store store, open_store());
  const std::filesystem::path path(std::string(arguments.text("PATH")));
  FH_TRY(store::ModelName name,
         arguments.given("name") ? store::ModelName::parse_given(arguments.text("name")) : store::name_from_path(path));
  // What its makers said that it had learned from. The name gets it first: nobody sees the model without it.
  std::error_code ec;
  FH_TRY(const std::string label,
         train::provenance_label(std::filesystem::is_directory(path, ec) ? path : path.parent_path()));
  FH_TRY(NameLabel labelled, NameLabel::put(name.text(), label));
  StoreProgress progress(console);
  store::WriteOptions options = progress.options(arguments.flag("force"), !arguments.flag("no-prepare"));
  const bool starter = !std::filesystem::exists(path, ec) && means_starter(arguments.text("PATH"));
  if (!starter) {
    FH_TRY(options.learned_from, learned_from_of(path.string()));
  }
  auto imported = starter ? store.add(
                                name, store::kBuiltInSource,
                                [](const format::Sink& sink) { return sink(starter_bytes()); }, options)
                          : store.import(path, name, options);
  progress.clear();
  if (!imported) {
    hint_at_force(imported.error(), console);
    return Unexpected(std::move(imported).error());
  }
  FH_TRY_VOID(labelled.keep(imported->manifest));
  if (!label.empty()) console.note(fmt::format("{} was made of data labelled {}", name.text(), printable(label)));
  FH_TRY_VOID(record_import("models.import", *imported));
  print_imported(*imported, arguments.flag("json"), console);
  return {};
}

struct Alias {
  std::string name, model, adapter;
};

// "MODEL NAME", or "NAME = MODEL" with "+ ADAPTER"; no name holds a space, '=' or '+'.
Result<Alias> alias_from(const std::vector<std::string>& words) {
  const std::string usage = "say MODEL NAME, or NAME = MODEL + ADAPTER";
  const std::string all = fmt::format("{}", fmt::join(words, " "));
  const std::size_t equals = all.find('='), plus = all.find('+');
  const auto trimmed = [](std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return std::string(text);
  };
  Alias out;
  if (equals == std::string::npos) {
    if (words.size() != 2 || plus != std::string::npos) return fail(Errc::invalid, usage);
    out.model = words[0], out.name = words[1];
    return out;
  }
  const std::string_view right = std::string_view(all).substr(equals + 1);
  out.name = trimmed(std::string_view(all).substr(0, equals));
  const std::size_t at = right.find('+');
  out.model = trimmed(right.substr(0, at));
  if (at != std::string_view::npos) out.adapter = trimmed(right.substr(at + 1));
  const bool missing = out.name.empty() || out.model.empty() || (at != std::string_view::npos && out.adapter.empty());
  if (missing || (out.name + out.model + out.adapter).find_first_of(" =+") != std::string::npos) {
    return fail(Errc::invalid, usage);
  }
  return out;
}

Result<> run_alias(const Arguments& arguments, Console& console) {
  FH_TRY(store::Store store, open_store());
  FH_TRY(const Alias alias, alias_from(arguments.list("WORDS")));
  FH_TRY(store::ModelName name, store::ModelName::parse_given(alias.name));
  StoreProgress progress(console);
  auto made = store.alias(alias.model, name, progress.options(arguments.flag("force")), alias.adapter);
  progress.clear();
  if (!made) {
    hint_at_force(made.error(), console);
    if (made.error().code == Errc::not_found && means_starter(alias.model))
      console.hint("the built-in one comes into the store with freehold models import starter");
    return Unexpected(std::move(made).error());
  }
  FH_TRY_VOID(record_import("models.alias", *made));
  print_imported(*made, arguments.flag("json"), console);
  return {};
}

Result<> run_rm(const Arguments& arguments, Console& console) {
  FH_TRY(store::Store store, open_store());
  StoreProgress progress(console);
  JsonWriter w(true);
  w.begin_object().key("removed").begin_array();
  for (const std::string& reference : arguments.list("MODEL")) {
    FH_TRY(store::Removed removed, store.remove(reference, progress.options(false)));
    FH_TRY_VOID(record_act("models.rm", removed.name.text()));
    w.begin_object().member("name", removed.name.text()).member("freed", removed.freed).end_object();
    if (!arguments.flag("json")) {
      console.write(fmt::format("removed {}, {} freed\n", removed.name.text(), human_bytes(removed.freed)));
    }
  }
  w.end_array().end_object();
  if (arguments.flag("json")) console.write(w.take() + "\n");
  return {};
}

}  // namespace

Command models_import_command() {
  return {
      .name = "models import",
      .summary = "Copy a model or an adapter into the store, verified and under a name.",
      .details =
          "PATH is a .gguf file (of a split one, the first part) or a Hugging Face folder, or an adapter: a folder of "
          "PEFT's or a .gguf with a LoRA (models alias puts it on a model, which checks that it fits). It is checked "
          "as if it were "
          "to be "
          "run, hashed while it is copied (or shared, where the file system can), its weights are also kept in the "
          "layout "
          "of the kernels, so that starting it later copies nothing, and it becomes visible in one step: "
          "interrupted "
          "or killed at any moment, the store is as it was.",
      .positionals = {{.name = "PATH", .help = "A .gguf file, a Hugging Face folder, or a PEFT folder."}},
      .options = {{.name = "name",
                   .type = OptionType::text,
                   .value = "NAME:TAG",
                   .help = "What to call it; by default the file's name."},
                  {.name = "force", .help = kForceHelp},
                  no_prepare_option(),
                  {.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold models import mistral-7b.Q4_K_M.gguf --name mistral:q4",
                    "Name it, then run it by name:"}},
      .run = run_import,
      .acts = true,
  };
}

Command models_alias_command() {
  return {
      .name = "models alias",
      .summary = "Give a model in the store another name, or put an adapter on it.",
      .details =
          "MODEL NAME makes NAME lead to what MODEL leads to. NAME = MODEL + ADAPTER makes it lead to the model with "
          "an "
          "adapter of the store on it; a server keeps the model in memory once for all such names.",
      .positionals = {{.name = "WORDS",
                       .help = "MODEL NAME, or NAME = MODEL + ADAPTER; names or digests in the store.",
                       .repeatable = true,
                       .is_file = false}},
      .options = {{.name = "force", .help = kForceHelp}, {.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold models alias mistral:q4 assistant --force", "Let applications say only 'assistant':"},
                   {"freehold models alias support-bot:v3 = mistral:q4 + support-lora", "A model with an adapter:"}},
      .run = run_alias,
      .acts = true,
  };
}

Command models_rm_command() {
  return {
      .name = "models rm",
      .summary = "Remove names from the store, and the files that nothing needs any more.",
      .details = "What a legal hold is on stays (freehold guard holds).",
      .positionals =
          {{.name = "MODEL", .help = "A name, or a digest that has only one.", .repeatable = true, .is_file = false}},
      .options = {{.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold models rm mistral:q4", "Forget one name:"}},
      .run = run_rm,
      .acts = true,
  };
}

}  // namespace freehold::app
