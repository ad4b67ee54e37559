#include "app/commands.h"

#include "app/audit/audit_commands.h"
#include "app/backup/backup_commands.h"
#include "app/guard/seal_test_command.h"
#include "app/models_commands.h"
#include "app/tune/adapter_commands.h"
#include "app/tune/tune_commands.h"

namespace freehold::app {

namespace {

Command models_group() {
  return {
      .name = "models",
      .summary = "Keep models under names: import, list, verify, quantize, remove.",
      .details =
          "Models are kept below $FREEHOLD_HOME, once each, named by the SHA-256 of what is in them. A model need "
          "not be imported to be run: a path does.",
  };
}

// What `models inspect` shows, without the longer name.
Command inspect_command() {
  Command command = models_inspect_command();
  command.name = "inspect";
  command.details = "The same as freehold models inspect. The other inspect commands look deeper.";
  command.examples = {{"freehold inspect model.gguf", "Before running it:"},
                      {"freehold inspect model.gguf --json", "For programs:"}};
  return command;
}

}  // namespace

const std::vector<Command>& all_commands() {
  static const std::vector<Command> commands = {
      run_command(),
      serve_command(),
      batch_command(),
      inspect_command(),
      inspect_tokens_command(),
      inspect_template_command(),
      inspect_next_command(),
      inspect_logits_command(),
      inspect_tensor_command(),
      inspect_perplexity_command(),
      tokenize_command(),
      tokenizer_group(),
      tokenizer_train_command(),
      models_group(),
      models_list_command(),
      models_import_command(),
      models_pull_command(),
      models_inspect_command(),
      models_verify_command(),
      models_quantize_command(),
      models_alias_command(),
      models_label_command(),
      models_promote_command(),
      models_rollback_command(),
      models_rm_command(),
      models_synth_command(),
      models_init_command(),
      tune_group(),
      tune_plan_command(),
      tune_start_command(),
      tune_resume_command(),
      tune_status_command(),
      tune_stop_command(),
      tune_snapshot_command(),
      tune_export_command(),
      tune_merge_command(),
      eval_command(),
      eval_list_command(),
      eval_fetch_command(),
      eval_quantization_command(),
      guard_group(),
      guard_scan_command(),
      guard_mask_command(),
      guard_seal_test_command(),
      guard_export_command(),
      guard_record_command(),
      guard_erase_command(),
      guard_reveal_command(),
      guard_retain_command(),
      guard_hold_command(),
      guard_holds_command(),
      guard_release_command(),
      keys_group(),
      keys_create_command(),
      keys_list_command(),
      keys_rotate_command(),
      keys_revoke_command(),
      keys_block_command(),
      keys_vendor_group(),
      keys_vendor_set_command(),
      keys_vendor_list_command(),
      keys_vendor_remove_command(),
      usage_command(),
      cost_group(),
      cost_prices_command(),
      cost_prices_add_command(),
      cost_prices_import_command(),
      cost_prices_sign_command(),
      cost_compare_command(),
      cost_machine_command(),
      cost_report_command(),
      cost_explain_command(),
      cost_tokenizer_command(),
      cost_forecast_command(),
      cost_export_command(),
      cost_budget_group(),
      cost_budget_list_command(),
      cost_budget_set_command(),
      cost_budget_remove_command(),
      audit_group(),
      audit_verify_command(),
      audit_show_command(),
      audit_query_command(),
      audit_export_command(),
      audit_replay_command(),
      audit_report_command(),
      audit_prove_command(),
      audit_checkpoint_command(),
      audit_key_command(),
      backup_group(),
      backup_create_command(),
      backup_keys_command(),
      backup_verify_command(),
      backup_restore_command(),
      bench_command(),
      doctor_command(),
      version_command(),
      completions_command(),
      help_command(),
      man_command(),
  };
  return commands;
}

}  // namespace freehold::app
