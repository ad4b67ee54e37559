#include "app/starter.h"

#include "store/name.h"

namespace freehold::app {

bool means_starter(std::string_view reference) {
  if (starter_bytes().empty()) return false;
  const auto name = store::ModelName::parse(reference), starter = store::ModelName::parse(kStarterName);
  return name && starter && name->text() == starter->text();
}

Result<OpenModel> open_starter() {
  auto gguf = format::parse_gguf(starter_bytes());
  if (!gguf) return in_context(std::move(gguf).error(), "the built-in starter model");
  OpenModel opened;
  opened.reference = kStarterName;
  opened.path = kStarterName;
  opened.checkpoint = std::make_shared<const format::Checkpoint>(std::move(*gguf));
  return opened;
}

bool is_starter(const OpenModel& opened) {
  const format::Gguf* gguf = opened.checkpoint->gguf();
  return gguf != nullptr && gguf->files.empty();
}

}  // namespace freehold::app
