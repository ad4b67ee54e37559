#include "model/peft.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/utf8.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "format/safetensors_writer.h"
#include "kernel/blocks/dequantise.h"

namespace freehold::model {
namespace {

using format::Value;

constexpr std::string_view kConfigName = "adapter_config.json";
constexpr std::string_view kTensorsName = "adapter_model.safetensors";
constexpr std::string_view kPickledName = "adapter_model.bin";
constexpr std::string_view kPeftPrefix = "base_model.model.";

bool says_nothing(const Value& v) {
  return v.is_null() || (v.as_bool() && !*v.as_bool()) || (v.is_object() && v.members().empty()) ||
         (v.is_array() && v.size() == 0) || (v.as_string() && (v.as_string()->empty() || *v.as_string() == "none"));
}

// Keys that do not change what the finished adapter computes.
bool is_idle(std::string_view key) {
  constexpr std::string_view kIdle[] = {"auto_mapping",
                                        "base_model_name_or_path",
                                        "inference_mode",
                                        "init_lora_weights",
                                        "megatron_core",
                                        "peft_type",
                                        "revision",
                                        "task_type",
                                        "lora_dropout",
                                        "r",
                                        "lora_alpha",
                                        "target_modules",
                                        "rank_pattern",
                                        "alpha_pattern",
                                        "layers_to_transform",
                                        "layers_pattern",
                                        "use_rslora",
                                        "use_dora",
                                        "peft_version",
                                        "runtime_config",
                                        "ensure_weight_tying",
                                        "eva_config",
                                        "corda_config"};
  return std::find(std::begin(kIdle), std::end(kIdle), key) != std::end(kIdle);
}

std::optional<Site> site_named(std::string_view name) {
  for (const Place place : all_places(1)) {
    if (name == name_of(place.site)) return place.site;
  }
  return std::nullopt;
}

Result<> read_targets(const Value* targets, AdapterConfig& config) {
  if (targets == nullptr) return fail(Errc::corrupt, "key 'target_modules' is missing");
  if (targets->as_string()) return {};  // a pattern: the tensors tell what it matched
  const auto names = targets->as_strings();
  if (!names)
    return fail(Errc::unsupported, fmt::format("key 'target_modules' is {}, not a list", targets->describe()));
  const auto add = [](std::vector<Site>& list, Site site) {
    if (std::find(list.begin(), list.end(), site) == list.end()) list.push_back(site);
  };
  for (std::string_view name : *names) {
    const std::string_view last = name.substr(name.rfind('.') == std::string_view::npos ? 0 : name.rfind('.') + 1);
    const auto site = site_named(last);
    if (!site) {
      return fail(Errc::unsupported,
                  fmt::format("key 'target_modules': layers '{}' cannot be adapted", printable(name)));
    }
    add(config.targets, *site);
    if (last == name) add(config.everywhere, *site);
  }
  return {};
}

// A pattern's key is a regular expression that PEFT matches with the end of a module's name; a plain name is one as
// well.
bool is_plain_name(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

// `add(name, value)` for each member of an object; false from it: not such a value.
template <typename Add>
Result<> read_pattern(const Value& json, std::string_view key, const Add& add) {
  const Value* pattern = json.member(key);
  if (pattern == nullptr || says_nothing(*pattern)) return {};
  if (!pattern->is_object()) return fail(Errc::corrupt, fmt::format("key '{}' is no object", key));
  for (const format::Member& m : pattern->members()) {
    if (!is_plain_name(m.key)) {
      return fail(Errc::unsupported,
                  fmt::format("key '{}': '{}' is more than the name of a layer", key, printable(m.key)));
    }
    if (!add(m.key, m.value)) {
      return fail(Errc::corrupt, fmt::format("key '{}': '{}' is {}", key, printable(m.key), m.value.describe()));
    }
  }
  return {};
}

Result<> read_layers(const Value& json, AdapterConfig& c) {
  if (const Value* pattern = json.member("layers_pattern"); pattern != nullptr && !says_nothing(*pattern)) {
    const bool layers = pattern->as_string() == "layers" ||
                        (pattern->is_array() && pattern->size() == 1 && pattern->items()[0].as_string() == "layers");
    if (!layers) {
      return fail(Errc::unsupported,
                  fmt::format("key 'layers_pattern' is {}: layers are called 'layers' here", pattern->describe()));
    }
  }
  const Value* layers = json.member("layers_to_transform");
  if (layers == nullptr || layers->is_null()) return {};
  const auto add = [&](const Value& value) {
    const auto n = value.as_u64();
    if (!n || *n > 100'000) return false;
    c.layers.push_back(static_cast<std::uint32_t>(*n));
    return true;
  };
  const std::vector<Value> items = layers->is_array() ? layers->items() : std::vector<Value>{*layers};
  const bool good = std::all_of(items.begin(), items.end(), add);
  if (!good) return fail(Errc::corrupt, "key 'layers_to_transform' is no list of layers");
  std::sort(c.layers.begin(), c.layers.end());
  c.layers.erase(std::unique(c.layers.begin(), c.layers.end()), c.layers.end());
  return {};
}

Result<> read_patterns(const Value& json, AdapterConfig& c) {
  FH_TRY_VOID(read_pattern(json, "rank_pattern", [&](std::string_view name, const Value& value) {
    const auto r = value.as_u64();
    if (!r || *r == 0 || *r > kMostRank) return false;
    c.ranks.emplace_back(name, static_cast<std::uint32_t>(*r));
    return true;
  }));
  FH_TRY_VOID(read_pattern(json, "alpha_pattern", [&](std::string_view name, const Value& value) {
    const auto alpha = value.as_f64();
    if (!alpha || !std::isfinite(static_cast<float>(*alpha))) return false;
    c.alphas.emplace_back(name, *alpha);
    return true;
  }));
  return read_layers(json, c);
}

Result<AdapterConfig> read_config(const Value& json) {
  if (!json.is_object()) return fail(Errc::corrupt, "not a JSON object");
  for (const format::Member& m : json.members()) {
    if (!is_idle(m.key) && !says_nothing(m.value)) {
      return fail(Errc::unsupported,
                  fmt::format("key '{}' is {}, which we do not compute", printable(m.key), m.value.describe()));
    }
  }
  AdapterConfig c;
  const Value* type = json.member("peft_type");
  if (type == nullptr || type->as_string() != "LORA") return fail(Errc::unsupported, "key 'peft_type' is not 'LORA'");
  const Value* r = json.member("r");
  if (r == nullptr || !r->as_u64() || *r->as_u64() == 0 || *r->as_u64() > kMostRank) {
    return fail(Errc::corrupt, fmt::format("key 'r' is not a rank from 1 to {}", kMostRank));
  }
  c.r = static_cast<std::uint32_t>(*r->as_u64());
  // Some ways to begin (PiSSA, OLoRA, LoftQ, CorDA) also change the base model, which then is another one.
  const Value* init = json.member("init_lora_weights");
  if (init != nullptr && init->as_string() && *init->as_string() != "gaussian" && *init->as_string() != "orthogonal" &&
      *init->as_string() != "eva") {
    return fail(Errc::unsupported,
                fmt::format("key 'init_lora_weights' is {}, which may have changed the base model", init->describe()));
  }
  const Value* alpha = json.member("lora_alpha");
  if (alpha == nullptr || !alpha->as_f64() || !std::isfinite(*alpha->as_f64())) {
    return fail(Errc::corrupt, "key 'lora_alpha' is not a number");
  }
  c.alpha = *alpha->as_f64();
  const auto flag = [&](std::string_view key) -> Result<bool> {
    const Value* v = json.member(key);
    if (v == nullptr || v->is_null()) return false;
    if (!v->as_bool()) return fail(Errc::corrupt, fmt::format("key '{}' is {}, not true or false", key, v->describe()));
    return *v->as_bool();
  };
  FH_TRY(c.rslora, flag("use_rslora"));
  FH_TRY(c.dora, flag("use_dora"));
  if (!std::isfinite(c.scale())) {
    return fail(Errc::corrupt, fmt::format("key 'lora_alpha' is {}, which is more than float32 holds", c.alpha));
  }
  if (const Value* d = json.member("lora_dropout"); d != nullptr && !d->is_null()) {
    if (!d->as_f64() || !(*d->as_f64() >= 0 && *d->as_f64() <= 1)) {
      return fail(Errc::corrupt, fmt::format("key 'lora_dropout' is {}, not a share from 0 to 1", d->describe()));
    }
    c.dropout = *d->as_f64();
  }
  if (const Value* base = json.member("base_model_name_or_path")) c.base = base->as_string().value_or("");
  FH_TRY_VOID(read_targets(json.member("target_modules"), c));
  FH_TRY_VOID(read_patterns(json, c));
  const Value* together = json.member("ensure_weight_tying");
  if (together != nullptr && !says_nothing(*together) && std::any_of(c.targets.begin(), c.targets.end(), is_end)) {
    return fail(Errc::unsupported, "key 'ensure_weight_tying': lm_head and embed_tokens with one adapter");
  }
  return c;
}

using Found = std::map<std::string, const tensor::View*, std::less<>>;

// The named tensor as floats, taken out of `found`; empty if it is not there.
Result<std::vector<float>> take(Found& found, const std::string& name, std::vector<std::uint64_t> shape) {
  const auto it = found.find(name);
  if (it == found.end()) return std::vector<float>{};
  const tensor::View& view = *it->second;
  if (view.shape != shape)
    return fail(Errc::corrupt, fmt::format("tensor '{}' does not fit the base model", printable(name)));
  std::vector<float> out(view.elems());
  kernel::dequantise(view.type, view.bytes.data(), out.data(), out.size());
  for (float f : out) {
    if (!std::isfinite(f)) return fail(Errc::corrupt, fmt::format("tensor '{}': an infinity or NaN", printable(name)));
  }
  found.erase(it);
  return out;
}

Result<AdapterValues> read_values(const format::Safetensors& file, const Spec& spec, const AdapterConfig& config,
                                  const format::Checkpoint* base) {
  Found found;
  for (const tensor::View& view : file.tensors) found.emplace(view.name, &view);
  if (!file.others.empty()) {
    return fail(Errc::unsupported,
                fmt::format("tensor '{}' is {}", printable(file.others.front().name), file.others.front().dtype));
  }
  AdapterValues values;
  values.blocks.resize(spec.blocks.size());
  if (!config.layers.empty() && config.layers.back() >= spec.blocks.size()) {
    return fail(Errc::corrupt, fmt::format("layer {} of 'layers_to_transform' is missing: the base model has {}",
                                           config.layers.back(), spec.blocks.size()));
  }
  std::string missing;  // what belongs to no layer says more, if there is any
  for (const Place place : all_places(spec.blocks.size())) {
    const auto [i, site] = place;
    if (is_end(site) && !config.adapts(place)) continue;
    const auto [N, K] = shape_of(spec, site);
    const std::string module = peft_module(i, site);
    const std::uint32_t r = config.rank_at(i, site);
    LowRankValues v;
    FH_TRY(v.a, take(found, module + std::string(peft_half(site, true)), {r, K}));
    FH_TRY(v.b, take(found, module + std::string(peft_half(site, false)), {N, r}));
    if (site == Site::embedding && config.dora && !v.a.empty()) {
      return fail(Errc::unsupported, fmt::format("module '{}': DoRA on the embedding is not supported", module));
    }
    FH_TRY(v.magnitude, take(found, module + ".lora_magnitude_vector", {N}));
    if (v.magnitude.empty()) {
      FH_TRY(v.magnitude, take(found, module + ".lora_magnitude_vector.weight", {N}));
    }
    if (v.a.empty() && v.b.empty() && v.magnitude.empty()) {
      const auto& all = config.everywhere;
      if (missing.empty() && config.adapts(place) && std::find(all.begin(), all.end(), site) != all.end())
        missing = module;
      continue;
    }
    if (v.a.empty() || v.b.empty() || v.magnitude.empty() == config.dora) {
      return fail(Errc::corrupt, fmt::format("module '{}' is incomplete", module));
    }
    if (const auto saved = found.find(module + ".base_layer.weight"); is_end(site) && saved != found.end()) {
      FH_TRY_VOID(check_saved_weight(*saved->second, spec, site, base));
      found.erase(saved);
    }
    v.rank = r;
    v.scale = config.scale_at(i, site);
    reorder_heads(spec, site, v.b, r, RowOrder::to_model);
    reorder_heads(spec, site, v.magnitude, 1, RowOrder::to_model);
    values.at(place) = std::move(v);
  }
  if (!found.empty()) {
    return fail(Errc::unsupported, fmt::format("tensor '{}' belongs to no layer of the base model that can be adapted",
                                               printable(found.begin()->first)));
  }
  if (!missing.empty()) {
    return fail(
        Errc::corrupt,
        fmt::format("module '{}' is missing: the adapter is for a model of fewer blocks, or incomplete", missing));
  }
  return values;
}

}  // namespace

SiteShape shape_of(const Spec& spec, Site site) {
  const std::size_t C = spec.width, F = spec.ffn, Q = std::size_t{spec.heads} * spec.head_size,
                    KV = std::size_t{spec.kv_heads} * spec.head_size;
  switch (site) {
    case Site::q:
      return {Q, C};
    case Site::k:
    case Site::v:
      return {KV, C};
    case Site::o:
      return {C, Q};
    case Site::gate:
    case Site::up:
      return {F, C};
    case Site::down:
      return {C, F};
    case Site::head:
      return {spec.vocab, C};
    case Site::embedding:
      return {C, spec.vocab};
  }
  return {0, 0};
}

float AdapterConfig::scale() const {
  return static_cast<float>(rslora ? alpha / std::sqrt(static_cast<double>(r)) : alpha / static_cast<double>(r));
}

namespace {

// Whether the module's name ends with `name`, whole parts of it.
bool ends_with_name(std::string_view module, std::string_view name) {
  return module.ends_with(name) && (module.size() == name.size() || module[module.size() - name.size() - 1] == '.');
}

template <typename T>
T by_pattern(const std::vector<std::pair<std::string, T>>& patterns, std::size_t block, Site site, T otherwise) {
  if (patterns.empty()) return otherwise;
  const std::string module = peft_module(block, site).substr(kPeftPrefix.size());
  for (const auto& [name, value] : patterns) {
    if (ends_with_name(module, name)) return value;
  }
  return otherwise;
}

float scale_of(double alpha, std::uint32_t r, bool rslora) {
  return static_cast<float>(rslora ? alpha / std::sqrt(static_cast<double>(r)) : alpha / static_cast<double>(r));
}

}  // namespace

std::uint32_t AdapterConfig::rank_at(std::size_t block, Site site) const {
  return by_pattern(ranks, block, site, r);
}

float AdapterConfig::scale_at(std::size_t block, Site site) const {
  return scale_of(by_pattern(alphas, block, site, alpha), rank_at(block, site), rslora);
}

bool AdapterConfig::adapts(std::size_t block) const {
  return layers.empty() || std::find(layers.begin(), layers.end(), block) != layers.end();
}

std::string peft_module(std::size_t block, Site site) {
  if (is_end(site)) return fmt::format("{}{}{}", kPeftPrefix, site == Site::head ? "" : "model.", name_of(site));
  const bool attention = site <= Site::o;
  return fmt::format("{}model.layers.{}.{}.{}", kPeftPrefix, block, attention ? "self_attn" : "mlp", name_of(site));
}

std::string_view peft_half(Site site, bool a) {
  if (site == Site::embedding) return a ? ".lora_embedding_A" : ".lora_embedding_B";
  return a ? ".lora_A.weight" : ".lora_B.weight";
}

void reorder_heads(const Spec& spec, Site site, std::vector<float>& values, std::size_t cols, RowOrder order) {
  if ((site != Site::q && site != Site::k) || values.empty()) return;
  if (spec.ropes.empty() || spec.ropes.front().style != kernel::RopeStyle::interleaved) return;
  reorder_rows(spec.head_size, values, cols, order);
}

void reorder_rows(std::uint32_t D, std::vector<float>& values, std::size_t cols, RowOrder order) {
  std::vector<float> out(values.size());
  for (std::size_t row = 0; row < values.size() / cols; ++row) {
    const std::size_t d = row % D, pair = d < D / 2 ? 2 * d : 2 * (d - D / 2) + 1, there = row - d + pair;
    const std::size_t from = order == RowOrder::to_model ? row : there, to = order == RowOrder::to_model ? there : row;
    std::copy_n(values.data() + from * cols, cols, out.data() + to * cols);
  }
  values = std::move(out);
}

Result<AdapterConfig> read_peft_config(const std::filesystem::path& folder) {
  std::error_code ec;
  for (const std::string_view name : {kConfigName, kTensorsName}) {
    if (!std::filesystem::exists(folder / name, ec)) continue;
    FH_TRY(const InputFile inside, InputFile::open_in(folder, std::string(name)));  // no link that leaves the folder
  }
  FH_TRY(const std::string text, read_file(folder / kConfigName));
  const auto json = format::parse_json(text);
  if (!json) return in_context(json.error(), kConfigName);
  auto config = read_config(*json);
  if (!config) return in_context(std::move(config).error(), kConfigName);
  return config;
}

Result<PeftAdapter> read_peft(const std::filesystem::path& folder, const Spec& spec, const format::Checkpoint* base) {
  PeftAdapter out;
  FH_TRY(out.config, read_peft_config(folder));
  std::error_code ec;
  if (!std::filesystem::exists(folder / kTensorsName, ec) && std::filesystem::exists(folder / kPickledName, ec)) {
    return fail(Errc::unsupported,
                fmt::format("{} holds pickled weights ({}), which are never loaded: save the adapter "
                            "as safetensors",
                            printable(folder.string()), kPickledName));
  }
  FH_TRY(const format::Safetensors file, format::open_safetensors(folder / kTensorsName));
  auto values = read_values(file, spec, out.config, base);
  if (!values) return in_context(std::move(values).error(), kTensorsName);
  out.values = std::move(*values);
  bool any = false;
  for (const Place place : all_places(out.values.blocks.size())) {
    if (out.values.at(place).rank == 0) continue;
    auto& targets = out.config.targets;
    if (std::find(targets.begin(), targets.end(), place.site) == targets.end()) targets.push_back(place.site);
    any = true;
  }
  if (!any) return fail(Errc::corrupt, "the adapter has no tensors");
  return out;
}

Result<> write_peft(const std::filesystem::path& folder, const Spec& spec, const PeftAdapter& adapter) {
  FH_TRY_VOID(make_directories(folder));
  AdapterValues values = adapter.values;
  std::vector<format::F32Tensor> tensors;
  nlohmann::ordered_json ranks = nlohmann::ordered_json::object(), alphas = ranks;
  std::vector<bool> present(values.blocks.size());  // by block: it has any
  std::vector<std::string> modules;
  for (const Place place : all_places(values.blocks.size())) {
    LowRankValues& v = values.at(place);
    if (v.rank == 0) continue;
    const auto [i, site] = place;
    if (!is_end(site)) present[i] = true;
    const std::string name = modules.emplace_back(peft_module(i, site).substr(kPeftPrefix.size()));
    if (v.rank != adapter.config.r) ranks[name] = v.rank;
    if (v.scale != scale_of(adapter.config.alpha, v.rank, adapter.config.rslora)) {
      const double r = v.rank, alpha = static_cast<double>(v.scale) * (adapter.config.rslora ? std::sqrt(r) : r);
      if (scale_of(alpha, v.rank, adapter.config.rslora) != v.scale) {
        return fail(Errc::unsupported,
                    fmt::format("{}: no alpha gives the scale {} with rank {}, so it cannot be written for PEFT",
                                name_of(place), v.scale, v.rank));
      }
      alphas[name] = alpha;
    }
    reorder_heads(spec, site, v.b, v.rank, RowOrder::to_hugging_face);
    reorder_heads(spec, site, v.magnitude, 1, RowOrder::to_hugging_face);
    const auto [N, K] = shape_of(spec, site);
    const std::string module = peft_module(i, site);
    tensors.push_back({module + std::string(peft_half(site, true)), {v.rank, K}, v.a});
    tensors.push_back({module + std::string(peft_half(site, false)), {N, v.rank}, v.b});
    if (!v.magnitude.empty()) tensors.push_back({module + ".lora_magnitude_vector", {N}, v.magnitude});
  }
  FH_TRY_VOID(format::write_safetensors(folder / kTensorsName, tensors));
  nlohmann::ordered_json json = {{"base_model_name_or_path", adapter.config.base},
                                 {"bias", "none"},
                                 {"fan_in_fan_out", false},
                                 {"inference_mode", true},
                                 {"init_lora_weights", true},
                                 {"lora_alpha", adapter.config.alpha},
                                 {"lora_dropout", adapter.config.dropout},
                                 {"modules_to_save", nullptr},
                                 {"peft_type", "LORA"},
                                 {"r", adapter.config.r},
                                 {"target_modules", nlohmann::ordered_json::array()},
                                 {"task_type", "CAUSAL_LM"},
                                 {"use_dora", adapter.config.dora},
                                 {"use_rslora", adapter.config.rslora}};
  const auto has = [&](bool any) { return std::find(present.begin(), present.end(), any) != present.end(); };
  const bool some = has(true) && has(false);
  const bool ends = values.head.rank != 0 || values.embedding.rank != 0;
  if (some && ends) {  // layers_to_transform would leave out the ends
    json["target_modules"] = modules;
  } else {
    for (Site site : adapter.config.targets) json["target_modules"].push_back(name_of(site));
  }
  if (!ranks.empty()) json["rank_pattern"] = std::move(ranks);
  if (!alphas.empty()) json["alpha_pattern"] = std::move(alphas);
  if (some && !ends) {
    json["layers_to_transform"] = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < present.size(); ++i) {
      if (present[i]) json["layers_to_transform"].push_back(i);
    }
  }
  return write_file_atomically(folder / kConfigName,
                               json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace freehold::model
