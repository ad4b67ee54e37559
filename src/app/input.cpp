#include "app/input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "app/interrupt.h"
#include "base/file.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

// Everything until the end, from what may be a pipe.
Result<std::string> read_stream(int fd, std::string_view name, std::uint64_t limit) {
  std::string text;
  std::vector<char> part(64 * 1024);
  while (true) {
    ssize_t n = ::read(fd, part.data(), part.size());
    if (n < 0 && errno == EINTR) {
      if (interrupted()) return fail(Errc::cancelled, fmt::format("interrupted while reading {}", name));
      continue;
    }
    if (n < 0 && errno == EBADF && fd == STDIN_FILENO) return text;  // closed: nothing comes
    if (n < 0) return fail(Errc::io, fmt::format("read {}: {}", name, std::strerror(errno)));
    if (n == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(n));
    if (text.size() > limit) return fail(Errc::exhausted, fmt::format("{} is longer than {} bytes", name, limit));
  }
}

}  // namespace

Result<std::string> read_standard_input() {
  return read_stream(STDIN_FILENO, "standard input", kInputLimit);
}

Result<std::string> read_input(std::string_view path, std::uint64_t limit) {
  if (path == "-") return read_stream(STDIN_FILENO, "standard input", limit);
  struct stat info = {};
  const std::string name(path);
  if (::stat(name.c_str(), &info) != 0 || (!S_ISFIFO(info.st_mode) && !S_ISCHR(info.st_mode))) {
    return read_file(name, limit);
  }
  const int fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(Errc::io, fmt::format("open {}: {}", printable(path), std::strerror(errno)));
  auto text = read_stream(fd, printable(path), limit);
  ::close(fd);
  return text;
}

Result<std::vector<std::int32_t>> parse_ids(std::string_view text, std::uint32_t vocab) {
  constexpr std::string_view kSpace = " \t\r\n";
  auto trim = [&] {
    std::size_t start = text.find_first_not_of(kSpace);
    text = start == std::string_view::npos ? std::string_view() : text.substr(start);
    text = text.substr(0, text.find_last_not_of(kSpace) + 1);
  };
  trim();
  if (text.starts_with('[')) {
    if (!text.ends_with(']')) return fail(Errc::invalid, "token ids: the JSON array does not end with ]");
    text = text.substr(1, text.size() - 2);
  }
  std::vector<std::int32_t> ids;
  while (true) {
    trim();
    if (text.empty()) break;
    std::string_view word = text.substr(0, text.find_first_of(" \t\r\n,"));
    std::int64_t id = 0;
    auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    bool number = error == std::errc() && end == word.data() + word.size() && !word.empty();
    if (!number || id < 0 || id >= std::int64_t{vocab}) {
      return fail(Errc::invalid, fmt::format("token ids: number {}, '{}', is not an id from 0 to {}", ids.size() + 1,
                                             printable(word, 40), vocab - 1));
    }
    ids.push_back(static_cast<std::int32_t>(id));
    text.remove_prefix(word.size());
    trim();
    if (text.starts_with(',')) text.remove_prefix(1);
  }
  if (ids.empty()) return fail(Errc::invalid, "token ids: there are none");
  return ids;
}

}  // namespace freehold::app
