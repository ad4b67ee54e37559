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
  for (const Place& place : all_places(1, 1)) {
    if (name == name_of(place.site) || name == name_of(place.site, true)) return place.site;
  }
  return std::nullopt;
}

Result<> read_targets(const Value* targets, AdapterConfig& config) {
  if (targets == nullptr) return fail(Errc::corrupt, "key 'target_modules' is missing");
  if (targets->as_string()) return {};  // a pattern: the tensors tell what it matched
  const auto names = targets->as_strings();
  if (!names)
    return fail(Errc::unsupported, fmt::format("key 'target_modules' is {}, not a list", targets->describe()));
  for (std::string_view name : *names) {
    const std::string_view last = name.substr(name.rfind('.') == std::string_view::npos ? 0 : name.rfind('.') + 1);
    const auto site = site_named(last);
    if (!site) {
      return fail(Errc::unsupported,
                  fmt::format("key 'target_modules': layers '{}' cannot be adapted", printable(name)));
    }
    if (std::find(config.targets.begin(), config.targets.end(), *site) == config.targets.end()) {
      config.targets.push_back(*site);
    }
    if (last == name) config.everywhere.emplace_back(name);
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
  AdapterValues values = no_values(spec);
  if (!config.layers.empty() && config.layers.back() >= spec.blocks.size()) {
    return fail(Errc::corrupt, fmt::format("layer {} of 'layers_to_transform' is missing: the base model has {}",
                                           config.layers.back(), spec.blocks.size()));
  }
  std::string missing;  // what belongs to no layer says more, if there is any
  for (const Place& place : all_places(spec.blocks.size(), spec.experts)) {
    const Site site = place.site;
    if (is_end(site) && !config.adapts(place)) continue;
    const auto [N, K] = shape_of(spec, site);
    const std::string module = peft_module(place);
    const std::uint32_t r = config.rank_at(place);
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
      const bool named = std::find(all.begin(), all.end(), name_of(site, place.mixture)) != all.end();
      if (missing.empty() && config.adapts(place) && named) missing = module;
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
    v.scale = config.scale_at(place);
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
  // What the names mean is what there is: PEFT passes over those that no layer of the model has.
  std::vector<Site> there;
  for (const Place& place : all_places(out.values)) {
    if (out.values.at(place).rank == 0) continue;
    if (std::find(there.begin(), there.end(), place.site) == there.end()) there.push_back(place.site);
  }
  std::vector<Site>& targets = out.config.targets;
  std::erase_if(targets, [&](Site site) { return std::find(there.begin(), there.end(), site) == there.end(); });
  for (const Site site : there) {
    if (std::find(targets.begin(), targets.end(), site) == targets.end()) targets.push_back(site);
  }
  if (there.empty()) return fail(Errc::corrupt, "the adapter has no tensors");
  return out;
}

namespace {

// What target_modules must list: a kind of layer by its last name if all of these blocks have it, and of every expert;
// else each layer by its whole name.
std::vector<std::string> target_names(const PeftAdapter& adapter, const std::vector<bool>& blocks) {
  std::vector<Site> sites = adapter.config.targets;
  for (const Place& place : all_places(adapter.values)) {
    const bool known = std::find(sites.begin(), sites.end(), place.site) != sites.end();
    if (!known && adapter.values.at(place).rank != 0) sites.push_back(place.site);
  }
  std::vector<std::string> names;
  for (Site site : sites) {
    std::vector<std::string> own;
    bool everywhere = true, mixture = false;
    for (const Place& place : all_places(adapter.values)) {
      if (place.site != site || !(is_end(site) || blocks[place.block])) continue;
      mixture = place.mixture;
      const bool has = adapter.values.at(place).rank != 0;
      everywhere = everywhere && has;
      if (has) own.push_back(peft_layer(place));
    }
    if (everywhere && !own.empty()) own = {std::string(name_of(site, mixture))};
    names.insert(names.end(), own.begin(), own.end());
  }
  return names;
}

}  // namespace

Result<> write_peft(const std::filesystem::path& folder, const Spec& spec, const PeftAdapter& adapter) {
  FH_TRY_VOID(make_directories(folder));
  AdapterValues values = adapter.values;
  std::vector<format::F32Tensor> tensors;
  nlohmann::ordered_json ranks = nlohmann::ordered_json::object(), alphas = ranks;
  std::vector<bool> present(values.blocks.size());  // by block: it has any
  for (const Place& place : all_places(values)) {
    LowRankValues& v = values.at(place);
    if (v.rank == 0) continue;
    const Site site = place.site;
    if (!is_end(site)) present[place.block] = true;
    const std::string name = peft_layer(place);
    if (v.rank != adapter.config.r) ranks[name] = v.rank;
    if (v.scale != lora_scale(adapter.config.alpha, v.rank, adapter.config.rslora)) {
      const double r = v.rank, alpha = static_cast<double>(v.scale) * (adapter.config.rslora ? std::sqrt(r) : r);
      if (lora_scale(alpha, v.rank, adapter.config.rslora) != v.scale) {
        return fail(Errc::unsupported,
                    fmt::format("{}: no alpha gives the scale {} with rank {}, so it cannot be written for PEFT",
                                name_of(place), v.scale, v.rank));
      }
      alphas[name] = alpha;
    }
    reorder_heads(spec, site, v.b, v.rank, RowOrder::to_hugging_face);
    reorder_heads(spec, site, v.magnitude, 1, RowOrder::to_hugging_face);
    const auto [N, K] = shape_of(spec, site);
    const std::string module = peft_module(place);
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
  // With ends layers_to_transform, which would leave them out, cannot say where the others are.
  for (std::string& name : target_names(adapter, ends ? std::vector<bool>(present.size(), true) : present)) {
    json["target_modules"].push_back(std::move(name));
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
