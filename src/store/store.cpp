// Names: listing, resolving, aliasing, removing.
#include "store/store.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/file.h"
#include "base/utf8.h"
#include "store/blob.h"
#include "store/tree.h"
#include "store/way_back.h"
#include "store/writing.h"

namespace freehold::store {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxManifest = std::uint64_t{8} << 20;

// Every <name>/<tag>.json below models/; what is not named as ours is not ours. A folder that is not there (yet, or any
// more) has none.
Result<> collect_names(const fs::path& folder, const std::string& name, int depth, std::vector<ModelName>& out) {
  if (depth > 100) return {};
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    const std::string entry = it->path().filename().string();
    std::error_code ignored;
    if (it->is_directory(ignored) && !it->is_symlink(ignored)) {
      FH_TRY_VOID(collect_names(it->path(), name.empty() ? entry : name + "/" + entry, depth + 1, out));
    } else if (entry.ends_with(".json")) {
      auto parsed = ModelName::parse(name + ":" + entry.substr(0, entry.size() - 5));
      if (parsed) out.push_back(std::move(*parsed));
    }
  }
  if (ec && ec != std::errc::no_such_file_or_directory) {
    return fail(Errc::io, fmt::format("read {}: {}", printable(folder.string()), ec.message()));
  }
  return {};
}

// A home that does not exist yet will be made; one that cannot be made, or looked into, is no empty store.
Result<> check_home(const fs::path& home) {
  std::error_code ec;
  // Several components may be missing: the lowest that exists decides.
  for (fs::path at = home;; at = at.parent_path()) {
    const fs::file_status status = fs::status(at, ec);
    if (status.type() == fs::file_type::none) {
      return fail(Errc::io, fmt::format("{}: {}", printable(at.string()), ec.message()));
    }
    if (fs::is_directory(status)) return {};
    if (fs::exists(status)) {
      return fail(Errc::invalid, at == home ? fmt::format("{} is not a folder", printable(at.string()))
                                            : fmt::format("{} cannot be a folder: {} is none", printable(home.string()),
                                                          printable(at.string())));
    }
    if (at == at.parent_path()) return {};
  }
}

// Names that a user may have meant: another tag of the same name, or one that contains what was typed.
std::string suggestions(const std::vector<Listed>& all, const ModelName& wanted) {
  std::string out;
  int count = 0;
  for (const Listed& listed : all) {
    if (listed.name.name != wanted.name && listed.name.name.find(wanted.name) == std::string::npos) continue;
    if (++count > 3) break;
    out += (out.empty() ? "" : ", ") + listed.name.text();
  }
  return out.empty() ? "" : "; there is " + out;
}

bool matches(const ModelTuple& model, const std::string& hex) {
  auto fits = [&](const Digest& digest) { return digest.hex().starts_with(hex); };
  // Weights are the base's: of all that put an adapter on it, none is meant.
  if (model.adapter) return fits(model.id());
  return fits(model.id()) || fits(model.weights()) || (is_adapter(model.kind) && fits(model.tree())) ||
         std::any_of(model.files.begin(), model.files.end(),
                     [&](const StoredFile& f) { return f.weights && fits(f.digest); });
}

// What the adapter has learned from comes behind `learned_from`.
Result<> put_on(const Store& store, std::string_view reference, ModelTuple& model, std::string_view adapter,
                std::vector<LearnedFrom>& learned_from) {
  FH_TRY(const Resolved found, store.resolve(adapter));
  if (!found.manifest) {
    return fail(Errc::invalid, fmt::format("{} is not in the store: import it first", printable(adapter)));
  }
  if (is_adapter(model.kind)) {
    return fail(Errc::invalid, fmt::format("{} is an adapter, not a model to put one on", printable(reference)));
  }
  if (!is_adapter(found.manifest->model.kind)) {
    return fail(Errc::invalid, fmt::format("{} is a model, not an adapter", printable(adapter)));
  }
  if (model.adapter) {
    return fail(Errc::invalid,
                fmt::format("{} has an adapter already: name the model without it", printable(reference)));
  }
  model.adapter = AdapterTuple{found.manifest->model.kind, found.manifest->model.files};
  const std::vector<LearnedFrom>& learned = found.manifest->from.learned_from;
  learned_from.insert(learned_from.end(), learned.begin(), learned.end());
  return {};
}

}  // namespace

Result<fs::path> default_home() {
  if (const char* home = std::getenv("FREEHOLD_HOME"); home != nullptr && *home != 0) return fs::path(home);
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != 0) return fs::path(home) / ".freehold";
  if (const passwd* user = ::getpwuid(::getuid()); user != nullptr && user->pw_dir != nullptr) {
    return fs::path(user->pw_dir) / ".freehold";
  }
  return fail(Errc::invalid, "there is no home folder: set FREEHOLD_HOME");
}

Result<Store> Store::open(const fs::path& home) {
  std::error_code ec;
  fs::path absolute = fs::absolute(home, ec);
  if (ec || home.empty()) return fail(Errc::invalid, fmt::format("'{}' is no folder", printable(home.string())));
  FH_TRY_VOID(check_home(absolute));
  return Store(std::move(absolute));
}

Result<Manifest> Store::read(const ModelName& name) const {
  auto text = read_file(home_ / name.path(), kMaxManifest);
  if (!text) {
    if (text.error().code == Errc::not_found) return fail(Errc::not_found, "no such name");
    return Unexpected(std::move(text).error());
  }
  auto manifest = parse_manifest(*text);
  if (!manifest) return in_context(std::move(manifest).error(), (home_ / name.path()).string());
  return manifest;
}

Result<std::vector<Listed>> Store::list() const {
  std::vector<ModelName> names;
  FH_TRY_VOID(collect_names(home_ / "models", "", 0, names));
  std::sort(names.begin(), names.end());
  std::vector<Listed> out;
  for (ModelName& name : names) {
    auto manifest = read(name);
    if (!manifest && manifest.error().code == Errc::not_found) continue;  // removed meanwhile
    out.push_back({std::move(name), std::move(manifest)});
  }
  return out;
}

Result<std::vector<Listed>> Store::matching(const DigestPrefix& prefix, Match match) const {
  FH_TRY(std::vector<Listed> all, list());
  for (Listed& l : all) {
    if (match == Match::without_adapter && l.manifest) l.manifest->model = l.manifest->model.base();
  }
  std::erase_if(all, [&](const Listed& l) { return !l.manifest || !matches(l.manifest->model, prefix.hex); });
  if (all.empty()) {
    return fail(Errc::not_found,
                fmt::format("no model in {} has the digest sha256:{}", printable(home_.string()), prefix.hex));
  }
  for (const Listed& l : all) {
    if (l.manifest->model == all.front().manifest->model) continue;
    return fail(Errc::invalid, fmt::format("sha256:{} fits {} and {}: give more digits", prefix.hex,
                                           all.front().name.text(), l.name.text()));
  }
  return all;
}

Result<Resolved> Store::resolve(std::string_view reference) const {
  FH_TRY(Reference parsed, parse_reference(reference));
  Resolved out;
  if (const auto* path = std::get_if<PathReference>(&parsed)) {
    std::error_code ec;
    if (!fs::exists(path->path, ec)) {
      return fail(Errc::not_found, fmt::format("there is no file or folder {}", printable(reference)));
    }
    out.path = path->path;
    return out;
  }
  if (const auto* prefix = std::get_if<DigestPrefix>(&parsed)) {
    auto matched = matching(*prefix, Match::whole);
    // A model that has no name of its own any more is still there below those that put an adapter on it.
    if (!matched && matched.error().code == Errc::not_found) matched = matching(*prefix, Match::without_adapter);
    FH_TRY(std::vector<Listed> found, std::move(matched));
    out.manifest = *found.front().manifest;
    for (Listed& l : found) out.names.push_back(std::move(l.name));
  } else {
    const ModelName& name = std::get<ModelName>(parsed);
    auto manifest = read(name);
    if (!manifest && manifest.error().code == Errc::not_found) {
      std::error_code ec;
      if (fs::exists(fs::path(reference), ec)) {
        out.path = fs::path(reference);
        return out;
      }
      FH_TRY(std::vector<Listed> all, list());
      return fail(Errc::not_found, fmt::format("there is no model '{}' in {} and no file of that name{}", name.text(),
                                               printable(home_.string()), suggestions(all, name)));
    }
    FH_TRY(out.manifest, std::move(manifest));
    out.names = {name};
  }
  out.path = run_path(home_, out.manifest->model);
  std::vector<StoredFile> files = out.manifest->model.files;
  if (out.manifest->model.adapter) {
    const ModelTuple adapter = out.manifest->model.adapter_alone();
    out.adapter = run_path(home_, adapter);
    files.insert(files.end(), adapter.files.begin(), adapter.files.end());
  }
  std::error_code ec;
  if (out.manifest->prepared) {
    fs::path prepared = blob_path(home_, out.manifest->prepared->digest);
    if (fs::exists(prepared, ec)) out.prepared = std::move(prepared);
  }
  if (const std::string missing = missing_file(home_, out.manifest->model); !missing.empty()) {
    return fail(Errc::corrupt, fmt::format("{}: its file {} {}{}", out.names.front().text(), missing, kNotInStore,
                                           way_back(out.names.front(), *out.manifest)));
  }
  for (const StoredFile& file : files) {
    // Only the digest tells all (`verify`), but a blob that was cut shows at once. What is no file tells when opened.
    const std::uintmax_t size = fs::file_size(blob_path(home_, file.digest), ec);
    if (ec || size == file.size) continue;
    return fail(Errc::corrupt, fmt::format("{}: {} has {} bytes in the store, {} when it was imported: import it again",
                                           out.names.front().text(), file.name, size, file.size));
  }
  for (const fs::path* path : {&out.path, &out.adapter}) {
    if (path->empty() || fs::exists(*path, ec)) continue;
    return fail(Errc::corrupt, fmt::format("{}: {} is missing: import the model again", out.names.front().text(),
                                           printable(path->string())));
  }
  return out;
}

Result<Imported> Store::alias(std::string_view reference, const ModelName& name, const WriteOptions& options,
                              std::string_view adapter) const {
  FH_TRY(Writing writing, Writing::begin(*this, options));
  FH_TRY(Resolved found, resolve(reference));
  if (!found.manifest) {
    return fail(Errc::invalid, fmt::format("{} is not in the store: import it first", printable(reference)));
  }
  ModelTuple model = found.manifest->model;
  Provenance origin = found.manifest->from;
  if (!adapter.empty()) FH_TRY_VOID(put_on(*this, reference, model, adapter, origin.learned_from));
  FH_TRY(Imported done, publish(name, std::move(model), std::move(origin), options));
  writing.finish();
  return done;
}

Result<Removed> Store::remove(std::string_view reference, const WriteOptions& options) const {
  FH_TRY(Reference parsed, parse_reference(reference));
  FH_TRY(Writing writing, Writing::begin(*this, options));
  Removed out;
  if (const auto* name = std::get_if<ModelName>(&parsed)) {
    out.name = *name;
    std::error_code ec;
    // Also one whose manifest is damaged.
    if (!fs::exists(home_ / name->path(), ec)) {
      FH_TRY(std::vector<Listed> all, list());
      return fail(Errc::not_found, fmt::format("there is no model '{}' in {}{}", name->text(),
                                               printable(home_.string()), suggestions(all, *name)));
    }
  } else if (const auto* prefix = std::get_if<DigestPrefix>(&parsed)) {
    FH_TRY(std::vector<Listed> found, matching(*prefix, Match::whole));
    if (found.size() > 1) {
      std::string names;
      for (const Listed& l : found) names += (names.empty() ? "" : ", ") + l.name.text();
      return fail(Errc::invalid,
                  fmt::format("sha256:{} has several names, remove them one by one: {}", prefix->hex, names));
    }
    out.name = found.front().name;
  } else {
    return fail(Errc::invalid,
                fmt::format("{} is a path: only models in the store are removed here", printable(reference)));
  }
  Leave leave;
  if (options.may_go) {
    FH_TRY(leave, options.may_go(out.name));
  }
  FH_TRY_VOID(remove_file(home_ / out.name.path()));
  FH_TRY(out.freed, writing.sweep());
  writing.finish();
  return out;
}

Result<Leave> Store::leave_to_move(const ModelName& name, const WriteOptions& options) const {
  if (!options.may_go) return Leave();
  const auto led = read(name);
  if (!led && led.error().code == Errc::not_found) return Leave();
  if (led) {
    FH_TRY(const std::vector<Listed> all, list());
    const bool elsewhere = std::any_of(all.begin(), all.end(), [&](const Listed& l) {
      return l.name != name && l.manifest && l.manifest->model == led->model;
    });
    if (elsewhere) return Leave();
  }
  return options.may_go(name);
}

}  // namespace freehold::store
