#include "app/bench_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/utf8.h"
#include "store/synth/synth.h"

namespace freehold::app {

std::string temporary_name() {
  const char* wish = std::getenv("TMPDIR");
  return std::string(wish != nullptr && *wish != '\0' ? wish : "/tmp") + "/freehold-bench-XXXXXX";
}

Result<NamelessFile> NamelessFile::create() {
  std::string path = temporary_name();
  NamelessFile file;
  file.fd_ = ::mkstemp(path.data());
  if (file.fd_ < 0) {
    return fail(Errc::io, fmt::format("make a file like {}: {}", printable(path), std::strerror(errno)));
  }
  ::unlink(path.c_str());
  return file;
}

NamelessFile::~NamelessFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<> NamelessFile::write(Bytes bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const Errc code = errno == ENOSPC || errno == EDQUOT ? Errc::exhausted : Errc::io;
      return fail(code, fmt::format("write a temporary model (TMPDIR says where): {}", std::strerror(errno)));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

void NamelessFile::sync() const {
  ::fdatasync(fd_);
}

std::string NamelessFile::path() const {
  return fmt::format("/proc/self/fd/{}", fd_);
}

Result<const store::Shape*> shape_of(const Bench& bench) {
  const store::Shape* known = store::shape_from_name(bench.arguments.text("shape"));
  if (known != nullptr) return known;
  bench.console.hint("freehold models synth --list shows all shapes");
  return fail(Errc::invalid, fmt::format("there is no shape '{}'", printable(bench.arguments.text("shape"))));
}

Result<NamelessFile> synthesised(const Bench& bench, const store::Shape& shape, const std::string& type) {
  FH_TRY(const kernel::Mix mix, store::weight_type_from_name(type));
  bench.report.progress(fmt::format("writing {} {}", shape.name, type));
  FH_TRY(NamelessFile file, NamelessFile::create());
  ThreadPool pool(bench.threads);
  auto keep_going = [&](std::string_view, std::uint64_t, std::uint64_t) { return check_interrupt().has_value(); };
  FH_TRY_VOID(store::synthesise(
      {shape, mix, 0}, pool, [&](Bytes b) { return file.write(b); }, keep_going));
  file.sync();
  return file;
}

}  // namespace freehold::app
