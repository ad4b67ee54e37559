// The tables of a recipe's keys. Axolotl's documentation of its configuration is where the names come from; the
// defaults' sources stand in docs/formats/recipe.md.
#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "train/recipe_reader.h"

namespace freehold::train {
namespace {

using format::YamlNode;

constexpr std::uint64_t kMany = 1'000'000'000;

// The four before the last two are a mixture's: its experts' gate, down and up, and its router.
constexpr std::string_view kTargets[] = {"q_proj",  "k_proj",    "v_proj",      "o_proj", "gate_proj",
                                         "up_proj", "down_proj", "w1",          "w2",     "w3",
                                         "gate",    "lm_head",   "embed_tokens"};

void read_adapter(Recipe& r, const Slot& s) {
  std::string word;
  s.text(word);
  if (word.empty()) {
    r.method = Method::full;
  } else if (word == "lora") {
    r.method = Method::lora;
  } else if (word == "qlora") {
    r.method = Method::qlora;
  } else {
    s.unsupported("there are 'lora', 'qlora', and nothing for all weights");
  }
}

void read_targets(Recipe& r, const Slot& s) {
  s.texts(r.lora.targets);
  if (r.lora.targets.size() == 1 && r.lora.targets[0] == "all-linear") r.lora.targets.clear();
  for (const std::string& t : r.lora.targets) {
    if (std::find(std::begin(kTargets), std::end(kTargets), t) == std::end(kTargets)) {
      s.unsupported(fmt::format("'{}' is none of {}", printable(t), fmt::join(kTargets, ", ")));
    }
  }
}

void read_target_linear(Recipe& r, const Slot& s) {
  s.boolean(r.lora.all_linear);
}

void read_layers(Recipe& r, const Slot& s) {
  const std::vector<YamlNode> one = {s.node()};
  for (const YamlNode& item : s.node().is_list() ? s.node().items : one) {
    const auto n = item.as_integer();
    if (!n || *n < 0 || *n > 10'000) return s.wrong("must be the number of a layer, from 0, or a list of such");
    r.lora.layers.push_back(static_cast<std::uint32_t>(*n));
  }
}

void read_optimizer(Recipe& r, const Slot& s) {
  std::string word;
  s.text(word);
  // The same arithmetic under the names of its implementations.
  for (const char* name :
       {"adamw", "adamw_torch", "adamw_torch_fused", "adamw_hf", "adamw_apex_fused", "paged_adamw_32bit"}) {
    if (word == name) return void(r.optimizer = Optimizer::adamw);
  }
  for (const char* name : {"adamw_8bit", "adamw_bnb_8bit", "paged_adamw_8bit"}) {
    if (word == name) return void(r.optimizer = Optimizer::adamw_8bit);
  }
  s.unsupported("there are 'adamw_torch' and 'adamw_8bit'");
}

void read_schedule(Recipe& r, const Slot& s) {
  std::string word;
  s.text(word);
  if (word == "cosine") {
    r.schedule = LrScheduler::cosine;
  } else if (word == "linear") {
    r.schedule = LrScheduler::linear;
  } else if (word == "constant") {
    r.schedule = LrScheduler::constant;
  } else if (word == "constant_with_warmup") {
    r.schedule = LrScheduler::constant_with_warmup;
  } else {
    s.unsupported("there are 'cosine', 'linear', 'constant' and 'constant_with_warmup'");
  }
}

void read_strategy(Every& every, const Slot& s) {
  std::string word;
  s.text(word);
  if (word == "no" || s.node().as_bool() == false) {
    every.never = true;
  } else if (word != "steps" && word != "epoch") {
    s.unsupported("there are 'steps', 'epoch' and 'no'");
  }
}

void read_steps(Every& every, const Slot& s) {
  s.number(every.steps, 1e-6, kMany);
}

void read_per_epoch(Every& every, const Slot& s) {
  std::uint32_t n = 0;
  s.integer(n, 0, 1'000'000);
  if (n == 0) {
    every.never = true;
  } else {
    every.per_epoch = n;
  }
}

void read_too_long(Recipe& r, const Slot& s) {
  std::string word;
  s.text(word);
  if (word == "raise") {
    r.too_long = TooLong::refuse;
  } else if (word == "drop") {
    r.too_long = TooLong::drop;
  } else if (word == "truncate") {
    r.too_long = TooLong::truncate;
  } else {
    s.wrong("must be raise, drop or truncate");
  }
}

void read_rl(Recipe& r, const Slot& s) {
  std::string word;
  s.text(word);
  if (word == "dpo") {
    r.dpo = true;
  } else if (!word.empty()) {
    s.unsupported("of these methods there is 'dpo'");
  }
}

// What is learned must not depend on the machine, so `auto` is float32 everywhere (docs/adr/0029).
void read_bf16(Recipe& r, const Slot& s) {
  if (s.node().is_scalar() && s.node().text == "auto") {
    r.satisfied.emplace_back("bf16", "sums are kept in float32 unless 'bf16: true' asks for BF16 on every machine");
  } else {
    s.boolean(r.bf16);
    if (!r.bf16) r.satisfied.emplace_back("bf16", "sums are kept in float32");
  }
}

void read_chat_template(Recipe& r, const Slot& s) {
  std::string word;
  s.text(word);
  if (word != "tokenizer_default" && !word.starts_with("tokenizer_default_fallback_")) {
    s.unsupported("training uses the template that the model is served with: 'tokenizer_default'");
  } else {
    r.satisfied.emplace_back("chat_template", "training uses the template that the model is served with");
  }
}

void read_special_tokens(Recipe& r, const Slot& s) {
  if (!s.node().is_map()) return s.wrong("must be a map: eos_token: \"</s>\"");
  for (const auto& [name, value] : s.node().members) {
    if (value.is_null()) continue;
    if (!value.is_scalar()) return s.wrong("must be a map of texts");
    if (name == "pad_token") {
      r.satisfied.emplace_back("special_tokens.pad_token", "nothing is padded");
    } else if (name == "bos_token" || name == "eos_token" || name == "unk_token") {
      r.special_tokens.emplace_back(name, value.text);
    } else {
      s.unsupported(fmt::format("'{}': the vocabulary stays as it is", printable(name)));
    }
  }
}

constexpr RecipeEntry kRecipe[] = {
    {"base_model", [](Recipe& r, const Slot& s) { s.text(r.base_model); },
     "The model to begin with: a name, a digest, a file or a folder."},
    {"output_dir", [](Recipe& r, const Slot& s) { s.text(r.output_dir); },
     "Where checkpoints, measurements and the result go."},
    {"adapter", read_adapter, "lora, qlora, or nothing to train all weights."},
    {"load_in_4bit", [](Recipe& r, const Slot& s) { s.boolean(r.nf4); },
     "With adapter: qlora, freeze the weights as NF4 with double quantisation."},
    {"lora_model_dir", [](Recipe& r, const Slot& s) { s.text(r.lora_model_dir); },
     "An adapter (PEFT folder) to go on from."},
    {"lora_r", [](Recipe& r, const Slot& s) { s.integer(r.lora.rank, 1, 4096); }, "Rank of the adapter."},
    {"lora_alpha", [](Recipe& r, const Slot& s) { s.number(r.lora.alpha, 1e-6, 1e6); },
     "The adapter is scaled by this over its rank."},
    {"lora_dropout", [](Recipe& r, const Slot& s) { s.number(r.lora.dropout, 0, 0.99); },
     "Part of the adapter's inputs dropped in training."},
    {"lora_target_modules", read_targets,
     "The layers that get an adapter: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj (these if "
     "missing; a mixture's experts have w1, w2, w3, its router is gate), lm_head, embed_tokens."},
    {"lora_target_linear", read_target_linear, "true: all linear layers of the blocks, beside lora_target_modules."},
    {"peft_layers_to_transform", read_layers, "Only these layers, from 0."},
    {"peft_use_rslora", [](Recipe& r, const Slot& s) { s.boolean(r.lora.rslora); },
     "Scale by alpha over the square root of the rank."},
    {"peft_use_dora", [](Recipe& r, const Slot& s) { s.boolean(r.lora.dora); },
     "Train the weights' magnitudes apart from their direction."},
    {"val_set_size", [](Recipe& r, const Slot& s) { s.number(r.val_set_size, 0, kMany); },
     "Held out for evaluation: a part (0.05) or a number of examples."},
    {"dataset_exact_deduplication", [](Recipe& r, const Slot& s) { s.boolean(r.deduplicate); },
     "Drop examples that occur twice."},
    {"shuffle_merged_datasets", [](Recipe& r, const Slot& s) { s.boolean(r.shuffle); },
     "false: keep the order of the files."},
    {"chat_template", read_chat_template, "tokenizer_default: the template that the model is served with."},
    {"special_tokens", read_special_tokens,
     "Tokens that the model must have as its own; nothing is added to the vocabulary."},
    {"train_on_inputs", [](Recipe& r, const Slot& s) { s.boolean(r.train_on_inputs); }, "true: learn the prompts too."},
    {"sequence_len", [](Recipe& r, const Slot& s) { s.integer(r.sequence_len, 8, 1'048'576); },
     "The most tokens of an example."},
    {"excess_length_strategy", read_too_long, "What becomes of longer examples: raise (default), drop or truncate."},
    {"sample_packing", [](Recipe& r, const Slot& s) { s.boolean(r.sample_packing); },
     "Put several examples into one sequence; none sees another."},
    {"micro_batch_size", [](Recipe& r, const Slot& s) { s.integer(r.micro_batch_size, 1, 65'536); },
     "Sequences computed at once."},
    {"gradient_accumulation_steps",
     [](Recipe& r, const Slot& s) { s.integer(r.gradient_accumulation_steps, 1, 65'536); },
     "Micro batches of one step."},
    {"eval_batch_size", [](Recipe& r, const Slot& s) { s.integer(r.eval_batch_size, 1, 65'536); },
     "Sequences at once when evaluating."},
    {"num_epochs", [](Recipe& r, const Slot& s) { s.number(r.num_epochs, 1e-6, 1e6); },
     "How often the data is gone through."},
    {"max_steps", [](Recipe& r, const Slot& s) { s.integer(r.max_steps.emplace(), 1, kMany); },
     "Stop after so many steps, whatever num_epochs says."},
    {"optimizer", read_optimizer, "adamw_torch (default), or adamw_8bit, whose states take a quarter of the memory."},
    {"adam_beta1", [](Recipe& r, const Slot& s) { s.number(r.adam_beta1, 0, 0.999999); }, "AdamW's first moment."},
    {"adam_beta2", [](Recipe& r, const Slot& s) { s.number(r.adam_beta2, 0, 0.9999999); }, "AdamW's second moment."},
    {"adam_epsilon", [](Recipe& r, const Slot& s) { s.number(r.adam_epsilon, 1e-20, 1); }, "AdamW's epsilon."},
    {"weight_decay", [](Recipe& r, const Slot& s) { s.number(r.weight_decay, 0, 10); }, "Decoupled weight decay."},
    {"max_grad_norm", [](Recipe& r, const Slot& s) { s.number(r.max_grad_norm, 0, 1e9); },
     "Gradients are scaled down to this norm; 0: never."},
    {"learning_rate", [](Recipe& r, const Slot& s) { s.number(r.learning_rate, 1e-12, 10); },
     "The highest learning rate."},
    {"lr_scheduler", read_schedule, "cosine (default), linear, constant or constant_with_warmup."},
    {"cosine_min_lr_ratio", [](Recipe& r, const Slot& s) { s.number(r.min_lr_ratio, 0, 1); },
     "Where the cosine ends, as a part of learning_rate."},
    {"warmup_steps", [](Recipe& r, const Slot& s) { s.integer(r.warmup_steps.emplace(), 0, kMany); },
     "Steps until learning_rate is reached."},
    {"warmup_ratio", [](Recipe& r, const Slot& s) { s.number(r.warmup_ratio, 0, 1); },
     "The same as a part of all steps."},
    {"eval_steps", [](Recipe& r, const Slot& s) { read_steps(r.evaluate, s); },
     "Evaluate every so many steps (below 1: that part of all)."},
    {"evals_per_epoch", [](Recipe& r, const Slot& s) { read_per_epoch(r.evaluate, s); }, "Evaluate so often an epoch."},
    {"eval_strategy", [](Recipe& r, const Slot& s) { read_strategy(r.evaluate, s); }, "no: do not evaluate."},
    {"save_steps", [](Recipe& r, const Slot& s) { read_steps(r.save, s); }, "Write a checkpoint every so many steps."},
    {"saves_per_epoch", [](Recipe& r, const Slot& s) { read_per_epoch(r.save, s); },
     "Write a checkpoint so often an epoch."},
    {"save_strategy", [](Recipe& r, const Slot& s) { read_strategy(r.save, s); }, "no: write the result only."},
    {"save_total_limit", [](Recipe& r, const Slot& s) { s.integer(r.save_total_limit, 0, 1'000'000); },
     "Keep so many checkpoints; 0: all."},
    {"load_best_model_at_end", [](Recipe& r, const Slot& s) { s.boolean(r.load_best_model_at_end); },
     "The result is the checkpoint that evaluated best."},
    {"early_stopping_patience",
     [](Recipe& r, const Slot& s) { s.integer(r.early_stopping_patience.emplace(), 1, 1'000'000); },
     "Stop after so many evaluations without a better one."},
    {"loss_watchdog_threshold", [](Recipe& r, const Slot& s) { s.number(r.loss_watchdog_threshold, 1e-6, 1e6); },
     "Stop when the loss stays above this."},
    {"loss_watchdog_patience", [](Recipe& r, const Slot& s) { s.integer(r.loss_watchdog_patience, 1, 1'000'000); },
     "… for so many steps."},
    {"logging_steps", [](Recipe& r, const Slot& s) { s.integer(r.logging_steps, 1, 1'000'000); },
     "Write measurements every so many steps."},
    {"seed", [](Recipe& r, const Slot& s) { s.integer(r.seed, 0, 1ULL << 62); },
     "Of the order, the adapter's beginning and dropout."},
    {"bf16", read_bf16,
     "true: backward multiplies in BF16, and training of all weights sees its matrices as BF16: faster where AMX is."},
    {"bfloat16", read_bf16, "The same."},
    {"rl", read_rl, "dpo: learn from pairs of a chosen and a rejected answer."},
    {"dpo_beta", [](Recipe& r, const Slot& s) { s.number(r.dpo_beta, 1e-6, 1e3); },
     "How far DPO may go from the model it began with."},
    {"rl_beta", [](Recipe& r, const Slot& s) { s.number(r.dpo_beta, 1e-6, 1e3); }, "The same."},
};

using If = SatisfiedEntry::If;
constexpr std::string_view kFiles = "the model's files say what it is";
constexpr std::string_view kExact = "attention is exact and never holds all its scores";
constexpr std::string_view kPrecision = "sums are kept in float32; the frozen weights are used as they are served";
constexpr std::string_view kSpeed = "it asks for a faster way to the same result";
constexpr std::string_view kOff = "it is switched off";
constexpr std::string_view kLeaves = "nothing leaves this machine; the measurements are in output_dir/metrics.jsonl";
constexpr std::string_view kOneMachine = "a run uses this machine's processors";
constexpr std::string_view kNotThere = "it is not there";

constexpr SatisfiedEntry kSatisfied[] = {
    {"model_type", If::always, kFiles, ""},
    {"tokenizer_type", If::always, kFiles, ""},
    {"tokenizer_use_fast", If::always, kFiles, ""},
    {"tokenizer_legacy", If::always, kFiles, ""},
    {"is_llama_derived_model", If::always, kFiles, ""},
    {"is_mistral_derived_model", If::always, kFiles, ""},
    {"is_qwen_derived_model", If::always, kFiles, ""},
    {"is_falcon_derived_model", If::off, kOff, "the family is not there"},
    {"trust_remote_code", If::always, "no code of a model is ever run", ""},
    {"strict", If::off, kOff, kNotThere},
    {"flash_attention", If::always, kExact, ""},
    {"flash_attn_cross_entropy", If::always, "the loss never holds all logits", ""},
    {"flash_attn_rms_norm", If::always, kSpeed, ""},
    {"flash_attn_fuse_qkv", If::always, kSpeed, ""},
    {"flash_attn_fuse_mlp", If::always, kSpeed, ""},
    {"xformers_attention", If::always, kExact, ""},
    {"sdp_attention", If::always, kExact, ""},
    {"eager_attention", If::always, kExact, ""},
    {"attn_implementation", If::always, kExact, ""},
    {"s2_attention", If::off, kOff, "it changes what is computed"},
    {"fp16", If::always, kPrecision, ""},
    {"float16", If::always, kPrecision, ""},
    {"tf32", If::always, kPrecision, ""},
    {"gradient_checkpointing", If::always, "what is kept and what computed again follows from the memory there is", ""},
    {"gradient_checkpointing_kwargs", If::always,
     "what is kept and what computed again follows from the memory there is", ""},
    {"pad_to_sequence_len", If::always, "nothing is padded", ""},
    {"eval_sample_packing", If::always, "it changes no measurement", ""},
    {"sample_packing_eff_est", If::always, kSpeed, ""},
    {"sample_packing_group_size", If::always, kSpeed, ""},
    {"sample_packing_bin_size", If::always, kSpeed, ""},
    {"total_num_tokens", If::always, kSpeed, ""},
    {"group_by_length", If::off, kOff, "examples come in a random order"},
    {"load_in_8bit", If::off, kOff, "give a base_model of type Q8_0: it is trained on as it is stored"},
    {"dataset_prepared_path", If::always, "data is read anew, which takes seconds", ""},
    {"dataset_processes", If::always, kSpeed, ""},
    {"dataset_num_proc", If::always, kSpeed, ""},
    {"dataset_keep_in_memory", If::always, kSpeed, ""},
    {"save_safetensors", If::on, "adapters are written as safetensors", "adapters are written as safetensors"},
    {"save_only_model", If::off, kOff, "a checkpoint is there to go on from"},
    {"save_first_step", If::off, kOff, kNotThere},
    {"include_tokens_per_second", If::always, "it is always measured", ""},
    {"include_tkps", If::always, "it is always measured", ""},
    {"use_tensorboard", If::off, kOff, kLeaves},
    {"wandb_mode", If::off, kOff, kLeaves},
    {"wandb_project", If::off, kOff, kLeaves},
    {"wandb_entity", If::off, kOff, kLeaves},
    {"wandb_watch", If::off, kOff, kLeaves},
    {"wandb_name", If::off, kOff, kLeaves},
    {"wandb_run_id", If::off, kOff, kLeaves},
    {"wandb_log_model", If::off, kOff, kLeaves},
    {"mlflow_tracking_uri", If::off, kOff, kLeaves},
    {"mlflow_experiment_name", If::off, kOff, kLeaves},
    {"use_comet", If::off, kOff, kLeaves},
    {"hub_model_id", If::off, kOff, kLeaves},
    {"hub_strategy", If::off, kOff, kLeaves},
    {"push_dataset_to_hub", If::off, kOff, kLeaves},
    {"hf_use_auth_token", If::off, kOff, "data sets are local files"},
    {"deepspeed", If::off, kOff, kOneMachine},
    {"fsdp", If::off, kOff, kOneMachine},
    {"fsdp_config", If::off, kOff, kOneMachine},
    {"fsdp_version", If::off, kOff, kOneMachine},
    {"ddp_timeout", If::always, kOneMachine, ""},
    {"local_rank", If::off, kOff, kOneMachine},
    {"device_map", If::always, kOneMachine, ""},
    {"debug", If::off, kOff, "`freehold tune plan` shows three rendered examples"},
    {"torch_compile", If::always, kSpeed, ""},
    {"torch_compile_backend", If::always, kSpeed, ""},
    {"lora_fan_in_fan_out", If::off, kOff, "weights are stored the other way round in the families there are"},
    {"lora_mlp_kernel", If::always, kSpeed, ""},
    {"lora_qkv_kernel", If::always, kSpeed, ""},
    {"lora_o_kernel", If::always, kSpeed, ""},
    {"lora_on_cpu", If::always, "it is", ""},
    {"liger_rope", If::always, kSpeed, ""},
    {"liger_rms_norm", If::always, kSpeed, ""},
    {"liger_glu_activation", If::always, kSpeed, ""},
    {"liger_swiglu", If::always, kSpeed, ""},
    {"liger_layer_norm", If::always, kSpeed, ""},
    {"liger_fused_linear_cross_entropy", If::always, "the loss never holds all logits", ""},
    {"cut_cross_entropy", If::always, "the loss never holds all logits", ""},
    {"plugins", If::off, kOff, "no code of a recipe is run; what the kernels' plugins do is there without them"},
    {"lora_modules_to_save", If::off, kOff,
     "no module is trained whole beside an adapter: lora_target_modules takes lm_head and embed_tokens"},
    {"unfrozen_parameters", If::off, kOff, "either an adapter is trained or everything"},
    {"peft_init_lora_weights", If::on, "B begins as zero", "B begins as zero"},
    {"peft_layer_replication", If::off, kOff, kNotThere},
    {"loraplus_lr_ratio", If::off, kOff, kNotThere},
    {"loraplus_lr_embedding", If::off, kOff, kNotThere},
    {"relora_steps", If::off, kOff, kNotThere},
    {"lr_quadratic_warmup", If::off, kOff, "the warm-up is linear"},
    {"lr_scheduler_kwargs", If::off, kOff, "cosine_min_lr_ratio sets the cosine's end"},
    {"cosine_constant_lr_ratio", If::off, kOff, kNotThere},
    {"optim_args", If::off, kOff, "adam_beta1, adam_beta2 and adam_epsilon set AdamW"},
    {"optim_target_modules", If::off, kOff, kNotThere},
    {"neftune_noise_alpha", If::off, kOff, kNotThere},
    {"noisy_embedding_alpha", If::off, kOff, kNotThere},
    {"resume_from_checkpoint", If::off, kOff, "`freehold tune resume RECIPE.yaml` goes on"},
    {"auto_resume_from_checkpoints", If::off, kOff, "`freehold tune resume RECIPE.yaml` goes on"},
    {"chat_template_jinja", If::off, kOff, "training uses the template that the model is served with"},
    {"default_system_message", If::off, kOff, "training uses the template that the model is served with"},
    {"eot_tokens", If::off, kOff, "a turn ends where the model's template ends it"},
    {"train_on_eot", If::off, kOff, "'train_on_eos' of a data set says what is learned"},
    {"tokens", If::off, kOff, "the vocabulary stays as it is"},
    {"added_tokens_overrides", If::off, kOff, "the vocabulary stays as it is"},
    {"resize_token_embeddings_to_32x", If::off, kOff, "the vocabulary stays as it is"},
    {"gptq", If::off, kOff, "the block types are those of GGUF, and NF4"},
    {"pretraining_dataset", If::off, kOff, "'datasets' with 'type: completion' reads any amount of text"},
    {"eval_table_size", If::off, kOff, kNotThere},
    {"eval_max_new_tokens", If::always, "evaluation measures the loss", ""},
    {"eval_causal_lm_metrics", If::off, kOff, "evaluation measures the loss; `freehold eval` measures tasks"},
    {"do_causal_lm_eval", If::off, kOff, "evaluation measures the loss; `freehold eval` measures tasks"},
    {"reward_model", If::off, kOff, kNotThere},
    {"process_reward_model", If::off, kOff, kNotThere},
    {"curriculum_sampling", If::off, kOff, "'shuffle_merged_datasets: false' keeps the order of the files"},
    {"sample_pack_sequentially", If::off, kOff, kNotThere},
};

}  // namespace

std::span<const RecipeEntry> recipe_entries() {
  return kRecipe;
}
std::span<const SatisfiedEntry> satisfied_entries() {
  return kSatisfied;
}

}  // namespace freehold::train
