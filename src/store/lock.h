// The store's lock: one writer at a time, whichever process or thread it is. Readers need none. The kernel releases it
// when its holder dies.
#pragma once

#include <filesystem>
#include <functional>

#include "base/result.h"

namespace freehold::store {

class Lock {
 public:
  // Waits for the lock of the store at `home`; `waiting` is called once if somebody else has it, with their process id
  // (0 if unknown).
  static Result<Lock> take(const std::filesystem::path& home, const std::function<void(int)>& waiting);
  Lock(Lock&& other) noexcept;
  Lock& operator=(Lock&& other) noexcept;
  ~Lock();

 private:
  explicit Lock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace freehold::store
