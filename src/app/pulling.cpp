#include "app/pulling.h"

#include "base/utf8.h"

namespace freehold::app {

Result<> check_defaults(const store::Defaults& defaults) {
  const auto checked = api::ollama::check_preset({defaults.system, defaults.parameters, defaults.messages, {}});
  if (checked) return {};
  return fail(Errc::unsupported, "what it is to be asked with: " + printable(checked.error().message, 300));
}

api::ollama::Preset preset_of(const store::Manifest& manifest) {
  const store::Defaults& d = manifest.model.defaults;
  return {d.system, d.parameters, d.messages, manifest.from.pulled ? manifest.from.pulled->licence : std::string()};
}

}  // namespace freehold::app
