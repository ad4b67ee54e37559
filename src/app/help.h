// What people read about a command, made from its table: --help, the man page, shell completions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/command.h"

namespace freehold::app {

// The widest that help is, in columns; a narrower terminal gets it narrower.
inline constexpr std::size_t kHelpWidth = 100;

// freehold --help
std::string program_help(const std::vector<Command>& commands, std::size_t width = kHelpWidth);
// freehold COMMAND --help; a group lists its subcommands.
std::string command_help(const Command& command, const std::vector<Command>& commands, std::size_t width = kHelpWidth);
// "freehold run MODEL [PROMPT] [OPTIONS]"
std::string usage_line(const Command& command);
// "--max-tokens N" with its letter and without its default.
std::string option_heading(const Option& option);
// The sentence of help followed by range and default: "… (from 0 to 2; default 0.7)".
std::string option_text(const Option& option);

// docs/man/freehold.1, in the man(7) macros.
std::string man_page(const std::vector<Command>& commands);

enum class Shell : std::uint8_t { bash, zsh, fish };
std::string completion_script(Shell shell, const std::vector<Command>& commands);

// `text` in lines of at most `width` columns, each after `indent` spaces; empty lines separate paragraphs and stay.
std::string wrap(std::string_view text, std::size_t width, std::size_t indent);

inline constexpr std::string_view kTagline = "Freehold runs open-weight language models on your own machine.";
struct EnvironmentVariable {
  std::string_view name;
  std::string_view help;
};
const std::vector<EnvironmentVariable>& environment_variables();

}  // namespace freehold::app
