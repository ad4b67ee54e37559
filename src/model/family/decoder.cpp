#include "model/family/decoder.h"

#include <fmt/format.h>

#include <cmath>

#include "base/utf8.h"

namespace freehold::model {
namespace {

constexpr std::uint32_t kMostWidth = 1u << 20;
constexpr std::uint32_t kMostLayers = 1024;

// HF writes rope_scaling.rope_type (older: .type), transformers 5 rope_parameters.*, or, where windowed blocks have
// theirs, rope_parameters.full_attention.*; GGUF rope.scaling.*.
Result<> read_rope(Reader& reader, Spec& spec, kernel::RopeStyle style) {
  const bool apart = reader.has({"", "rope_parameters.full_attention.rope_theta"});
  const std::string newer = apart ? "rope_parameters.full_attention." : "rope_parameters.";
  const std::string theta_key = reader.has({"", newer + "rope_theta"}) ? newer + "rope_theta" : "rope_theta";
  FH_TRY(double theta, reader.real({"rope.freq_base", theta_key}, 1.0 + 1e-6, 1e12, 10000.0));
  FH_TRY(std::uint32_t dims, reader.count({"rope.dimension_count", ""}, 2, spec.head_size, spec.head_size));
  FH_TRY(double partial, reader.real({"", "partial_rotary_factor"}, 1.0, 1.0, 1.0));
  (void)partial;
  if (dims % 2 != 0) return fail(Errc::corrupt, fmt::format("rope: an odd number of dimensions, {}", dims));
  nn::Rope rope;
  rope.style = style;
  rope.inv_freq = nn::rope_frequencies(dims, theta);

  const std::string parent = reader.has({"", newer + "rope_type"}) ? newer : "rope_scaling.";
  const std::string hf_type = reader.has({"", parent + "rope_type"}) ? parent + "rope_type" : parent + "type";
  const std::string hf_factor = parent + "factor", hf_original = parent + "original_max_position_embeddings";
  FH_TRY(std::string type, reader.text({"rope.scaling.type", hf_type}, "none"));
  FH_TRY(double old_linear, reader.real({"rope.scale_linear", ""}, 1e-3, 1e6, 1.0));
  FH_TRY(double factor, reader.real({"rope.scaling.factor", hf_factor}, 1e-3, 1e6, old_linear));
  FH_TRY(double original,
         reader.real({"rope.scaling.original_context_length", hf_original}, 1, 1e9, double(spec.context)));
  reader.ignore({{"rope.scaling.finetuned", ""}});
  if (type == "linear" || (type == "none" && factor != 1.0)) {
    nn::rope_scale_linear(rope.inv_freq, factor);
  } else if (type == "yarn") {
    FH_TRY(double fast, reader.real({"rope.scaling.yarn_beta_fast", parent + "beta_fast"}, 1e-6, 1e6, 32.0));
    FH_TRY(double slow, reader.real({"rope.scaling.yarn_beta_slow", parent + "beta_slow"}, 1e-6, 1e6, 1.0));
    rope.attention_factor = nn::rope_scale_yarn(rope.inv_freq, theta, factor, original, fast, slow);
    if (reader.is_gguf()) {
      // llama.cpp: the stated factor multiplies 0.1 ln(s) + 1.
      FH_TRY(double stated, reader.real({"rope.scaling.attn_factor", ""}, 1e-3, 1e3, 1.0));
      rope.attention_factor *= stated;
    } else {
      // transformers: a stated factor replaces it.
      FH_TRY(rope.attention_factor, reader.real({"", parent + "attention_factor"}, 1e-3, 1e3, rope.attention_factor));
    }
  } else if (type == "llama3") {
    FH_TRY(double low, reader.real({"", parent + "low_freq_factor"}, 1e-6, 1e6));
    FH_TRY(double high, reader.real({"", parent + "high_freq_factor"}, 1e-6, 1e6));
    if (!(high > low))
      return fail(Errc::corrupt,
                  fmt::format("rope: high_freq_factor {:g} is not above low_freq_factor {:g}", high, low));
    nn::rope_scale_llama3(rope.inv_freq, factor, low, high, original);
  } else if (type != "none" && type != "default") {
    return fail(Errc::unsupported, fmt::format("rope scaling '{}'", printable(type)));
  }
  for (double f : rope.inv_freq) {
    if (!(f > 0 && f < 10.0)) return fail(Errc::corrupt, "rope: a frequency is not a positive number");
  }
  spec.ropes.push_back(std::move(rope));
  return {};
}

// GGUF's numbers are llama.cpp's: 0 says nothing, 4 is a classifier's head.
Result<Pooling> read_pooling(Reader& reader) {
  const Key key{"pooling_type", ""};
  if (!reader.has(key)) return Pooling::last;
  FH_TRY(std::uint32_t type, reader.count(key, 0, 4));
  constexpr Pooling kPoolings[] = {Pooling::last, Pooling::mean, Pooling::first, Pooling::last};
  if (type == 4) return fail(Errc::unsupported, "pooling_type 4: a model that ranks texts");
  return kPoolings[type];
}

Result<std::uint32_t> read_vocabulary(Reader& reader) {
  const bool gguf = reader.is_gguf();
  const tensor::View* embedding = reader.checkpoint().find(gguf ? "token_embd.weight" : "model.embed_tokens.weight");
  if (embedding == nullptr)
    return fail(Errc::corrupt, "the embedding tensor is missing: not a complete language model");
  const std::uint64_t rows = embedding->shape.size() > 1 ? embedding->rows() : 0;
  if (rows == 0 || rows > (1u << 24)) {
    return fail(Errc::corrupt,
                fmt::format("tensor '{}': its shape is not (vocabulary, width)", printable(embedding->name)));
  }
  // A GGUF may state less than the rows (padded embeddings), but not less than its tokens; the tensor decides. In
  // config.json the size is the tensor's shape.
  FH_TRY(std::uint32_t stated,
         reader.count({"vocab_size", "vocab_size"}, 1, 1u << 24, static_cast<std::uint32_t>(rows)));
  if (stated > rows) {
    return fail(Errc::corrupt,
                fmt::format("vocab_size {} exceeds the {} rows of '{}'", stated, rows, printable(embedding->name)));
  }
  const format::Value* tokens = gguf ? reader.checkpoint().metadata().find("tokenizer.ggml.tokens") : nullptr;
  if (tokens != nullptr && stated < tokens->size()) {
    return fail(Errc::corrupt,
                fmt::format("vocab_size is {}, but tokenizer.ggml.tokens has {}", stated, tokens->size()));
  }
  if (!gguf && stated != rows) {
    return fail(Errc::corrupt,
                fmt::format("vocab_size is {}, but tensor '{}' has {} rows", stated, printable(embedding->name), rows));
  }
  return static_cast<std::uint32_t>(rows);
}

}  // namespace

Result<Spec> read_decoder(Reader& reader, kernel::RopeStyle style) {
  Spec spec;
  if (auto name = reader.checkpoint().metadata().find_as<std::string_view>("general.name"); name && *name)
    spec.name = **name;
  FH_TRY(spec.width, reader.count({"embedding_length", "hidden_size"}, 1, kMostWidth));
  FH_TRY(std::uint32_t blocks, reader.count({"block_count", "num_hidden_layers"}, 1, kMostLayers));
  FH_TRY(spec.heads, reader.count_of_layers({"attention.head_count", "num_attention_heads"}, blocks, 1, 4096));
  FH_TRY(spec.kv_heads,
         reader.count_of_layers({"attention.head_count_kv", "num_key_value_heads"}, blocks, 1, 4096, spec.heads));
  if (spec.heads % spec.kv_heads != 0) {
    return fail(Errc::corrupt,
                fmt::format("{} heads cannot be shared by {} key/value heads", spec.heads, spec.kv_heads));
  }
  if (!reader.has({"attention.key_length", "head_dim"}) && spec.width % spec.heads != 0) {
    return fail(Errc::corrupt, fmt::format("width {} is not a multiple of {} heads, and no head size is stated",
                                           spec.width, spec.heads));
  }
  FH_TRY(spec.head_size,
         reader.count({"attention.key_length", "head_dim"}, 2, 4096, std::max(2u, spec.width / spec.heads)));
  FH_TRY(std::uint32_t value_size, reader.count({"attention.value_length", ""}, 1, 4096, spec.head_size));
  if (value_size != spec.head_size || spec.head_size % 2 != 0) {
    return fail(Errc::unsupported, fmt::format("heads of {} with values of {}", spec.head_size, value_size));
  }
  FH_TRY(spec.ffn, reader.count_of_layers({"feed_forward_length", "intermediate_size"}, blocks, 1, kMostWidth));
  FH_TRY(spec.context, reader.count({"context_length", "max_position_embeddings"}, 1, kMostPositions));
  FH_TRY(double eps, reader.real({"attention.layer_norm_rms_epsilon", "rms_norm_eps"}, 1e-12, 0.1));
  spec.norm_eps = static_cast<float>(eps);
  FH_TRY(spec.vocab, read_vocabulary(reader));
  FH_TRY(spec.pooling, read_pooling(reader));
  spec.attention_scale = 1.0f / std::sqrt(static_cast<float>(spec.head_size));
  spec.blocks.resize(blocks);
  FH_TRY_VOID(read_rope(reader, spec, style));

  if (reader.is_gguf()) {
    spec.tied = reader.checkpoint().find("output.weight") == nullptr;
    reader.ignore({{"tensor_data_layout", ""}});
  } else {
    FH_TRY(spec.tied, reader.flag({"", "tie_word_embeddings"}, reader.checkpoint().find("lm_head.weight") == nullptr));
    FH_TRY_VOID(reader.require_flag({"", "attention_bias"}, false));
    FH_TRY_VOID(reader.require_flag({"", "mlp_bias"}, false));
    if (reader.has({"", "hidden_act"})) {
      FH_TRY(std::string act, reader.text({"", "hidden_act"}, "silu"));
      if (act == "gelu_pytorch_tanh") {
        spec.activation = Activation::gelu_tanh;
      } else if (act != "silu") {
        return fail(Errc::unsupported, fmt::format("activation '{}'", printable(act)));
      }
    }
  }
  return spec;
}

Result<std::vector<bool>> read_windowed(Reader& reader, const Spec& spec,
                                        const std::function<bool(std::size_t)>& usual) {
  const bool stated = reader.has({"", "layer_types"});
  FH_TRY(auto types, reader.texts({"", "layer_types"}));
  if (stated && types.size() != spec.blocks.size()) {
    return fail(Errc::corrupt,
                fmt::format("layer_types has {} entries for {} layers", types.size(), spec.blocks.size()));
  }
  std::vector<bool> windowed(spec.blocks.size());
  for (std::size_t i = 0; i < windowed.size(); ++i) {
    windowed[i] = stated ? types[i] == "sliding_attention" : usual(i);
    if (stated && !windowed[i] && types[i] != "full_attention") {
      return fail(Errc::unsupported, fmt::format("layer_types: layer {} is '{}'", i, printable(types[i], 60)));
    }
  }
  return windowed;
}

}  // namespace freehold::model
