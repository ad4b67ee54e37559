// Files as the rest of the program needs them: read-only maps of untrusted files, and writes that survive kill -9.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold {

using Bytes = std::span<const std::byte>;

inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// A regular file mapped read-only. Refuses anything that is not a regular file (a FIFO or a device would hang or lie).
// A file that another process truncates while it is mapped kills us with SIGBUS, as it does any program that maps
// files; the store's blobs are never modified in place.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& path);
  // The same for the plain basename `name` inside `folder`, not following a symbolic link that leaves it: what a
  // model's index names is not trusted to stay inside the model's folder. A Hugging Face cache links into ../../blobs/,
  // which is allowed.
  static Result<MappedFile> open_in(const std::filesystem::path& folder, const std::string& name);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  Bytes bytes() const { return {data_, size_}; }
  std::size_t size() const { return size_; }
  // Tells the kernel that everything will be read soon (readahead).
  void will_need() const;
  // Brings the pages of [offset, offset + size) in and maps them, from the disk if they are not in memory yet; asks for
  // huge pages where the file system has them. Any thread; what fails is left to the first access.
  void populate(std::size_t offset, std::size_t size) const;
  // Tells the kernel that `part` of the map will not be read soon: its pages stop counting as this process's memory. No
  // content is lost; who reads it again reads the file again. Does nothing for bytes outside the map.
  void forget(Bytes part) const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// A regular file read in order, for those who must not map it: it may be truncated meanwhile, or is larger than memory.
// Opens what MappedFile opens, by the same rules.
class InputFile {
 public:
  static Result<InputFile> open(const std::filesystem::path& path);
  static Result<InputFile> open_in(const std::filesystem::path& folder, const std::string& name);

  InputFile() = default;
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  std::uint64_t size() const { return size_; }  // when it was opened
  // The next bytes; fewer than asked for only at the end of the file.
  Result<std::size_t> read(std::span<std::byte> into);

 private:
  friend class AtomicFile;
  std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

// The whole file as text; refuses files over `limit` bytes.
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{64} << 20);

enum class FileAccess { everyone, owner };  // who may read a new file: mode 0644 or 0600

// A new file that appears under its final name only when commit() has synced it: temporary name in the same folder,
// fsync, rename, fsync of the folder. Killed at any instant, the old state stays. Destroyed without commit, nothing is
// left behind. Only a regular file is ever replaced (Errc::invalid for a device, a pipe or a folder); of a symbolic
// link it is the file that it leads to.
class AtomicFile {
 public:
  static Result<AtomicFile> create(const std::filesystem::path& final_path, FileAccess access = FileAccess::everyone);
  AtomicFile(AtomicFile&&) noexcept;
  AtomicFile& operator=(AtomicFile&&) noexcept;
  ~AtomicFile();

  Result<> write(Bytes bytes);
  Result<> write(std::string_view text) { return write(as_bytes(text)); }
  // Overwrites bytes that were already written (a header whose sizes are known last).
  Result<> write_at(std::uint64_t offset, Bytes bytes);
  std::uint64_t position() const;
  // Makes this (still empty) file share the blocks of `source`, where the file system can (Btrfs, XFS): no time, no
  // space. False if it cannot: copy instead.
  Result<bool> clone(const InputFile& source);
  // Where the bytes are until commit(): for reading them back.
  const std::filesystem::path& temporary() const;
  // Renames to the path given at creation, or to `other` in the same folder (content-addressed names are known last).
  Result<> commit();
  Result<> commit_as(const std::filesystem::path& other);

 private:
  AtomicFile() = default;
  struct State;
  std::unique_ptr<State> state_;
};

Result<> write_file_atomically(const std::filesystem::path& path, std::string_view content,
                               FileAccess access = FileAccess::everyone);

// mkdir -p with an error that names the folder.
Result<> make_directories(const std::filesystem::path& path);

// Deletes a file (one that is not there is no error), and syncs the folder it was in.
Result<> remove_file(const std::filesystem::path& path);

// Makes what happened to a folder's entries permanent.
Result<> sync_folder(const std::filesystem::path& folder);

// For tests that fail the Nth disk operation: called before every open, write, fsync, rename and unlink of this header;
// a returned errno (> 0) is injected instead. Not thread-safe to replace while files are being written.
using DiskFault = std::function<int(const char* operation)>;
void set_disk_fault_for_tests(DiskFault fault);
// What the test wants this operation to fail with, or 0: for code elsewhere that writes to disk in its own way.
int disk_fault_for_tests(const char* operation);

}  // namespace freehold
