// Bodies that go somewhere else than into memory.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>

#include "http/body.h"
#include "http/server.h"
#include "http/testing.h"

namespace freehold::http {
namespace {

using testing::RawClient;
using namespace std::chrono_literals;

struct BodySinks : ::testing::Test {
  static std::unique_ptr<Server> serve(Hooks hooks, ServerOptions options = {}) {
    auto server = Server::create(std::move(options), std::move(hooks));
    EXPECT_TRUE(server) << (server ? "" : server.error().what);
    (*server)->start();
    return std::move(*server);
  }
  // With method and path.
  static Hooks answering() {
    Hooks hooks;
    hooks.handle = [](const std::shared_ptr<Exchange>& e) {
      e->respond({200, {}, e->request().method + " " + e->request().target.path});
    };
    return hooks;
  }
};

TEST_F(BodySinks, TakesBodiesInPieces) {
  struct Counter : BodySink {
    std::size_t* total;
    Result<> write(std::string_view piece) override {
      *total += piece.size();
      return {};
    }
  };
  std::size_t total = 0;
  Hooks hooks = answering();
  hooks.plan_body = [&](const Request&) {
    auto sink = std::make_shared<Counter>();
    sink->total = &total;
    return BodyPlan{std::uint64_t{1} << 40, sink};
  };
  auto server = serve(hooks);
  RawClient client(server->port());
  const std::size_t size = 5'000'000;
  client.send("PUT /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
  client.send(std::string(size, 'x'));
  EXPECT_NE(client.read_until("PUT /b").find("200 OK"), std::string::npos);
  EXPECT_EQ(total, size);
}

TEST_F(BodySinks, ABodyThatIsSlowToStoreHoldsUpNobody) {
  struct Slow : BodySink {
    std::shared_future<void> released;
    std::atomic<std::size_t>* taken;
    Result<> write(std::string_view piece) override {
      released.wait();
      *taken += piece.size();
      return {};
    }
  };
  std::promise<void> go_on;
  const std::shared_future<void> released = go_on.get_future();
  std::atomic<std::size_t> taken{0};
  Hooks hooks = answering();
  hooks.plan_body = [&](const Request& r) {
    if (r.method != "PUT") return BodyPlan{1000, {}};
    auto sink = std::make_shared<Slow>();
    sink->released = released;
    sink->taken = &taken;
    return BodyPlan{std::uint64_t{1} << 30, sink};
  };
  auto server = serve(hooks);
  RawClient upload(server->port());
  const std::size_t size = 200'000;
  upload.send("PUT /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
  std::thread sender([&] { upload.send(std::string(size, 'x')); });
  for (int i = 0; i < 3; ++i) {
    RawClient other(server->port());
    other.send("GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_NE(other.read_until("GET /other", 60000).find("200 OK"), std::string::npos);
  }
  EXPECT_EQ(taken, 0u);
  go_on.set_value();
  EXPECT_NE(upload.read_until("PUT /b", 60000).find("200 OK"), std::string::npos);
  EXPECT_EQ(taken, size);
  sender.join();
}

TEST(BodyPace, WhatHoldsUpTheServerIsNotTheClients) {
  for (const std::uint64_t rate : {0, 1000}) {
    BodyPace pace(1000ms, false, rate);
    const auto before = pace.deadline();
    pace.held_up(1h);
    EXPECT_EQ(pace.deadline() - before, 1h);
    pace.arrived(1000, 1000);  // too little to put it off, however fast
    EXPECT_EQ(pace.deadline() - before, 1h);
    pace.arrived(64 << 10, 65 << 10);
    EXPECT_LT(pace.deadline() - before, 1h);  // from now on, and nobody has been waiting
  }
}

// What the sink says, wherever in the body it says it, and what it throws.
TEST_F(BodySinks, ASinkEndsABody) {
  struct Failing : BodySink {
    Errc code;
    Result<> write(std::string_view) override {
      if (code == Errc::internal) throw std::runtime_error("not for the client's eyes");
      return fail(code, "no more of this");
    }
  };
  Errc code = Errc::invalid;
  Hooks hooks = answering();
  hooks.plan_body = [&](const Request&) {
    auto sink = std::make_shared<Failing>();
    sink->code = code;
    return BodyPlan{1000, sink};
  };
  auto server = serve(hooks);
  for (const auto& [given, status] :
       {std::pair{Errc::invalid, "400"}, {Errc::exhausted, "413"}, {Errc::io, "500"}, {Errc::internal, "500"}}) {
    code = given;
    for (const std::string framing :
         {"Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"}) {
      RawClient client(server->port());
      client.send("PUT /b HTTP/1.1\r\nHost: localhost\r\n" + framing);
      const std::string answer = client.read_all(60000);
      EXPECT_TRUE(answer.starts_with(std::string("HTTP/1.1 ") + status)) << answer;
      EXPECT_EQ(answer.find("eyes"), std::string::npos);
    }
  }
}

TEST_F(BodySinks, RefusesABodyBeforeItIsRead) {
  Hooks hooks = answering();
  hooks.plan_body = [&](const Request&) {
    BodyPlan plan;
    plan.refusal = Response{413, {}, "your shelf is full"};
    return plan;
  };
  auto server = serve(hooks);
  RawClient client(server->port());
  client.send("PUT /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nbegun");
  const std::string answer = client.read_all(60000);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer;
  EXPECT_NE(answer.find("your shelf is full"), std::string::npos);
}

TEST_F(BodySinks, EndsUploadsThatTrickle) {
  struct Full : BodySink {
    Result<> write(std::string_view) override { return {}; }
  };
  ServerOptions options;
  options.limits.body_time = 300ms;
  std::atomic<std::uint64_t> rate{0};
  Hooks hooks = answering();
  hooks.plan_body = [&](const Request&) {
    BodyPlan plan{1'000'000, std::make_shared<Full>()};
    plan.least_rate = rate;
    return plan;
  };
  auto server = serve(hooks, options);
  // 64 KiB now and then keep it going, unless there is an average to be reached; a byte now and then does not.
  const std::string piece(64 << 10, 'x');
  for (const bool limited : {false, true}) {
    rate = limited ? 10'000'000 : 0;
    RawClient client(server->port());
    client.send("PUT /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 655360\r\n\r\n");
    std::string answer;
    for (int sent = 0; sent < 10 && answer.empty(); ++sent) {
      if (!client.send(piece)) break;
      answer = client.read_until("\r\n\r\n", 100);
    }
    if (answer.empty()) answer = client.read_all(60000);
    EXPECT_TRUE(answer.starts_with(limited ? "HTTP/1.1 408 " : "HTTP/1.1 200 ")) << answer;
  }
}

}  // namespace
}  // namespace freehold::http
