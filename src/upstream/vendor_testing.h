// A vendor on loopback that does as a test says, and what is asked of it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "http/server.h"
#include "upstream/gateway.h"

namespace freehold::upstream {

// What a vendor does with one request.
using Act = std::function<void(const std::shared_ptr<http::Exchange>&)>;

inline Act status(int code, std::string body, std::map<std::string, std::string> headers = {}) {
  return [=](const std::shared_ptr<http::Exchange>& e) {
    http::Response r{code, {}, body};
    for (const auto& [name, value] : headers) r.headers.add(name, value);
    e->respond(std::move(r));
  };
}

// The pieces of a stream; `whole` ends it as a server does that has said all, otherwise it is cut.
inline Act stream(std::vector<std::string> pieces, bool whole = true) {
  return [=](const std::shared_ptr<http::Exchange>& e) {
    e->start({200, {}, {}});
    for (const std::string& piece : pieces) e->send(piece);
    whole ? e->finish() : e->abort();
  };
}

class Vendor {
 public:
  explicit Vendor(std::vector<Act> acts) : acts_(acts.begin(), acts.end()) {
    http::Hooks hooks;
    hooks.handle = [this](const std::shared_ptr<http::Exchange>& e) {
      Act act;
      {
        const std::lock_guard lock(mutex_);
        seen_.push_back(e->request());
        if (acts_.size() > 1) {
          act = acts_.front();
          acts_.pop_front();
        } else {
          act = acts_.front();
        }
      }
      act(e);
    };
    server_ = std::move(*http::Server::create({}, std::move(hooks)));
    server_->start();
  }
  ~Vendor() { server_->stop(std::chrono::milliseconds{0}); }
  Place place(std::string_view reference, std::string_view path = "") const {
    return find_place(reference,
                      [&](std::string_view) { return fmt::format("http://127.0.0.1:{}{}", server_->port(), path); })
        .value();
  }
  std::vector<http::Request> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  std::mutex mutex_;
  std::deque<Act> acts_;
  std::vector<http::Request> seen_;
  std::unique_ptr<http::Server> server_;
};

inline GatewayOptions quick() {
  GatewayOptions options;
  options.retry.first = std::chrono::milliseconds{1};
  options.retry.attempts = 5;
  return options;
}

inline Call hello() {
  Call call;
  call.model = "m";
  call.messages = {{Message::Role::system, "be short"}, {Message::Role::user, "hi"}};
  call.max_tokens = 7;
  call.temperature = 0;
  call.top_p = 0.5;
  return call;
}

struct AskedVendor {
  Result<Reply> reply;
  std::vector<Attempt> attempts;
};

inline AskedVendor ask(Vendor& vendor, std::string_view reference, const Call& call, GatewayOptions options = quick(),
                       std::string_view path = "/v1") {
  auto gateway = Gateway::create(vendor.place(reference, path), "sk-secret", std::move(options));
  EXPECT_TRUE(gateway) << gateway.error().what;
  AskedVendor out;
  out.reply = gateway->ask(call, [&](const Attempt& a) {
    out.attempts.push_back(a);
    return Result<>();
  });
  return out;
}

inline std::string sse(std::string_view json) {
  return fmt::format("data: {}\n\n", json);
}

}  // namespace freehold::upstream
