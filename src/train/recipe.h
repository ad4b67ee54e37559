// What a fine-tuning run shall do, read from a YAML file with Axolotl's keys, so that a recipe written for Axolotl
// either means the same here or is told, key by key, why it does not. Three kinds of keys (recipe_keys.cpp,
// docs/formats/recipe.md):
//   honoured     they become a member of Recipe;
//   satisfied    they ask for something that always holds here (`flash_attention`: attention never holds all scores),
//   or is
//                switched off; accepted, and listed in `satisfied` with the reason;
//   refused      known, and not done here: an error that names key, line and reason. So is what nobody knows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace freehold::train {

// How the rows of a data set become text (docs/formats/recipe.md has an example of each).
enum class PromptStyle : std::uint8_t {
  alpaca,         // instruction, input (may be missing or empty), output
  chat_template,  // a list of messages, in the model's own template
  completion,     // one text, all of it learned
  input_output,   // segments, each with label true or false; no template
  preference,  // messages, a chosen and a rejected answer, in the model's own template (chat_template.default with rl:
               // dpo)
};
std::string_view name_of(PromptStyle style);

enum class TrainOnEos : std::uint8_t {
  turn,
  all,
  last
};  // the token that ends a turn: of the turns learned, all, the last

struct DatasetSource {
  std::string path;  // as written; relative to the folder of the recipe
  std::size_t line = 0;
  std::string label;  // how much harm it could do (docs/policy.md); empty: the lowest
  PromptStyle style = PromptStyle::alpaca;
  enum class Format : std::uint8_t { by_name, json, csv, text } format = Format::by_name;  // ds_type
  std::string field = "text";                                                              // completion
  std::string field_messages = "messages";                                                 // chat_template
  std::string field_chosen = "chosen", field_rejected = "rejected";                        // preference
  std::string field_system = "system", field_instruction = "instruction", field_input = "input",
              field_output = "output";
  std::string property_role = "role", property_content = "content";  // message_property_mappings
  std::string property_training;  // message_field_training: a message's own word on whether it is learned; "": none
  std::vector<std::pair<std::string, std::string>> roles;  // (in the data, in the template)
  std::vector<std::string> roles_to_train = {"assistant"};
  TrainOnEos train_on_eos = TrainOnEos::turn;
  // A prompt of its own for alpaca's fields (`type` is a map): {instruction} and {input} are replaced.
  std::optional<std::string> format_with_input, format_without_input;
  std::string system_prompt;
};

enum class Method : std::uint8_t { full, lora, qlora };

struct LoraOptions {
  std::uint32_t rank = 16;
  double alpha = 32;
  double dropout = 0;
  // q_proj, k_proj, …, lm_head, embed_tokens; empty: every linear layer of the blocks
  std::vector<std::string> targets;
  bool all_linear = false;            // lora_target_linear: those, and what `targets` names besides
  std::vector<std::uint32_t> layers;  // empty: all
  bool rslora = false;                // alpha / sqrt(rank) instead of alpha / rank (arXiv 2312.03732)
  bool dora = false;                  // arXiv 2402.09353
};

enum class LrScheduler : std::uint8_t { cosine, linear, constant, constant_with_warmup };
enum class Optimizer : std::uint8_t { adamw, adamw_8bit };
// What becomes of an example longer than sequence_len (excess_length_strategy). Unlike Axolotl, which drops it, the
// default is an error: nothing is cut silently.
enum class TooLong : std::uint8_t { refuse, drop, truncate };

// How often, in optimiser steps or parts of an epoch. Both empty: at the end of every epoch.
struct Every {
  std::optional<double> steps;  // below 1: that part of all steps
  std::optional<std::uint32_t> per_epoch;
  bool never = false;
};

struct Recipe {
  std::string base_model;  // a name, a digest, a file or a folder
  std::string output_dir = "./model-out";
  Method method = Method::full;
  bool nf4 = false;            // load_in_4bit: the frozen weights become NF4 with double quantisation
  std::string lora_model_dir;  // an adapter to go on from
  LoraOptions lora;
  std::vector<DatasetSource> datasets, test_datasets;
  double val_set_size = 0;  // below 1: a part of the examples; otherwise so many
  std::vector<std::pair<std::string, std::string>>
      special_tokens;  // (eos_token, …) that the model must have as its own
  bool deduplicate = false;
  bool train_on_inputs = false;
  std::uint32_t sequence_len = 512;
  TooLong too_long = TooLong::refuse;
  bool sample_packing = false;
  bool shuffle = true;
  std::uint32_t micro_batch_size = 1, gradient_accumulation_steps = 1, eval_batch_size = 0;  // 0: as micro_batch_size
  double num_epochs = 1;
  std::optional<std::uint64_t> max_steps;
  Optimizer optimizer = Optimizer::adamw;
  double adam_beta1 = 0.9, adam_beta2 = 0.999, adam_epsilon = 1e-8, weight_decay = 0, max_grad_norm = 1;
  double learning_rate = 0;  // must be given
  LrScheduler schedule = LrScheduler::cosine;
  double min_lr_ratio = 0;  // cosine_min_lr_ratio: where the cosine ends, as a part of learning_rate
  std::optional<std::uint64_t> warmup_steps;
  std::optional<double> warmup_ratio;  // neither: kDefaultWarmup of all steps
  Every evaluate, save;
  std::uint32_t save_total_limit = 0;  // 0: all are kept
  bool load_best_model_at_end = false;
  std::optional<std::uint32_t> early_stopping_patience;
  std::optional<double> loss_watchdog_threshold;
  std::uint32_t loss_watchdog_patience = 3;
  std::uint32_t logging_steps = 1;
  std::uint64_t seed = 42;
  bool bf16 = false;  // backward's products, and with Method::full the matrices, in BF16 (docs/adr/0029)
  bool dpo = false;
  double dpo_beta = 0.1;  // arXiv 2305.18290

  // Keys that change nothing here, with the reason, in the order of the file.
  std::vector<std::pair<std::string, std::string>> satisfied;
};

inline constexpr double kDefaultWarmup = 0.03;  // as Axolotl, which also stops at 100 steps
inline constexpr std::uint64_t kMostDefaultWarmupSteps = 100;

// Reads a recipe and checks every value's type and range, and keys against each other. Errors: invalid, every wrong key
// of the file in one message, a line each ("line 12: 'lora_targt_linear' is not known; did you mean
// 'lora_target_linear'?"); corrupt (not YAML); unsupported (all that is wrong with it are keys that are known and not
// done here).
Result<Recipe> parse_recipe(std::string_view yaml);

// The keys of a recipe, or of one of its data sets, for help and documentation: name and one sentence.
struct RecipeKey {
  std::string_view name;
  std::string_view help;
};
std::vector<RecipeKey> recipe_keys();
std::vector<RecipeKey> dataset_keys();

}  // namespace freehold::train
