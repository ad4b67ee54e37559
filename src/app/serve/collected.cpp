#include "app/serve/collected.h"

#include "app/serve/reply.h"
#include "base/random_id.h"
#include "http/target.h"

namespace freehold::app {

void Collected::respond(http::Response response) {
  // With the lock held: whoever has taken the answer knows that nobody calls him any more.
  const std::lock_guard lock(mutex_);
  if (std::exchange(answered_, true)) return;
  response_ = std::move(response);
  done_();
}

void Collected::start(http::Response) {
  respond(error_response(
      request_, {api::Problem::invalid, "'stream' is not possible here: the answer goes into a file", "stream", {}}));
}

void Collected::on_gone(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!gone_) {
      on_gone_ = std::move(callback);
      return;
    }
  }
  callback();
}

std::optional<http::Response> Collected::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(response_, std::nullopt);
}

void Collected::leave() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    callback = std::exchange(on_gone_, nullptr);
  }
  if (callback) callback();
}

http::Request own_request(std::string_view path, std::string body, std::string tenant, const std::string& label) {
  http::Request request;
  request.method = "POST";
  if (auto target = http::parse_target(path)) request.target = std::move(*target);
  request.headers.set("content-type", "application/json");
  if (!label.empty()) request.headers.set("freehold-label", label);
  request.body = std::move(body);
  request.id = "req_" + random_id();
  request.on_behalf_of = std::move(tenant);
  return request;
}

}  // namespace freehold::app
