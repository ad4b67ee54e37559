// The policy's rules for what `freehold run` and its chat ask (where: run). Without such rules nothing is looked at:
// what somebody types for themselves is theirs.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "app/veil/veil.h"
#include "base/result.h"

namespace freehold::app {

class AskedVeil {
 public:
  // `say` gets a line for each text in which something was found.
  AskedVeil(const guard::Treatments& treatments, std::function<void(const std::string&)> say)
      : treatments_(treatments), say_(std::move(say)) {}

  bool active() const { return treatments_.any(); }
  // The text as it may be asked. The same text gives the same again, and nothing is said a second time. Errc::invalid
  // if it may not be asked: kinds and counts, no value.
  Result<std::string> operator()(const std::string& text);

 private:
  guard::Treatments treatments_;
  std::function<void(const std::string&)> say_;
  std::map<std::string, std::string> done_;
};

}  // namespace freehold::app
