// Ollama-style registries (the OCI distribution protocol with layers of Ollama's media types): a manifest's untrusted
// bytes to typed values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"

namespace freehold::pull {

// What a layer is for, by its media type "application/vnd.ollama.image.…".
enum class LayerKind { model, chat_template, system, parameters, messages, licence, adapter, projector, other };

struct Layer {
  LayerKind kind = LayerKind::other;
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
};

inline constexpr std::uint64_t kMaxManifestBytes = std::uint64_t{4} << 20;
inline constexpr std::uint64_t kMaxTextLayer = std::uint64_t{1} << 20;  // of template, system, parameters, …

// Checks counts, digests and sizes: exactly one model, at most one of each text but licences, no text of more than
// kMaxTextLayer bytes. Errors: corrupt naming the field; unsupported: adapters, several models, another schema, an
// index of manifests.
Result<std::vector<Layer>> parse_registry_manifest(std::string_view json);

}  // namespace freehold::pull
