// `help`, `completions` and the hidden `man`, which writes docs/man/freehold.1.
#include <fmt/format.h>

#include "app/commands.h"
#include "app/console.h"
#include "app/help.h"
#include "base/nearest.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

Result<> run_help(const Arguments& arguments, Console& console) {
  const auto& words = arguments.list("COMMAND");
  if (words.empty()) {
    console.write(program_help(all_commands(), console.help_width()));
    return {};
  }
  std::string name = fmt::format("{}", fmt::join(words, " "));
  const Command* command = find_command(name);
  if (command == nullptr) {
    std::vector<std::string> names;
    for (const auto& c : all_commands()) names.emplace_back(c.name);
    if (auto near = nearest(name, names)) console.hint(fmt::format("did you mean 'freehold help {}'?", *near));
    return fail(Errc::invalid, fmt::format("there is no command '{}'", printable(name)));
  }
  console.write(command_help(*command, all_commands(), console.help_width()));
  return {};
}

Result<> run_completions(const Arguments& arguments, Console& console) {
  std::string_view name = arguments.text("SHELL");
  if (name == "bash") {
    console.write(completion_script(Shell::bash, all_commands()));
  } else if (name == "zsh") {
    console.write(completion_script(Shell::zsh, all_commands()));
  } else if (name == "fish") {
    console.write(completion_script(Shell::fish, all_commands()));
  } else {
    return fail(Errc::invalid, fmt::format("SHELL is bash, zsh or fish, not '{}'", printable(name)));
  }
  return {};
}

Result<> run_man(const Arguments&, Console& console) {
  console.write(man_page(all_commands()));
  return {};
}

}  // namespace

Command help_command() {
  return {
      .name = "help",
      .summary = "Explain the program or one command.",
      .positionals = {{.name = "COMMAND",
                       .help = "The command to explain.",
                       .required = false,
                       .repeatable = true,
                       .is_file = false}},
      .examples = {{"freehold help run", "The same as freehold run --help:"}},
      .run = run_help,
  };
}

Command completions_command() {
  return {
      .name = "completions",
      .summary = "Print the completion script of a shell.",
      .positionals = {{.name = "SHELL", .help = "bash, zsh or fish.", .is_file = false}},
      .examples = {{"source <(freehold completions bash)", "In ~/.bashrc:"},
                   {"freehold completions zsh > ~/.zfunc/_freehold", "For zsh, in a folder of $fpath:"},
                   {"freehold completions fish > ~/.config/fish/completions/freehold.fish", "For fish:"}},
      .run = run_completions,
  };
}

Command man_command() {
  return {
      .name = "man",
      .summary = "Print the manual page (docs/man/freehold.1).",
      .run = run_man,
      .hidden = true,
  };
}

}  // namespace freehold::app
