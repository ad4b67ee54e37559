#include "store/identity.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/utf8.h"
#include "format/gguf.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "tensor/dtype.h"

namespace freehold::store {
namespace {

using format::Metadata;
using format::Value;

void hash_number(Sha256& hash, std::uint64_t n) {
  std::array<std::byte, 8> raw{};
  for (std::size_t i = 0; i < 8; ++i) raw[i] = static_cast<std::byte>(n >> 8 * i & 0xFF);
  hash.update(raw);
}

void hash_text(Sha256& hash, std::string_view text) {
  hash_number(hash, text.size());
  hash.update(as_bytes(text));
}

// Type, then content; arrays as element type, count and elements. The same for every version of GGUF.
void hash_value(Sha256& hash, const Value& v) {
  hash_number(hash, static_cast<std::uint64_t>(v.type()));
  if (v.is_array()) {
    hash_number(hash, static_cast<std::uint64_t>(v.element_type()));
    hash_number(hash, v.size());
    const Value::Packed* packed = v.as_packed();
    if (auto strings = v.as_strings()) {
      for (std::string_view s : *strings) hash_text(hash, s);
    } else if (packed != nullptr && format::fixed_size(packed->element) != 0) {
      hash.update(packed->raw);
    } else {
      for (const Value& item : v.items()) hash_value(hash, item);
    }
  } else if (auto text = v.as_string()) {
    hash_text(hash, *text);
  } else if (auto b = v.as_bool()) {
    hash_number(hash, *b ? 1 : 0);
  } else if (auto i = v.as_i64()) {
    hash_number(hash, static_cast<std::uint64_t>(*i));
  } else if (auto u = v.as_u64()) {
    hash_number(hash, *u);
  } else if (auto x = v.as_f64()) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &*x, sizeof bits);
    hash_number(hash, bits);
  }
}

std::optional<Digest> gguf_tokenizer(const Metadata& metadata) {
  std::map<std::string_view, const Value*> entries;
  for (const format::Member& m : metadata.entries()) {
    if (m.key.starts_with("tokenizer.ggml.")) entries.emplace(m.key, &m.value);
  }
  if (entries.empty()) return std::nullopt;
  Sha256 hash;
  for (const auto& [key, value] : entries) {
    hash_text(hash, key);
    hash_value(hash, *value);
  }
  return hash.finish();
}

std::optional<Digest> folder_tokenizer(const format::HfFolder& folder) {
  Sha256 hash;
  bool any = false;
  auto add = [&](std::string_view name, const std::optional<MappedFile>& file) {
    if (!file) return;
    any = true;
    hash_text(hash, name);
    hash_text(hash, as_text(file->bytes()));
  };
  add("tokenizer.json", folder.tokenizer_json);
  add("tokenizer.model", folder.tokenizer_model);
  add("tokenizer_config.json", folder.tokenizer_config_json);
  if (!any) return std::nullopt;
  return hash.finish();
}

Result<std::optional<std::string>> folder_template(const format::HfFolder& folder) {
  if (folder.chat_template_jinja) return std::optional(std::string(as_text(folder.chat_template_jinja->bytes())));
  if (!folder.tokenizer_config_json) return std::optional<std::string>();
  auto config = format::parse_json(as_text(folder.tokenizer_config_json->bytes()));
  if (!config) return in_context(std::move(config).error(), "tokenizer_config.json");
  const Value* value = config->member("chat_template");
  if (value == nullptr || value->is_null()) return std::optional<std::string>();
  if (auto text = value->as_string()) return std::optional(std::string(*text));
  for (const Value& item : value->items()) {
    const Value* name = item.member("name");
    const Value* text = item.member("template");
    if (name != nullptr && name->as_string() == "default" && text != nullptr && text->is_string()) {
      return std::optional(std::string(*text->as_string()));
    }
  }
  return fail(Errc::corrupt, "tokenizer_config.json: 'chat_template' is neither text nor a list with a 'default'");
}

// Text from a file for the manifest: valid UTF-8 and short.
std::string short_text(const Metadata& metadata, std::initializer_list<std::string_view> keys) {
  for (std::string_view key : keys) {
    const Value* v = metadata.find(key);
    if (auto text = v != nullptr ? v->as_string() : std::nullopt) return printable(*text);
  }
  return "";
}

}  // namespace

Result<std::optional<std::string>> chat_template_of(const format::Checkpoint& checkpoint) {
  if (checkpoint.hf() != nullptr) return folder_template(*checkpoint.hf());
  FH_TRY(auto text, checkpoint.metadata().find_as<std::string_view>("tokenizer.chat_template"));
  if (!text) return std::optional<std::string>();
  return std::optional(std::string(*text));
}

Result<std::optional<Digest>> tokenizer_digest(const format::Checkpoint& checkpoint) {
  return checkpoint.hf() != nullptr ? folder_tokenizer(*checkpoint.hf()) : gguf_tokenizer(checkpoint.metadata());
}

Provenance facts_of(const format::Checkpoint& checkpoint) {
  const Metadata& metadata = checkpoint.metadata();
  Provenance out;
  out.architecture = short_text(metadata, {"general.architecture", "model_type"});
  out.title = short_text(metadata, {"general.name", "_name_or_path"});
  out.licence = short_text(metadata, {"general.license", "license"});
  std::map<tensor::DType, std::uint64_t> elems;
  for (const tensor::View& t : checkpoint.tensors()) {
    elems[t.type] += t.elems();
    out.parameters += t.elems();
  }
  auto most = std::max_element(elems.begin(), elems.end(), [](auto& a, auto& b) { return a.second < b.second; });
  if (most != elems.end()) out.weight_type = tensor::name_of(most->first);
  return out;
}

std::optional<Kind> adapter_kind(const std::filesystem::path& path) {
  std::error_code ec;
  if (std::filesystem::is_directory(path, ec)) {
    const bool model = std::filesystem::exists(path / "config.json", ec);
    if (model || !std::filesystem::exists(path / kPeftFiles[0], ec)) return std::nullopt;
    return Kind::peft_adapter;
  }
  const auto file = MappedFile::open(path);
  if (!file || !format::looks_like_gguf(file->bytes())) return std::nullopt;
  const auto gguf = format::open_gguf(path);
  const Value* type = gguf ? gguf->metadata.find("general.type") : nullptr;
  return type != nullptr && type->as_string() == "adapter" ? std::optional(Kind::gguf_adapter) : std::nullopt;
}

Result<Provenance> facts_of_adapter(Kind kind, const std::filesystem::path& path) {
  Provenance from;
  from.architecture = "adapter";
  const auto count = [&](const std::vector<tensor::View>& tensors) {
    for (const tensor::View& t : tensors) from.parameters += t.elems();
    if (!tensors.empty()) from.weight_type = tensor::name_of(tensors.front().type);
  };
  if (kind == Kind::gguf_adapter) {
    FH_TRY(const format::Gguf file, format::open_gguf(path));
    if (auto name = file.metadata.find_as<std::string_view>("general.name"); name && *name) from.title = **name;
    count(file.tensors);
    return from;
  }
  FH_TRY(const std::string text, read_file(path / kPeftFiles[0]));
  auto json = format::parse_json(text);
  if (!json) return in_context(std::move(json).error(), kPeftFiles[0]);
  const Value* base = json->member("base_model_name_or_path");
  if (base != nullptr) from.title = printable(base->as_string().value_or(""), 200);
  FH_TRY(const format::Safetensors file, format::open_safetensors(path / kPeftFiles[1]));
  count(file.tensors);
  return from;
}

}  // namespace freehold::store
