// The adapters of one model in memory: read when they are first asked for, shared by all requests that use them, and
// let go of when nothing leads to them any more or when another needs their room. Detaching ends nothing: a request
// holds its adapter.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "app/session.h"
#include "base/hash.h"
#include "base/result.h"
#include "model/adapter.h"

namespace freehold::app {

inline constexpr std::uint32_t kServedRank =
    512;  // of any adapter: every served model has room for that from the start

// An adapter's files in the store.
struct AdapterFile {
  Digest id;  // of its files
  std::filesystem::path path;
  std::string name;          // for people
  std::string weights = {};  // digest of its weights, if the store knows it: by this one they are labelled
};

// Any thread may call anything.
class AdapterShelf {
 public:
  using Handle = std::shared_ptr<const model::Adapter>;
  // Asks for so many bytes more, or gives some back; false if there is no room.
  using Reserve = std::function<bool(std::int64_t bytes)>;

  // Null if it is not in memory.
  Handle find(const Digest& id) const;
  // Reads it if need be. `loaded` is the model's; the caller has the turn of its threads. Errors: those of the files;
  // exhausted for a rank above kServedRank, and ("busy: …") if there is no room even without the adapters that nobody
  // uses.
  Result<Handle> get(const AdapterFile& file, const Loaded& loaded, const Reserve& reserve);
  // Lets go of those for whose files `stays` is false.
  void drop_unless(const std::function<bool(const Digest& id)>& stays, const Reserve& reserve);

  struct Status {
    Digest id;
    std::uint64_t bytes = 0;
    bool in_use = false;
  };
  std::vector<Status> status() const;

 private:
  struct Entry {
    Digest id;
    Handle adapter;
    std::uint64_t bytes = 0;
    std::uint64_t used = 0;
  };
  bool drop_one_unused(const Reserve& reserve);
  mutable std::mutex mutex_;  // guards what follows
  mutable std::uint64_t uses_ = 0;
  mutable std::vector<Entry> entries_;
};

}  // namespace freehold::app
