#include "app/input.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "app/interrupt.h"
#include "base/file.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

constexpr std::uint64_t kLimit = std::uint64_t{1} << 30;

}  // namespace

Result<std::string> read_standard_input() {
  std::string text;
  std::vector<char> part(64 * 1024);
  while (true) {
    ssize_t n = ::read(STDIN_FILENO, part.data(), part.size());
    if (n < 0 && errno == EINTR) {
      if (interrupted()) return fail(Errc::cancelled, "interrupted while reading standard input");
      continue;
    }
    if (n < 0) return fail(Errc::io, fmt::format("read standard input: {}", std::strerror(errno)));
    if (n == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(n));
    if (text.size() > kLimit) return fail(Errc::exhausted, "standard input is longer than 1 GiB");
  }
}

Result<std::string> read_input(std::string_view path) {
  if (path == "-") return read_standard_input();
  return read_file(path, kLimit);
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
