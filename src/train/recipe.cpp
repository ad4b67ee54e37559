// Reading: every key of the file is looked up in the three tables, then the keys are checked against each other.
#include "train/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/nearest.h"
#include "base/utf8.h"
#include "format/yaml.h"
#include "train/recipe_reader.h"

namespace freehold::train {
namespace {

using format::YamlNode;

bool is_off(const YamlNode& node) {
  if (node.is_null()) return true;
  if (node.is_list()) return node.items.empty();
  if (node.is_map()) {
    return std::all_of(node.members.begin(), node.members.end(), [](const auto& m) { return is_off(m.value); });
  }
  return node.text.empty() || node.text == "0" || node.text == "0.0" || node.text == "disabled" ||
         node.text == "none" || node.as_bool() == false;
}

template <typename Entry>
const Entry* find(std::span<const Entry> entries, std::string_view name) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.name == name; });
  return found != entries.end() ? &*found : nullptr;
}

std::string unknown(std::string_view key, const std::vector<std::string>& known) {
  const auto near = nearest(key, known);
  return fmt::format("'{}' is not known{}", printable(key), near ? fmt::format("; did you mean '{}'?", *near) : "");
}

void read_key(Recipe& recipe, const std::string& key, const YamlNode& value, Problems& problems) {
  const Slot slot(key, value, problems);
  if (key == "datasets" || key == "test_datasets") {
    if (!value.is_null()) read_datasets(key == "datasets" ? recipe.datasets : recipe.test_datasets, slot, problems);
  } else if (const RecipeEntry* entry = find(recipe_entries(), key)) {
    if (!value.is_null()) entry->read(recipe, slot);
  } else if (const SatisfiedEntry* known = find(satisfied_entries(), key)) {
    using If = SatisfiedEntry::If;
    const bool holds = known->when == If::always || value.is_null() || (known->when == If::off && is_off(value)) ||
                       (known->when == If::on && value.as_bool() == true);
    if (!holds) {
      slot.unsupported(known->refusal);
    } else if (!value.is_null()) {
      recipe.satisfied.emplace_back(key, known->reason);
    }
  } else {
    std::vector<std::string> names = {"datasets", "test_datasets"};
    for (const RecipeEntry& e : recipe_entries()) names.emplace_back(e.name);
    for (const SatisfiedEntry& e : satisfied_entries()) names.emplace_back(e.name);
    problems.add(value.line, unknown(key, names), Errc::invalid);
  }
}

void check_together(const Recipe& r, const YamlNode& root, Problems& problems) {
  const auto given = [&](std::string_view key) {
    const YamlNode* node = root.member(key);
    return node != nullptr && !node->is_null();
  };
  const auto wrong = [&](std::string_view key, std::string text) {
    const YamlNode* node = root.member(key);
    problems.add(node != nullptr ? node->line : 0, std::move(text), Errc::invalid);
  };
  const auto both = [&](std::string_view a, std::string_view b) {
    if (given(a) && given(b)) wrong(b, fmt::format("'{}' and '{}' exclude each other", a, b));
  };
  if (r.base_model.empty()) wrong("base_model", "'base_model' is missing: the model to begin with");
  if (r.datasets.empty() && !given("datasets")) wrong("datasets", "'datasets' is missing: what to learn from");
  if (!given("learning_rate"))
    wrong("learning_rate", "'learning_rate' is missing (2e-4 suits LoRA, a tenth of it everything)");
  both("warmup_steps", "warmup_ratio");
  both("evals_per_epoch", "eval_steps");
  both("saves_per_epoch", "save_steps");
  both("dpo_beta", "rl_beta");
  if (given("test_datasets") && r.val_set_size > 0) both("test_datasets", "val_set_size");
  if (r.method == Method::full) {
    for (const char* key : {"lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "lora_target_linear",
                            "peft_use_dora", "peft_use_rslora", "peft_layers_to_transform", "lora_model_dir"}) {
      const YamlNode* node = root.member(key);
      if (node != nullptr && !is_off(*node))
        wrong(key, fmt::format("'{}' needs 'adapter: lora' or 'adapter: qlora'", key));
    }
  }
  if (r.nf4 && r.method != Method::qlora) {
    wrong("load_in_4bit",
          "'load_in_4bit' needs 'adapter: qlora' (with 'adapter: lora' the model is trained on as it is stored)");
  }
  const bool evaluates = r.val_set_size > 0 || !r.test_datasets.empty();
  if (r.early_stopping_patience && !evaluates) {
    wrong("early_stopping_patience", "'early_stopping_patience' needs 'val_set_size' or 'test_datasets'");
  }
  if (r.load_best_model_at_end && !evaluates) {
    wrong("load_best_model_at_end", "'load_best_model_at_end' needs 'val_set_size' or 'test_datasets'");
  }
  for (const char* key : {"warmup_steps", "warmup_ratio"}) {
    const YamlNode* node = root.member(key);
    if (r.schedule == LrScheduler::constant && node != nullptr && !is_off(*node)) {
      wrong(key, fmt::format("'{}' needs another 'lr_scheduler' than constant: constant_with_warmup", key));
    }
  }
  if (r.min_lr_ratio > 0 && r.schedule != LrScheduler::cosine) {
    wrong("cosine_min_lr_ratio", "'cosine_min_lr_ratio' needs 'lr_scheduler: cosine'");
  }
  if (r.sample_packing && r.dpo) {
    problems.add(root.member("sample_packing")->line,
                 "'sample_packing' with 'rl: dpo' is not supported: a row is a pair of answers", Errc::unsupported);
  }
  if (r.dpo && r.method == Method::full) {
    problems.add(root.member("rl")->line,
                 "'rl: dpo' without 'adapter: lora' or 'adapter: qlora' is not supported: the reference is the model "
                 "without the adapter",
                 Errc::unsupported);
  }
  if (!r.lora.layers.empty() && !r.lora_model_dir.empty()) {
    problems.add(root.member("peft_layers_to_transform")->line,
                 "'peft_layers_to_transform' and 'lora_model_dir' exclude each other: that adapter has its layers",
                 Errc::invalid);
  }
  const auto adapts = [&](std::string_view name) {
    return std::find(r.lora.targets.begin(), r.lora.targets.end(), name) != r.lora.targets.end();
  };
  if (!r.lora.layers.empty() && (adapts("lm_head") || adapts("embed_tokens"))) {
    problems.add(
        root.member("peft_layers_to_transform")->line,
        "'peft_layers_to_transform' with lm_head or embed_tokens in 'lora_target_modules' is not supported: PEFT "
        "would leave them out",
        Errc::unsupported);
  }
  if (r.lora.dora && adapts("embed_tokens")) {
    problems.add(root.member("peft_use_dora")->line,
                 "'peft_use_dora' with embed_tokens in 'lora_target_modules' is not supported", Errc::unsupported);
  }
  if (r.lora.dora && r.lora.dropout > 0) {
    problems.add(root.member("peft_use_dora")->line,
                 "'peft_use_dora' with 'lora_dropout' is not supported: set it to 0", Errc::unsupported);
  }
  for (const auto* sets : {&r.datasets, &r.test_datasets}) {
    for (const DatasetSource& set : *sets) {
      if ((set.style == PromptStyle::preference) != r.dpo) {
        problems.add(
            set.line,
            r.dpo ? "with 'rl: dpo' a data set has 'type: chat_template.default', with a chosen and a rejected answer"
                  : "'type: chat_template.default' needs 'rl: dpo'",
            Errc::invalid);
      }
    }
  }
}

}  // namespace

std::string_view name_of(PromptStyle style) {
  switch (style) {
    case PromptStyle::alpaca:
      return "alpaca";
    case PromptStyle::chat_template:
      return "chat_template";
    case PromptStyle::completion:
      return "completion";
    case PromptStyle::input_output:
      return "input_output";
    case PromptStyle::preference:
      return "chat_template.default";
  }
  return "";
}

Result<Recipe> parse_recipe(std::string_view yaml) {
  FH_TRY(const YamlNode root, format::parse_yaml(yaml));
  if (!root.is_map()) return fail(Errc::invalid, "a recipe is a list of 'key: value' lines");
  Recipe recipe;
  Problems problems;
  for (const auto& [key, value] : root.members) read_key(recipe, key, value, problems);
  check_together(recipe, root, problems);
  if (!problems.empty()) return problems.error();
  return recipe;
}

void Problems::add(std::size_t line, std::string text, Errc code) {
  lines_.push_back(line != 0 ? fmt::format("line {}: {}", line, text) : std::move(text));
  invalid_ |= code != Errc::unsupported;
}

Unexpected Problems::error() const {
  constexpr std::size_t kShown = 40;
  if (lines_.size() > kShown) {
    return fail(invalid_ ? Errc::invalid : Errc::unsupported,
                fmt::format("{}\nand {} more problems", fmt::join(lines_.begin(), lines_.begin() + kShown, "\n"),
                            lines_.size() - kShown));
  }
  return fail(invalid_ ? Errc::invalid : Errc::unsupported, fmt::format("{}", fmt::join(lines_, "\n")));
}

void Slot::wrong(std::string_view what) const {
  problems_->add(node_->line, fmt::format("'{}' {}", printable(key_), what), Errc::invalid);
}
void Slot::unsupported(std::string_view why) const {
  problems_->add(node_->line, fmt::format("'{}' is not supported: {}", printable(key_), why), Errc::unsupported);
}

void Slot::boolean(bool& to) const {
  if (const auto b = node_->as_bool()) {
    to = *b;
  } else {
    wrong("must be true or false");
  }
}

void Slot::number(double& to, double least, double most) const {
  const auto x = node_->as_number();
  if (!x || *x < least || *x > most) return wrong(fmt::format("must be a number from {} to {}", least, most));
  to = *x;
}

void Slot::number(std::optional<double>& to, double least, double most) const {
  double x = NAN;
  number(x, least, most);
  if (!std::isnan(x)) to = x;
}

std::optional<std::uint64_t> Slot::integer_in(std::uint64_t least, std::uint64_t most) const {
  const auto n = node_->as_integer();
  if (n && *n >= 0 && static_cast<std::uint64_t>(*n) >= least && static_cast<std::uint64_t>(*n) <= most) {
    return static_cast<std::uint64_t>(*n);
  }
  wrong(fmt::format("must be a whole number from {} to {}", least, most));
  return std::nullopt;
}

void Slot::text(std::string& to) const {
  if (!node_->is_scalar()) return wrong("must be a text");
  to = node_->text;
}

void Slot::texts(std::vector<std::string>& to) const {
  to.clear();
  if (node_->is_scalar()) return to.push_back(node_->text);
  if (!node_->is_list()) return wrong("must be a list of texts");
  for (const YamlNode& item : node_->items) {
    if (!item.is_scalar()) return wrong("must be a list of texts");
    to.push_back(item.text);
  }
}

void read_datasets(std::vector<DatasetSource>& to, const Slot& slot, Problems& problems) {
  if (!slot.node().is_list()) return slot.wrong("must be a list of data sets, each with 'path' and 'type'");
  for (const YamlNode& item : slot.node().items) {
    DatasetSource set;
    set.line = item.line;
    if (!item.is_map()) {
      problems.add(item.line, "a data set has members: 'path', 'type' …", Errc::invalid);
      continue;
    }
    for (const auto& [key, value] : item.members) {
      const DatasetEntry* entry = find(dataset_entries(), key);
      if (entry != nullptr) {
        if (!value.is_null()) entry->read(set, Slot(key, value, problems));
        continue;
      }
      std::vector<std::string> names;
      for (const DatasetEntry& e : dataset_entries()) names.emplace_back(e.name);
      problems.add(value.line, unknown(key, names), Errc::invalid);
    }
    if (set.path.empty()) problems.add(item.line, "a data set without 'path'", Errc::invalid);
    if (item.member("type") == nullptr) problems.add(item.line, "a data set without 'type'", Errc::invalid);
    to.push_back(std::move(set));
  }
}

std::vector<RecipeKey> recipe_keys() {
  std::vector<RecipeKey> keys = {{"datasets", "What to learn from: a list of data sets."},
                                 {"test_datasets", "What to evaluate on during training, instead of val_set_size."}};
  for (const RecipeEntry& e : recipe_entries()) keys.push_back({e.name, e.help});
  return keys;
}

std::vector<RecipeKey> dataset_keys() {
  std::vector<RecipeKey> keys;
  for (const DatasetEntry& e : dataset_entries()) keys.push_back({e.name, e.help});
  return keys;
}

}  // namespace freehold::train
