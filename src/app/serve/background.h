// A response that is made whether somebody waits or not: its answer is kept in the store. A client that asked for a
// stream gets one as long as it stays; that it leaves ends nothing.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "api/openai/responses.h"
#include "app/serve/response_store.h"
#include "http/exchange.h"

namespace freehold::app {

class Background : public http::Exchange {
 public:
  // `request`: the client's own, so that the answer is his in every way. `stream`: where its events go; may be null.
  Background(http::Request request, ResponseStore& store, std::string tenant, std::shared_ptr<http::Exchange> stream)
      : request_(std::move(request)), store_(store), tenant_(std::move(tenant)), stream_(std::move(stream)) {}

  // What is kept until there is an answer; before the first token is asked for.
  void begin(api::openai::StoredResponse begun);
  // The refusal, if it was refused before it began.
  std::optional<http::Response> refusal() const;

  const http::Request& request() const override { return request_; }
  // The answer, whole and recorded: from here on others can read it. Before the client sees its end.
  void made(api::openai::StoredResponse answer);
  // An error ends the response as failed.
  void respond(http::Response response) override;
  void start(http::Response head) override;
  bool send(std::string piece) override;
  // If there is no answer, a failure is what the store has before the client sees the end.
  void finish() override;
  void abort() override;
  void on_gone(std::function<void()> callback) override;  // nobody leaves; it is what keeps the answer cancellable

 private:
  void fail();

  const http::Request request_;
  ResponseStore& store_;
  const std::string tenant_;
  const std::shared_ptr<http::Exchange> stream_;
  mutable std::mutex mutex_;                          // guards what follows
  std::optional<api::openai::StoredResponse> begun_;  // nothing once it is over
  std::optional<http::Response> refusal_;
  std::function<void()> on_gone_;
};

}  // namespace freehold::app
