// `freehold tune export`: an adapter in the other format.
#include <fmt/format.h>

#include "app/adapter_option.h"
#include "app/labelling.h"
#include "app/tune/adapter_commands.h"
#include "base/utf8.h"
#include "model/gguf_adapter.h"

namespace freehold::app {
namespace {

Result<> run_export(const Arguments& arguments, Console& console) {
  const std::filesystem::path out(std::string(arguments.text("OUT")));
  FH_TRY(const CheckedModel base, open_and_check(arguments.text("BASE"), console));
  FH_TRY(const model::PeftAdapter adapter, open_adapter(arguments.text("ADAPTER"), base));
  FH_TRY(const guard::Bounds bounds, bounds_of_reference(std::string(arguments.text("ADAPTER"))));
  if (out.extension() != ".gguf") {
    FH_TRY_VOID(model::write_peft(out, base.plan.spec, adapter));
    return carry_labels_to_files(bounds, out);
  }
  FH_TRY(const std::string architecture, model::gguf_architecture(*base.opened.checkpoint));
  auto written = model::write_gguf_adapter(out, base.plan.spec, architecture, adapter, out.stem().string());
  if (!written) return in_context(std::move(written).error(), printable(out.string()));
  if (!written->exact) {
    console.note("note: rsLoRA's scale is no alpha divided by this rank in float32; it differs in its last bit");
  }
  return carry_labels_to_files(bounds, out);
}

}  // namespace

Command tune_export_command() {
  return {
      .name = "tune export",
      .summary = "Write an adapter for PEFT or for llama.cpp.",
      .details =
          "OUT ending in .gguf becomes a GGUF LoRA (general.type adapter, float32), anything else a folder of PEFT's. "
          "The base says how the rows of q and k lie and what its layers are called. What a format cannot hold is "
          "refused by name: in a GGUF DoRA, layers of several scales, and adapters on lm_head or embed_tokens of a "
          "model "
          "whose output matrix is its embedding.",
      .positionals = {{.name = "BASE", .help = "The model that the adapter is for."},
                      {.name = "ADAPTER", .help = "A PEFT folder, a GGUF, or a name in the store."},
                      {.name = "OUT", .help = "NAME.gguf, or a folder."}},
      .examples = {{"freehold tune export mistral:q4 my-lora my-lora.gguf", "For llama.cpp:"}},
      .run = run_export,
  };
}

}  // namespace freehold::app
