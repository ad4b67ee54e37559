#include "app/serve/generation.h"

#include <fmt/format.h>

#include "app/serve/reply.h"
#include "app/serve/site.h"

namespace freehold::app {
namespace {

api::Reason reason_of(const engine::Finished& finished) {
  switch (finished.reason) {
    case engine::FinishReason::length:
      return api::Reason::length;
    case engine::FinishReason::cancelled:
      return api::Reason::cancelled;
    default:
      return finished.stop_string.empty() ? api::Reason::stop : api::Reason::stop_string;
  }
}

}  // namespace

Generation::Generation(std::shared_ptr<http::Exchange> exchange, std::unique_ptr<api::Encoder> encoder,
                       const api::Call& call, std::uint32_t choices)
    : exchange_(std::move(exchange)),
      encoder_(std::move(encoder)),
      stream_(call.stream),
      seed_(call.request.seed),
      ignored_(call.ignored),
      left_out_(call.left_out),
      open_(choices) {}

http::Response Generation::head() const {
  http::Response response{200, {}, {}};
  response.headers.set("content-type", encoder_->content_type());
  response.headers.set("freehold-seed", std::to_string(seed_));
  if (stream_) response.headers.set("cache-control", "no-cache");
  if (!ignored_.empty()) response.headers.set("freehold-ignored", fmt::format("{}", fmt::join(ignored_, ", ")));
  if (!left_out_.empty()) response.headers.set("freehold-truncated", left_out_);
  return response;
}

void Generation::begin() {
  if (std::exchange(begun_, true) || !stream_) return;
  exchange_->start(head());
  std::string bytes = encoder_->begin();
  if (!bytes.empty()) exchange_->send(std::move(bytes));
}

void Generation::add(const api::Piece& piece) {
  std::string bytes = encoder_->add(piece);
  if (stream_ && !bytes.empty()) exchange_->send(std::move(bytes));
}

void Generation::fail(const Error& error) {
  failed_ = true;
  const api::Failure failure = failure_of(error);
  if (begun_ && stream_) {
    exchange_->send(encoder_->broken(failure));
    exchange_->finish();
  } else {
    respond(*exchange_, failure);
  }
}

void Generation::end() {
  if (stream_) {
    exchange_->send(encoder_->end());
    exchange_->finish();
    return;
  }
  http::Response response = head();
  response.body = encoder_->end();
  exchange_->respond(std::move(response));
}

void Generation::on(std::uint32_t first, const engine::Event& event) {
  if (failed_) return;
  if (const auto* broken = std::get_if<engine::Failed>(&event)) return fail(broken->error);
  begin();
  if (const auto* started = std::get_if<engine::Started>(&event)) {
    add(api::Begun{started->prompt_tokens, started->cached_tokens});
  } else if (const auto* delta = std::get_if<engine::TextDelta>(&event)) {
    add(api::Text{first + delta->choice, delta->text});
  } else if (const auto* token = std::get_if<engine::TokenLogprobs>(&event)) {
    add(api::Logprobs{first + token->choice, token});
  } else if (const auto* finished = std::get_if<engine::Finished>(&event)) {
    add(api::Ended{first + finished->choice, reason_of(*finished), finished->stop_string, finished->usage, 0,
                   finished->tokens});
    if (--open_ == 0) end();
  }
}

}  // namespace freehold::app
