#include "http/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "http/self_signed.h"
#include "http/testing.h"

namespace freehold::http {
namespace {

using testing::eventually;
using testing::RawClient;
using namespace std::chrono_literals;

struct Fixture : ::testing::Test {
  std::unique_ptr<Server> serve(Hooks hooks, ServerOptions options = {}) {
    auto server = Server::create(std::move(options), std::move(hooks));
    EXPECT_TRUE(server) << (server ? "" : server.error().what);
    (*server)->start();
    return std::move(*server);
  }
  // Answers with method, path and body.
  static Hooks echo() {
    Hooks hooks;
    hooks.handle = [](const std::shared_ptr<Exchange>& e) {
      Response r;
      r.body = e->request().method + " " + e->request().target.path + " " + e->request().body;
      e->respond(std::move(r));
    };
    return hooks;
  }
};
using HttpServer = Fixture;

std::string get(std::string_view path, std::string_view more = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(more) + "\r\n";
}
std::string body_of(const std::string& answer) {
  const std::size_t at = answer.find("\r\n\r\n");
  return at == std::string::npos ? "" : answer.substr(at + 4);
}

TEST_F(HttpServer, AnswersAndKeepsTheConnection) {
  auto server = serve(echo());
  RawClient client(server->port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc"));
    const std::string answer = client.read_until("POST /x abc");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
    EXPECT_NE(answer.find("x-request-id: req_"), std::string::npos);
    EXPECT_NE(answer.find("content-length: 11"), std::string::npos);
  }
}

TEST_F(HttpServer, ReadsBodiesHoweverTheyArrive) {
  auto server = serve(echo());
  const std::string chunked =
      "POST /c HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n";
  RawClient whole(server->port());
  whole.send(chunked + get("/next", "Connection: close\r\n"));
  const std::string both = whole.read_all();
  EXPECT_NE(both.find("POST /c abcdefg"), std::string::npos) << both;
  EXPECT_NE(both.find("GET /next"), std::string::npos) << both;
  RawClient slow(server->port());
  for (char c : chunked) slow.send(std::string_view(&c, 1));
  EXPECT_NE(slow.read_until("abcdefg").find("POST /c abcdefg"), std::string::npos);
}

TEST_F(HttpServer, RefusesBadChunksAndLargeBodies) {
  ServerOptions options;
  options.limits.body_bytes = 1000;
  auto server = serve(echo(), options);
  auto status = [&](const std::string& text) {
    RawClient client(server->port());
    client.send(text);
    const std::string answer = client.read_all();
    EXPECT_TRUE(client.ended());
    return answer.substr(9, 3);
  };
  const std::string head = "POST / HTTP/1.1\r\nHost: localhost\r\n";
  EXPECT_EQ(status(head + "Content-Length: 1001\r\n\r\n"), "413");
  EXPECT_EQ(status(head + "Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(2000, 'a') + "\r\n0\r\n\r\n"),
            "413");
  EXPECT_EQ(status(head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "400");
  EXPECT_EQ(status(head + "Transfer-Encoding: chunked\r\n\r\n-1\r\n"), "400");
  EXPECT_EQ(status(head + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"), "400");
  EXPECT_EQ(status("\x16\x03\x01garbage"), "400");
  EXPECT_EQ(status("GET / HTTP/1.1\nHost: localhost\n\n"), "400");
  EXPECT_EQ(status("GET /" + std::string(40000, 'a')), "414");
  EXPECT_EQ(status(get("/", "Origin: http://evil.example\r\n")), "403");
}

// Nothing more is sent, so an answer before the deadline shows that nothing more was waited for.
TEST_F(HttpServer, RefusesAtOnceAndCloses) {
  auto server = serve(echo());
  const std::string head = "POST / HTTP/1.1\r\nHost: localhost\r\n",
                    chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
  for (const std::string& text :
       {chunked + "3\n", chunked + "3\r\nabc\n", chunked + "0\r\n\n", chunked + "0\r\nA: b\r\n c", chunked + "x",
        head + "A\n", head + " a", std::string("GET /\r\n"),
        head + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get("/smuggled")}) {
    RawClient client(server->port());
    client.send(text);
    const std::string answer = client.read_all();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << text << answer;
    EXPECT_NE(answer.find("connection: close"), std::string::npos) << text;
    EXPECT_EQ(answer.find("smuggled"), std::string::npos);
    EXPECT_TRUE(client.ended()) << text;
  }
}

TEST_F(HttpServer, TellsWhoStopsInTheMiddle) {
  auto server = serve(echo());
  const std::string head = "POST / HTTP/1.1\r\nHost: localhost\r\n";
  for (const std::string& text : {std::string("POS"), head, head + "Content-Length: 3\r\n\r\nab",
                                  head + "Transfer-Encoding: chunked\r\n\r\n1\r\na"}) {
    RawClient client(server->port());
    client.send(text);
    ::shutdown(client.descriptor(), SHUT_WR);
    EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 400 ")) << text;
  }
}

// Who still sends when the error goes out can send on, and reads it then.
TEST_F(HttpServer, IsHeardByClientsThatStillSend) {
  auto server = serve(echo());
  for (const char* framing : {"Content-Length: 67108864\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n4000000\r\n"}) {
    RawClient client(server->port());
    ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: localhost\r\n" + std::string(framing)));
    EXPECT_TRUE(client.send(std::string(64 << 20, 'a')));
    EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 413 "));
  }
}

// What an answer is told to may keep it back, on any thread, and outlive the connection and the server.
TEST_F(HttpServer, AnAnswerWaitsForTheWord) {
  std::mutex mutex;
  std::vector<std::function<void()>> words;
  Hooks hooks = echo();
  hooks.answered = [&](const Request&, int, std::function<void()> then) {
    const std::lock_guard lock(mutex);
    words.push_back(std::move(then));
  };
  const auto told = [&](std::size_t n) {
    return eventually([&] {
      const std::lock_guard lock(mutex);
      return words.size() == n;
    });
  };
  auto server = serve(hooks);
  RawClient client(server->port());
  client.send(get("/a"));
  ASSERT_TRUE(told(1));
  RawClient other(server->port());  // nobody else is held up
  other.send("nonsense\r\n\r\n");
  ASSERT_TRUE(told(2));
  words[1]();
  EXPECT_TRUE(other.read_all().starts_with("HTTP/1.1 400 "));
  ::shutdown(other.descriptor(), SHUT_RDWR);
  words[0]();
  EXPECT_NE(client.read_until("GET /a").find("200 OK"), std::string::npos);
  client.send(get("/b"));
  ASSERT_TRUE(told(3));
  server.reset();
  words[2]();
  words[2]();
}

TEST_F(HttpServer, AnswersByTheHeadAloneWhereThatIsEnough) {
  Hooks hooks = echo();
  hooks.plan_body = [](const Request& request) {
    BodyPlan plan{1000, {}};
    if (!request.headers.has("key")) plan.refusal = Response{401, {}, "no key"};
    return plan;
  };
  auto server = serve(hooks);
  RawClient waiting(server->port());  // the body never comes
  waiting.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
  const std::string refused = waiting.read_all();
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 401 ")) << refused;
  EXPECT_TRUE(waiting.ended());
  RawClient client(server->port());  // the body is there: the next request can be told
  client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc" +
              get("/next", "Key: k\r\nConnection: close\r\n"));
  const std::string both = client.read_all();
  EXPECT_TRUE(both.starts_with("HTTP/1.1 401 ")) << both;
  EXPECT_NE(both.find("GET /next"), std::string::npos) << both;
}

TEST_F(HttpServer, AcceptsTheAbsoluteForm) {
  auto server = serve(echo());
  auto ask = [&](const std::string& address) {
    RawClient client(server->port());
    client.send("GET " + address + " HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    return client.read_all();
  };
  EXPECT_EQ(body_of(ask("http://localhost:1/x?y")), "GET /x ");
  EXPECT_TRUE(ask("http://evil.example/x").starts_with("HTTP/1.1 403 "));
  EXPECT_TRUE(ask("https://localhost/x").starts_with("HTTP/1.1 421 "));
}

TEST_F(HttpServer, LimitsTheMemoryOfAllBodies) {
  ServerOptions options;
  options.limits.held_bytes = 1 << 20;
  std::promise<std::shared_ptr<Exchange>> arrived;
  Hooks hooks;
  hooks.handle = [&](const std::shared_ptr<Exchange>& e) {
    if (e->request().target.path == "/held") return arrived.set_value(e);
    e->respond({200, {}, "got it"});
  };
  auto server = serve(hooks, options);
  const std::string fields = " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ";
  const std::string large = fields + "1200000\r\n\r\n" + std::string(1'200'000, 'a');
  RawClient first(server->port());
  first.send("POST /held" + large);
  auto held = arrived.get_future().get();
  RawClient second(server->port());
  second.send("POST /" + large);
  EXPECT_TRUE(second.read_all().starts_with("HTTP/1.1 503 "));
  RawClient small(server->port());
  small.send("POST /" + fields + "2\r\n\r\nok");
  EXPECT_EQ(body_of(small.read_all()), "got it");
  held->respond({200, {}, "late"});
  held.reset();
  EXPECT_EQ(body_of(first.read_all()), "late");
  EXPECT_TRUE(eventually([&] {
    RawClient again(server->port());
    again.send("POST /" + large);
    return body_of(again.read_all()) == "got it";
  }));
}

TEST_F(HttpServer, TellsListedOriginsWhatTheyMayRead) {
  ServerOptions options;
  options.origins.origins = {"https://app.example"};
  auto server = serve(echo(), options);
  RawClient client(server->port());
  client.send(get("/", "Origin: https://app.example\r\n") + "GET / HTTP/9.9\r\n\r\n");
  EXPECT_NE(client.read_all().find("access-control-allow-origin: https://app.example\r\n"), std::string::npos);
  RawClient foreign(server->port());
  foreign.send("OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n");
  const std::string answer = foreign.read_all();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 403 ")) << answer;
  EXPECT_EQ(answer.find("access-control"), std::string::npos) << answer;
}

TEST_F(HttpServer, SendsContinueWhenAsked) {
  auto server = serve(echo());
  RawClient client(server->port());
  client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_NE(client.read_until("POST / ok").find("POST / ok"), std::string::npos);
}

TEST_F(HttpServer, StreamsInChunksAndUntilTheEndForOldClients) {
  Hooks hooks;
  hooks.handle = [](const std::shared_ptr<Exchange>& e) {
    e->start({200, {}, ""});
    for (int i = 0; i < 3; ++i) e->send("piece" + std::to_string(i) + ";");
    e->finish();
  };
  auto server = serve(hooks);
  RawClient client(server->port());
  client.send(get("/"));
  std::string text;
  const std::string raw = body_of(client.read_until("0\r\n\r\n"));
  for (std::size_t at = 0; at < raw.size();) {
    const std::size_t size = std::stoul(raw.substr(at), nullptr, 16), begin = raw.find("\r\n", at) + 2;
    text += raw.substr(begin, size);
    at = begin + size + 2;
  }
  EXPECT_EQ(text, "piece0;piece1;piece2;");
  RawClient old(server->port());
  old.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(body_of(old.read_all()), "piece0;piece1;piece2;");
}

TEST_F(HttpServer, NoticesAClientThatLeaves) {
  std::atomic<bool> gone{false};
  std::mutex mutex;
  std::vector<std::shared_ptr<Exchange>> held;
  Hooks hooks;
  hooks.handle = [&](const std::shared_ptr<Exchange>& e) {
    const std::lock_guard lock(mutex);
    held.push_back(e);
    e->on_gone([&] { gone = true; });
    e->start({200, {}, ""});
    e->send("first");
  };
  auto server = serve(hooks);
  {
    RawClient client(server->port());
    client.send(get("/"));
    client.read_until("first");
    EXPECT_FALSE(gone);
  }
  EXPECT_TRUE(eventually([&] { return gone.load(); }));
  EXPECT_TRUE(eventually([&] { return server->connections() == 0; }));
  const std::lock_guard lock(mutex);
  EXPECT_FALSE(held[0]->send("more"));
  held.clear();
}

TEST_F(HttpServer, DropsAClientThatDoesNotRead) {
  ServerOptions options;
  options.limits.unsent_bytes = 1 << 20;
  std::atomic<std::size_t> accepted{0};
  std::atomic<bool> refused{false};
  Hooks hooks;
  hooks.handle = [&](const std::shared_ptr<Exchange>& e) {
    e->start({200, {}, ""});
    // Far more than any socket buffer; the producer is never held up.
    for (int i = 0; i < 4096 && !refused; ++i) {
      if (e->send(std::string(16 * 1024, 'x')))
        ++accepted;
      else
        refused = true;
    }
    e->finish();
  };
  auto server = serve(hooks, options);
  RawClient client(server->port());
  client.send(get("/"));
  EXPECT_TRUE(eventually([&] { return refused.load(); }));
  EXPECT_TRUE(eventually([&] { return server->connections() == 0; }));
}

TEST_F(HttpServer, AnswersWhatAHandlerForgets) {
  Hooks hooks;
  hooks.handle = [](const std::shared_ptr<Exchange>& e) {
    if (e->request().target.path == "/throw") throw std::runtime_error("secret detail");
  };
  auto server = serve(hooks);
  for (const char* path : {"/forget", "/throw"}) {
    RawClient client(server->port());
    client.send(get(path, "Connection: close\r\n"));
    const std::string answer = client.read_all();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 ")) << answer;
    EXPECT_EQ(answer.find("secret"), std::string::npos);
  }
}

TEST_F(HttpServer, EndsSlowClients) {
  ServerOptions options;
  options.limits.head_time = 100ms;
  options.limits.first_byte = 100ms;
  options.limits.body_time = 100ms;
  options.limits.idle = 100ms;
  auto server = serve(echo(), options);
  RawClient silent(server->port()), slow_head(server->port()), slow_body(server->port()), idle(server->port());
  slow_head.send("GET / HTTP/1.1\r\nHo");
  slow_body.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
  idle.send(get("/"));
  EXPECT_EQ(silent.read_all(60000), "");
  EXPECT_TRUE(slow_head.read_all(60000).starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(slow_body.read_all(60000).starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(idle.read_all(60000).starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(idle.ended());
}

TEST_F(HttpServer, LimitsConnections) {
  ServerOptions options;
  options.limits.connections_per_address = 2;
  auto server = serve(echo(), options);
  RawClient a(server->port()), b(server->port());
  ASSERT_TRUE(eventually([&] { return server->connections() == 2; }));
  RawClient c(server->port());
  EXPECT_TRUE(c.read_all().starts_with("HTTP/1.1 503 "));
}

TEST_F(HttpServer, FinishesWhatRunsBeforeItStops) {
  std::promise<std::shared_ptr<Exchange>> arrived;
  Hooks hooks;
  hooks.handle = [&](const std::shared_ptr<Exchange>& e) {
    e->start({200, {}, ""});
    arrived.set_value(e);
  };
  auto server = serve(hooks);
  RawClient client(server->port()), idle(server->port());
  client.send(get("/"));
  auto exchange = arrived.get_future().get();
  std::thread stopper([&] { server->stop(60s); });
  EXPECT_EQ(idle.read_all(60000), "");  // an idle connection is closed at once
  exchange->send("late");
  exchange->finish();
  exchange.reset();
  EXPECT_NE(client.read_all(60000).find("late"), std::string::npos);
  stopper.join();
  RawClient refused(server->port());
  EXPECT_FALSE(refused.connected());
}

TEST_F(HttpServer, AnswersAtOnceWhileEveryHandlerIsBusy) {
  std::promise<void> go_on;
  const std::shared_future<void> released = go_on.get_future();
  std::atomic<int> busy{0};
  Hooks hooks;
  hooks.at_once = [](const Request& r) {
    return r.target.path == "/healthz" ? std::optional(Response{200, {}, "well"}) : std::nullopt;
  };
  hooks.handle = [&](const std::shared_ptr<Exchange>& e) {
    ++busy;
    released.wait();
    e->respond({200, {}, "late"});
  };
  ServerOptions options;
  hooks.plan_body = [](const Request& r) {
    BodyPlan plan{1 << 20, {}};
    plan.share = r.target.path;
    return plan;
  };
  options.handler_threads = 2;
  auto server = serve(hooks, options);
  std::vector<std::unique_ptr<RawClient>> waiting;
  for (int i = 0; i < 6; ++i) {
    waiting.push_back(std::make_unique<RawClient>(server->port()));
    waiting.back()->send(get(i % 2 == 0 ? "/work" : "/other", "Connection: close\r\n"));
  }
  ASSERT_TRUE(eventually([&] { return busy == 2; }));
  RawClient client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.send(get("/healthz"));
    EXPECT_TRUE(client.read_until("well", 60000).starts_with("HTTP/1.1 200 "));
  }
  EXPECT_EQ(busy, 2);
  go_on.set_value();
  for (auto& w : waiting) EXPECT_NE(w->read_all(60000).find("late"), std::string::npos);
}

// Whoever's requests take long waits for himself: another share's is handled beside them.
TEST_F(HttpServer, OneShareNeverHasEveryHandler) {
  std::promise<void> go_on;
  const std::shared_future<void> released = go_on.get_future();
  std::atomic<int> busy{0};
  Hooks hooks;
  hooks.plan_body = [](const Request& r) {
    BodyPlan plan{1 << 20, {}};
    plan.share = r.target.path;
    return plan;
  };
  hooks.handle = [&](const std::shared_ptr<Exchange>& e) {
    if (e->request().target.path == "/one") return e->respond({200, {}, "soon"});
    ++busy;
    released.wait();
    e->respond({200, {}, "late"});
  };
  ServerOptions options;
  options.handler_threads = 3;
  auto server = serve(hooks, options);
  std::vector<std::unique_ptr<RawClient>> flood;
  for (int i = 0; i < 6; ++i) {
    flood.push_back(std::make_unique<RawClient>(server->port()));
    flood.back()->send(get("/flood", "Connection: close\r\n"));
  }
  ASSERT_TRUE(eventually([&] { return busy == 2; }));
  RawClient client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.send(get("/one"));
    EXPECT_TRUE(client.read_until("soon", 60000).starts_with("HTTP/1.1 200 "));
  }
  EXPECT_EQ(busy, 2);
  go_on.set_value();
  for (auto& f : flood) EXPECT_NE(f->read_all(60000).find("late"), std::string::npos);
}

TEST_F(HttpServer, SpeaksTls) {
  auto made = make_self_signed({"box.example"});
  ASSERT_TRUE(made) << made.error().what;
  const std::string folder = ::testing::TempDir();
  ServerOptions options;
  options.tls = {folder + "/fh_http_test.crt", folder + "/fh_http_test.key"};
  std::ofstream(options.tls.certificate_chain) << made->certificate_pem;
  std::ofstream(options.tls.private_key) << made->private_key_pem;
  auto server = serve(echo(), options);
  RawClient plain(server->port());
  plain.send(get("/"));
  EXPECT_EQ(plain.read_all().find("HTTP/1.1 200"), std::string::npos);
  const std::string answer = testing::tls_exchange(server->port(), get("/tls", "Connection: close\r\n"));
  EXPECT_NE(answer.find("GET /tls"), std::string::npos) << answer;
}

}  // namespace
}  // namespace freehold::http
