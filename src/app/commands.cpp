#include "app/commands.h"

#include "app/models_commands.h"

namespace freehold::app {

const std::vector<Command>& all_commands() {
  static const std::vector<Command> commands = {
      run_command(),
      tokenize_command(),
      inspect_tokens_command(),
      inspect_template_command(),
      inspect_next_command(),
      inspect_logits_command(),
      inspect_tensor_command(),
      inspect_perplexity_command(),
      models_list_command(),
      models_import_command(),
      models_inspect_command(),
      models_verify_command(),
      models_quantize_command(),
      models_alias_command(),
      models_rm_command(),
      models_synth_command(),
      doctor_command(),
      version_command(),
      completions_command(),
      help_command(),
      man_command(),
  };
  return commands;
}

}  // namespace freehold::app
