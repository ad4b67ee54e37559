// Adapters as PEFT writes them (huggingface/peft, LoraConfig and save_pretrained): a folder with adapter_config.json
// and adapter_model.safetensors, tensors named base_model.model.<module>.lora_A.weight (r, K), lora_B.weight (N, r)
// and, for DoRA, lora_magnitude_vector (N). Of the embedding they are lora_embedding_A (r, V) and lora_embedding_B
// (C, r). Where an adapter sits on lm_head or embed_tokens, PEFT also saves that module's own weight, frozen as it is,
// as <module>.base_layer.weight; we do not.
//
// A GGUF of architecture llama keeps the rows of q and k in pairs (2i, 2i+1) where Hugging Face has (i, i + D/2); B's
// rows and DoRA's magnitudes are put into the base's order on the way in and back on the way out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "format/checkpoint.h"
#include "model/adapter_values.h"
#include "model/spec.h"

namespace freehold::model {

// What adapter_config.json says beside the tensors.
struct AdapterConfig {
  std::uint32_t r = 16;
  double alpha = 16;
  double dropout = 0;
  bool rslora = false;  // scale alpha / sqrt(r) instead of alpha / r
  bool dora = false;
  std::vector<Site> targets;
  std::vector<std::string> everywhere;  // names of those that the file says are in every block
  std::vector<std::uint32_t> layers;    // blocks that have any (layers_to_transform), in order; empty: all
  // Ranks and alphas of some layers (rank_pattern, alpha_pattern): the last names of their modules, "q_proj" or
  // "model.layers.3.self_attn.q_proj". The first that fits counts.
  std::vector<std::pair<std::string, std::uint32_t>> ranks;
  std::vector<std::pair<std::string, double>> alphas;
  std::string base;  // base_model_name_or_path

  float scale() const;
  // Of one layer, by the patterns.
  std::uint32_t rank_at(const Place& place) const;
  float scale_at(const Place& place) const;
  // Of a dense block.
  std::uint32_t rank_at(std::size_t block, Site site) const { return rank_at(Place{block, site}); }
  float scale_at(std::size_t block, Site site) const { return scale_at(Place{block, site}); }
  // By `layers`: in PEFT, layers_to_transform leaves out what is in no layer, so the ends too.
  bool adapts(std::size_t block) const;
  bool adapts(const Place& place) const { return is_end(place.site) ? layers.empty() : adapts(place.block); }
};

struct PeftAdapter {
  AdapterConfig config;
  AdapterValues values;
};

// Errors name the file and the key or tensor. Errc::unsupported for what would change the model in a way we do not
// compute (other methods than LoRA, biases, patterns that are more than names, modules saved whole, layers we cannot
// adapt): nothing is ignored. A layer that is named for all blocks, or all of layers_to_transform, and missing in some
// is Errc::corrupt: so is what was made for a base of fewer blocks. A weight that was saved with the adapter must be
// the base's own (check_saved_weight); without `base` only its shape is looked at.
Result<PeftAdapter> read_peft(const std::filesystem::path& folder, const Spec& spec,
                              const format::Checkpoint* base = nullptr);
// What the configuration alone says, which needs no base model. Errors as above.
Result<AdapterConfig> read_peft_config(const std::filesystem::path& folder);
// Both files, the configuration last, each atomically. Layers whose rank or scale is not the configuration's get
// patterns. Errc::unsupported for a scale that no alpha gives.
Result<> write_peft(const std::filesystem::path& folder, const Spec& spec, const PeftAdapter& adapter);

// (outputs, inputs) of a layer that an adapter may sit on, each expert's of a mixture being one.
struct SiteShape {
  std::size_t N, K;
};
SiteShape shape_of(const Spec& spec, Site site);

// A base's lm_head or embed_tokens weight that an adapter's file holds beside its matrices: it must have the base's
// shape and, if there is a base, its values, but for the rounding of the type that the base has them in. Errors name
// the tensor: Errc::corrupt for another shape, Errc::unsupported for another weight (a vocabulary that was made larger,
// an embedding that was trained whole).
Result<> check_saved_weight(const tensor::View& saved, const Spec& spec, Site site, const format::Checkpoint* base);

inline constexpr std::uint32_t kMostRank = 4096;  // that files may have

// alpha / r, or rsLoRA's alpha / sqrt(r).
float lora_scale(double alpha, std::uint32_t r, bool rslora);

// "model.layers.3.self_attn.q_proj", "model.layers.3.block_sparse_moe.experts.2.w1", "lm_head"
std::string peft_layer(const Place& place);
// The same as the adapter's tensors begin: "base_model.model.model.layers.…", "base_model.model.lm_head"
std::string peft_module(const Place& place);
// What follows it in the names of A and of B: ".lora_A.weight"; of the embedding ".lora_embedding_A".
std::string_view peft_half(Site site, bool a);

// Rows of `values` (rows, cols), a q or k layer's outputs, from Hugging Face's order to the model's, or back.
enum class RowOrder : std::uint8_t { to_model, to_hugging_face };
void reorder_rows(std::uint32_t head_size, std::vector<float>& values, std::size_t cols, RowOrder order);
// The same if it is q's or k's, and the model has another order than Hugging Face at all.
void reorder_heads(const Spec& spec, Site site, std::vector<float>& values, std::size_t cols, RowOrder order);

}  // namespace freehold::model
