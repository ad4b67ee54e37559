// A client that closes its end after its request may still read, or be gone.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "http/server.h"
#include "http/testing.h"

namespace freehold::http {
namespace {

using testing::eventually;
using testing::RawClient;

constexpr std::string_view kRequest = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi";

// Keeps every exchange until the test answers it.
struct HalfClosed : ::testing::Test {
  std::mutex mutex;
  std::vector<std::shared_ptr<Exchange>> held;
  std::atomic<int> gone{0};
  std::unique_ptr<Server> server;

  void SetUp() override {
    Hooks hooks;
    hooks.handle = [this](const std::shared_ptr<Exchange>& e) {
      e->on_gone([this] { ++gone; });
      const std::lock_guard lock(mutex);
      held.push_back(e);
    };
    auto made = Server::create({}, std::move(hooks));
    ASSERT_TRUE(made);
    server = std::move(*made);
    server->start();
  }
  void TearDown() override {
    held.clear();
    server->stop(std::chrono::milliseconds(0));
  }
  std::shared_ptr<Exchange> asked(std::size_t index = 0) {
    EXPECT_TRUE(eventually([&] {
      const std::lock_guard lock(mutex);
      return held.size() > index;
    }));
    const std::lock_guard lock(mutex);
    return held[index];
  }
};

TEST_F(HalfClosed, ReadsItsAnswer) {
  RawClient client(server->port());
  client.send(kRequest);
  client.close_sending();
  const auto exchange = asked();
  EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 100 Continue\r\n\r\n")) << "is it there?";
  EXPECT_EQ(gone, 0);
  exchange->respond({200, {}, "yes"});
  const std::string answer = client.read_all();
  EXPECT_NE(answer.find("HTTP/1.1 200 OK\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("yes")) << answer;
  EXPECT_TRUE(client.ended());
}

TEST_F(HalfClosed, ReadsAStream) {
  RawClient client(server->port());
  client.send(kRequest);
  client.close_sending();
  const auto exchange = asked();
  client.read_until("Continue");
  exchange->start({200, {}, ""});
  EXPECT_TRUE(exchange->send("one"));
  client.read_until("one");
  EXPECT_TRUE(exchange->send("two"));
  exchange->finish();
  const std::string rest = client.read_all();
  EXPECT_TRUE(rest.ends_with("two\r\n0\r\n\r\n")) << rest;
  EXPECT_EQ(gone, 0);
}

TEST_F(HalfClosed, AnswersAllThatWasAsked) {
  RawClient client(server->port());
  client.send(std::string(kRequest) + std::string(kRequest));
  client.close_sending();
  asked(0)->respond({200, {}, "first"});
  client.read_until("first");
  asked(1)->respond({200, {}, "second"});
  EXPECT_TRUE(client.read_all().ends_with("second"));
}

TEST_F(HalfClosed, IsToldFromOneThatIsGone) {
  {
    RawClient client(server->port());
    client.send(kRequest);
    asked();
  }
  EXPECT_TRUE(eventually([&] { return gone == 1; }));
  asked()->respond({200, {}, ""});
  EXPECT_TRUE(eventually([&] { return server->connections() == 0; }));
}

TEST_F(HalfClosed, MayLeaveLater) {
  RawClient client(server->port());
  client.send(kRequest);
  client.close_sending();
  asked();
  client.read_until("Continue");
  EXPECT_EQ(gone, 0);
  client.close();
  EXPECT_TRUE(eventually([&] { return gone == 1; })) << "at the next probe";
}

TEST_F(HalfClosed, IsGoneIfItSpeaksHttp10) {
  RawClient client(server->port());
  client.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
  asked();
  client.close_sending();
  EXPECT_TRUE(eventually([&] { return gone == 1; })) << "an interim answer would not be understood";
}

}  // namespace
}  // namespace freehold::http
