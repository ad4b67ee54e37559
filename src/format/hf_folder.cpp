#include "format/hf_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <utility>

#include "base/utf8.h"
#include "format/json.h"
#include "format/nf4_tensors.h"

namespace freehold::format {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxConfig = std::uint64_t{1} << 20;
constexpr std::uint64_t kMaxIndex = std::uint64_t{24} << 20;       // the largest known has 15 MiB
constexpr std::size_t kMaxTensors = std::size_t{1} << 17;          // of all shards; the largest known has 92,000
constexpr std::uint64_t kMaxTokenizer = std::uint64_t{128} << 20;  // the largest known has 33 MiB
constexpr std::uint64_t kMaxTokenizerConfig = std::uint64_t{8} << 20;
constexpr std::uint64_t kMaxTemplate = std::uint64_t{1} << 20;
constexpr std::size_t kMaxShards = 4096;
constexpr const char* kIndexName = "model.safetensors.index.json";

// How errors name a file: once, with its folder. What the operating system refuses names its path itself.
std::string named(const fs::path& folder, const std::string& name) {
  return printable((folder / name).string());
}

// A file of the folder, nothing if it has none of that name.
Result<std::optional<MappedFile>> find_file(const fs::path& folder, const std::string& name, std::uint64_t limit) {
  auto file = MappedFile::open_in(folder, name);
  if (!file) {
    // A dangling link is a broken download, not an absent file.
    std::error_code ec;
    bool absent = file.error().code == Errc::not_found && !fs::is_symlink(fs::symlink_status(folder / name, ec));
    if (absent) return std::optional<MappedFile>();
    return Unexpected(std::move(file).error());
  }
  if (file->size() > limit) {
    return fail(Errc::exhausted, fmt::format("{} has {} bytes, more than the {} that are read of it",
                                             named(folder, name), file->size(), limit));
  }
  return std::optional<MappedFile>(std::move(*file));
}

Result<std::optional<Metadata>> read_config(const fs::path& folder, const std::string& name) {
  FH_TRY(auto file, find_file(folder, name, kMaxConfig));
  if (!file) return std::optional<Metadata>();
  auto metadata = parse_json_flattened(as_text(file->bytes()));
  if (!metadata) return in_context(std::move(metadata).error(), named(folder, name));
  return std::optional<Metadata>(std::move(*metadata));
}

// What an index says, and the events of its JSON: { "weight_map": { tensor: shard, … }, … }. A tree of it would take
// several times its size.
class Index final : public JsonEvents {
 public:
  static Result<Index> parse(std::string_view text) {
    Index index;
    FH_TRY_VOID(scan_json(text, index, {.depth = 64}));
    if (!index.has_map_) return fail(Errc::corrupt, "expected an object 'weight_map'");
    std::sort(index.tensors_.begin(), index.tensors_.end());
    auto twice = std::adjacent_find(index.tensors_.begin(), index.tensors_.end(),
                                    [](const Entry& a, const Entry& b) { return a.tensor == b.tensor; });
    if (twice == index.tensors_.end()) return index;
    return fail(Errc::corrupt, fmt::format("key '{}' occurs twice", printable(twice->tensor)));
  }

  // Each shard's file name and how many tensors are expected in it.
  const std::map<std::string, std::uint32_t, std::less<>>& shards() const { return shards_; }
  bool has(std::string_view tensor, std::string_view shard) const {
    auto it = std::lower_bound(tensors_.begin(), tensors_.end(), tensor,
                               [](const Entry& e, std::string_view name) { return e.tensor < name; });
    return it != tensors_.end() && it->tensor == tensor && *it->shard == shard;
  }
  // A tensor of this shard that is not among `present`; empty if there is none.
  std::string_view missing(std::string_view shard, const std::set<std::string_view>& present) const {
    auto lost = std::find_if(tensors_.begin(), tensors_.end(),
                             [&](const Entry& e) { return *e.shard == shard && !present.contains(e.tensor); });
    return lost == tensors_.end() ? std::string_view() : std::string_view(lost->tensor);
  }

  Result<> scalar(Value value) override {
    if (in_map_) return add(value);
    if (depth_ == 0 || (depth_ == 1 && key_ == "weight_map")) return unexpected();
    return {};
  }
  Result<> begin_object() override {
    if (in_map_) return add(Value::object({}));
    in_map_ = ++depth_ == 2 && key_ == "weight_map";
    return {};
  }
  Result<> key(std::string_view key) override {
    key_ = key;
    if (depth_ != 1 || key_ != "weight_map") return {};
    if (has_map_) return fail(Errc::corrupt, "key 'weight_map' occurs twice");
    has_map_ = true;
    return {};
  }
  Result<> end_object() override {
    in_map_ = false;
    --depth_;
    key_.clear();
    return {};
  }
  Result<> begin_array() override {
    if (in_map_) return add(Value::array({}));
    if (depth_ == 0 || (depth_ == 1 && key_ == "weight_map")) return unexpected();
    ++depth_;
    key_.clear();
    return {};
  }
  Result<> end_array() override {
    --depth_;
    return {};
  }

 private:
  struct Entry {
    std::string tensor;
    const std::string* shard = nullptr;  // a key of shards_, whose nodes do not move
    bool operator<(const Entry& other) const { return tensor < other.tensor; }
  };

  static Unexpected unexpected() { return fail(Errc::corrupt, "expected an object 'weight_map'"); }

  Result<> add(const Value& value) {
    auto shard = value.as_string();
    if (!shard) {
      return fail(Errc::corrupt,
                  fmt::format("weight_map '{}': expected a file name, found {}", printable(key_), value.describe()));
    }
    if (tensors_.size() >= kMaxTensors) return fail(Errc::corrupt, fmt::format("more than {} tensors", kMaxTensors));
    auto it = shards_.find(*shard);
    if (it == shards_.end()) {
      if (shards_.size() >= kMaxShards) return fail(Errc::corrupt, fmt::format("more than {} shards", kMaxShards));
      it = shards_.emplace(std::string(*shard), 0).first;
    }
    ++it->second;
    tensors_.push_back({std::move(key_), &it->first});
    key_.clear();
    return {};
  }

  int depth_ = 0;
  bool in_map_ = false;
  bool has_map_ = false;
  std::string key_;
  std::map<std::string, std::uint32_t, std::less<>> shards_;
  std::vector<Entry> tensors_;
};

Result<> add_shard(HfFolder& out, MappedFile file) {
  std::uint64_t bytes = file.size();
  FH_TRY(Safetensors shard, read_safetensors(std::move(file)));
  FH_TRY_VOID(join_nf4_tensors(shard));
  if (!shard.others.empty()) {
    return fail(Errc::unsupported, fmt::format("tensor '{}' has type {}, which is unsupported",
                                               printable(shard.others.front().name), shard.others.front().dtype));
  }
  out.total_bytes += bytes;
  out.tensors.insert(out.tensors.end(), shard.tensors.begin(), shard.tensors.end());
  shard.tensors.clear();
  shard.tensors.shrink_to_fit();
  out.shards.push_back(std::move(shard));
  return {};
}

Result<> add_indexed_shard(HfFolder& out, const Index& index, MappedFile file, const std::string& name,
                           std::size_t expected) {
  std::size_t before = out.tensors.size();
  FH_TRY_VOID(add_shard(out, std::move(file)));
  for (std::size_t i = before; i < out.tensors.size(); ++i) {
    const std::string& tensor = out.tensors[i].name;
    if (!index.has(tensor, name)) {
      return fail(Errc::corrupt,
                  fmt::format("tensor '{}' is in this file, but not according to the index", printable(tensor)));
    }
  }
  const std::vector<std::string>& parts = out.shards.back().joined;
  for (const std::string& part : parts) {
    if (index.has(part, name)) continue;
    return fail(Errc::corrupt,
                fmt::format("tensor '{}' is in this file, but not according to the index", printable(part)));
  }
  if (out.tensors.size() - before + parts.size() == expected) return {};
  // Names within a shard are unique and all are in the index, so one of the index is missing here.
  std::set<std::string_view> here(parts.begin(), parts.end());
  for (std::size_t i = before; i < out.tensors.size(); ++i) here.insert(out.tensors[i].name);
  return fail(Errc::corrupt,
              fmt::format("tensor '{}' should be in this file, but is not", printable(index.missing(name, here))));
}

Result<> read_indexed(HfFolder& out, std::string_view text) {
  auto index = Index::parse(text);
  if (!index) return in_context(std::move(index).error(), named(out.path, kIndexName));
  for (const auto& [name, expected] : index->shards()) {
    if (!name.ends_with(".safetensors")) {
      return fail(Errc::unsupported, fmt::format("{}: only .safetensors files are read; pickled weights never are",
                                                 named(out.path, name)));
    }
    auto file = MappedFile::open_in(out.path, name);
    if (!file && file.error().code == Errc::corrupt) {  // the name itself is wrong
      return in_context(std::move(file).error(), named(out.path, kIndexName));
    }
    if (!file) return Unexpected(std::move(file).error());
    auto added = add_indexed_shard(out, *index, std::move(*file), name, expected);
    if (!added) return in_context(std::move(added).error(), named(out.path, name));
  }
  return {};
}

Result<> read_weights(HfFolder& out) {
  // As transformers does: one file, if there is one, before an index.
  FH_TRY(auto whole, find_file(out.path, "model.safetensors", ~std::uint64_t{0}));
  if (whole) {
    auto added = add_shard(out, std::move(*whole));
    if (!added) return in_context(std::move(added).error(), named(out.path, "model.safetensors"));
    return {};
  }
  FH_TRY(auto index, find_file(out.path, kIndexName, kMaxIndex));
  if (index) return read_indexed(out, as_text(index->bytes()));
  std::error_code ec;
  for (const char* pickled : {"pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.00.pth"}) {
    if (!fs::exists(out.path / pickled, ec)) continue;
    return fail(Errc::unsupported,
                fmt::format("{}: the weights are pickled, which can run code when loaded; convert them to safetensors",
                            named(out.path, pickled)));
  }
  return fail(Errc::not_found,
              fmt::format("{}: there is neither model.safetensors nor {}", printable(out.path.string()), kIndexName));
}

void index_names(HfFolder& out) {
  out.by_name.resize(out.tensors.size());
  std::iota(out.by_name.begin(), out.by_name.end(), 0u);
  std::sort(out.by_name.begin(), out.by_name.end(),
            [&](auto a, auto b) { return out.tensors[a].name < out.tensors[b].name; });
}

}  // namespace

Result<HfFolder> open_hf_folder(const std::filesystem::path& folder) {
  HfFolder out;
  out.path = folder;
  FH_TRY(auto config, read_config(folder, "config.json"));
  if (!config) {
    return fail(Errc::not_found, fmt::format("{}: there is no config.json", printable(folder.string())));
  }
  out.config = std::move(*config);
  FH_TRY(out.generation_config, read_config(folder, "generation_config.json"));
  FH_TRY(out.tokenizer_json, find_file(folder, "tokenizer.json", kMaxTokenizer));
  FH_TRY(out.tokenizer_config_json, find_file(folder, "tokenizer_config.json", kMaxTokenizerConfig));
  FH_TRY(out.tokenizer_model, find_file(folder, "tokenizer.model", kMaxTokenizer));
  FH_TRY(out.chat_template_jinja, find_file(folder, "chat_template.jinja", kMaxTemplate));
  FH_TRY_VOID(read_weights(out));
  index_names(out);
  return out;
}

const tensor::View* HfFolder::find(std::string_view name) const {
  auto it = std::lower_bound(by_name.begin(), by_name.end(), name,
                             [&](std::uint32_t i, std::string_view n) { return tensors[i].name < n; });
  return it != by_name.end() && tensors[*it].name == name ? &tensors[*it] : nullptr;
}

}  // namespace freehold::format
