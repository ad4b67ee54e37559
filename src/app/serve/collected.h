// An exchange without a socket: the answer to a request that the program makes by itself is collected in memory.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "http/exchange.h"

namespace freehold::app {

class Collected : public http::Exchange {
 public:
  // `done` is called once, by whoever completes the answer, before take() gives it: quick, any thread, and without
  // calling anything here.
  Collected(http::Request request, std::function<void()> done) : request_(std::move(request)), done_(std::move(done)) {}

  const http::Request& request() const override { return request_; }
  void respond(http::Response response) override;
  // Nobody reads streams here: the request is answered as invalid.
  void start(http::Response head) override;
  bool send(std::string) override { return false; }
  void finish() override {}
  void abort() override {}
  void on_gone(std::function<void()> callback) override;

  // The answer, once, when it is complete.
  std::optional<http::Response> take();
  // As a client that closes its connection.
  void leave();

 private:
  const http::Request request_;
  const std::function<void()> done_;
  std::mutex mutex_;  // guards what follows
  std::function<void()> on_gone_;
  std::optional<http::Response> response_;
  bool answered_ = false, gone_ = false;
};

// A POST of JSON text to a path, on behalf of a tenant; `label`: that it carries beside the key's, may be empty.
http::Request own_request(std::string_view path, std::string body, std::string tenant, const std::string& label = {});

}  // namespace freehold::app
