#include "model/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace freehold::model {
namespace {

// What config.json files carry that does not change the computation.
constexpr std::array kHarmlessConfig = {"architectures",
                                        "model_type",
                                        "torch_dtype",
                                        "dtype",
                                        "transformers_version",
                                        "use_cache",
                                        "initializer_range",
                                        "_name_or_path",
                                        "bos_token_id",
                                        "eos_token_id",
                                        "pad_token_id",
                                        "unk_token_id",
                                        "sep_token_id",
                                        "pretraining_tp",
                                        "attention_dropout",
                                        "hidden_dropout",
                                        "resid_pdrop",
                                        "embd_pdrop",
                                        "output_attentions",
                                        "output_hidden_states",
                                        "return_dict",
                                        "auto_map",
                                        "rope_interleaved",
                                        "max_length",
                                        "do_sample",
                                        "use_return_dict",
                                        "tokenizer_class",
                                        "vocab_type",
                                        "router_aux_loss_coef",
                                        "output_router_logits",
                                        "router_jitter_noise",
                                        "cache_implementation",
                                        "max_window_layers",
                                        "_attn_implementation",
                                        "_attn_implementation_autoset",
                                        "unsloth_version",
                                        "unsloth_fixed",
                                        "id2label",
                                        "label2id",
                                        "num_labels",
                                        "problem_type",
                                        "is_decoder",
                                        "is_encoder_decoder",
                                        "tie_encoder_decoder",
                                        "add_cross_attention",
                                        "chunk_size_feed_forward",
                                        "prefix",
                                        "finetuning_task",
                                        "task_specific_params",
                                        "bad_words_ids",
                                        "torchscript",
                                        "use_bfloat16",
                                        "pruned_heads",
                                        "is_llama_config",
                                        "transformers.js_config",
                                        "neftune_noise_alpha",
                                        "max_sequence_length",
                                        "decoder_start_token_id",
                                        "rope_scaling.type",
                                        "rope_parameters.type"};

constexpr std::array kTexts = {"model_type", "torch_dtype", "dtype", "transformers_version", "_name_or_path"};
constexpr std::array kFlags = {
    "use_cache",    "output_attentions",   "output_hidden_states", "return_dict",         "use_return_dict",
    "do_sample",    "is_decoder",          "is_encoder_decoder",   "tie_encoder_decoder", "torchscript",
    "use_bfloat16", "add_cross_attention", "is_llama_config",      "unsloth_fixed",       "output_router_logits"};
constexpr std::array kNumbers = {"initializer_range", "pretraining_tp", "attention_dropout",    "hidden_dropout",
                                 "resid_pdrop",       "embd_pdrop",     "router_aux_loss_coef", "router_jitter_noise",
                                 "max_length",        "num_labels",     "max_sequence_length",  "neftune_noise_alpha"};

// Of what makes no difference: what has another type than it always has was not written by those who write models.
const char* expected_of_harmless(std::string_view key, const format::Value& value) {
  if (key == "architectures") return value.as_strings() ? nullptr : "a list of strings";
  const std::string_view name = key.substr(0, key.find('.'));
  const bool whole = name == key;  // otherwise it is an object, whose members stand apart
  const auto is_one_of = [&](const auto& names) { return std::ranges::find(names, name) != names.end(); };
  if (name == "architectures") return "a list of strings";
  if (is_one_of(kTexts)) return whole && value.as_string() ? nullptr : "a string";
  if (is_one_of(kFlags)) return whole && value.as_bool() ? nullptr : "true or false";
  if (is_one_of(kNumbers)) return whole && value.as_f64() ? nullptr : "a number";
  if (name.ends_with("_token_id"))
    return whole && (value.as_i64() || value.as_i64s()) ? nullptr : "a whole number or a list of them";
  return nullptr;
}

}  // namespace

Reader::Reader(const format::Checkpoint& checkpoint, std::string architecture)
    : checkpoint_(checkpoint),
      gguf_(checkpoint.kind() == format::Checkpoint::Kind::gguf),
      prefix_(std::move(architecture) + ".") {}

std::string Reader::full(Key key) const {
  if (gguf_) return key.gguf.empty() ? std::string() : prefix_ + std::string(key.gguf);
  return std::string(key.hf);
}

const format::Value* Reader::look(Key key) {
  std::string name = full(key);
  if (name.empty()) return nullptr;
  const format::Value* value = checkpoint_.metadata().find(name);
  seen_.insert(std::move(name));
  return value == nullptr || value->is_null() ? nullptr : value;
}

bool Reader::has(Key key) const {
  std::string name = full(key);
  if (name.empty()) return false;
  const format::Value* value = checkpoint_.metadata().find(name);
  return value != nullptr && !value->is_null();
}

Unexpected Reader::wrong(const std::string& key, std::string_view expected, const format::Value& found) const {
  return fail(Errc::corrupt,
              fmt::format("metadata key '{}': expected {}, found {}", printable(key), expected, found.describe()));
}

Result<std::uint32_t> Reader::count(Key key, std::uint32_t low, std::uint32_t high,
                                    std::optional<std::uint32_t> otherwise) {
  const format::Value* value = look(key);
  if (value == nullptr) {
    if (otherwise) return *otherwise;
    return fail(Errc::corrupt, fmt::format("metadata key '{}' is missing", full(key)));
  }
  auto n = value->as_i64();
  if (!n || *n < low || *n > high)
    return wrong(full(key), fmt::format("a whole number from {} to {}", low, high), *value);
  return static_cast<std::uint32_t>(*n);
}

Result<std::uint32_t> Reader::count_of_layers(Key key, std::uint32_t layers, std::uint32_t low, std::uint32_t high,
                                              std::optional<std::uint32_t> otherwise) {
  const format::Value* value = look(key);
  if (!gguf_ || value == nullptr || !value->is_array()) return count(key, low, high, otherwise);
  const std::string expected = fmt::format("a whole number from {} to {}, or {} of them", low, high, layers);
  if (value->size() != layers) return wrong(full(key), expected, *value);
  const auto numbers = value->as_i64s();
  if (!numbers) return wrong(full(key), expected, *value);
  for (std::size_t i = 0; i < numbers->size(); ++i) {
    const std::int64_t n = (*numbers)[i];
    if (n < low || n > high) {
      return fail(Errc::corrupt,
                  fmt::format("metadata key '{}', layer {}: expected a whole number from {} to {}, found {}", full(key),
                              i, low, high, n));
    }
    if (n != numbers->front()) {
      return fail(Errc::unsupported,
                  fmt::format("metadata key '{}': layers that differ ({} in layer 0, {} in layer {})", full(key),
                              numbers->front(), n, i));
    }
  }
  return static_cast<std::uint32_t>(numbers->front());
}

Result<double> Reader::real(Key key, double low, double high, std::optional<double> otherwise) {
  const format::Value* value = look(key);
  if (value == nullptr) {
    if (otherwise) return *otherwise;
    return fail(Errc::corrupt, fmt::format("metadata key '{}' is missing", full(key)));
  }
  auto x = value->as_f64();
  if (!x || !(*x >= low && *x <= high))
    return wrong(full(key), fmt::format("a number from {:g} to {:g}", low, high), *value);
  return *x;
}

Result<double> Reader::real_or_off(Key key, double low, double high, double otherwise) {
  const format::Value* value = checkpoint_.metadata().find(full(key));
  return real(key, low, high, value != nullptr && value->is_null() ? 0.0 : otherwise);
}

Result<bool> Reader::flag(Key key, bool otherwise) {
  const format::Value* value = look(key);
  if (value == nullptr) return otherwise;
  auto b = value->as_bool();
  if (!b) return wrong(full(key), "true or false", *value);
  return *b;
}

Result<std::string> Reader::text(Key key, std::string_view otherwise) {
  const format::Value* value = look(key);
  if (value == nullptr) return std::string(otherwise);
  auto s = value->as_string();
  if (!s) return wrong(full(key), "a string", *value);
  return std::string(*s);
}

Result<std::vector<std::string_view>> Reader::texts(Key key) {
  const format::Value* value = look(key);
  if (value == nullptr) return std::vector<std::string_view>();
  auto list = value->as_strings();
  if (!list) return wrong(full(key), "a list of strings", *value);
  return std::move(*list);
}

void Reader::ignore(std::initializer_list<Key> keys) {
  for (Key key : keys) look(key);
}

Result<> Reader::require_flag(Key key, bool value) {
  FH_TRY(bool found, flag(key, value));
  if (found != value) {
    return fail(Errc::unsupported,
                fmt::format("metadata key '{}' = {}: only {} is supported", full(key), found, value));
  }
  return {};
}

Result<> Reader::finish() const {
  // Which tensors are quantised, and how, the tensors themselves say (format/nf4_tensors.h).
  const auto method = checkpoint_.metadata().find("quantization_config.quant_method");
  const bool bitsandbytes = method != nullptr && method->as_string() == "bitsandbytes";
  for (const auto& entry : checkpoint_.metadata().entries()) {
    if (gguf_ && !entry.key.starts_with(prefix_)) continue;
    const bool says_nothing = entry.value.is_null() || (entry.value.is_object() && entry.value.size() == 0);
    if (seen_.contains(entry.key) || says_nothing) continue;
    if (!gguf_) {
      bool harmless = bitsandbytes && entry.key.starts_with("quantization_config.");
      for (const char* name : kHarmlessConfig) {
        std::string_view n = name;
        harmless = harmless || entry.key == n ||
                   (entry.key.starts_with(n) && entry.key.size() > n.size() && entry.key[n.size()] == '.');
      }
      if (const char* expected = expected_of_harmless(entry.key, entry.value); expected != nullptr)
        return wrong(entry.key, expected, entry.value);
      if (harmless) continue;
    }
    return fail(Errc::unsupported,
                fmt::format("metadata key '{}' ({}) is not understood, so the model cannot be computed faithfully",
                            printable(entry.key), entry.value.describe()));
  }
  return {};
}

}  // namespace freehold::model
