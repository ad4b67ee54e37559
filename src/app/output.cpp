#include "app/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "app/interrupt.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

Unexpected os_error(std::string_view what, const std::string& name) {
  const int error = errno;
  if (error == EINTR && interrupted()) return fail(Errc::cancelled, "interrupted");
  return fail(error == ENOSPC ? Errc::exhausted : Errc::io, fmt::format("{} {}: {}", what, name, std::strerror(error)));
}

// As the shells' names for it: opened by name, a redirected standard output would be written from its beginning.
bool is_standard_output(std::string_view path) {
  return path == "-" || path == "/dev/stdout" || path == "/dev/fd/1" || path == "/proc/self/fd/1";
}

}  // namespace

Result<AtomicFile> create_private(const std::filesystem::path& path) {
  struct stat before = {};
  const bool replaces = ::stat(path.c_str(), &before) == 0 && S_ISREG(before.st_mode);
  FH_TRY(AtomicFile file, AtomicFile::create(path, FileAccess::owner));
  if (replaces) ::chmod(file.temporary().c_str(), before.st_mode & 0777);
  return file;
}

Result<> write_private(const std::filesystem::path& path, std::string_view content) {
  FH_TRY(AtomicFile file, create_private(path));
  FH_TRY_VOID(file.write(content));
  return file.commit();
}

Result<Output> Output::create(std::string_view path, Console& console) {
  Output out(console);
  out.name_ = printable(path, 1000);
  if (is_standard_output(path)) {
    if (!console.out_is_terminal()) return out;
    return fail(Errc::invalid, "standard output is a terminal, and the data is binary: name a file, or redirect it");
  }
  struct stat info = {};
  const std::string name(path);
  const bool there = ::stat(name.c_str(), &info) == 0;
  if (there && (S_ISCHR(info.st_mode) || S_ISFIFO(info.st_mode))) {
    out.stream_ = ::open(name.c_str(), O_WRONLY | O_CLOEXEC);
    if (out.stream_ < 0) return os_error("open", out.name_);
    return out;
  }
  FH_TRY(out.file_, AtomicFile::create(name));
  return out;
}

Output::Output(Output&& other) noexcept
    : console_(other.console_),
      file_(std::move(other.file_)),
      stream_(std::exchange(other.stream_, -1)),
      name_(std::move(other.name_)) {}

Output::~Output() {
  if (stream_ >= 0) ::close(stream_);
}

Result<> Output::write(Bytes bytes) {
  if (file_) return file_->write(bytes);
  if (stream_ < 0) {
    console_->write(freehold::as_text(bytes));
    return console_->flush();
  }
  while (!bytes.empty()) {
    const ssize_t n = ::write(stream_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR && !interrupted()) continue;
    if (n < 0) return os_error("write", name_);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<> Output::commit() {
  if (file_) return file_->commit();
  if (stream_ >= 0 && ::close(std::exchange(stream_, -1)) != 0) return os_error("close", name_);
  return {};
}

}  // namespace freehold::app
