// Adapters as PEFT writes them (huggingface/peft, LoraConfig and save_pretrained): a folder with adapter_config.json
// and adapter_model.safetensors, tensors named base_model.model.<module>.lora_A.weight (r, K), lora_B.weight (N, r)
// and, for DoRA, lora_magnitude_vector (N).
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
  std::uint32_t rank_at(std::size_t block, std::size_t slot, std::size_t slots) const;
  float scale_at(std::size_t block, std::size_t slot, std::size_t slots) const;
  // Of a dense block.
  std::uint32_t rank_at(std::size_t block, Site site) const { return rank_at(block, slot_of(site), kSites); }
  float scale_at(std::size_t block, Site site) const { return scale_at(block, slot_of(site), kSites); }
  bool adapts(std::size_t block) const;  // by `layers`
};

struct PeftAdapter {
  AdapterConfig config;
  AdapterValues values;
};

// Errors name the file and the key or tensor. Errc::unsupported for what would change the model in a way we do not
// compute (other methods than LoRA, biases, patterns that are more than names, modules saved whole, layers we cannot
// adapt): nothing is ignored. A layer that is named for all blocks, or all of layers_to_transform, and missing in some
// is Errc::corrupt: so is what was made for a base of fewer blocks.
Result<PeftAdapter> read_peft(const std::filesystem::path& folder, const Spec& spec);
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

inline constexpr std::uint32_t kMostRank = 4096;  // that files may have

// alpha / r, or rsLoRA's alpha / sqrt(r).
float lora_scale(double alpha, std::uint32_t r, bool rslora);

// "model.layers.3.self_attn.q_proj", "model.layers.3.block_sparse_moe.experts.2.w1"
std::string peft_layer(std::size_t block, std::size_t slot, std::size_t slots);
// The same as the adapter's tensors begin: "base_model.model.model.layers.…"
std::string peft_module(std::size_t block, std::size_t slot, std::size_t slots);

// Rows of `values` (rows, cols), a q or k layer's outputs, from Hugging Face's order to the model's, or back.
enum class RowOrder : std::uint8_t { to_model, to_hugging_face };
void reorder_rows(std::uint32_t head_size, std::vector<float>& values, std::size_t cols, RowOrder order);
// The same if it is q's or k's, and the model has another order than Hugging Face at all.
void reorder_heads(const Spec& spec, Site site, std::vector<float>& values, std::size_t cols, RowOrder order);

}  // namespace freehold::model
