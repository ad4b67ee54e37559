// One table a command; commands.cpp lists them, each is defined in the file of its name.
#pragma once

#include "app/command.h"

namespace freehold::app {

Command serve_command();
Command batch_command();               // batch/batch_command.cpp
Command eval_command();                // eval/eval_command.cpp
Command eval_list_command();           // eval/eval_command.cpp
Command eval_fetch_command();          // eval/eval_command.cpp
Command eval_quantization_command();   // eval/quantization_command.cpp
Command run_command();                 // run_command.cpp
Command tokenize_command();            // tokens_command.cpp
Command tokenizer_group();             // tokenizer_command.cpp
Command tokenizer_train_command();     // tokenizer_command.cpp
Command inspect_tokens_command();      // tokens_command.cpp
Command inspect_template_command();    // inspect_template.cpp
Command inspect_logits_command();      // inspect_logits.cpp
Command inspect_next_command();        // inspect_logits.cpp
Command inspect_tensor_command();      // inspect_logits.cpp
Command inspect_perplexity_command();  // inspect_perplexity.cpp
Command bench_command();               // bench_command.cpp
Command guard_group();                 // guard/guard_commands.cpp
Command guard_scan_command();          // guard/guard_commands.cpp
Command guard_erase_command();         // guard/rights_commands.cpp
Command guard_export_command();        // guard/rights_commands.cpp
Command guard_reveal_command();        // guard/reveal_command.cpp
Command guard_retain_command();        // guard/retain_command.cpp
Command guard_hold_command();          // guard/hold_commands.cpp
Command guard_holds_command();         // guard/hold_commands.cpp
Command guard_release_command();       // guard/hold_commands.cpp
Command guard_record_command();        // report/record_command.cpp
Command guard_mask_command();          // guard/guard_commands.cpp
Command keys_group();                  // keys_commands.cpp
Command keys_create_command();         // keys_commands.cpp
Command keys_list_command();           // keys_commands.cpp
Command keys_rotate_command();         // keys_commands.cpp
Command keys_revoke_command();         // keys_commands.cpp
Command keys_block_command();          // keys_people.cpp
Command keys_vendor_group();           // keys_vendor.cpp
Command keys_vendor_set_command();     // keys_vendor.cpp
Command keys_vendor_list_command();    // keys_vendor.cpp
Command keys_vendor_remove_command();  // keys_vendor.cpp
Command cost_group();                  // cost_commands.cpp
Command cost_prices_command();         // cost_commands.cpp
Command cost_prices_add_command();     // cost/cost_prices_add.cpp
Command cost_prices_import_command();  // cost/cost_prices_add.cpp
Command cost_prices_sign_command();    // cost/cost_prices_add.cpp
Command cost_compare_command();        // cost_commands.cpp
Command cost_machine_command();        // cost/cost_machine.cpp
Command cost_report_command();         // cost/cost_report.cpp
Command cost_explain_command();        // cost/cost_report.cpp
Command cost_tokenizer_command();      // cost/cost_tokenizer.cpp
Command cost_forecast_command();       // cost/cost_forecast.cpp
Command cost_export_command();         // cost/cost_export.cpp
Command cost_budget_group();           // cost/cost_budget.cpp
Command cost_budget_list_command();    // cost/cost_budget.cpp
Command cost_budget_set_command();     // cost/cost_budget.cpp
Command cost_budget_remove_command();  // cost/cost_budget.cpp
Command usage_command();               // usage_command.cpp
Command doctor_command();              // doctor_command.cpp
Command version_command();             // version_command.cpp
Command help_command();                // help_command.cpp
Command completions_command();         // help_command.cpp
Command man_command();                 // help_command.cpp (hidden)

}  // namespace freehold::app
