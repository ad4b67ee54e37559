#include "app/veil/asked_veil.h"

#include <fmt/format.h>

namespace freehold::app {

Result<std::string> AskedVeil::operator()(const std::string& text) {
  if (!active()) return text;
  if (const auto done = done_.find(text); done != done_.end()) return done->second;
  Veil veil(guard::Way::run, treatments_);
  auto other = veil.changed(text);
  if (veil.blocked()) return fail(Errc::invalid, veil.refusal().message);
  if (veil.found() > 0 && say_) say_(fmt::format("note: personal data in what is asked: {}", veil.summary()));
  return done_.emplace(text, std::move(other).value_or(text)).first->second;
}

}  // namespace freehold::app
