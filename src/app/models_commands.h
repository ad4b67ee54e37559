// The commands of the model store, and what they share: opening it, checking models before they become visible, and
// reporting progress.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/command.h"
#include "app/console.h"
#include "app/progress.h"
#include "base/thread_pool.h"
#include "store/store.h"

namespace freehold::app {

Command models_list_command();      // models_list.cpp
Command models_import_command();    // models_import.cpp
Command models_pull_command();      // models_pull.cpp
Command models_alias_command();     // models_import.cpp
Command models_label_command();     // models_label.cpp
Command models_promote_command();   // eval/promote_command.cpp
Command models_rollback_command();  // eval/promote_command.cpp
Command models_rm_command();        // models_import.cpp
Command models_inspect_command();   // models_inspect.cpp
Command models_verify_command();    // models_verify.cpp
Command models_quantize_command();  // models_make.cpp
Command models_init_command();      // models_init.cpp
Command models_synth_command();     // models_make.cpp

Result<store::Store> open_store();

// The first digits of a digest, enough to tell models apart and to be used as a reference: "sha256:0123456789ab".
std::string short_digest(const Digest& digest);

// 494,030,000 -> "494M", 8,030,261,248 -> "8.03B".
std::string human_parameters(std::uint64_t n);

// Everything that `run` would check: metadata, tensors, tokenizer, template.
Result<> check_runnable(const format::Checkpoint& checkpoint);

// The same for an adapter's files, on a model that has been checked.
Result<> check_adapter(const format::Checkpoint& base, const std::filesystem::path& adapter);

// How the store puts weights into the layout of the kernels; `pool` is asked for when there is something to do.
store::Preparation panel_preparation(std::function<ThreadPool&()> pool);

// Leave for what takes a model of the store, or its label, from under legal holds, by the labels that it carries: no
// hold is added as long as it lives. Errors: invalid (it is held: "'m' is not {what}", and a refusal of `act` is in the
// log), io.
Result<store::Leave> leave_of_holds(const std::string& name, std::string_view act, std::string_view what);

// A store::Progress that draws a bar and stops at Ctrl-C. Lives as long as the work.
class StoreProgress {
 public:
  explicit StoreProgress(Console& console);
  store::Progress progress();
  // With progress, check_runnable, a note when another process has the lock, and leave asked of the legal holds for
  // what goes. `replace`: another model may take the name. `prepare`: the weights are also put into the layout of the
  // kernels, so that every later start maps them.
  store::WriteOptions options(bool replace, bool prepare = false);
  void clear() { bar_.clear(); }

 private:
  Console& console_;  // owner: the caller
  ProgressBar bar_;
  std::unique_ptr<ThreadPool> pool_;  // made when something is prepared
};

// --no-prepare, of the commands that store a model.
Option no_prepare_option();

// What import, quantize, synth and alias say at the end, as text or JSON.
void print_imported(const store::Imported& imported, bool json, Console& console);

}  // namespace freehold::app
