#include "app/commands.h"

namespace freehold::app {

const std::vector<Command>& all_commands() {
  static const std::vector<Command> commands = {
      doctor_command(), version_command(), completions_command(), help_command(), man_command(),
  };
  return commands;
}

}  // namespace freehold::app
