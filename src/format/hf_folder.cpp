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

namespace freehold::format {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxConfig = std::uint64_t{1} << 20;
constexpr std::uint64_t kMaxIndex = std::uint64_t{24} << 20;        // the largest known has 15 MiB
constexpr std::uint64_t kMaxIndexMemory = std::uint64_t{40} << 20;  // of its tree
constexpr std::size_t kMaxTensors = std::size_t{1} << 18;           // of all shards
constexpr std::uint64_t kMaxTokenizer = std::uint64_t{128} << 20;   // the largest known has 33 MiB
constexpr std::uint64_t kMaxTokenizerConfig = std::uint64_t{8} << 20;
constexpr std::uint64_t kMaxTemplate = std::uint64_t{1} << 20;
constexpr std::size_t kMaxShards = 4096;

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
    return fail(Errc::exhausted,
                fmt::format("{} has {} bytes, more than the {} that are read of it", name, file->size(), limit));
  }
  return std::optional<MappedFile>(std::move(*file));
}

Result<std::optional<Metadata>> read_config(const fs::path& folder, const std::string& name) {
  FH_TRY(auto file, find_file(folder, name, kMaxConfig));
  if (!file) return std::optional<Metadata>();
  auto metadata = parse_json_flattened(as_text(file->bytes()));
  if (!metadata) return in_context(std::move(metadata).error(), name);
  return std::optional<Metadata>(std::move(*metadata));
}

// shard's file name -> how many tensors the index expects in it; tensor -> shard.
struct Index {
  std::map<std::string, std::size_t> shards;
  std::map<std::string, std::string, std::less<>> tensors;
};

Result<Index> parse_index(std::string_view text) {
  FH_TRY(Value root, parse_json(text, {.depth = 64, .memory = kMaxIndexMemory}));
  const Value* map = root.member("weight_map");
  if (map == nullptr || !map->is_object()) return fail(Errc::corrupt, "expected an object 'weight_map'");
  if (map->size() > kMaxTensors) return fail(Errc::corrupt, fmt::format("{} tensors are too many", map->size()));
  Index index;
  for (const Member& m : map->members()) {
    auto shard = m.value.as_string();
    if (!shard) {
      return fail(Errc::corrupt,
                  fmt::format("weight_map '{}': expected a file name, found {}", printable(m.key), m.value.describe()));
    }
    ++index.shards[std::string(*shard)];
    index.tensors.emplace(m.key, *shard);
  }
  if (index.shards.size() > kMaxShards) {
    return fail(Errc::corrupt,
                fmt::format("{} shards are more than the {} that are read", index.shards.size(), kMaxShards));
  }
  return index;
}

Result<> add_shard(HfFolder& out, MappedFile file) {
  std::uint64_t bytes = file.size();
  FH_TRY(Safetensors shard, read_safetensors(std::move(file)));
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

Result<> add_indexed_shard(HfFolder& out, const Index& index, const std::string& name, std::size_t expected) {
  if (!name.ends_with(".safetensors")) {
    return fail(Errc::unsupported, "only .safetensors files are read; pickled weights never are");
  }
  std::size_t before = out.tensors.size();
  FH_TRY(MappedFile file, MappedFile::open_in(out.path, name));
  FH_TRY_VOID(add_shard(out, std::move(file)));
  for (std::size_t i = before; i < out.tensors.size(); ++i) {
    const std::string& tensor = out.tensors[i].name;
    auto it = index.tensors.find(tensor);
    if (it == index.tensors.end() || it->second != name) {
      return fail(Errc::corrupt,
                  fmt::format("tensor '{}' is in this file, but not according to the index", printable(tensor)));
    }
  }
  std::size_t found = out.tensors.size() - before;
  if (found == expected) return {};
  // Names within a shard are unique and all are in the index, so one of the index is missing here.
  std::set<std::string_view> here;
  for (std::size_t i = before; i < out.tensors.size(); ++i) here.insert(out.tensors[i].name);
  auto lost = std::find_if(index.tensors.begin(), index.tensors.end(),
                           [&](const auto& entry) { return entry.second == name && !here.contains(entry.first); });
  return fail(Errc::corrupt, fmt::format("tensor '{}' should be in this file, but is not",
                                         lost == index.tensors.end() ? "" : printable(lost->first)));
}

Result<> read_indexed(HfFolder& out, std::string_view text) {
  auto index = parse_index(text);
  if (!index) return in_context(std::move(index).error(), "model.safetensors.index.json");
  for (const auto& [name, expected] : index->shards) {
    auto added = add_indexed_shard(out, *index, name, expected);
    if (!added) return in_context(std::move(added).error(), printable(name));
  }
  return {};
}

Result<> read_weights(HfFolder& out) {
  // As transformers does: one file, if there is one, before an index.
  FH_TRY(auto whole, find_file(out.path, "model.safetensors", ~std::uint64_t{0}));
  if (whole) {
    auto added = add_shard(out, std::move(*whole));
    if (!added) return in_context(std::move(added).error(), "model.safetensors");
    return {};
  }
  FH_TRY(auto index, find_file(out.path, "model.safetensors.index.json", kMaxIndex));
  if (index) return read_indexed(out, as_text(index->bytes()));
  std::error_code ec;
  for (const char* pickled : {"pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.00.pth"}) {
    if (!fs::exists(out.path / pickled, ec)) continue;
    return fail(Errc::unsupported,
                fmt::format("the weights are pickled ({}), which can run code when loaded; convert them to "
                            "safetensors",
                            pickled));
  }
  return fail(Errc::not_found, "there is neither model.safetensors nor model.safetensors.index.json");
}

void index_names(HfFolder& out) {
  out.by_name.resize(out.tensors.size());
  std::iota(out.by_name.begin(), out.by_name.end(), 0u);
  std::sort(out.by_name.begin(), out.by_name.end(),
            [&](auto a, auto b) { return out.tensors[a].name < out.tensors[b].name; });
}

Result<HfFolder> open_parts(const fs::path& folder) {
  HfFolder out;
  out.path = folder;
  FH_TRY(auto config, read_config(folder, "config.json"));
  if (!config) return fail(Errc::not_found, "there is no config.json");
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

}  // namespace

const tensor::View* HfFolder::find(std::string_view name) const {
  auto it = std::lower_bound(by_name.begin(), by_name.end(), name,
                             [&](std::uint32_t i, std::string_view n) { return tensors[i].name < n; });
  return it != by_name.end() && tensors[*it].name == name ? &tensors[*it] : nullptr;
}

Result<HfFolder> open_hf_folder(const std::filesystem::path& folder) {
  auto opened = open_parts(folder);
  if (!opened) return in_context(std::move(opened).error(), printable(folder.string()));
  return opened;
}

}  // namespace freehold::format
