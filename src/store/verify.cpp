// Hashing what is stored again, and saying where it is damaged and what lies there.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/utf8.h"
#include "format/gguf.h"
#include "format/safetensors.h"
#include "store/blob.h"
#include "store/lock.h"
#include "store/store.h"
#include "store/tree.h"

namespace freehold::store {
namespace {

namespace fs = std::filesystem;

// A tensor's bytes in its file.
struct Extent {
  std::string name;
  ByteRange bytes;
};

// Empty if the file has no tensors, or if its damage makes it unreadable.
std::vector<Extent> extents_of(const fs::path& blob, const std::string& file) {
  std::vector<Extent> out;
  auto map = MappedFile::open(blob);
  if (!map) return out;
  const std::byte* begin = map->bytes().data();
  const std::size_t size = map->size();
  auto add = [&](const std::vector<tensor::View>& tensors, const std::byte* base) {
    for (const tensor::View& t : tensors) {
      // A tensor that had to be copied for its alignment lies elsewhere.
      if (t.bytes.data() < base || t.bytes.data() + t.bytes.size() > base + size) continue;
      const auto at = static_cast<std::uint64_t>(t.bytes.data() - base);
      out.push_back({t.name, {at, at + t.bytes.size()}});
    }
  };
  if (file.ends_with(".gguf")) {
    if (auto gguf = format::parse_gguf(map->bytes())) add(gguf->tensors, begin);
  } else if (file.ends_with(".safetensors")) {
    if (auto tensors = format::parse_safetensors(map->bytes())) add(tensors->tensors, begin);
  }
  std::sort(out.begin(), out.end(), [](const Extent& a, const Extent& b) { return a.bytes.begin < b.bytes.begin; });
  return out;
}

std::string holds(const ByteRange& range, const std::vector<Extent>& extents, const std::string& file) {
  if (file == kPreparedName)
    return "weights prepared for the kernels (import the model again with --force: they are made anew)";
  const bool tensors = file.ends_with(".gguf") || file.ends_with(".safetensors");
  if (extents.empty()) return tensors ? "the header, which can no longer be read, or what follows it" : "text";
  std::string out;
  if (range.begin < extents.front().bytes.begin) out = "the header (metadata and tensor table)";
  std::size_t more = 0, named = 0;
  for (const Extent& e : extents) {
    if (e.bytes.end <= range.begin || e.bytes.begin >= range.end) continue;
    if (++named > 6) {
      ++more;
    } else {
      out += fmt::format("{}tensor {}", out.empty() ? "" : ", ", printable(e.name));
    }
  }
  if (more > 0) out += fmt::format(" and {} more tensors", more);
  return out.empty() ? "padding between tensors" : out;
}

void locate(const fs::path& home, const StoredFile& file, const HashedFile& found, Damage& damage) {
  auto list = read_file(blob_path(home, file.checks), std::uint64_t{4} << 30);
  if (!list || sha256(*list) != file.checks) {
    damage.what += " (where cannot be told: the list of checks is damaged as well)";
    return;
  }
  auto ranges = differing_pieces(*list, found.checks, file.size);
  if (!ranges) return;
  const std::vector<Extent> extents = extents_of(damage.blob, file.name);
  for (const ByteRange& range : *ranges) damage.places.push_back({range, holds(range, extents, file.name)});
}

// Nothing if the blob is as it should be.
Result<std::optional<Damage>> check_blob(const fs::path& home, const StoredFile& file,
                                         const std::function<Result<>(std::uint64_t)>& done) {
  Damage damage;
  damage.file = file.name;
  damage.blob = blob_path(home, file.digest);
  // A length that is wrong needs no reading: the file may be a hole of any size.
  std::error_code ec;
  if (const std::uint64_t size = fs::file_size(damage.blob, ec); !ec && size > file.size) {
    damage.what = fmt::format("it has {} bytes instead of {}", size, file.size);
    return std::optional(std::move(damage));
  }
  auto found = hash_file(damage.blob, done);
  if (!found) {
    if (found.error().code == Errc::cancelled) return Unexpected(std::move(found).error());
    damage.what = found.error().code == Errc::not_found ? "it is missing" : found.error().what;
    return std::optional(std::move(damage));
  }
  if (found->digest == file.digest && found->size != file.size) {
    damage.what =
        fmt::format("it has {} bytes, as it should, but the model's manifest says {}", found->size, file.size);
    return std::optional(std::move(damage));
  }
  if (found->digest == file.digest) {
    // The checks are needed on the day of the damage.
    auto list = hash_file(blob_path(home, file.checks), [](std::uint64_t) { return Result<>(); });
    if (list && list->digest == file.checks) return std::optional<Damage>();
    damage.blob = blob_path(home, file.checks);
    damage.what = "the list of checks that locates damage is itself damaged; the model is not";
    return std::optional(std::move(damage));
  }
  damage.what = found->size == file.size ? fmt::format("its content has another digest, {}", found->digest.name())
                                         : fmt::format("it has {} bytes instead of {}", found->size, file.size);
  locate(home, file, *found, damage);
  return std::optional(std::move(damage));
}

// Damages as the reading found them; `only`: no other blobs are read than those of these digests, if any are given.
Result<Verification> examine(const fs::path& home, const std::vector<Listed>& models, const Progress& progress,
                             const std::set<std::string>* only = nullptr) {
  Verification out;
  struct Use {
    const StoredFile* file;
    std::vector<ModelName> names;
  };
  std::map<std::string, Use> blobs;  // by digest: a shared one is read once
  std::uint64_t total = 0;
  for (const Listed& l : models) {
    ++out.models;
    if (!l.manifest) {
      Damage damage;
      damage.names = {l.name};
      damage.blob = home / l.name.path();
      damage.what = l.manifest.error().what;
      out.damages.push_back(std::move(damage));
      continue;
    }
    const auto use = [&](const StoredFile& file) {
      if (only != nullptr && !only->contains(file.digest.name())) return;
      auto [it, added] = blobs.try_emplace(file.digest.name(), Use{&file, {}});
      it->second.names.push_back(l.name);
      if (added) total += file.size;
    };
    for (const StoredFile& file : l.manifest->model.files) use(file);
    if (l.manifest->prepared) use(*l.manifest->prepared);
    if (l.manifest->model.adapter) {
      for (const StoredFile& file : l.manifest->model.adapter->files) use(file);
    }
    for (const ModelTuple& part : {l.manifest->model, l.manifest->model.adapter_alone()}) {
      if (part.files.empty() || !part.needs_tree()) continue;
      auto tree = check_tree(home, part);
      if (tree) continue;
      Damage damage;
      damage.names = {l.name};
      damage.blob = tree_path(home, part);
      damage.what = tree.error().what;
      out.damages.push_back(std::move(damage));
    }
  }
  for (const auto& [digest, use] : blobs) {
    ++out.blobs;
    FH_TRY(auto damage, check_blob(home, *use.file, [&](std::uint64_t done) {
             return report(progress, "verify", out.bytes + done, std::max(total, out.bytes + done));
           }));
    out.bytes += use.file->size;
    if (!damage) continue;
    damage->names = use.names;
    damage->digest = use.file->digest;
    out.damages.push_back(std::move(*damage));
  }
  return out;
}

}  // namespace

// Reading needs no lock, so another process may remove or replace between the reading of a manifest and of what it
// names. What looks damaged is therefore looked at again while nobody else may write: names that are gone by then are
// no damage, and others are checked for what they lead to then.
Result<Verification> Store::verify_models(const std::vector<Listed>& models, const Progress& progress,
                                          const std::function<void(int)>& waiting) const {
  FH_TRY(Verification out, examine(home_, models, progress));
  if (out.damages.empty()) return out;
  // A store that cannot be written (another user's, a read-only disk) is looked at again all the same.
  const auto lock = Lock::take(home_, waiting);
  std::set<std::string> suspected;
  for (const Damage& damage : out.damages) {
    if (damage.digest) suspected.insert(damage.digest->name());
  }
  std::vector<Listed> again;
  for (const Listed& l : models) {
    auto manifest = read(l.name);
    if (!manifest && manifest.error().code == Errc::not_found) {
      --out.models;
      continue;
    }
    again.push_back({l.name, std::move(manifest)});
  }
  FH_TRY(Verification second, examine(home_, again, progress, &suspected));
  out.damages = std::move(second.damages);
  return out;
}

Result<Verification> Store::verify(std::string_view reference, const Progress& progress,
                                   const std::function<void(int)>& waiting) const {
  FH_TRY(Reference parsed, parse_reference(reference));
  std::vector<Listed> models;
  if (const auto* prefix = std::get_if<DigestPrefix>(&parsed)) {
    FH_TRY(models, matching(*prefix, Match::whole));
  } else if (const auto* name = std::get_if<ModelName>(&parsed)) {
    // Not resolve(): a missing blob or a damaged manifest is a finding here.
    auto manifest = read(*name);
    if (manifest || manifest.error().code != Errc::not_found) {
      models.push_back({*name, std::move(manifest)});
    } else {
      FH_TRY(Resolved found, resolve(reference));
      if (found.manifest) models.push_back({*name, std::move(*found.manifest)});
    }
  }
  if (models.empty()) {
    std::error_code ec;
    if (!fs::exists(fs::path(reference), ec)) {
      return fail(Errc::not_found, fmt::format("there is no model, file or folder {}", printable(reference)));
    }
    return fail(Errc::invalid, fmt::format("{} is not in the store, so no digest of it is known: import it first",
                                           printable(reference)));
  }
  FH_TRY(Verification out, verify_models(models, progress, waiting));
  if (out.models == 0) {
    return fail(Errc::not_found, fmt::format("{} was removed while it was read", printable(reference)));
  }
  return out;
}

Result<Verification> Store::verify_all(const Progress& progress, const std::function<void(int)>& waiting) const {
  FH_TRY(std::vector<Listed> models, list());
  return verify_models(models, progress, waiting);
}

}  // namespace freehold::store
