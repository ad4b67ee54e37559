// A manifest: the small JSON file behind a name, which says which blobs make up a model and what it is
// (docs/formats/store.md). What is read from disk is checked as strictly as a stranger's file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"

namespace freehold::store {

enum class Kind : std::uint8_t { gguf, hugging_face, peft_adapter, gguf_adapter };
std::string_view name_of(Kind kind);  // "gguf", "hugging_face", "peft_adapter", "gguf_adapter"
// Whether it runs only on a model.
constexpr bool is_adapter(Kind kind) {
  return kind == Kind::peft_adapter || kind == Kind::gguf_adapter;
}

// What the file of prepared weights is called.
inline constexpr std::string_view kPreparedName = "prepared.panels";

// What an adapter's files are called in the store.
inline constexpr std::string_view kPeftFiles[] = {"adapter_config.json", "adapter_model.safetensors"};
inline constexpr std::string_view kGgufAdapterFile = "adapter.gguf";

struct StoredFile {
  std::string name;  // plain, of [A-Za-z0-9._+-]; the first part of a split GGUF comes first
  std::uint64_t size = 0;
  Digest digest;  // of its content: blobs/sha256-<hex>
  Digest checks;  // of the list of piece checks (pieces.h), itself a blob
  bool weights = false;
  bool operator==(const StoredFile&) const = default;
};

// What a model is to be asked with unless its user says otherwise; as its maker wrote it. Part of its identity.
struct Defaults {
  std::string system;      // the system prompt
  std::string parameters;  // a JSON object of Ollama's options, as text
  std::string messages;    // a JSON array of {role, content}, as text
  bool operator==(const Defaults&) const = default;
};

// An adapter that a name puts on a model.
struct AdapterTuple {
  Kind kind = Kind::peft_adapter;
  std::vector<StoredFile> files;
  bool operator==(const AdapterTuple&) const = default;
};

// What a name points to: an immutable tuple. Two imports of the same files give the same one.
struct ModelTuple {
  Kind kind = Kind::gguf;
  std::vector<StoredFile> files;
  std::optional<AdapterTuple> adapter;
  std::optional<Digest> chat_template;  // SHA-256 of the template's text
  std::optional<Digest> tokenizer;      // of what decides about token ids (identity.h)
  Defaults defaults;
  bool operator==(const ModelTuple&) const = default;

  // Without its adapter, and the adapter as what its own name would point to.
  ModelTuple base() const;
  ModelTuple adapter_alone() const;
  // Of the weights alone: the file's own digest if there is one, otherwise that of the list of them.
  Digest weights() const;
  // Of the list of all files: names the folder that presents them (Store).
  Digest tree() const;
  // Of the whole tuple; two names that differ in their adapter alone have one base().id().
  Digest id() const;
  std::uint64_t total_bytes() const;
  // A GGUF of one part is run straight from its blob; everything else from its tree.
  bool needs_tree() const { return kind == Kind::hugging_face || kind == Kind::peft_adapter || files.size() != 1; }
};

// The receipt of a fetch from a server: what came from where.
struct Pulled {
  std::string address;        // "https://registry.example"
  std::string reference;      // how it is called there: "library/llama3:8b"
  std::string version;        // "sha256:…" of the registry's manifest, or the commit; may be empty
  std::string chat_template;  // in the registry's own language, kept as it came and not used
  std::string licence;        // its text, if there was one
  struct Part {
    std::string name;  // a file's name there, or a layer's media type
    std::uint64_t size = 0;
    Digest digest;
    std::string checked;  // what its server had said about it: "sha256", "git-sha1"; "" if it said nothing
    bool operator==(const Part&) const = default;
  };
  std::vector<Part> parts;
  bool operator==(const Pulled&) const = default;
};

// A file of examples that a model was trained on, as whoever trained it says.
struct LearnedFrom {
  std::string path;    // where it was
  std::string sha256;  // of its bytes, 64 hexadecimal digits
  bool operator==(const LearnedFrom&) const = default;
};

// Where it came from: not part of the identity.
struct Provenance {
  std::string source;        // absolute path, or what made it: "quantised from sha256:… to Q4_K_M"
  std::string imported;      // UTC, "2025-01-31T12:00:00Z"
  std::string architecture;  // "llama"
  std::string title;         // general.name
  std::string licence;       // as the files state it; empty if they do not
  std::string weight_type;   // "Q4_K", the type that most weights have
  std::uint64_t parameters = 0;
  std::optional<Pulled> pulled;
  std::vector<LearnedFrom> learned_from;
};

struct Manifest {
  ModelTuple model;
  Provenance from;
  // The weights in the layout of the kernels, made from `model` by whoever imported it: follows from it, so it is no
  // part of the identity, and can be made anew at any time.
  std::optional<StoredFile> prepared;
};

// What a file of a model may be called: [A-Za-z0-9._+-], not beginning with '.', at most 200 bytes.
bool plain_file_name(std::string_view name);

std::string to_json(const Manifest& manifest);
// Errors: Errc::corrupt, naming the field; Errc::unsupported for a later version of the format.
Result<Manifest> parse_manifest(std::string_view json);

}  // namespace freehold::store
