// Internal to the store: one write operation, from taking the lock to clearing away what it or a killed predecessor
// left.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "store/lock.h"
#include "store/store.h"

namespace freehold::store {

class Store::Writing {
 public:
  // Makes the folders, takes the lock, clears away.
  static Result<Writing> begin(const Store& store, const WriteOptions& options);
  Writing(Writing&& other) noexcept;
  // Unless finished, clears away what this operation has written.
  ~Writing();
  void finish() { finished_ = true; }
  // Deletes temporary files, and blobs and trees that no manifest refers to; the bytes that freed.
  Result<std::uint64_t> sweep() const;

 private:
  Writing(const Store& store, Lock lock) : store_(&store), lock_(std::move(lock)) {}
  const Store* store_;
  Lock lock_;
  bool finished_ = false;
};

}  // namespace freehold::store
