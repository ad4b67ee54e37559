#include "app/console.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "app/help.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

constexpr std::size_t kBuffer = 64 * 1024;

// 0 or the errno.
int write_fully(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

}  // namespace

Console::Console(int out, int err)
    : out_(out), err_(err), out_is_terminal_(::isatty(out) == 1), err_is_terminal_(::isatty(err) == 1) {}

Console::~Console() {
  (void)flush();
}

void Console::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kBuffer) (void)flush();
}

Result<> Console::flush() {
  if (error_ == 0 && !buffer_.empty()) {
    error_ = write_fully(out_, buffer_);
    reader_left_ = error_ == EPIPE;
  }
  buffer_.clear();
  if (error_ == 0) return {};
  return fail(error_ == ENOSPC ? Errc::exhausted : Errc::io,
              fmt::format("write to standard output: {}", std::strerror(error_)));
}

void Console::write_untrusted(std::string_view text) {
  if (out_is_terminal_) {
    write(terminal_safe(text));
  } else {
    write(text);
  }
}

void Console::note(std::string_view line) {
  (void)flush();
  (void)write_fully(err_, printable(line, 4000) + "\n");
}

void Console::write_error_stream(std::string_view text) {
  (void)write_fully(err_, text);
}

std::size_t Console::help_width() const {
  winsize size = {};
  if (!out_is_terminal() || ::ioctl(out_, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kHelpWidth;
  return std::clamp<std::size_t>(size.ws_col, 40, kHelpWidth);
}

int Console::columns() const {
  winsize size = {};
  if (::ioctl(err_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

std::string terminal_safe(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t plain = text.find_first_of("\n\t");
    std::string_view part = text.substr(0, plain);
    if (!part.empty()) out += printable(part, part.size() * 4 + 16);
    if (plain == std::string_view::npos) break;
    out += text[plain];
    text.remove_prefix(plain + 1);
  }
  return out;
}

}  // namespace freehold::app
