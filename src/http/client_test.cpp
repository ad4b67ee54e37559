#include "http/client.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>

#include "base/file.h"
#include "http/self_signed.h"
#include "http/server.h"

namespace freehold::http {
namespace {

using namespace std::chrono_literals;

// A server that answers by path, and remembers what it was asked.
class Site {
 public:
  explicit Site(TlsFiles tls = {}) {
    ServerOptions options;
    options.tls = std::move(tls);
    Hooks hooks;
    hooks.handle = [this](const std::shared_ptr<Exchange>& e) {
      const std::string path = e->request().target.path;
      {
        const std::lock_guard lock(mutex_);
        seen_.push_back(e->request());
        if (path == "/slow") return (void)held_.emplace_back(e);
      }
      if (path == "/stream") {
        e->start({200, {}, {}});
        e->send("one ");
        e->send("two");
        return e->finish();
      }
      Response r{200, {}, "here"};
      if (const auto to = redirects.find(path); to != redirects.end()) {
        r.status = 302;
        r.headers.set("location", to->second);
      }
      e->respond(std::move(r));
    };
    server_ = std::move(*Server::create(std::move(options), std::move(hooks)));
    server_->start();
  }
  ~Site() {
    server_->stop(0ms);
    held_.clear();
  }
  Url url(std::string_view path, std::string_view scheme = "http") const {
    return parse_url(fmt::format("{}://127.0.0.1:{}{}", scheme, server_->port(), path)).value();
  }
  std::vector<Request> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  std::map<std::string, std::string> redirects;

 private:
  std::mutex mutex_;
  std::vector<Request> seen_;
  std::vector<std::shared_ptr<Exchange>> held_;
  std::unique_ptr<Server> server_;
};

Client client(ClientOptions options = {}) {
  return std::move(*Client::create(std::move(options)));
}

TEST(HttpClient, GetsWhatIsThere) {
  Site site;
  ClientOptions options;
  options.bearer = "t0ken";
  Headers headers;
  headers.add("Range", "bytes=5-");
  const auto response = client(options).get(site.url("/a?b=c"), headers, 100);
  ASSERT_TRUE(response) << response.error().what;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "here");
  const Request request = site.seen().at(0);
  EXPECT_EQ(request.target.raw, "/a?b=c");
  EXPECT_EQ(request.headers.get("range"), "bytes=5-");
  EXPECT_EQ(request.headers.get("authorization"), "Bearer t0ken");
  EXPECT_EQ(request.headers.get("host"), site.url("/").authority());
  EXPECT_EQ(client().get(site.url("/stream"), {}, 100)->body, "one two") << "in chunks";
}

TEST(HttpClient, KeepsToItsLimits) {
  Site site;
  EXPECT_EQ(client().get(site.url("/"), {}, 3).error().code, Errc::corrupt);
  EXPECT_EQ(client().get(site.url("/stream"), {}, 6).error().code, Errc::corrupt);
  ClientOptions options;
  options.head = 100ms;
  const auto late = client(options).get(site.url("/slow"), {}, 3);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::io);
  EXPECT_NE(late.error().what.find("longer than 0.1 s"), std::string::npos) << late.error().what;
  options.head = 60s;
  std::atomic<int> asked{0};
  options.stopped = [&] { return ++asked > 2; };
  EXPECT_EQ(client(options).get(site.url("/slow"), {}, 3).error().code, Errc::cancelled);
}

TEST(HttpClient, SaysWhomItCannotReach) {
  std::uint16_t port = 0;
  {
    Site gone;
    port = gone.url("/").port;
  }
  const auto refused = client().get(parse_url(fmt::format("http://127.0.0.1:{}/", port)).value(), {}, 10);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::io);
  EXPECT_NE(refused.error().what.find(fmt::format("127.0.0.1:{}", port)), std::string::npos);
}

TEST(HttpClient, RedirectsAreJudged) {
  Site first, second;
  ClientOptions options;
  options.bearer = "t0ken";
  first.redirects = {{"/there", "/end"},
                     {"/round", "/round"},
                     {"/other", second.url("/end").text()},
                     {"/metadata", "http://169.254.169.254/latest/meta-data"},
                     {"/file", "file:///etc/passwd"}};
  EXPECT_EQ(client(options).get(first.url("/there"), {}, 10)->body, "here");
  EXPECT_EQ(client(options).get(first.url("/round"), {}, 10).error().code, Errc::invalid);
  EXPECT_LE(first.seen().size(), 10u);
  for (const char* path : {"/other", "/metadata", "/file"}) {
    const auto refused = client(options).get(first.url(path), {}, 10);
    ASSERT_FALSE(refused) << path;
    EXPECT_EQ(refused.error().code, Errc::invalid) << path;
  }
  EXPECT_TRUE(second.seen().empty());
  options.trusted = {second.url("/").authority()};
  EXPECT_EQ(client(options).get(first.url("/other"), {}, 10)->body, "here");
  ASSERT_EQ(second.seen().size(), 1u);
  EXPECT_FALSE(second.seen()[0].headers.has("authorization")) << "the token is the first server's alone";
}

TEST(HttpClient, WithoutTlsOnlyThisMachineIsAsked) {
  const auto refused = client().get(parse_url("http://192.0.2.1/").value(), {}, 10);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid);
  EXPECT_NE(refused.error().what.find("without TLS"), std::string::npos) << refused.error().what;
}

TEST(HttpClient, CertificatesAreChecked) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / fmt::format("freehold-client-{}", ::getpid());
  ASSERT_TRUE(make_directories(folder));
  const auto make = [&](const std::string& name) {
    const SelfSigned made = make_self_signed({}).value();
    EXPECT_TRUE(write_file_atomically(folder / (name + ".crt"), made.certificate_pem));
    EXPECT_TRUE(write_file_atomically(folder / (name + ".key"), made.private_key_pem));
    return TlsFiles{folder / (name + ".crt"), folder / (name + ".key")};
  };
  Site site(make("a")), plain;
  make("b");
  EXPECT_EQ(client().get(site.url("/", "https"), {}, 10).error().code, Errc::io) << "nobody vouches for it";
  ClientOptions options;
  options.ca_file = folder / "b.crt";
  EXPECT_EQ(client(options).get(site.url("/", "https"), {}, 10).error().code, Errc::io);
  EXPECT_TRUE(site.seen().empty());
  options.ca_file = folder / "a.crt";
  const auto response = client(options).get(site.url("/", "https"), {}, 10);
  ASSERT_TRUE(response) << response.error().what;
  EXPECT_EQ(response->body, "here");
  Url other = site.url("/", "https");
  other.host = "127.0.0.2";  // not in the certificate
  EXPECT_EQ(client(options).get(other, {}, 10).error().code, Errc::io);
  // To somebody who speaks no TLS.
  EXPECT_EQ(client(options).get(plain.url("/", "https"), {}, 10).error().code, Errc::io);
  // From https to http, never.
  site.redirects["/down"] = plain.url("/").text();
  options.trusted = {plain.url("/").authority()};
  EXPECT_EQ(client(options).get(site.url("/down", "https"), {}, 10).error().code, Errc::invalid);
  EXPECT_TRUE(plain.seen().empty());
  options.ca_file = folder / "none.crt";
  EXPECT_EQ(Client::create(options).error().code, Errc::io);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace freehold::http
