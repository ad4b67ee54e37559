#include "pull/hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/utf8.h"
#include "format/json.h"
#include "store/store.h"

namespace freehold::pull {
namespace {

using format::Value;

constexpr std::size_t kMostFiles = 20'000;
constexpr std::size_t kMostParts = 512;
constexpr std::uint64_t kLargest = std::uint64_t{1} << 50;

bool is_wanted_name(std::string_view name) {
  if (name.empty() || name.size() > 500 || name.front() == '/' || name.back() == '/') return false;
  if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c < 0x7F && c != '\\'; })) return false;
  while (true) {
    const std::size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

bool is_hex40(std::string_view text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string_view text_of(const Value& object, std::string_view key) {
  const Value* v = object.member(key);
  return v != nullptr ? v->as_string().value_or(std::string_view()) : std::string_view();
}

std::optional<std::uint64_t> number_of(const Value& object, std::string_view key) {
  const Value* v = object.member(key);
  return v != nullptr ? v->as_u64() : std::nullopt;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// "dir/x-00002-of-00003.gguf" -> stem "dir/x", part 2 of 3; other names are one part of one.
struct Split {
  std::string stem;
  unsigned part = 1, parts = 1;
};
Split split_of(std::string_view name, std::string_view ending) {
  Split out{std::string(name.substr(0, name.size() - ending.size())), 1, 1};
  std::string_view stem = out.stem;
  if (stem.size() < 16) return out;
  const std::string_view tail = stem.substr(stem.size() - 15);
  const auto digits = [](std::string_view d) { return d.find_first_not_of("0123456789") == std::string_view::npos; };
  if (tail[0] != '-' || tail.substr(6, 4) != "-of-" || !digits(tail.substr(1, 5)) || !digits(tail.substr(10)))
    return out;
  out.part = static_cast<unsigned>(std::stoul(std::string(tail.substr(1, 5))));
  out.parts = static_cast<unsigned>(std::stoul(std::string(tail.substr(10))));
  out.stem.resize(stem.size() - 15);
  return out;
}

// A GGUF that is a model by itself: what belongs to images, or came from measuring, is not.
struct Gguf {
  std::map<unsigned, HubFile> parts;  // by number, from 1
  unsigned total = 1;
};

std::map<std::string, Gguf> models_of(const HubListing& listing) {
  std::map<std::string, Gguf> out;
  for (const HubFile& file : listing.files) {
    const std::string name = lower(file.name);
    if (!name.ends_with(".gguf") || name.find("mmproj") != std::string::npos ||
        name.find("imatrix") != std::string::npos) {
      continue;
    }
    const Split split = split_of(file.name, ".gguf");
    Gguf& gguf = out[split.stem];
    gguf.parts[split.part] = file;
    gguf.total = split.parts;
  }
  return out;
}

// Whether `word` is a part of the name by itself: "Q4_K" is not in "x-Q4_K_M".
bool has_word(std::string_view stem, std::string_view word) {
  const std::string in = lower(stem), what = lower(word);
  const auto border = [&](std::size_t at, std::string_view borders) {
    return at >= in.size() || borders.find(in[at]) != std::string_view::npos;
  };
  for (std::size_t at = in.find(what); at != std::string::npos; at = in.find(what, at + 1)) {
    if ((at == 0 || border(at - 1, "-./_")) && border(at + what.size(), "-./")) return true;
  }
  return false;
}

// What a quantisation is usually called in a file's name: its last part.
std::string word_of(std::string_view stem) {
  return std::string(stem.substr(stem.find_last_of("-./") + 1));
}

std::string listed(const std::map<std::string, Gguf>& models, bool safetensors) {
  std::set<std::string> words;
  for (const auto& [stem, gguf] : models) words.insert(word_of(stem));
  if (safetensors) words.insert("safetensors");
  std::string out;
  std::size_t count = 0;
  for (const std::string& word : words) {
    if (++count > 40) return out + ", …";
    out += (out.empty() ? "" : ", ") + printable(word, 60);
  }
  return out.empty() ? "no model at all" : out;
}

Result<Choice> choose_gguf(const std::string& stem, const Gguf& gguf) {
  Choice out;
  if (gguf.total == 0 || gguf.total > kMostParts) {
    return fail(Errc::unsupported, fmt::format("{}.gguf has {} parts", printable(stem), gguf.total));
  }
  for (unsigned part = 1; part <= gguf.total; ++part) {
    const auto found = gguf.parts.find(part);
    if (found == gguf.parts.end()) {
      return fail(Errc::corrupt,
                  fmt::format("of {}.gguf, part {} of {} is missing", printable(stem), part, gguf.total));
    }
    out.files.push_back({found->second,
                         gguf.total == 1 ? "model.gguf" : fmt::format("model-{:05}-of-{:05}.gguf", part, gguf.total),
                         true});
  }
  return out;
}

const HubFile* find(const HubListing& listing, std::string_view name) {
  for (const HubFile& file : listing.files) {
    if (file.name == name) return &file;
  }
  return nullptr;
}

bool has_safetensors(const HubListing& listing) {
  return find(listing, "config.json") != nullptr &&
         (find(listing, "model.safetensors") != nullptr || find(listing, "model.safetensors.index.json") != nullptr);
}

Result<Choice> choose_folder(const HubListing& listing) {
  Choice out;
  out.kind = store::Kind::hugging_face;
  const auto add = [&](const HubFile* file, bool weights) {
    if (file != nullptr) out.files.push_back({*file, file->name, weights});
  };
  add(find(listing, "config.json"), false);
  for (const std::string_view name : store::companion_files()) add(find(listing, name), false);
  if (const HubFile* whole = find(listing, "model.safetensors")) {
    add(whole, true);
    return out;
  }
  add(find(listing, "model.safetensors.index.json"), false);
  std::map<unsigned, const HubFile*> parts;
  unsigned total = 0;
  for (const HubFile& file : listing.files) {
    if (!file.name.ends_with(".safetensors")) continue;
    const Split split = split_of(file.name, ".safetensors");
    if (split.stem != "model" || split.part == 0 || split.part > split.parts) continue;
    if (total != 0 && split.parts != total) {
      return fail(Errc::unsupported,
                  fmt::format("model.safetensors is there in {} parts and in {}", total, split.parts));
    }
    total = split.parts;
    parts[split.part] = &file;
  }
  if (total == 0 || parts.size() != total || total > kMostParts) {
    return fail(Errc::corrupt, fmt::format("{} of {} parts of model.safetensors are there", parts.size(), total));
  }
  for (const auto& [number, file] : parts) add(file, true);
  return out;
}

Result<HubFile> parse_file(const Value& value) {
  HubFile file;
  file.name = text_of(value, "rfilename");
  file.size = number_of(value, "size");
  if (const std::string_view sha1 = text_of(value, "blobId"); is_hex40(sha1)) file.git_sha1 = sha1;
  if (const Value* lfs = value.member("lfs"); lfs != nullptr && lfs->is_object()) {
    std::string_view digest = text_of(*lfs, "sha256");
    if (digest.empty()) digest = text_of(*lfs, "oid");
    file.sha256 = Digest::parse(digest.starts_with("sha256:") ? std::string(digest) : fmt::format("sha256:{}", digest));
    if (!file.sha256)
      return fail(Errc::corrupt, fmt::format("{}: its lfs.sha256 is no digest", printable(file.name, 100)));
    if (const auto size = number_of(*lfs, "size")) file.size = size;
  }
  if (file.size.value_or(0) > kLargest) {
    return fail(Errc::corrupt, fmt::format("{}: {} bytes are no file's size", printable(file.name, 100), *file.size));
  }
  return file;
}

}  // namespace

Result<HubListing> parse_hub_listing(std::string_view json) {
  if (json.size() > kMaxListingBytes) return fail(Errc::corrupt, "it is too large");
  FH_TRY(Value root, format::parse_json(json));
  const Value* list = root.is_object() ? root.member("siblings") : nullptr;
  if (list == nullptr || !list->is_array()) return fail(Errc::corrupt, "siblings: expected an array of files");
  if (list->size() > kMostFiles) {
    return fail(Errc::corrupt, fmt::format("siblings: {} files, at most {} are read", list->size(), kMostFiles));
  }
  HubListing out;
  if (const std::string_view sha = text_of(root, "sha"); is_hex40(sha)) out.commit = sha;
  std::set<std::string, std::less<>> names;
  for (const Value& value : list->items()) {
    if (!value.is_object()) return fail(Errc::corrupt, "siblings: expected an array of objects");
    if (!is_wanted_name(text_of(value, "rfilename"))) continue;
    FH_TRY(HubFile file, parse_file(value));
    if (!names.insert(file.name).second) {
      return fail(Errc::corrupt, fmt::format("siblings: '{}' occurs twice", printable(file.name, 100)));
    }
    out.files.push_back(std::move(file));
  }
  return out;
}

Result<Choice> choose(const HubListing& listing, std::string_view quantisation, std::string_view file) {
  const auto models = models_of(listing);
  const bool folder = has_safetensors(listing);
  if (!file.empty()) {
    for (const auto& [stem, gguf] : models) {
      for (const auto& [number, part] : gguf.parts) {
        if (part.name == file) return choose_gguf(stem, gguf);
      }
    }
    return fail(Errc::not_found, fmt::format("the repository has no GGUF file '{}'; it has {}", printable(file, 100),
                                             listed(models, folder)));
  }
  if (lower(quantisation) == "safetensors" && folder) return choose_folder(listing);
  std::vector<std::string> fitting;
  for (const auto& [stem, gguf] : models) {
    if (quantisation.empty() || has_word(stem, quantisation)) fitting.push_back(stem);
  }
  const bool folder_fits = folder && quantisation.empty();
  if (fitting.empty() && folder_fits) return choose_folder(listing);
  if (fitting.size() == 1 && !folder_fits) return choose_gguf(fitting.front(), models.at(fitting.front()));
  if (fitting.empty()) {
    return fail(Errc::not_found, quantisation.empty()
                                     ? std::string("the repository has no GGUF file and no safetensors folder")
                                     : fmt::format("the repository has no '{}'; it has {}", printable(quantisation),
                                                   listed(models, folder)));
  }
  return fail(Errc::invalid, fmt::format("the repository has several models: say which, after a ':'; it has {}",
                                         listed(models, folder)));
}

}  // namespace freehold::pull
