#include "app/commands.h"

namespace freehold::app {

const std::vector<Command>& all_commands() {
  static const std::vector<Command> commands = {
      tokenize_command(),           inspect_tokens_command(), inspect_template_command(),
      inspect_next_command(),       inspect_logits_command(), inspect_tensor_command(),
      inspect_perplexity_command(), doctor_command(),         version_command(),
      completions_command(),        help_command(),           man_command(),
  };
  return commands;
}

}  // namespace freehold::app
