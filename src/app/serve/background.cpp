#include "app/serve/background.h"

#include <utility>

namespace freehold::app {

void Background::begin(api::openai::StoredResponse begun) {
  {
    const std::lock_guard lock(mutex_);
    begun_ = begun;
  }
  store_.put(tenant_, std::move(begun));
}

std::optional<http::Response> Background::refusal() const {
  const std::lock_guard lock(mutex_);
  return refusal_;
}

void Background::made(api::openai::StoredResponse answer) {
  {
    const std::lock_guard lock(mutex_);
    begun_.reset();
  }
  store_.conclude(tenant_, std::move(answer));
}

// Unless it is over.
void Background::fail() {
  std::optional<api::openai::StoredResponse> begun;
  {
    const std::lock_guard lock(mutex_);
    begun = std::exchange(begun_, std::nullopt);
  }
  if (!begun) return;
  begun->running.clear();
  const api::Failure failure{api::Problem::internal, "the answer could not be made", {}, {}};
  begun->response = api::openai::with_status(begun->response, "failed", &failure);
  store_.conclude(tenant_, std::move(*begun));
}

void Background::respond(http::Response response) {
  if (response.status < 400) return;  // `made` was told
  fail();
  if (stream_) return stream_->respond(std::move(response));
  const std::lock_guard lock(mutex_);
  refusal_ = std::move(response);
}

void Background::start(http::Response head) {
  if (stream_) stream_->start(std::move(head));
}

bool Background::send(std::string piece) {
  if (stream_) stream_->send(std::move(piece));
  return true;
}

void Background::finish() {
  fail();
  if (stream_) stream_->finish();
}

void Background::abort() {
  fail();
  if (stream_) stream_->abort();
}

void Background::on_gone(std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  on_gone_ = std::move(callback);
}

}  // namespace freehold::app
