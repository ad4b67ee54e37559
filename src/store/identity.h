// What a model is, read from its files: the digests that identify its template and its tokenizer, and the facts that
// lists show.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/hash.h"
#include "base/result.h"
#include "format/checkpoint.h"
#include "store/manifest.h"

namespace freehold::store {

// The chat template's text: tokenizer.chat_template, or a folder's chat_template.jinja or tokenizer_config.json (of
// several, the one named "default"). Nothing if there is none.
Result<std::optional<std::string>> chat_template_of(const format::Checkpoint& checkpoint);

// SHA-256 of everything that decides about token ids: of a GGUF, its tokenizer.ggml.* entries sorted by key, each as
// key, type and content; of a folder, its tokenizer.json, tokenizer.model and tokenizer_config.json. Nothing if there
// is none. docs/formats/store.md has the bytes.
Result<std::optional<Digest>> tokenizer_digest(const format::Checkpoint& checkpoint);

// architecture, title, licence, weight_type, parameters.
Provenance facts_of(const format::Checkpoint& checkpoint);

// What an adapter's files say of themselves: of a PEFT folder or a GGUF of type adapter. Nothing for other paths.
std::optional<Kind> adapter_kind(const std::filesystem::path& path);
// title (the base's name), architecture "adapter", weight_type, parameters. Errors: those of the files.
Result<Provenance> facts_of_adapter(Kind kind, const std::filesystem::path& path);

}  // namespace freehold::store
