// `tune plan`: reads recipe, model and data, and says what a run would learn from, before anything runs.
#include <fmt/format.h>

#include <algorithm>

#include "app/console.h"
#include "app/input.h"
#include "app/interrupt.h"
#include "app/json_writer.h"
#include "app/open_model.h"
#include "app/progress.h"
#include "app/tune/data_report.h"
#include "app/tune/tune_commands.h"
#include "base/file.h"
#include "base/utf8.h"
#include "train/recipe.h"

namespace freehold::app {
namespace {

constexpr std::size_t kExamples = 3;

struct Planned {
  train::Recipe recipe;
  std::filesystem::path folder;
  OpenModel opened;
  model::LoadedTokenizer tokenizer;
  train::Dataset dataset;
};

// Of several things that are wrong each gets a line.
Result<train::Recipe> read_recipe(const std::filesystem::path& path, Console& console) {
  FH_TRY(const std::string text, read_file(path));
  auto recipe = train::parse_recipe(text);
  if (recipe) return std::move(*recipe);
  const std::string name = printable(path.string());
  std::string_view rest = recipe.error().what;
  const auto wrong = std::count(rest.begin(), rest.end(), '\n') + 1;
  if (wrong == 1) return in_context(recipe.error(), name);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    console.note(fmt::format("{}: {}", name, rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return fail(recipe.error().code, fmt::format("{}: {} things are wrong", name, wrong));
}

Result<Planned> read_all(const Arguments& arguments, Console& console) {
  const std::filesystem::path path(arguments.text("RECIPE"));
  FH_TRY(train::Recipe recipe, read_recipe(path, console));
  FH_TRY(OpenModel opened, open_model(recipe.base_model, console));
  auto tokenizer = model::load_tokenizer(*opened.checkpoint);
  if (!tokenizer) return in_context(tokenizer.error(), printable(opened.reference));
  ProgressBar bar(console, "reading", false);
  std::uint64_t rows = 0;
  const std::size_t files = recipe.datasets.size() + recipe.test_datasets.size();
  const auto progress = [&](std::size_t source, std::size_t) -> Result<> {
    if (interrupted()) return fail(Errc::cancelled, "interrupted");
    if (++rows % 64 == 0) {
      bar.rename(fmt::format("{} rows, file", grouped(rows)));
      bar.update(source, files);
    }
    return {};
  };
  FH_TRY(train::Dataset dataset, train::load_dataset(recipe, path.parent_path(), *tokenizer, progress));
  bar.clear();
  return Planned{std::move(recipe), path.parent_path(), std::move(opened), std::move(*tokenizer), std::move(dataset)};
}

std::string_view method_of(const train::Recipe& recipe) {
  switch (recipe.method) {
    case train::Method::full:
      return "all weights";
    case train::Method::lora:
      return recipe.lora.dora ? "DoRA" : "LoRA";
    case train::Method::qlora:
      return "QLoRA";
  }
  return "";
}

std::string as_text(const Planned& p, const Console& console) {
  const train::Recipe& r = p.recipe;
  std::string out = fmt::format("{} on {}", method_of(r), printable(r.base_model));
  if (r.method != train::Method::full) out += fmt::format(", rank {}, alpha {}", r.lora.rank, r.lora.alpha);
  out += fmt::format("; {} examples a step, {} epochs, learning rate {}\n\n",
                     r.micro_batch_size * r.gradient_accumulation_steps, r.num_epochs, r.learning_rate);
  out += data_table(p.dataset);
  out +=
      fmt::format("\n{} examples to learn from, {} held out\n\n", grouped(p.dataset.train.size() / p.dataset.together),
                  grouped(p.dataset.held_out.size() / p.dataset.together));
  out += length_histogram(p.dataset, r.sequence_len, std::clamp(console.columns() - 30, 10, 50));
  const bool terminal = console.out_is_terminal();
  const LearnedMarks marks = terminal ? LearnedMarks{"\x1b[4m", "\x1b[24m"} : LearnedMarks{"[[", "]]"};
  out += fmt::format("\nWhat is learned is {}; the rest is read, and not in the loss.\n\n",
                     terminal ? "\x1b[4munderlined\x1b[24m" : "[[marked]]");
  out += rendered_examples(p.dataset, p.tokenizer.tokenizer, kExamples, marks);
  std::uint64_t straddled = 0;
  for (const train::SourceFacts& f : p.dataset.sources) straddled += f.straddled;
  if (straddled > 0) {
    out += fmt::format("\nnote: {} answers begin inside of a token; it counts as learned\n", grouped(straddled));
  }
  if (!r.satisfied.empty()) out += "\nThese keys change nothing here:\n";
  for (const auto& [key, reason] : r.satisfied) out += fmt::format("  {:<28} {}\n", printable(key), reason);
  return out;
}

std::string as_json(const Planned& p) {
  JsonWriter w(true);
  w.begin_object().member("base_model", p.recipe.base_model).member("method", method_of(p.recipe));
  write_data(w, p.dataset);
  w.key("satisfied").begin_object();
  for (const auto& [key, reason] : p.recipe.satisfied) w.member(key, reason);
  return w.end_object().end_object().take() + "\n";
}

Result<> run_plan(const Arguments& arguments, Console& console) {
  FH_TRY(const Planned planned, read_all(arguments, console));
  console.write(arguments.flag("json") ? as_json(planned) : as_text(planned, console));
  return train::check_lengths(planned.recipe, planned.dataset);
}

}  // namespace

Command tune_group() {
  return {
      .name = "tune",
      .summary = "Fine-tune a model on your own data.",
      .details =
          "Recipes are YAML files with Axolotl's keys. Training itself is not there yet; plan reads a recipe and its "
          "data.",
  };
}

Command tune_plan_command() {
  return {
      .name = "tune plan",
      .summary = "Check a recipe and show what would be learned, before anything runs.",
      .details =
          "Reads the recipe, the model's tokenizer and all data, and shows the tokens of each file, their lengths, "
          "what is left "
          "out, and examples with what counts in the loss. An example longer than sequence_len is an error unless "
          "excess_length_strategy says drop or truncate.\n\nA key of the recipe that is not done here is an error that "
          "names it and says why.",
      .positionals = {{.name = "RECIPE", .help = "The recipe, a YAML file; paths in it are relative to its folder."}},
      .options = {{.name = "json", .help = "Print one JSON object."}},
      .examples = {{"freehold tune plan recipe.yaml", "Before a night of training:"}},
      .run = run_plan,
  };
}

}  // namespace freehold::app
