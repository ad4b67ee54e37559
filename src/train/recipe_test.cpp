// A recipe means the same here as where it comes from, or is told key by key why not.
#include "train/recipe.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "train/recipe_reader.h"

namespace freehold::train {
namespace {

const std::string kLeast = "base_model: m\nlearning_rate: 2e-4\ndatasets:\n  - path: a.jsonl\n    type: alpaca\n";

std::string why(const std::string& more) {
  const auto recipe = parse_recipe(kLeast + more);
  return recipe ? "accepted" : recipe.error().what;
}
Recipe read(const std::string& more) {
  auto recipe = parse_recipe(kLeast + more);
  EXPECT_TRUE(recipe) << recipe.error().what;
  return recipe ? std::move(*recipe) : Recipe{};
}

TEST(Recipe, AUsualOneOfAxolotls) {
  const auto read = parse_recipe(R"(
base_model: NousResearch/Llama-3.2-1B
model_type: LlamaForCausalLM
tokenizer_type: AutoTokenizer
load_in_8bit: false
load_in_4bit: true
strict: false
datasets:
  - path: data/train.jsonl
    type: chat_template
    field_messages: conversations
    message_property_mappings:
      role: from
      content: value
    roles:
      user: [human, user]
      assistant: [gpt]
    train_on_eos: last
dataset_prepared_path:
val_set_size: 0.05
output_dir: ./out
adapter: qlora
lora_model_dir:
sequence_len: 2048
sample_packing: true
eval_sample_packing: true
pad_to_sequence_len: true
lora_r: 32
lora_alpha: 16
lora_dropout: 0.05
lora_target_modules:
  - gate_proj
  - q_proj
lora_fan_in_fan_out:
wandb_project:
wandb_watch: ""
gradient_accumulation_steps: 4
micro_batch_size: 2
num_epochs: 3
optimizer: paged_adamw_8bit
lr_scheduler: linear
learning_rate: 0.0002
train_on_inputs: false
group_by_length: false
bf16: auto
tf32: false
gradient_checkpointing: true
resume_from_checkpoint:
flash_attention: true
warmup_steps: 10
evals_per_epoch: 4
saves_per_epoch: 1
weight_decay: 0.01
special_tokens:
  pad_token: "<|end_of_text|>"
)");
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->method, Method::qlora);
  EXPECT_TRUE(read->nf4);
  EXPECT_EQ(read->lora.rank, 32u);
  EXPECT_EQ(read->lora.alpha, 16);
  EXPECT_EQ(read->lora.targets, (std::vector<std::string>{"gate_proj", "q_proj"}));
  EXPECT_EQ(read->optimizer, Optimizer::adamw_8bit);
  EXPECT_EQ(read->schedule, LrScheduler::linear);
  EXPECT_EQ(read->warmup_steps, 10u);
  EXPECT_EQ(read->evaluate.per_epoch, 4u);
  EXPECT_EQ(read->learning_rate, 2e-4);
  ASSERT_EQ(read->datasets.size(), 1u);
  const DatasetSource& set = read->datasets[0];
  EXPECT_EQ(set.style, PromptStyle::chat_template);
  EXPECT_EQ(set.line, 9u);
  EXPECT_EQ(set.property_role, "from");
  EXPECT_EQ(set.roles.size(), 3u);
  EXPECT_EQ(set.train_on_eos, TrainOnEos::last);
  std::set<std::string> satisfied;
  for (const auto& [key, reason] : read->satisfied) {
    EXPECT_FALSE(reason.empty()) << key;
    satisfied.insert(key);
  }
  for (const char* key :
       {"model_type", "flash_attention", "bf16", "gradient_checkpointing", "special_tokens.pad_token"}) {
    EXPECT_EQ(satisfied.count(key), 1u) << key;
  }
  EXPECT_EQ(satisfied.count("wandb_project"), 0u) << "an empty key says nothing";
}

TEST(Recipe, WhatIsMissingIsNamed) {
  const auto nothing = parse_recipe("{}");
  ASSERT_FALSE(nothing);
  for (const char* key : {"'base_model'", "'datasets'", "'learning_rate'"}) {
    EXPECT_NE(nothing.error().what.find(key), std::string::npos) << nothing.error().what;
  }
  EXPECT_EQ(parse_recipe("- a\n").error().code, Errc::invalid);
  EXPECT_EQ(parse_recipe("a: [\n").error().code, Errc::corrupt);
}

TEST(Recipe, UnknownKeysGetTheNearest) {
  EXPECT_EQ(why("lora_targt_linear: true\n"),
            "line 6: 'lora_targt_linear' is not known; did you mean 'lora_target_linear'?");
  EXPECT_EQ(why("zzzzzzzz: 1\n"), "line 6: 'zzzzzzzz' is not known");
  const auto set =
      parse_recipe("base_model: m\nlearning_rate: 1\ndatasets:\n  - path: a\n    type: alpaca\n    feild: x\n");
  EXPECT_EQ(set.error().what, "line 6: 'feild' is not known; did you mean 'field'?");
}

TEST(Recipe, WhatIsKnownAndNotDoneSaysWhy) {
  for (const char* more : {"deepspeed: zero3.json\n", "wandb_project: mine\n", "load_in_8bit: true\n", "rl: grpo\n",
                           "optimizer: lion_8bit\n", "lr_scheduler: rex\n", "lora_modules_to_save: [lm_head]\n",
                           "plugins: [a.b.C]\n", "chat_template: chatml\n", "adapter: llama-adapter\n",
                           "special_tokens: {additional: x}\n", "resume_from_checkpoint: x\n"}) {
    const auto recipe = parse_recipe(kLeast + more);
    ASSERT_FALSE(recipe) << more;
    EXPECT_EQ(recipe.error().code, Errc::unsupported) << more;
    EXPECT_EQ(recipe.error().what.find("line 6: '"), 0u) << recipe.error().what;
    EXPECT_GT(recipe.error().what.size(), 40u) << recipe.error().what;
  }
  const auto old = parse_recipe("base_model: m\nlearning_rate: 1\ndatasets:\n  - path: a\n    type: sharegpt\n");
  EXPECT_NE(old.error().what.find("role: from"), std::string::npos) << old.error().what;
}

TEST(Recipe, ValuesOfTheWrongTypeOrRange) {
  for (const char* more : {"sequence_len: many\n", "sequence_len: 7\n", "lora_dropout: 1\nadapter: lora\n",
                           "micro_batch_size: 0\n", "num_epochs: -1\n", "sample_packing: 5\n", "weight_decay: nan\n",
                           "seed: -1\n", "seed: 1.5\n", "output_dir: [a]\n", "warmup_ratio: 2\n", "test_datasets: x\n",
                           "test_datasets: [x]\n", "peft_layers_to_transform: [a]\nadapter: lora\n",
                           "excess_length_strategy: cut\n", "max_steps: \"5\"\n", "special_tokens: 5\n"}) {
    const auto recipe = parse_recipe(kLeast + more);
    ASSERT_FALSE(recipe) << more;
    EXPECT_EQ(recipe.error().code, Errc::invalid) << more;
    EXPECT_EQ(recipe.error().what.find("line 6: "), 0u) << recipe.error().what;
  }
  const std::string several = why("sequence_len: 1\nseed: x\nnope: 1\n");
  EXPECT_EQ(std::count(several.begin(), several.end(), '\n'), 2) << "all at once: " << several;
}

TEST(Recipe, KeysThatContradict) {
  EXPECT_NE(why("warmup_steps: 1\nwarmup_ratio: 0.1\n").find("exclude each other"), std::string::npos);
  EXPECT_NE(why("evals_per_epoch: 1\neval_steps: 5\n").find("exclude each other"), std::string::npos);
  EXPECT_NE(why("lora_r: 8\n").find("needs 'adapter: lora'"), std::string::npos);
  EXPECT_EQ(why("lora_target_linear: false\n"), "accepted") << "switched off";
  EXPECT_NE(why("load_in_4bit: true\nadapter: lora\n").find("needs 'adapter: qlora'"), std::string::npos);
  EXPECT_NE(why("early_stopping_patience: 2\n").find("needs 'val_set_size'"), std::string::npos);
  EXPECT_NE(why("rl: dpo\n").find("chat_template.default"), std::string::npos);
  EXPECT_EQ(why("val_set_size: 0\n"), "accepted");
  EXPECT_NE(why("warmup_steps: 5\nlr_scheduler: constant\n").find("constant_with_warmup"), std::string::npos);
  EXPECT_EQ(why("warmup_steps: 0\nlr_scheduler: constant\n"), "accepted");
  EXPECT_NE(why("cosine_min_lr_ratio: 0.1\nlr_scheduler: linear\n").find("needs 'lr_scheduler: cosine'"),
            std::string::npos);
  EXPECT_NE(why("rl: dpo\nadapter: lora\nsample_packing: true\n").find("a row is a pair"), std::string::npos);
  EXPECT_NE(why("rl: dpo\n").find("without the adapter"), std::string::npos);
  EXPECT_EQ(why("peft_layers_to_transform: [0, 2]\nadapter: lora\n"), "accepted");
  EXPECT_EQ(why("lora_target_modules: [q_proj, lm_head, embed_tokens]\nadapter: lora\n"), "accepted");
  EXPECT_NE(why("lora_target_modules: [q_proj, norm]\nadapter: lora\n").find("'norm' is none of"), std::string::npos);
  for (const char* end : {"lm_head", "embed_tokens"}) {
    const std::string target = std::string("lora_target_modules: [") + end + "]\nadapter: lora\n";
    EXPECT_NE(why("peft_layers_to_transform: [0]\n" + target).find("PEFT would leave them out"), std::string::npos);
  }
  EXPECT_NE(why("peft_use_dora: true\nadapter: lora\nlora_target_modules: [embed_tokens]\n").find("with embed_tokens"),
            std::string::npos);
  EXPECT_EQ(why("peft_use_dora: true\nadapter: lora\nlora_target_modules: [lm_head]\n"), "accepted");
  EXPECT_NE(why("peft_layers_to_transform: 1\nadapter: lora\nlora_model_dir: a\n").find("has its layers"),
            std::string::npos);
}

TEST(Recipe, DefaultsAreTheDocumentedOnes) {
  const Recipe r = read("");
  EXPECT_EQ(r.method, Method::full);
  EXPECT_EQ(r.too_long, TooLong::refuse);
  EXPECT_EQ(r.schedule, LrScheduler::cosine);
  EXPECT_EQ(r.optimizer, Optimizer::adamw);
  EXPECT_EQ(r.seed, 42u);
  EXPECT_FALSE(r.bf16);
  EXPECT_FALSE(read("bf16: auto\n").bf16) << "what is learned does not depend on the machine";
  EXPECT_FALSE(read("bf16: false\n").bf16);
  EXPECT_TRUE(read("bf16: true\n").bf16);
  EXPECT_NE(why("bf16: maybe\n").find("'bf16' must be true or false"), std::string::npos);
  EXPECT_TRUE(r.satisfied.empty());
}

TEST(Recipe, EveryKeyStandsInOneTableAndNullIsItsDefault) {
  std::set<std::string_view> names = {"datasets", "test_datasets"};
  for (const RecipeEntry& e : recipe_entries()) EXPECT_TRUE(names.insert(e.name).second) << e.name;
  for (const SatisfiedEntry& e : satisfied_entries()) {
    EXPECT_TRUE(names.insert(e.name).second) << e.name;
    EXPECT_EQ(e.refusal.empty(), e.when == SatisfiedEntry::If::always) << e.name;
  }
  for (const std::string_view name : names) {
    if (kLeast.find(std::string(name) + ":") != std::string::npos) continue;
    EXPECT_EQ(why(std::string(name) + ":\n"), "accepted") << name;
  }
  for (const RecipeKey& key : recipe_keys()) EXPECT_TRUE(key.help.ends_with('.')) << key.name;
}

}  // namespace
}  // namespace freehold::train
