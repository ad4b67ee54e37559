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
  const std::lock_guard lock(mutex_);
  made_ = std::move(answer);
}

void Background::respond(http::Response response) {
  std::optional<api::openai::StoredResponse> begun, made;
  const bool good = response.status < 400;
  {
    const std::lock_guard lock(mutex_);
    begun = begun_;
    made = std::exchange(made_, std::nullopt);
    if (!good) refusal_ = std::move(response);
  }
  if (good) {
    if (made) store_.conclude(tenant_, std::move(*made));
    return;
  }
  if (!begun) return;
  begun->running.clear();
  const api::Failure failure{api::Problem::internal, "the answer could not be made", {}, {}};
  begun->response = api::openai::with_status(begun->response, "failed", &failure);
  store_.conclude(tenant_, std::move(*begun));
}

void Background::on_gone(std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  on_gone_ = std::move(callback);
}

}  // namespace freehold::app
