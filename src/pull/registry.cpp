#include "pull/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "format/json.h"

namespace freehold::pull {
namespace {

using format::Value;

constexpr std::size_t kMostLayers = 64;
constexpr std::uint64_t kLargestLayer = std::uint64_t{1} << 50;
constexpr std::string_view kPrefix = "application/vnd.ollama.image.";

struct KindRow {
  std::string_view name;
  LayerKind kind;
  bool is_text;
};
constexpr KindRow kKinds[] = {
    {"model", LayerKind::model, false},      {"template", LayerKind::chat_template, true},
    {"system", LayerKind::system, true},     {"params", LayerKind::parameters, true},
    {"messages", LayerKind::messages, true}, {"license", LayerKind::licence, true},
    {"adapter", LayerKind::adapter, false},  {"projector", LayerKind::projector, false},
};

const KindRow* row_of(std::string_view media_type) {
  if (!media_type.starts_with(kPrefix)) return nullptr;
  const std::string_view name = media_type.substr(kPrefix.size());
  const auto* found =
      std::find_if(std::begin(kKinds), std::end(kKinds), [&](const KindRow& r) { return r.name == name; });
  return found == std::end(kKinds) ? nullptr : found;
}

Result<Layer> parse_layer(const Value& value, std::size_t index) {
  const auto wrong = [&](std::string_view what) {
    return fail(Errc::corrupt, fmt::format("layers[{}].{}", index, what));
  };
  if (!value.is_object()) return fail(Errc::corrupt, fmt::format("layers[{}]: expected an object", index));
  const auto text = [&](std::string_view key) {
    const Value* v = value.member(key);
    return v != nullptr ? v->as_string() : std::nullopt;
  };
  Layer layer;
  const auto media_type = text("mediaType");
  if (!media_type || media_type->size() > 200) return wrong("mediaType: expected a media type");
  layer.media_type = *media_type;
  const auto digest = text("digest");
  const auto parsed = digest ? Digest::parse(*digest) : std::nullopt;
  if (!parsed) return wrong("digest: expected sha256: and 64 hexadecimal digits");
  layer.digest = *parsed;
  const Value* size = value.member("size");
  const auto bytes = size != nullptr ? size->as_u64() : std::nullopt;
  if (!bytes || *bytes > kLargestLayer) return wrong("size: expected a number of bytes");
  layer.size = *bytes;
  if (const KindRow* row = row_of(layer.media_type)) {
    layer.kind = row->kind;
    if (row->is_text && layer.size > kMaxTextLayer) {
      return wrong(fmt::format("size: a {} of {} bytes, at most {} are taken", row->name, layer.size, kMaxTextLayer));
    }
    if (row->kind == LayerKind::model && layer.size == 0) return wrong("size: the model has no bytes");
  }
  return layer;
}

Result<> check_counts(const std::vector<Layer>& layers) {
  const auto count = [&](LayerKind kind) {
    return std::count_if(layers.begin(), layers.end(), [&](const Layer& l) { return l.kind == kind; });
  };
  if (count(LayerKind::adapter) > 0) {
    return fail(Errc::unsupported, "it is an adapter over another model, which this version cannot run");
  }
  if (count(LayerKind::model) == 0) {
    return fail(Errc::unsupported,
                "it has no layer of the type application/vnd.ollama.image.model: it is no GGUF model");
  }
  if (count(LayerKind::model) > 1) return fail(Errc::unsupported, "it has several models in one");
  for (const KindRow& row : kKinds) {
    if (row.is_text && row.kind != LayerKind::licence && count(row.kind) > 1) {
      return fail(Errc::corrupt, fmt::format("it has several layers of the type {}{}", kPrefix, row.name));
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Layer>> parse_registry_manifest(std::string_view json) {
  if (json.size() > kMaxManifestBytes) return fail(Errc::corrupt, "it is too large");
  FH_TRY(Value root, format::parse_json(json));
  if (!root.is_object()) return fail(Errc::corrupt, "it is not a JSON object");
  if (root.member("manifests") != nullptr) {
    return fail(Errc::unsupported, "it is an index of several manifests: name one by its digest");
  }
  const Value* schema = root.member("schemaVersion");
  if (schema == nullptr || schema->as_u64() != 2) return fail(Errc::unsupported, "its schemaVersion is not 2");
  const Value* list = root.member("layers");
  if (list == nullptr || !list->is_array()) return fail(Errc::corrupt, "layers: expected an array");
  if (list->size() > kMostLayers) {
    return fail(Errc::corrupt, fmt::format("layers: {}, at most {} are read", list->size(), kMostLayers));
  }
  std::vector<Layer> layers;
  std::size_t index = 0;
  for (const Value& value : list->items()) {
    FH_TRY(Layer layer, parse_layer(value, index++));
    layers.push_back(std::move(layer));
  }
  FH_TRY_VOID(check_counts(layers));
  return layers;
}

}  // namespace freehold::pull
