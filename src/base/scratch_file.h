// Memory that the system may write to disk: for much data that is needed for a short while and then perhaps again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/file.h"
#include "base/result.h"

namespace freehold {

// A file without a name in $TMPDIR (otherwise /var/tmp), all of it mapped. Gone with the object.
class ScratchFile {
 public:
  // Zero-filled, its disk space reserved. Errors: Errc::io, Errc::exhausted without that much space.
  static Result<ScratchFile> create(std::size_t bytes);

  ScratchFile(ScratchFile&& other) noexcept;
  ScratchFile& operator=(ScratchFile&&) = delete;
  ~ScratchFile();

  std::span<std::byte> span() const { return {data_, size_}; }
  // As MappedFile::forget: the pages of `part` stop counting as this process's memory, their content stays.
  void forget(Bytes part) const;

 private:
  ScratchFile() = default;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace freehold
