// Opening GGUF files by path: one file, or the parts of a split one put together.
#include "format/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "base/utf8.h"

namespace freehold::format {
namespace {

struct SplitKeys {
  std::uint64_t count = 1;
  std::uint64_t number = 0;  // counted from 0
  std::optional<std::uint64_t> tensors;
};

Result<SplitKeys> split_keys(const Metadata& metadata) {
  SplitKeys keys;
  FH_TRY(keys.count, metadata.get_or<std::uint64_t>("split.count", 1));
  FH_TRY(keys.number, metadata.get_or<std::uint64_t>("split.no", 0));
  FH_TRY(keys.tensors, metadata.find_as<std::uint64_t>("split.tensors.count"));
  if (keys.count <= 1) keys.count = 1;  // 0 also means "not split"
  if (keys.count > kGgufMaxSplits) {
    return fail(Errc::corrupt,
                fmt::format("metadata 'split.count': {} parts; at most {} are read", keys.count, kGgufMaxSplits));
  }
  if (keys.number >= keys.count) {
    return fail(Errc::corrupt,
                fmt::format("metadata 'split.no': part {} (counted from 0) of {}", keys.number, keys.count));
  }
  return keys;
}

// "llama-00002-of-00003.gguf" -> {"llama", 2, 3}
struct SplitName {
  std::string prefix;
  std::uint64_t number = 0;  // counted from 1
  std::uint64_t count = 0;
};

std::string format_name(const std::string& prefix, std::uint64_t number, std::uint64_t count) {
  return fmt::format("{}-{:05}-of-{:05}.gguf", prefix, number, count);
}

std::optional<SplitName> parse_name(const std::string& name) {
  constexpr std::size_t kTail = std::string_view("-00001-of-00003.gguf").size();
  if (name.size() < kTail) return std::nullopt;
  SplitName split;
  split.prefix = name.substr(0, name.size() - kTail);
  std::string_view tail = std::string_view(name).substr(split.prefix.size());
  for (std::size_t i = 0; i < 5; ++i) {
    char a = tail[1 + i];
    char b = tail[10 + i];
    if (a < '0' || a > '9' || b < '0' || b > '9') return std::nullopt;
    split.number = split.number * 10 + static_cast<std::uint64_t>(a - '0');
    split.count = split.count * 10 + static_cast<std::uint64_t>(b - '0');
  }
  if (format_name(split.prefix, split.number, split.count) != name) return std::nullopt;
  return split;
}

// The first part says everything about the model; a later one may repeat it, but not differ or add to it.
Result<> check_agreement(const Metadata& first, const Metadata& part) {
  for (const Member& entry : part.entries()) {
    if (entry.key.starts_with("split.") || entry.key == "general.alignment") continue;
    const Value* other = first.find(entry.key);
    if (other == nullptr || !(*other == entry.value)) {
      return fail(Errc::corrupt, fmt::format("metadata '{}' differs from the first part's", printable(entry.key)));
    }
  }
  return {};
}

Result<> append_part(Gguf& whole, MappedFile file, const SplitKeys& first, std::uint64_t number) {
  FH_TRY(Gguf part, parse_gguf(file.bytes()));
  FH_TRY(SplitKeys keys, split_keys(part.metadata));
  if (keys.count != first.count || keys.number != number) {
    return fail(Errc::corrupt, fmt::format("it says that it is part {} of {}, not {} of {}", keys.number + 1,
                                           keys.count, number + 1, first.count));
  }
  if (keys.tensors && first.tensors && *keys.tensors != *first.tensors) {
    return fail(Errc::corrupt, fmt::format("metadata 'split.tensors.count' says {}, and that of the first part {}",
                                           *keys.tensors, *first.tensors));
  }
  FH_TRY_VOID(check_agreement(whole.metadata, part.metadata));
  if (whole.tensors.size() + part.tensors.size() > kGgufMaxEntries) {
    return fail(Errc::corrupt, fmt::format("more than {} tensors", kGgufMaxEntries));
  }
  whole.total_bytes += part.total_bytes;
  std::move(part.tensors.begin(), part.tensors.end(), std::back_inserter(whole.tensors));
  whole.files.push_back(std::move(file));
  return {};
}

Result<> index_parts(Gguf& whole, const SplitKeys& first) {
  if (first.tensors && *first.tensors != whole.tensors.size()) {
    return fail(Errc::corrupt, fmt::format("metadata 'split.tensors.count' says {}, but the parts have {} tensors",
                                           *first.tensors, whole.tensors.size()));
  }
  auto name = [&](std::uint32_t i) -> const std::string& { return whole.tensors[i].name; };
  whole.by_name.resize(whole.tensors.size());
  std::iota(whole.by_name.begin(), whole.by_name.end(), 0u);
  std::sort(whole.by_name.begin(), whole.by_name.end(), [&](auto a, auto b) { return name(a) < name(b); });
  auto twice = std::adjacent_find(whole.by_name.begin(), whole.by_name.end(),
                                  [&](auto a, auto b) { return name(a) == name(b); });
  if (twice == whole.by_name.end()) return {};
  return fail(Errc::corrupt, fmt::format("tensor '{}' is in two parts", printable(name(*twice))));
}

// Whether the file at `path` is the first of several, and named so that the others can be found.
Result<> check_first(const SplitKeys& first, const std::filesystem::path& path) {
  auto split = parse_name(path.filename().string());
  if (!split || split->count != first.count) {
    return fail(Errc::invalid,
                fmt::format("it is one of {} parts, but is not named …-00001-of-{:05}.gguf", first.count, first.count));
  }
  std::string first_name = format_name(split->prefix, 1, first.count);
  if (first.number != 0 || split->number != 1) {
    return fail(Errc::invalid, fmt::format("it is part {} of {}; open the first part, {}", first.number + 1,
                                           first.count, printable(first_name)));
  }
  return {};
}

// Errors name the part that they are about, with its path.
Result<> append_others(Gguf& whole, const SplitKeys& first, const std::filesystem::path& path) {
  auto split = parse_name(path.filename().string());
  if (!split) return fail(Errc::internal, "a split file that was checked is named as one");
  std::filesystem::path folder = path.parent_path().empty() ? "." : path.parent_path();
  for (std::uint64_t number = 1; number < first.count; ++number) {
    std::string name = format_name(split->prefix, number + 1, first.count);
    FH_TRY(MappedFile file, MappedFile::open_in(folder, name));
    auto appended = append_part(whole, std::move(file), first, number);
    if (!appended) return in_context(std::move(appended).error(), printable((folder / name).string()));
  }
  return {};
}

}  // namespace

const tensor::View* Gguf::find(std::string_view name) const {
  auto it = std::lower_bound(by_name.begin(), by_name.end(), name,
                             [&](std::uint32_t i, std::string_view n) { return tensors[i].name < n; });
  return it != by_name.end() && tensors[*it].name == name ? &tensors[*it] : nullptr;
}

Result<Gguf> open_gguf(const std::filesystem::path& path) {
  FH_TRY(MappedFile file, MappedFile::open(path));
  SplitKeys keys;
  auto opened = [&]() -> Result<Gguf> {
    if (file.size() == 0) return fail(Errc::corrupt, "the file is empty");
    FH_TRY(Gguf gguf, parse_gguf(file.bytes()));
    FH_TRY(keys, split_keys(gguf.metadata));
    gguf.files.push_back(std::move(file));
    if (keys.count > 1) FH_TRY_VOID(check_first(keys, path));
    return gguf;
  }();
  if (!opened) return in_context(std::move(opened).error(), printable(path.string()));
  if (keys.count > 1) FH_TRY_VOID(append_others(*opened, keys, path));
  auto indexed = keys.count > 1 ? index_parts(*opened, keys) : Result<>();
  if (!indexed) return in_context(std::move(indexed).error(), printable(path.string()));
  return opened;
}

}  // namespace freehold::format
