// Bringing models into the store: copy and hash, present, validate, and only then give the name.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <set>
#include <utility>

#include "base/disk_space.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "format/json.h"
#include "store/blob.h"
#include "store/finite.h"
#include "store/identity.h"
#include "store/store.h"
#include "store/tree.h"
#include "store/writing.h"

namespace freehold::store {
namespace {

namespace fs = std::filesystem;

// A file to copy: its name at home and in the store.
struct Source {
  fs::path folder;
  std::string from;
  std::string to;
  bool weights = false;
};

struct Sources {
  Kind kind = Kind::gguf;
  std::vector<Source> files;
  std::uint64_t prepared_bytes = 0;  // that will be written beside them
};

Provenance origin_of(std::string_view source, const WriteOptions& options) {
  Provenance out;
  out.source = source;
  out.learned_from = options.learned_from;
  return out;
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts = {};
  ::gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

// Own names in the store ("model.gguf"), so that a model's identity does not depend on what its file was called.
Result<Sources> gguf_sources(const fs::path& path, const format::Gguf& gguf) {
  Sources out;
  const fs::path folder = path.parent_path().empty() ? "." : path.parent_path();
  const std::string name = path.filename().string();
  const std::size_t parts = std::max<std::size_t>(1, gguf.files.size());
  if (parts == 1) {
    out.files.push_back({folder, name, "model.gguf", true});
    return out;
  }
  const std::string tail = fmt::format("-00001-of-{:05}.gguf", parts);
  if (!name.ends_with(tail)) return fail(Errc::internal, "a split file that was opened is named as one");
  const std::string prefix = name.substr(0, name.size() - tail.size());
  for (std::size_t i = 1; i <= parts; ++i) {
    const std::string end = fmt::format("-{:05}-of-{:05}.gguf", i, parts);
    out.files.push_back({folder, prefix + end, "model" + end, true});
  }
  return out;
}

// Small files that belong to a model besides config.json and its weights.
constexpr std::string_view kCompanions[] = {
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
    "LICENSE",
    "LICENSE.txt",
    "LICENSE.md",
    "NOTICE",
    "README.md",
    "USE_POLICY.md",
};

Result<Sources> folder_sources(const fs::path& folder) {
  Sources out;
  out.kind = Kind::hugging_face;
  auto add = [&](std::string_view name, bool weights) {
    out.files.push_back({folder, std::string(name), std::string(name), weights});
  };
  auto has = [&](std::string_view name) {
    std::error_code ec;
    return fs::exists(folder / name, ec);
  };
  add("config.json", false);
  for (std::string_view name : kCompanions) {
    if (has(name)) add(name, false);
  }
  // The rule by which format::open_hf_folder chooses.
  if (has("model.safetensors")) {
    add("model.safetensors", true);
    return out;
  }
  constexpr std::string_view kIndex = "model.safetensors.index.json";
  add(kIndex, false);
  FH_TRY(MappedFile index, MappedFile::open_in(folder, std::string(kIndex)));
  FH_TRY(format::Value root, format::parse_json(as_text(index.bytes())));
  const format::Value* map = root.member("weight_map");
  if (map == nullptr) return fail(Errc::corrupt, fmt::format("{}: expected an object 'weight_map'", kIndex));
  std::set<std::string> shards;
  for (const format::Member& m : map->members()) {
    if (auto shard = m.value.as_string()) shards.emplace(*shard);
  }
  for (const std::string& shard : shards) add(shard, true);
  return out;
}

Sources adapter_sources(Kind kind, const fs::path& path) {
  Sources out;
  out.kind = kind;
  if (kind == Kind::gguf_adapter) {
    const fs::path folder = path.parent_path().empty() ? "." : path.parent_path();
    out.files.push_back({folder, path.filename().string(), std::string(kGgufAdapterFile), true});
    return out;
  }
  for (std::string_view name : kPeftFiles) {
    out.files.push_back({path, std::string(name), std::string(name), name != kPeftFiles[0]});
  }
  return out;
}

Result<Sources> sources_of(const fs::path& path, const WriteOptions& options) {
  if (const auto kind = adapter_kind(path)) return adapter_sources(*kind, path);
  FH_TRY(format::Checkpoint checkpoint, format::open_checkpoint(path));
  if (options.validate) FH_TRY_VOID(options.validate(checkpoint));
  FH_TRY(Sources out, checkpoint.gguf() != nullptr ? gguf_sources(path, *checkpoint.gguf()) : folder_sources(path));
  if (options.prepare.bytes) {
    FH_TRY(out.prepared_bytes, options.prepare.bytes(checkpoint));
  }
  return out;
}

Result<std::vector<InputFile>> open_all(const Sources& sources) {
  std::vector<InputFile> out;
  for (const Source& s : sources.files) {
    // A single file may be a link to anywhere: the user has named it.
    FH_TRY(InputFile file,
           sources.files.size() == 1 ? InputFile::open(s.folder / s.from) : InputFile::open_in(s.folder, s.from));
    out.push_back(std::move(file));
  }
  return out;
}

}  // namespace

std::span<const std::string_view> companion_files() {
  return kCompanions;
}

Result<Digest> weights_of_path(const fs::path& path, const std::function<Result<>()>& go_on) {
  constexpr std::size_t kPiece = std::size_t{4} << 20;
  FH_TRY(const Sources sources, sources_of(path, {}));
  ModelTuple model;
  for (const Source& s : sources.files) {
    if (!s.weights) continue;
    FH_TRY(const MappedFile file,
           sources.files.size() == 1 ? MappedFile::open(s.folder / s.from) : MappedFile::open_in(s.folder, s.from));
    Sha256 hash;
    for (Bytes left = file.bytes(); !left.empty();) {
      FH_TRY_VOID(go_on());
      const Bytes piece = left.first(std::min(kPiece, left.size()));
      hash.update(piece);
      left = left.subspan(piece.size());
    }
    model.files.push_back({s.to, file.size(), hash.finish(), {}, true});
  }
  return model.weights();
}

Result<Imported> Store::import(const fs::path& path, const ModelName& name, const WriteOptions& options) const {
  FH_TRY(Sources sources, sources_of(path, options));
  FH_TRY(Writing writing, Writing::begin(*this, options));
  FH_TRY(std::vector<InputFile> files, open_all(sources));
  std::uint64_t total = 0;
  for (const InputFile& file : files) total += file.size();
  if (auto taken = read(name); taken && !options.replace && taken->model.total_bytes() != total) {
    return fail(Errc::invalid, fmt::format("{} leads to another model already", name.text()));
  }
  FH_TRY_VOID(expect_space(home_, total + sources.prepared_bytes,
                           sources.prepared_bytes > 0 ? "the model, with its prepared weights, has" : "the model has"));
  ModelTuple model;
  model.kind = sources.kind;
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    auto blob = copy_to_blob(home_, std::move(files[i]), [&](std::uint64_t done) {
      return report(options.progress, "import", before + done, std::max(total, before + done));
    });
    if (!blob) return in_context(std::move(blob).error(), printable(sources.files[i].from));
    before += blob->size;
    model.files.push_back({sources.files[i].to, blob->size, blob->digest, blob->checks, sources.files[i].weights});
  }
  std::error_code ec;
  fs::path source = fs::absolute(path, ec);
  FH_TRY(Imported done,
         publish(name, std::move(model), origin_of(source.lexically_normal().string(), options), options, true));
  writing.finish();
  return done;
}

Result<Imported> Store::add(const ModelName& name, std::string_view source,
                            const std::function<Result<>(const format::Sink&)>& produce,
                            const WriteOptions& options) const {
  FH_TRY(Writing writing, Writing::begin(*this, options));
  FH_TRY(BlobWriter writer, BlobWriter::create(home_));
  FH_TRY_VOID(produce([&](Bytes bytes) { return writer.write(bytes); }));
  FH_TRY(Blob blob, writer.commit());
  ModelTuple model;
  model.files.push_back({"model.gguf", blob.size, blob.digest, blob.checks, true});
  FH_TRY(Imported done, publish(name, std::move(model), origin_of(source, options), options));
  writing.finish();
  return done;
}

// Finds what was prepared from the same files before, or prepares it now.
Result<std::optional<StoredFile>> Store::prepare(const ModelTuple& model, const format::Checkpoint& checkpoint,
                                                 const WriteOptions& options) const {
  const Preparation& how = options.prepare;
  FH_TRY(std::vector<Listed> all, list());
  for (const Listed& l : all) {
    if (!l.manifest || l.manifest->model.base() != model.base() || !l.manifest->prepared ||
        (options.replace && how.write))
      continue;
    if (!how.usable || how.usable(blob_path(home_, l.manifest->prepared->digest))) return l.manifest->prepared;
  }
  if (!how.write) return std::optional<StoredFile>();
  FH_TRY(BlobWriter writer, BlobWriter::create(home_));
  FH_TRY_VOID(how.write(
      checkpoint, [&](Bytes bytes) { return writer.write(bytes); }, options.progress));
  FH_TRY(Blob blob, writer.commit());
  return std::optional(StoredFile{std::string(kPreparedName), blob.size, blob.digest, blob.checks, false});
}

// Presents and validates what the tuple's blobs hold, and says what it is.
Result<> Store::describe(ModelTuple& model, Manifest& manifest, const WriteOptions& options, bool check_weights) const {
  if (model.needs_tree()) FH_TRY_VOID(make_tree(home_, model));
  if (is_adapter(model.kind)) {
    if (options.validate_adapter) FH_TRY_VOID(options.validate_adapter(nullptr, run_path(home_, model)));
    FH_TRY(manifest.from, facts_of_adapter(model.kind, run_path(home_, model)));
    return {};
  }
  FH_TRY(format::Checkpoint checkpoint, format::open_checkpoint(run_path(home_, model)));
  if (options.validate) FH_TRY_VOID(options.validate(checkpoint));
  if (check_weights) FH_TRY_VOID(check_finite(checkpoint, options.progress));
  FH_TRY(auto chat_template, chat_template_of(checkpoint));
  if (chat_template) model.chat_template = sha256(*chat_template);
  FH_TRY(model.tokenizer, tokenizer_digest(checkpoint));
  manifest.from = facts_of(checkpoint);
  if (model.adapter) {
    const ModelTuple adapter = model.adapter_alone();
    if (adapter.needs_tree()) FH_TRY_VOID(make_tree(home_, adapter));
    if (options.validate_adapter) FH_TRY_VOID(options.validate_adapter(&checkpoint, run_path(home_, adapter)));
  }
  FH_TRY(manifest.prepared, prepare(model, checkpoint, options));
  return {};
}

// The blobs are there: presents and validates what was stored (not the source, which may have changed meanwhile), and
// writes the manifest last.
Result<Imported> Store::publish(const ModelName& name, ModelTuple model, Provenance origin, const WriteOptions& options,
                                bool check_weights) const {
  Imported out;
  out.name = name;
  FH_TRY_VOID(describe(model, out.manifest, options, check_weights));
  out.manifest.from.source = printable(origin.source, 2000);
  out.manifest.from.imported = utc_now();
  out.manifest.from.pulled = std::move(origin.pulled);
  out.manifest.from.learned_from = std::move(origin.learned_from);
  out.manifest.model = std::move(model);
  auto taken = read(name);
  Leave leave;
  if (taken && taken->model == out.manifest.model) {
    out.already = true;
    const std::vector<LearnedFrom> learned = std::move(out.manifest.from.learned_from);
    const bool knows_more = !learned.empty() && learned != taken->from.learned_from;
    if (taken->prepared == out.manifest.prepared && !knows_more) {
      out.manifest = std::move(*taken);
      return out;
    }
    out.manifest.from = std::move(taken->from);
    if (knows_more) out.manifest.from.learned_from = learned;
  } else if (taken || taken.error().code != Errc::not_found) {
    if (!options.replace) return fail(Errc::invalid, fmt::format("{} leads to another model already", name.text()));
    if (taken) out.replaced = taken->model.id();
    FH_TRY(leave, leave_to_move(name, options));
  }
  const fs::path path = home_ / name.path();
  FH_TRY_VOID(make_directories(path.parent_path()));
  FH_TRY_VOID(write_file_atomically(path, to_json(out.manifest)));
  // The folders on the way may be new.
  for (fs::path folder = path.parent_path(); folder != home_; folder = folder.parent_path()) {
    FH_TRY_VOID(sync_folder(folder.parent_path()));
  }
  return out;
}

}  // namespace freehold::store
