// Words of a command line -> the command and its checked arguments.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/command.h"

namespace freehold::app {

struct Parsed {
  const Command* command = nullptr;  // null: the program itself ("freehold", "freehold --help")
  bool help = false;
  bool version = false;
  Arguments arguments;
};

// `words` without the program's name. The command is the longest name that the first words spell. On error, `hint` is
// what may help ("did you mean --temperature?").
Result<Parsed> parse_command_line(const std::vector<std::string>& words, const std::vector<Command>& commands,
                                  std::string& hint);

// The rules of one option applied to one value: type, range, choice. The error names the option.
Result<> check_value(const Option& option, std::string_view value);

// The words of a choice.
std::vector<std::string> choices_of(const Option& option);

}  // namespace freehold::app
