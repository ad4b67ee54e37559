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
    if (n < 0) return fail(Errc::io, "the secret cannot be read");
    if (n == 0 || c == '\n') break;
    line.push_back(c);
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return SecretText(std::move(line));
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

Result<SecretText> passphrase_from(const Arguments& arguments, Passphrase which) {
  if (arguments.given("passphrase-file")) {
    FH_TRY(SecretText line, secret_from_file(arguments.text("passphrase-file")));
    return long_enough(std::move(line));
  }
  FH_TRY(SecretText first, typed_secret("passphrase of the file of keys: ", "--passphrase-file"));
  FH_TRY(SecretText good, long_enough(std::move(first)));
  if (which == Passphrase::known) return good;
  FH_TRY(const SecretText second, typed_secret("again: ", "--passphrase-file"));
  if (second.text() != good.text()) return fail(Errc::invalid, "these are two different passphrases");
  return good;
}

}  // namespace freehold::app
