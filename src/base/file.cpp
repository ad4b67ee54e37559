#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/utf8.h"

namespace freehold {
namespace {

DiskFault& disk_fault() {
  static DiskFault fault;
  return fault;
}

int injected(const char* operation) {
  return disk_fault_for_tests(operation);
}

Unexpected os_error(std::string_view operation, const std::filesystem::path& path, int error) {
  Errc code = error == ENOENT || error == ENOTDIR ? Errc::not_found : error == ENOSPC ? Errc::exhausted : Errc::io;
  return fail(code, fmt::format("{} {}: {}", operation, printable(path.string()), std::strerror(error)));
}

Result<std::pair<int, std::size_t>> checked_regular(int fd, const std::filesystem::path& path) {
  struct stat st = {};
  if (::fstat(fd, &st) != 0) {
    int error = errno;
    ::close(fd);
    return os_error("stat", path, error);
  }
  if (!S_ISREG(st.st_mode)) {
    ::close(fd);
    return fail(Errc::invalid, fmt::format("{} is not a regular file", printable(path.string())));
  }
  return std::pair{fd, static_cast<std::size_t>(st.st_size)};
}

// O_NONBLOCK: opening a FIFO must not wait for a writer.
Result<std::pair<int, std::size_t>> open_regular(const std::filesystem::path& path, int flags = 0) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
  if (fd < 0) return os_error("open", path, errno);
  return checked_regular(fd, path);
}

// MappedFile::open_in's rules.
Result<std::pair<int, std::size_t>> open_regular_in(const std::filesystem::path& folder, const std::string& name) {
  namespace fs = std::filesystem;
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos) {
    return fail(Errc::corrupt, fmt::format("'{}' is not a plain file name", printable(name)));
  }
  fs::path path = folder / name;
  std::error_code ec;
  if (!fs::is_symlink(fs::symlink_status(path, ec))) return open_regular(path, O_NOFOLLOW);
  fs::path target = fs::weakly_canonical(path, ec);
  // models--x/snapshots/<commit>/file -> ../../blobs/<hash>
  fs::path home = fs::weakly_canonical(folder, ec);
  fs::path blobs = home.parent_path().parent_path() / "blobs";
  if (ec || (target.parent_path() != home && target.parent_path() != blobs)) {
    return fail(Errc::invalid, fmt::format("{} is a link that leaves the model's folder", printable(path.string())));
  }
  return open_regular(target);
}

Result<const std::byte*> map_and_close(int fd, std::size_t size, const std::filesystem::path& path) {
  const std::byte* data = nullptr;
  if (size > 0) {
    void* p = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) {
      int error = errno;
      ::close(fd);
      if (error == ENOMEM) {
        return fail(Errc::exhausted,
                    fmt::format("map {}: {} bytes do not fit into the memory that this process may use",
                                printable(path.string()), size));
      }
      return os_error("map", path, error);
    }
    data = static_cast<const std::byte*>(p);
  }
  ::close(fd);
  return data;
}

}  // namespace

void set_disk_fault_for_tests(DiskFault fault) {
  disk_fault() = std::move(fault);
}

int disk_fault_for_tests(const char* operation) {
  return disk_fault() ? disk_fault()(operation) : 0;
}

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  FH_TRY(auto regular, open_regular(path));
  MappedFile file;
  FH_TRY(file.data_, map_and_close(regular.first, regular.second, path));
  file.size_ = regular.second;
  return file;
}

Result<MappedFile> MappedFile::open_in(const std::filesystem::path& folder, const std::string& name) {
  FH_TRY(auto regular, open_regular_in(folder, name));
  MappedFile file;
  FH_TRY(file.data_, map_and_close(regular.first, regular.second, folder / name));
  file.size_ = regular.second;
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::populate(std::size_t offset, std::size_t size) const {
  if (offset >= size_) return;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t begin = offset / page * page;
  size = std::min(size, size_ - offset) + (offset - begin);
  auto* at = const_cast<std::byte*>(data_) + begin;
  ::madvise(at, size, MADV_HUGEPAGE);
#ifdef MADV_POPULATE_READ
  constexpr int kPopulateRead = MADV_POPULATE_READ;
#else
  constexpr int kPopulateRead = 22;  // Linux 5.14
#endif
  if (::madvise(at, size, kPopulateRead) != 0) ::madvise(at, size, MADV_WILLNEED);
}

void MappedFile::will_need() const {
  if (data_ != nullptr) ::madvise(const_cast<std::byte*>(data_), size_, MADV_WILLNEED);
}

void MappedFile::forget(Bytes part) const {
  if (data_ == nullptr || part.data() < data_ || part.data() + part.size() > data_ + size_) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const std::uintptr_t begin = (reinterpret_cast<std::uintptr_t>(part.data()) + page - 1) / page * page;
  const std::uintptr_t end = reinterpret_cast<std::uintptr_t>(part.data() + part.size()) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

Result<InputFile> InputFile::open(const std::filesystem::path& path) {
  InputFile file;
  FH_TRY(auto regular, open_regular(path));
  file.path_ = path;
  file.fd_ = regular.first;
  file.size_ = regular.second;
  return file;
}

Result<InputFile> InputFile::open_in(const std::filesystem::path& folder, const std::string& name) {
  InputFile file;
  FH_TRY(auto regular, open_regular_in(folder, name));
  file.path_ = folder / name;
  file.fd_ = regular.first;
  file.size_ = regular.second;
  return file;
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_(std::exchange(other.size_, 0)) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  return *this;
}

InputFile::~InputFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::size_t> InputFile::read(std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    ssize_t n = ::read(fd_, into.data() + done, into.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error("read", path_, errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return os_error("open", path, errno);
  FH_TRY(auto regular, checked_regular(fd, path));
  if (regular.second > limit) {
    ::close(fd);
    return fail(Errc::exhausted, fmt::format("{} has {} bytes, more than the {} that are read of such a file",
                                             printable(path.string()), regular.second, limit));
  }
  std::string text(regular.second, '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    ssize_t n = ::read(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      int error = errno;
      ::close(fd);
      return os_error("read", path, error);
    }
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  ::close(fd);
  text.resize(done);
  return text;
}

struct AtomicFile::State {
  std::filesystem::path path;
  std::filesystem::path temporary;
  int fd = -1;
  std::uint64_t position = 0;

  ~State() {
    if (fd >= 0) ::close(fd);
    if (!temporary.empty()) ::unlink(temporary.c_str());
  }
};

AtomicFile::AtomicFile(AtomicFile&&) noexcept = default;
AtomicFile& AtomicFile::operator=(AtomicFile&&) noexcept = default;
AtomicFile::~AtomicFile() = default;

namespace {

// A rename replaces whatever has the name: of a device (/dev/null, as root) it would leave an ordinary file.
Result<> check_replaceable(const std::filesystem::path& path) {
  struct stat st = {};
  if (::lstat(path.c_str(), &st) != 0 || S_ISREG(st.st_mode)) return {};
  return fail(Errc::invalid, fmt::format("{} is {}, and is not replaced by a file", printable(path.string()),
                                         S_ISDIR(st.st_mode) ? "a folder" : "not a regular file"));
}

// What is written goes where a link leads, as with any program; the link stays. A link to nothing yet names its target.
Result<std::filesystem::path> follow_link(const std::filesystem::path& path) {
  std::error_code ec;
  if (!std::filesystem::is_symlink(std::filesystem::symlink_status(path, ec))) return path;
  std::filesystem::path target = std::filesystem::weakly_canonical(path, ec);
  if (ec) return os_error("follow", path, ec.value());
  if (!std::filesystem::is_symlink(std::filesystem::symlink_status(target, ec))) return target;
  return fail(Errc::invalid, fmt::format("{} is a link to a file that does not exist", printable(path.string())));
}

// A new file under a name that nobody has, in place of the last six characters. mkostemp would open it for reading,
// too, which a sealed process may not do in a folder where it only leaves results.
int create_new(std::string& name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  for (int tries = 0; tries < 100; ++tries) {
    std::array<unsigned char, 6> random{};
    if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) return -1;
    for (std::size_t i = 0; i < random.size(); ++i)
      name[name.size() - random.size() + i] = kLetters[random[i] % kLetters.size()];
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const std::filesystem::path& wanted, FileAccess access) {
  FH_TRY(const std::filesystem::path final_path, follow_link(wanted));
  FH_TRY_VOID(check_replaceable(final_path));
  AtomicFile file;
  file.state_ = std::make_unique<State>();
  file.state_->path = final_path;
  if (int error = injected("open")) return os_error("create", final_path, error);
  std::string name = (final_path.parent_path() / ".tmp-XXXXXX").string();
  int fd = create_new(name);
  if (fd < 0) return os_error("create a temporary file beside", final_path, errno);
  file.state_->fd = fd;
  file.state_->temporary = name;
  if (access == FileAccess::everyone) ::fchmod(fd, 0644);  // it was made 0600
  return file;
}

Result<> AtomicFile::write(Bytes bytes) {
  FH_TRY_VOID(write_at(state_->position, bytes));
  state_->position += bytes.size();
  return {};
}

Result<> AtomicFile::write_at(std::uint64_t offset, Bytes bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    if (int error = injected("write")) return os_error("write", state_->path, error);
    ssize_t n = ::pwrite(state_->fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error("write", state_->path, errno);
    done += static_cast<std::size_t>(n);
  }
  return {};
}

std::uint64_t AtomicFile::position() const {
  return state_->position;
}

const std::filesystem::path& AtomicFile::temporary() const {
  return state_->temporary;
}

Result<bool> AtomicFile::clone(const InputFile& source) {
  if (int error = injected("clone")) return os_error("clone into", state_->path, error);
  // Refused for many reasons (other file system, no support, odd sizes); each means: copy.
  if (::ioctl(state_->fd, FICLONE, source.fd_) != 0) return false;
  state_->position = source.size_;
  return true;
}

Result<> AtomicFile::commit() {
  return commit_as(state_->path);
}

Result<> AtomicFile::commit_as(const std::filesystem::path& other) {
  if (int error = injected("fsync")) return os_error("sync", other, error);
  if (::fsync(state_->fd) != 0) return os_error("sync", other, errno);
  ::close(std::exchange(state_->fd, -1));
  FH_TRY_VOID(check_replaceable(other));
  if (int error = injected("rename")) return os_error("rename to", other, error);
  if (::rename(state_->temporary.c_str(), other.c_str()) != 0) return os_error("rename to", other, errno);
  state_->temporary.clear();
  return sync_folder(other.parent_path().empty() ? "." : other.parent_path());
}

Result<> sync_folder(const std::filesystem::path& folder) {
  int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return os_error("open", folder, errno);
  int error = injected("fsync");
  if (error == 0 && ::fsync(fd) != 0) error = errno;
  ::close(fd);
  if (error != 0) return os_error("sync", folder, error);
  return {};
}

Result<> remove_file(const std::filesystem::path& path) {
  int error = injected("unlink");
  if (error == 0 && ::unlink(path.c_str()) != 0) error = errno;
  if (error == ENOENT) return {};
  if (error != 0) return os_error("delete", path, error);
  return sync_folder(path.parent_path().empty() ? "." : path.parent_path());
}

Result<> write_file_atomically(const std::filesystem::path& path, std::string_view content, FileAccess access) {
  FH_TRY(auto file, AtomicFile::create(path, access));
  FH_TRY_VOID(file.write(content));
  return file.commit();
}

Result<> make_directories(const std::filesystem::path& path) {
  std::error_code ec;
  std::filesystem::create_directories(path, ec);
  if (ec) return fail(Errc::io, fmt::format("create folder {}: {}", printable(path.string()), ec.message()));
  return {};
}

}  // namespace freehold
