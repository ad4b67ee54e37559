#include "app/secret.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

constexpr std::size_t kLongestSecret = 4096;

// One line, byte by byte: what follows it is not ours.
Result<SecretText> read_secret_line(int fd) {
  std::string line;
  line.reserve(kLongestSecret);
  for (char c = 0; line.size() < kLongestSecret;) {
    const ssize_t n = ::read(fd, &c, 1);
    if (n < 0) return fail(Errc::io, "the secret cannot be read");
    if (n == 0 || c == '\n') break;
    line.push_back(c);
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return SecretText(std::move(line));
}

}  // namespace

SecretText::~SecretText() {
  sodium_memzero(text_.data(), text_.size());
}

Result<SecretText> secret_from_file(std::string_view file) {
  if (file == "-") return read_secret_line(STDIN_FILENO);
  const std::string path(file);
  const Fd opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!opened) return fail(Errc::not_found, fmt::format("cannot open the file with the secret, {}", printable(path)));
  return read_secret_line(opened.get());
}

Result<SecretText> typed_secret(std::string_view question, std::string_view option) {
  const Fd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC));
  termios before{};
  if (!terminal || ::tcgetattr(terminal.get(), &before) != 0) {
    return fail(Errc::invalid,
                fmt::format("there is no terminal to type a secret at: {} names a file with it", option));
  }
  termios hidden = before;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  (void)!::write(terminal.get(), question.data(), question.size());
  ::tcsetattr(terminal.get(), TCSAFLUSH, &hidden);
  auto line = read_secret_line(terminal.get());
  ::tcsetattr(terminal.get(), TCSAFLUSH, &before);
  (void)!::write(terminal.get(), "\n", 1);
  return line;
}

}  // namespace freehold::app
