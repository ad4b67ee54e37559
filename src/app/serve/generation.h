// One answer under way: the events of its requests to the engine (one a prompt) become pieces, the pieces bytes. Held
// by the event sinks; after the start only the engine's thread touches it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/answer.h"
#include "engine/event.h"
#include "http/exchange.h"

namespace freehold::app {

class Generation {
 public:
  Generation(std::shared_ptr<http::Exchange> exchange, std::unique_ptr<api::Encoder> encoder, const api::Call& call,
             std::uint32_t choices);

  // An event of the request whose first choice is `first`.
  void on(std::uint32_t first, const engine::Event& event);

 private:
  void begin();
  void add(const api::Piece& piece);
  void fail(const Error& error);
  void end();
  http::Response head() const;

  std::shared_ptr<http::Exchange> exchange_;
  std::unique_ptr<api::Encoder> encoder_;
  const bool stream_;
  const std::uint64_t seed_;
  const std::vector<std::string> ignored_;
  const std::string left_out_;
  std::uint32_t open_;  // choices that have not ended
  bool begun_ = false, failed_ = false;
};

}  // namespace freehold::app
