#include "store/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/checked.h"
#include "base/utf8.h"
#include "format/json.h"

namespace freehold::store {
namespace {

using format::Value;
using nlohmann::ordered_json;

constexpr std::uint64_t kVersion = 1;
// Has `defaults`, `pulled` or `learned_from`, which version 1 does not know.
constexpr std::uint64_t kVersionWithPulls = 2;
constexpr std::size_t kMostLearnedFrom = 10'000;
constexpr std::size_t kMaxFiles = 8192;
constexpr std::size_t kMaxFileName = 200;
constexpr std::size_t kMaxText = 4096;
constexpr std::size_t kMaxDefault = std::size_t{1} << 20;  // bytes of one of the defaults

ordered_json optional_digest(const std::optional<Digest>& digest) {
  return digest ? ordered_json(digest->name()) : ordered_json(nullptr);
}

ordered_json file_json(const StoredFile& f) {
  return {{"name", f.name},
          {"size", f.size},
          {"digest", f.digest.name()},
          {"checks", f.checks.name()},
          {"weights", f.weights}};
}

// Without defaults `{}`, as in version 1: the digest of a model that has none stays what it was.
ordered_json defaults_json(const Defaults& defaults) {
  ordered_json out = ordered_json::object();
  if (!defaults.system.empty()) out["system"] = defaults.system;
  if (!defaults.parameters.empty()) out["parameters"] = defaults.parameters;
  if (!defaults.messages.empty()) out["messages"] = defaults.messages;
  return out;
}

ordered_json files_json(const std::vector<StoredFile>& files) {
  ordered_json out = ordered_json::array();
  for (const StoredFile& f : files) out.push_back(file_json(f));
  return out;
}

ordered_json tuple_json(const ModelTuple& model) {
  ordered_json adapter;
  if (model.adapter) adapter = {{"kind", name_of(model.adapter->kind)}, {"files", files_json(model.adapter->files)}};
  return {{"kind", name_of(model.kind)},
          {"files", files_json(model.files)},
          {"adapter", std::move(adapter)},
          {"chat_template", optional_digest(model.chat_template)},
          {"tokenizer", optional_digest(model.tokenizer)},
          {"defaults", defaults_json(model.defaults)}};
}

ordered_json pulled_json(const Pulled& pulled) {
  ordered_json parts = ordered_json::array();
  for (const Pulled::Part& part : pulled.parts) {
    parts.push_back(
        {{"name", part.name}, {"size", part.size}, {"digest", part.digest.name()}, {"checked", part.checked}});
  }
  return {{"address", pulled.address},        {"reference", pulled.reference}, {"version", pulled.version},
          {"template", pulled.chat_template}, {"licence", pulled.licence},     {"parts", std::move(parts)}};
}

ordered_json learned_json(const std::vector<LearnedFrom>& files) {
  ordered_json out = ordered_json::array();
  for (const LearnedFrom& file : files) out.push_back({{"path", file.path}, {"sha256", file.sha256}});
  return out;
}

// One line a file, in a fixed order: what digests of several files are taken of.
Digest digest_of_list(const std::vector<StoredFile>& files, bool only_weights) {
  std::vector<std::string> lines;
  for (const StoredFile& f : files) {
    if (f.weights || !only_weights) lines.push_back(fmt::format("{} {} {}\n", f.digest.name(), f.size, f.name));
  }
  std::sort(lines.begin(), lines.end());
  return sha256(fmt::format("{}", fmt::join(lines, "")));
}

// Reads the members of one object; each must be known and of its type.
class Fields {
 public:
  static Result<Fields> of(const Value* object, std::string_view where, std::initializer_list<std::string_view> known) {
    if (object == nullptr || !object->is_object()) {
      return fail(Errc::corrupt, fmt::format("expected an object '{}'", where));
    }
    for (const format::Member& m : object->members()) {
      if (std::find(known.begin(), known.end(), m.key) == known.end()) {
        return fail(Errc::unsupported, fmt::format("{}: unknown field '{}'", where, printable(m.key)));
      }
    }
    return Fields(*object, where);
  }

  Result<std::string> text(std::string_view key, std::size_t most = kMaxText) const {
    const Value* v = object_->member(key);
    auto s = v != nullptr ? v->as_string() : std::nullopt;
    if (!s || s->size() > most) return wrong(key, "a string");
    return std::string(*s);
  }
  Result<std::string> optional_text(std::string_view key, std::size_t most) const {
    return object_->member(key) == nullptr ? Result<std::string>(std::string()) : text(key, most);
  }
  Result<std::uint64_t> number(std::string_view key) const {
    const Value* v = object_->member(key);
    auto n = v != nullptr ? v->as_u64() : std::nullopt;
    if (!n) return wrong(key, "a number");
    return *n;
  }
  Result<bool> boolean(std::string_view key) const {
    const Value* v = object_->member(key);
    auto b = v != nullptr ? v->as_bool() : std::nullopt;
    if (!b) return wrong(key, "true or false");
    return *b;
  }
  Result<Digest> digest(std::string_view key) const {
    const Value* v = object_->member(key);
    auto s = v != nullptr ? v->as_string() : std::nullopt;
    auto d = s ? Digest::parse(*s) : std::nullopt;
    if (!d) return wrong(key, "sha256: and 64 hexadecimal digits");
    return *d;
  }
  Result<std::optional<Digest>> optional_digest(std::string_view key) const {
    const Value* v = object_->member(key);
    if (v != nullptr && v->is_null()) return std::optional<Digest>();
    FH_TRY(Digest d, digest(key));
    return std::optional<Digest>(d);
  }
  const Value* member(std::string_view key) const { return object_->member(key); }

 private:
  Fields(const Value& object, std::string_view where) : object_(&object), where_(where) {}
  Unexpected wrong(std::string_view key, std::string_view expected) const {
    const Value* v = object_->member(key);
    return fail(Errc::corrupt, fmt::format("{}.{}: expected {}, found {}", where_, key, expected,
                                           v != nullptr ? v->describe() : "nothing"));
  }
  const Value* object_;
  std::string_view where_;
};

Result<StoredFile> parse_file(const Value& value) {
  FH_TRY(Fields f, Fields::of(&value, "files", {"name", "size", "digest", "checks", "weights"}));
  StoredFile file;
  FH_TRY(file.name, f.text("name"));
  if (!plain_file_name(file.name)) {
    return fail(Errc::corrupt, fmt::format("files.name: '{}' is not a plain file name", printable(file.name)));
  }
  FH_TRY(file.size, f.number("size"));
  FH_TRY(file.digest, f.digest("digest"));
  FH_TRY(file.checks, f.digest("checks"));
  FH_TRY(file.weights, f.boolean("weights"));
  return file;
}

Result<> parse_files(const Value* files, ModelTuple& model) {
  if (files == nullptr || !files->is_array() || files->size() == 0 || files->size() > kMaxFiles) {
    return fail(Errc::corrupt, fmt::format("model.files: expected an array of 1 to {} files", kMaxFiles));
  }
  std::set<std::string> names;
  std::uint64_t total = 0;
  for (const Value& value : files->items()) {
    FH_TRY(StoredFile file, parse_file(value));
    if (!names.insert(file.name).second) {
      return fail(Errc::corrupt, fmt::format("model.files: '{}' occurs twice", file.name));
    }
    auto sum = add_ok(total, file.size);
    if (!sum) return fail(Errc::corrupt, "model.files: the sizes' sum overflows");
    total = *sum;
    model.files.push_back(std::move(file));
  }
  if (std::none_of(model.files.begin(), model.files.end(), [](const StoredFile& f) { return f.weights; })) {
    return fail(Errc::corrupt, "model.files: no file holds weights");
  }
  return {};
}

// The names that `import` gives: they say how the files belong together.
Result<> check_names(const ModelTuple& model) {
  const std::size_t n = model.files.size();
  if (model.kind == Kind::peft_adapter) {
    if (n == 2 && model.files[0].name == kPeftFiles[0] && model.files[1].name == kPeftFiles[1]) return {};
    return fail(Errc::corrupt, fmt::format("model.files: an adapter is {} and {}", kPeftFiles[0], kPeftFiles[1]));
  }
  if (model.kind == Kind::gguf_adapter) {
    if (n == 1 && model.files[0].name == kGgufAdapterFile) return {};
    return fail(Errc::corrupt, fmt::format("model.files: an adapter is one {}", kGgufAdapterFile));
  }
  if (model.kind == Kind::hugging_face) {
    if (std::any_of(model.files.begin(), model.files.end(),
                    [](const StoredFile& f) { return f.name == "config.json"; }))
      return {};
    return fail(Errc::corrupt, "model.files: a Hugging Face model without config.json");
  }
  for (std::size_t i = 0; i < n; ++i) {
    const std::string expected = n == 1 ? "model.gguf" : fmt::format("model-{:05}-of-{:05}.gguf", i + 1, n);
    if (model.files[i].name == expected) continue;
    return fail(Errc::corrupt, fmt::format("model.files: '{}' instead of '{}'", model.files[i].name, expected));
  }
  return {};
}

Result<Kind> parse_kind(const Fields& f) {
  FH_TRY(std::string name, f.text("kind"));
  for (Kind kind : {Kind::gguf, Kind::hugging_face, Kind::peft_adapter, Kind::gguf_adapter}) {
    if (name == name_of(kind)) return kind;
  }
  return fail(Errc::unsupported, fmt::format("model.kind: '{}' is unknown", printable(name)));
}

Result<std::optional<AdapterTuple>> parse_adapter(const Value* value) {
  if (value != nullptr && value->is_null()) return std::optional<AdapterTuple>();
  FH_TRY(Fields f, Fields::of(value, "model.adapter", {"kind", "files"}));
  ModelTuple read;
  FH_TRY(read.kind, parse_kind(f));
  if (!is_adapter(read.kind)) return fail(Errc::corrupt, "model.adapter.kind: a model's");
  FH_TRY_VOID(parse_files(f.member("files"), read));
  FH_TRY_VOID(check_names(read));
  return std::optional(AdapterTuple{read.kind, std::move(read.files)});
}

Result<ModelTuple> parse_tuple(const Value* value) {
  FH_TRY(Fields f, Fields::of(value, "model", {"kind", "files", "adapter", "chat_template", "tokenizer", "defaults"}));
  ModelTuple model;
  FH_TRY(model.kind, parse_kind(f));
  FH_TRY_VOID(parse_files(f.member("files"), model));
  FH_TRY_VOID(check_names(model));
  FH_TRY(model.adapter, parse_adapter(f.member("adapter")));
  if (model.adapter && is_adapter(model.kind)) return fail(Errc::corrupt, "model.adapter: on an adapter");
  FH_TRY(model.chat_template, f.optional_digest("chat_template"));
  FH_TRY(model.tokenizer, f.optional_digest("tokenizer"));
  FH_TRY(Fields defaults, Fields::of(f.member("defaults"), "model.defaults", {"system", "parameters", "messages"}));
  FH_TRY(model.defaults.system, defaults.optional_text("system", kMaxDefault));
  FH_TRY(model.defaults.parameters, defaults.optional_text("parameters", kMaxDefault));
  FH_TRY(model.defaults.messages, defaults.optional_text("messages", kMaxDefault));
  return model;
}

Result<Pulled> parse_pulled(const Value& value) {
  FH_TRY(Fields f, Fields::of(&value, "pulled", {"address", "reference", "version", "template", "licence", "parts"}));
  Pulled out;
  FH_TRY(out.address, f.text("address"));
  FH_TRY(out.reference, f.text("reference"));
  FH_TRY(out.version, f.text("version"));
  FH_TRY(out.chat_template, f.text("template", kMaxDefault));
  FH_TRY(out.licence, f.text("licence", kMaxDefault));
  const Value* parts = f.member("parts");
  if (parts == nullptr || !parts->is_array() || parts->size() > kMaxFiles) {
    return fail(Errc::corrupt, fmt::format("pulled.parts: expected an array of at most {} parts", kMaxFiles));
  }
  for (const Value& each : parts->items()) {
    FH_TRY(Fields p, Fields::of(&each, "pulled.parts", {"name", "size", "digest", "checked"}));
    Pulled::Part part;
    FH_TRY(part.name, p.text("name"));
    FH_TRY(part.size, p.number("size"));
    FH_TRY(part.digest, p.digest("digest"));
    FH_TRY(part.checked, p.text("checked"));
    out.parts.push_back(std::move(part));
  }
  return out;
}

Result<std::vector<LearnedFrom>> parse_learned(const Value& value) {
  if (!value.is_array() || value.size() > kMostLearnedFrom) {
    return fail(Errc::corrupt, fmt::format("learned_from: expected an array of at most {} files", kMostLearnedFrom));
  }
  std::vector<LearnedFrom> out;
  for (const Value& each : value.items()) {
    FH_TRY(Fields f, Fields::of(&each, "learned_from", {"path", "sha256"}));
    LearnedFrom file;
    FH_TRY(file.path, f.text("path"));
    FH_TRY(file.sha256, f.text("sha256"));
    out.push_back(std::move(file));
  }
  return out;
}

}  // namespace

bool plain_file_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxFileName || name.front() == '.') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '+' || c == '-';
  });
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::gguf:
      return "gguf";
    case Kind::hugging_face:
      return "hugging_face";
    case Kind::peft_adapter:
      return "peft_adapter";
    case Kind::gguf_adapter:
      return "gguf_adapter";
  }
  return {};
}

ModelTuple ModelTuple::base() const {
  ModelTuple out = *this;
  out.adapter.reset();
  return out;
}

ModelTuple ModelTuple::adapter_alone() const {
  ModelTuple out;
  if (adapter) out.kind = adapter->kind, out.files = adapter->files;
  return out;
}

Digest ModelTuple::weights() const {
  const auto count = std::count_if(files.begin(), files.end(), [](const StoredFile& f) { return f.weights; });
  if (count != 1) return digest_of_list(files, true);
  return std::find_if(files.begin(), files.end(), [](const StoredFile& f) { return f.weights; })->digest;
}

Digest ModelTuple::tree() const {
  return digest_of_list(files, false);
}

Digest ModelTuple::id() const {
  return sha256(tuple_json(*this).dump());
}

std::uint64_t ModelTuple::total_bytes() const {
  std::uint64_t sum = 0;
  for (const StoredFile& f : files) sum += f.size;
  if (adapter) {
    for (const StoredFile& f : adapter->files) sum += f.size;
  }
  return sum;
}

std::string to_json(const Manifest& manifest) {
  const Provenance& from = manifest.from;
  const bool more = from.pulled || !from.learned_from.empty() || manifest.model.defaults != Defaults{};
  ordered_json json = {{"freehold", more ? kVersionWithPulls : kVersion},
                       {"model", tuple_json(manifest.model)},
                       {"from",
                        {{"source", from.source},
                         {"imported", from.imported},
                         {"architecture", from.architecture},
                         {"title", from.title},
                         {"licence", from.licence},
                         {"weight_type", from.weight_type},
                         {"parameters", from.parameters}}}};
  if (from.pulled) json["pulled"] = pulled_json(*from.pulled);
  if (!from.learned_from.empty()) json["learned_from"] = learned_json(from.learned_from);
  json["prepared"] = manifest.prepared ? file_json(*manifest.prepared) : ordered_json();
  // A path or a title need not be UTF-8.
  return json.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Result<Manifest> parse_manifest(std::string_view json) {
  FH_TRY(Value root, format::parse_json(json));
  const Value* version = root.member("freehold");
  auto number = version != nullptr ? version->as_u64() : std::nullopt;
  if (!number) return fail(Errc::corrupt, "it is not a manifest: there is no version 'freehold'");
  if (*number != kVersion && *number != kVersionWithPulls) {
    return fail(Errc::unsupported,
                fmt::format("it has version {}, written by a later Freehold; this one reads {} and {}", *number,
                            kVersion, kVersionWithPulls));
  }
  FH_TRY(Fields all,
         Fields::of(&root, "manifest", {"freehold", "model", "from", "pulled", "learned_from", "prepared"}));
  Manifest out;
  FH_TRY(out.model, parse_tuple(all.member("model")));
  FH_TRY(Fields from,
         Fields::of(all.member("from"), "from",
                    {"source", "imported", "architecture", "title", "licence", "weight_type", "parameters"}));
  FH_TRY(out.from.source, from.text("source"));
  FH_TRY(out.from.imported, from.text("imported"));
  FH_TRY(out.from.architecture, from.text("architecture"));
  FH_TRY(out.from.title, from.text("title"));
  FH_TRY(out.from.licence, from.text("licence"));
  FH_TRY(out.from.weight_type, from.text("weight_type"));
  FH_TRY(out.from.parameters, from.number("parameters"));
  if (const Value* pulled = all.member("pulled"); pulled != nullptr) {
    FH_TRY(out.from.pulled, parse_pulled(*pulled));
  }
  if (const Value* learned = all.member("learned_from"); learned != nullptr) {
    FH_TRY(out.from.learned_from, parse_learned(*learned));
  }
  if (const Value* prepared = all.member("prepared"); prepared != nullptr && !prepared->is_null()) {
    FH_TRY(out.prepared, parse_file(*prepared));
  }
  return out;
}

}  // namespace freehold::store
