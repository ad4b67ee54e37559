#include "app/backup/passphrase.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

constexpr std::size_t kLongestPassphrase = 4096;

// One line, byte by byte: what follows it is not ours.
Result<SecretText> read_secret_line(int fd) {
  std::string line;
  line.reserve(kLongestPassphrase);
  for (char c = 0; line.size() < kLongestPassphrase;) {
    const ssize_t n = ::read(fd, &c, 1);
    if (n < 0) return fail(Errc::io, "the passphrase cannot be read");
    if (n == 0 || c == '\n') break;
    line.push_back(c);
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return SecretText(std::move(line));
}

Result<SecretText> ask_secret(std::string_view question) {
  const Fd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC));
  termios before{};
  if (!terminal || ::tcgetattr(terminal.get(), &before) != 0) {
    return fail(Errc::invalid, "there is no terminal to type a passphrase at: --passphrase-file names a file with it");
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

Result<SecretText> long_enough(SecretText passphrase) {
  if (passphrase.text().size() >= kShortestPassphrase) return passphrase;
  return fail(Errc::invalid, fmt::format("a passphrase has at least {} characters", kShortestPassphrase));
}

}  // namespace

Option passphrase_file_option() {
  return {.name = "passphrase-file",
          .type = OptionType::file,
          .value = "FILE",
          .help =
              "Its first line is the passphrase of the file of keys ('-': of standard input); asked for unless "
              "given."};
}

Result<SecretText> passphrase_from(const Arguments& arguments, Passphrase which) {
  if (arguments.given("passphrase-file")) {
    const std::string path(arguments.text("passphrase-file"));
    if (path == "-") {
      FH_TRY(SecretText line, read_secret_line(STDIN_FILENO));
      return long_enough(std::move(line));
    }
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) return fail(Errc::not_found, fmt::format("cannot open the passphrase's file {}", printable(path)));
    FH_TRY(SecretText line, read_secret_line(file.get()));
    return long_enough(std::move(line));
  }
  FH_TRY(SecretText first, ask_secret("passphrase of the file of keys: "));
  FH_TRY(SecretText good, long_enough(std::move(first)));
  if (which == Passphrase::known) return good;
  FH_TRY(const SecretText second, ask_secret("again: "));
  if (second.text() != good.text()) return fail(Errc::invalid, "these are two different passphrases");
  return good;
}

}  // namespace freehold::app
