#include "app/backup/passphrase.h"

#include <fmt/format.h>

namespace freehold::app {
namespace {

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
