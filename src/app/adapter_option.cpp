#include "app/adapter_option.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "model/adapter_file.h"

namespace freehold::app {

Option adapter_option() {
  return {.name = "adapter",
          .type = OptionType::file,
          .value = "ADAPTER",
          .help = "Run the model with this adapter: a folder of PEFT's, a GGUF with a LoRA, or a name in the store."};
}

Result<model::PeftAdapter> open_adapter(std::string_view reference, const CheckedModel& checked) {
  FH_TRY(auto home, store::default_home());
  FH_TRY(auto store, store::Store::open(home));
  FH_TRY(const store::Resolved found, store.resolve(reference));
  if (model::adapter_kind(found.path) == model::AdapterKind::none) {
    std::error_code ec;
    if (found.manifest || !std::filesystem::is_directory(found.path, ec)) {
      return fail(Errc::invalid, fmt::format("{} is no adapter: neither a folder with adapter_config.json nor a GGUF "
                                             "with general.type 'adapter'",
                                             printable(reference)));
    }
  }
  return model::read_adapter(found.path, *checked.opened.checkpoint, checked.plan.spec);
}

Result<> take_adapter(const Arguments& arguments, CheckedModel& checked) {
  if (!arguments.given("adapter")) return {};
  if (checked.adapter) {
    return fail(Errc::invalid, fmt::format("{} has an adapter already, so --adapter cannot give it another",
                                           printable(checked.opened.reference)));
  }
  FH_TRY(checked.adapter, open_adapter(arguments.text("adapter"), checked));
  return {};
}

}  // namespace freehold::app
