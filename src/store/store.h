// The store: models under names, content-addressed, below $FREEHOLD_HOME (docs/formats/store.md).
//
// Invariants, whatever kills us and whenever:
//  1. A manifest under models/ is whole, and every blob and tree it names was whole and synced before it got its name.
//  2. A blob's name is the digest of its content; it never changes.
//  3. Only the holder of the lock writes or deletes. Readers need no lock: what they have opened stays readable.
//  4. What no manifest refers to is rubbish that the next writer clears away; nothing is cleared away while any
//  manifest
//     cannot be read.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/checkpoint.h"
#include "format/gguf_writer.h"
#include "store/manifest.h"
#include "store/name.h"
#include "store/pieces.h"
#include "store/progress.h"

namespace freehold::store {

// The small files that belong to a Hugging Face model beside config.json and its weights; others stay outside.
std::span<const std::string_view> companion_files();

// $FREEHOLD_HOME, or ~/.freehold.
Result<std::filesystem::path> default_home();

// Refuses what the program could not run, before it becomes visible (the application passes the model's own check).
using Validator = std::function<Result<>(const format::Checkpoint&)>;

// How weights are put into the layout of the kernels, which this folder knows nothing of. Empty: they are not.
struct Preparation {
  std::function<Result<std::uint64_t>(const format::Checkpoint&)> bytes;  // that `write` will produce
  std::function<Result<>(const format::Checkpoint&, const format::Sink&, const Progress&)> write;
  std::function<bool(const std::filesystem::path&)> usable;  // a file that was written earlier
};

// Leave to let a model go; kept until that is done.
using Leave = std::shared_ptr<const void>;

struct WriteOptions {
  bool replace = false;  // a name that exists may be moved to another model; what was prepared is made anew
  Preparation prepare;   // optional
  Validator validate;    // optional
  // The same for an adapter's files and the model that it is to run on, null for an adapter alone; optional.
  std::function<Result<>(const format::Checkpoint* base, const std::filesystem::path& adapter)> validate_adapter;
  Progress progress;                 // optional
  std::function<void(int)> waiting;  // another process (its id, or 0) is writing; called once
  // Asked once nobody is waited for, right before remove() takes the name away, or another model takes the name from
  // the only one that it leads to; an error leaves everything. Optional.
  std::function<Result<Leave>(const ModelName&)> may_go;
  std::vector<LearnedFrom> learned_from;  // by what is brought or made
};

struct Imported {
  ModelName name;
  Manifest manifest;
  bool already = false;            // the name pointed to this very model before
  std::optional<Digest> replaced;  // what the name pointed to before, if it was moved
};

struct Listed {
  ModelName name;
  Result<Manifest> manifest;  // a damaged one does not hide the others
};

struct Resolved {
  std::filesystem::path path;        // for format::open_checkpoint
  std::optional<Manifest> manifest;  // nothing for a path outside the store
  std::vector<ModelName> names;      // that lead to it: the one asked for, or all of a digest
  std::filesystem::path adapter;     // what the name puts on the model; empty: nothing
  std::filesystem::path prepared;    // the weights as the kernels want them; empty if there are none (any more)
};

// ModelTuple::weights() of what would be imported from here, without importing it: all of it is read. `go_on`: asked
// now and then. Errors: those of reading it, of `go_on`.
Result<Digest> weights_of_path(const std::filesystem::path& path, const std::function<Result<>()>& go_on);

struct Removed {
  ModelName name;
  std::uint64_t freed = 0;  // bytes of blobs that nothing else referred to
};

// A file of a model that has been fetched and hashed, on the store's file system.
struct Arrived {
  StoredFile file;             // its digests are those of `content` and of `checks`
  std::filesystem::path path;  // empty: the store has it already (Store::find_file)
  std::string checks;          // the list of piece checks (pieces.h); with `path` only
};

// A blob that is not what its name says.
struct Damage {
  std::vector<ModelName> names;  // of the models it belongs to
  std::string file;              // its name in the model: "model.gguf"
  std::filesystem::path blob;
  std::optional<Digest> digest;  // that the manifest gives; nothing for a manifest or a tree
  std::string what;              // "its content has another digest, sha256:…", "it is missing", …
  struct Place {
    ByteRange bytes;
    std::string holds;  // "tensor blk.3.ffn_up.weight", "metadata and tensor table", …
  };
  std::vector<Place> places;  // where, as far as that can be told
};

struct Verification {
  std::size_t models = 0;
  std::size_t blobs = 0;
  std::uint64_t bytes = 0;
  std::vector<Damage> damages;  // empty: all is well
};

// Cheap to make and to copy: it holds nothing but the path. Safe to use from several threads.
class Store {
 public:
  // Creates nothing: that is left to the first write. Errors: Errc::invalid for what is no folder, or lies below
  // something that is none; Errc::io for what cannot be looked into.
  static Result<Store> open(const std::filesystem::path& home);
  const std::filesystem::path& home() const { return home_; }

  // Copies a .gguf (of a split one, name the first part) or a Hugging Face folder into the store, hashing as it goes;
  // or an adapter, which is a PEFT folder or a GGUF that says so.
  // Errors: Errc::invalid if the name leads to another model already and may not be moved; Errc::corrupt also for a
  // weight that is an infinity or NaN.
  Result<Imported> import(const std::filesystem::path& path, const ModelName& name,
                          const WriteOptions& options = {}) const;
  // The same for a GGUF that `produce` writes. `source` says where it came from.
  Result<Imported> add(const ModelName& name, std::string_view source,
                       const std::function<Result<>(const format::Sink&)>& produce,
                       const WriteOptions& options = {}) const;
  // Makes a model of files that have arrived. Their content becomes blobs without being copied; the files themselves
  // stay where they are, so that nothing is lost if the model is refused. Errors: as of import.
  Result<Imported> adopt(const ModelName& name, Kind kind, const std::vector<Arrived>& files, Defaults defaults,
                         Pulled pulled, const WriteOptions& options = {}) const;
  // The file of some model in the store that has this content.
  Result<std::optional<StoredFile>> find_file(const Digest& digest) const;
  // Makes `name` lead to what `reference` leads to, with an adapter of the store on it if one is named. Errors:
  // Errc::invalid for a reference that is an adapter, an `adapter` that is none, or a second one.
  Result<Imported> alias(std::string_view reference, const ModelName& name, const WriteOptions& options = {},
                         std::string_view adapter = {}) const;
  // Forgets a name, and deletes what nothing refers to any more. Errors: not_found, invalid (a path, a digest with
  // several names), those of `may_go`, io.
  Result<Removed> remove(std::string_view reference, const WriteOptions& options = {}) const;

  // Whether another model may take this name: asks `may_go` if the name leads to a model (perhaps a damaged one) that
  // has no other. Nothing to ask is no leave.
  Result<Leave> leave_to_move(const ModelName& name, const WriteOptions& options) const;

  // By name. Errors: Errc::io if a folder of names cannot be read.
  Result<std::vector<Listed>> list() const;
  // A name, a digest (weights, a file, a whole model, an adapter's files; at least 8 digits) or a path. A digest of a
  // model that has no name of its own leads to it where a name puts an adapter on it: to the model without.
  // Errors: Errc::not_found with the nearest names; Errc::invalid if a digest's beginning fits several models.
  Result<Resolved> resolve(std::string_view reference) const;

  // Hashes every blob of a model again. Takes the lock only to look again at what seems damaged, so that the work of
  // another process is not taken for it; `waiting` as in WriteOptions. Errors: Errc::not_found also if every name was
  // removed meanwhile.
  Result<Verification> verify(std::string_view reference, const Progress& progress = {},
                              const std::function<void(int)>& waiting = {}) const;
  Result<Verification> verify_all(const Progress& progress = {}, const std::function<void(int)>& waiting = {}) const;

 private:
  explicit Store(std::filesystem::path home) : home_(std::move(home)) {}
  class Writing;
  Result<Manifest> read(const ModelName& name) const;
  // `origin`: where it came from; what it is, is found out here.
  Result<Imported> publish(const ModelName& name, ModelTuple model, Provenance origin, const WriteOptions& options,
                           bool check_weights = false) const;
  Result<> describe(ModelTuple& model, Manifest& manifest, const WriteOptions& options, bool check_weights) const;
  Result<std::optional<StoredFile>> prepare(const ModelTuple& model, const format::Checkpoint& checkpoint,
                                            const WriteOptions& options) const;
  enum class Match : std::uint8_t { whole, without_adapter };
  Result<std::vector<Listed>> matching(const DigestPrefix& prefix, Match match) const;
  Result<Verification> verify_models(const std::vector<Listed>& models, const Progress& progress,
                                     const std::function<void(int)>& waiting) const;
  std::filesystem::path home_;
};

}  // namespace freehold::store
