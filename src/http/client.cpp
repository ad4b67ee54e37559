// One request is one connection and one coroutine on an io_context of its own, which the calling thread runs in slices:
// between two of them it looks at the deadline that the coroutine has set, and at `stopped`.
#include "http/client.h"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <exception>

#include "base/utf8.h"
#include "http/network_address.h"

namespace freehold::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace ssl = boost::asio::ssl;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Parser = beast::http::response_parser<beast::http::buffer_body>;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kSlice{100};
constexpr std::size_t kPiece = std::size_t{256} << 10;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// How an error of the network reads; TLS's own words are for experts only.
std::string words(const error_code& error) {
  if (error == asio::error::host_not_found || error == asio::error::host_not_found_try_again) {
    return "no such host is known";
  }
  if (error == asio::error::eof || error == beast::http::error::end_of_stream ||
      error == ssl::error::stream_truncated || error == beast::http::error::partial_message) {
    return "the connection was cut";
  }
  if (error.category() == asio::error::get_ssl_category()) return fmt::format("TLS: {}", error.message());
  return error.message();
}

// One request to one place. Made, run and destroyed by one thread.
class Session {
 public:
  Session(const ClientOptions& options, ssl::context* tls, const Url& url, bool first)
      : options_(options), url_(url), first_(first), resolver_(io_), socket_(io_) {
    if (url.tls) stream_.emplace(socket_, *tls);
  }

  // Without a body it is a GET, with one a POST.
  Result<Answered> run(const Headers& headers, std::optional<std::string_view> body, Receiver& receiver) {
    std::string request = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\nAccept-Encoding: identity\r\n",
                                      body ? "POST" : "GET", url_.target, url_.authority(), options_.user_agent);
    for (const auto& [name, value] : headers.fields()) request += fmt::format("{}: {}\r\n", name, value);
    if (!options_.bearer.empty() && first_) request += fmt::format("Authorization: Bearer {}\r\n", options_.bearer);
    if (body) request += fmt::format("Content-Length: {}\r\n", body->size());
    request += "Connection: close\r\n\r\n";
    if (body) request += *body;
    wait_at_most(options_.connect, "connecting");
    asio::co_spawn(io_, exchange(request, receiver), [this](const std::exception_ptr& thrown) {
      if (thrown && !error_) error_ = Error{Errc::exhausted, "out of memory"};
      done_ = true;
    });
    while (!done_) {
      io_.run_for(kSlice);
      if (io_.stopped()) io_.restart();
      if (done_ || error_) continue;
      if (options_.stopped && options_.stopped()) {
        give_up(Errc::cancelled, "cancelled");
      } else if (Clock::now() > deadline_) {
        give_up(Errc::io, fmt::format("{} took longer than {:g} s", doing_, allowed_ / 1000.0));
      }
    }
    if (error_ && own_) return Unexpected(std::move(*error_));
    if (error_) return in_context(std::move(*error_), url_.origin());
    return std::move(answered_);
  }

 private:
  void wait_at_most(std::chrono::milliseconds time, std::string_view doing) {
    deadline_ = Clock::now() + time;
    allowed_ = static_cast<double>(time.count());
    doing_ = doing;
  }

  void give_up(Errc code, std::string what) {
    if (!error_) error_ = Error{code, std::move(what)};
    error_code ignored;
    resolver_.cancel();
    socket_.close(ignored);
  }

  // Whether this address may be spoken to (rules 2 and 3). Empty: it may.
  std::string refusal(const std::string& address) const {
    const auto& trusted = options_.trusted;
    const auto named = [&](const std::string& name) {
      return std::find(trusted.begin(), trusted.end(), name) != trusted.end();
    };
    if (named(url_.host) || named(url_.authority())) return {};
    if (!first_ && !is_public_address(address)) {
      return fmt::format(
          "a redirect leads to {} ({}), which is not on the internet: it is followed only if that host "
          "is allowed by name",
          url_.authority(), address);
    }
    if (!url_.tls && !is_loopback_address(address)) {
      return "without TLS anybody could read along and change what arrives: https, or allow that host by name";
    }
    return {};
  }

  awaitable<bool> connect() {
    auto [error, found] = co_await resolver_.async_resolve(url_.host, std::to_string(url_.port), kAsTuple);
    if (error) co_return failed(error);
    std::vector<tcp::endpoint> endpoints;
    for (const auto& entry : found) {
      if (std::string why = refusal(entry.endpoint().address().to_string()); !why.empty()) {
        give_up(Errc::invalid, std::move(why));
        co_return false;
      }
      endpoints.push_back(entry.endpoint());
    }
    auto [refused, endpoint] = co_await asio::async_connect(socket_, endpoints, kAsTuple);
    if (refused) co_return failed(refused);
    (void)endpoint;
    if (!stream_) co_return true;
    SSL* handle = stream_->native_handle();
    error_code no_address;
    asio::ip::make_address(url_.host, no_address);
    if (no_address) SSL_set_tlsext_host_name(handle, url_.host.c_str());
    stream_->set_verify_mode(ssl::verify_peer);
    stream_->set_verify_callback(ssl::host_name_verification(url_.host));
    auto [untrusted] = co_await stream_->async_handshake(ssl::stream_base::client, kAsTuple);
    if (untrusted) {
      const long result = SSL_get_verify_result(handle);
      if (result != X509_V_OK) {
        give_up(Errc::io, fmt::format("its certificate is not trusted: {}", X509_verify_cert_error_string(result)));
        co_return false;
      }
      co_return failed(untrusted);
    }
    co_return true;
  }

  bool failed(const error_code& error) {
    const bool talk = error.category() == beast::http::make_error_code(beast::http::error::end_of_stream).category() &&
                      error != beast::http::error::end_of_stream && error != beast::http::error::partial_message;
    give_up(talk ? Errc::corrupt : Errc::io,
            talk ? fmt::format("what it answers is not HTTP as it should be: {}", error.message()) : words(error));
    return false;
  }

  awaitable<void> exchange(const std::string& request, Receiver& receiver) {
    if (!co_await connect()) co_return;
    if (stream_) {
      co_await talk(*stream_, request, receiver);
    } else {
      co_await talk(socket_, request, receiver);
    }
    error_code ignored;
    socket_.close(ignored);
  }

  template <typename Stream>
  awaitable<void> talk(Stream& stream, const std::string& request, Receiver& receiver) {
    wait_at_most(options_.head, "waiting for an answer");
    receiver.sending();
    auto [unsent, sent] = co_await asio::async_write(stream, asio::buffer(request), kAsTuple);
    (void)sent;
    if (unsent) co_return (void) failed(unsent);
    beast::flat_buffer buffer(options_.head_bytes + kPiece);
    std::optional<Parser> parser;
    for (int informational = 0;; ++informational) {
      parser.emplace();
      parser->header_limit(static_cast<std::uint32_t>(options_.head_bytes));
      parser->body_limit(boost::none);
      auto [error, got] = co_await beast::http::async_read_header(stream, buffer, *parser, kAsTuple);
      (void)got;
      if (error) co_return (void) failed(error);
      const unsigned status = parser->get().result_int();
      if (status >= 200 && status <= 599) break;
      if (informational == 4 || status < 100 || status == 101 || status > 599) {
        co_return give_up(Errc::corrupt, fmt::format("it answers with status {}", status));
      }
    }
    take_head(*parser);
    const std::string_view coding = answered_.headers.get("content-encoding");
    if (!coding.empty() && !equal_ignoring_case(coding, "identity")) {
      co_return give_up(Errc::unsupported,
                        fmt::format("it sends '{}' though only plain bytes were asked for", printable(coding, 40)));
    }
    auto wanted = receiver.head(answered_);
    if (!wanted) co_return refuse(std::move(wanted).error());
    if (*wanted) co_await read_body(stream, buffer, *parser, receiver);
  }

  void take_head(const Parser& parser) {
    answered_.status = static_cast<int>(parser.get().result_int());
    answered_.url = url_;
    for (const auto& field : parser.get()) {
      answered_.headers.add(std::string(field.name_string()), std::string(field.value()));
    }
    if (const auto length = parser.content_length()) answered_.length = *length;
  }

  template <typename Stream>
  awaitable<void> read_body(Stream& stream, beast::flat_buffer& buffer, Parser& parser, Receiver& receiver) {
    std::vector<std::byte> piece(kPiece);
    Clock::time_point window = Clock::now();
    std::uint64_t in_window = 0;
    while (!parser.is_done()) {
      parser.get().body().data = piece.data();
      parser.get().body().size = piece.size();
      parser.get().body().more = true;
      wait_at_most(options_.stall, "waiting for more");
      auto [error, got] = co_await beast::http::async_read_some(stream, buffer, parser, kAsTuple);
      (void)got;
      const std::size_t bytes = piece.size() - parser.get().body().size;
      if (bytes > 0) {
        auto taken = receiver.body(Bytes(piece).first(bytes));
        if (!taken) co_return refuse(std::move(taken).error());
      }
      if (error && error != beast::http::error::need_buffer) co_return (void) failed(error);
      in_window += bytes;
      const auto passed = Clock::now() - window;
      if (passed < options_.stall) continue;
      const double seconds = std::chrono::duration<double>(passed).count();
      if (!parser.is_done() && static_cast<double>(in_window) < seconds * static_cast<double>(options_.least_rate)) {
        co_return give_up(Errc::io, fmt::format("it sent {} bytes in {:.0f} s, which is too slow", in_window, seconds));
      }
      window = Clock::now();
      in_window = 0;
    }
  }

  void refuse(Error error) {
    own_ = true;
    error_ = std::move(error);
  }

  const ClientOptions& options_;
  Url url_;
  bool first_;
  asio::io_context io_{1};
  tcp::resolver resolver_;
  tcp::socket socket_;
  std::optional<ssl::stream<tcp::socket&>> stream_;
  Clock::time_point deadline_;
  double allowed_ = 0;  // milliseconds
  std::string_view doing_;
  bool done_ = false;
  bool own_ = false;  // the error is the receiver's
  std::optional<Error> error_;
  Answered answered_;
};

// Lets the caller's receiver see the last answer only.
class BehindRedirects : public Receiver {
 public:
  explicit BehindRedirects(Receiver& behind) : behind_(behind) {}
  Result<bool> head(const Answered& answered) override {
    if (is_redirect(answered.status) && answered.headers.has("location")) return false;
    return behind_.head(answered);
  }
  Result<> body(Bytes piece) override { return behind_.body(piece); }

 private:
  Receiver& behind_;
};

class Collector : public Receiver {
 public:
  explicit Collector(std::uint64_t limit) : limit_(limit) {}
  Result<bool> head(const Answered& answered) override {
    if (answered.length.value_or(0) > limit_) return too_large();
    return true;
  }
  Result<> body(Bytes piece) override {
    if (piece.size() > limit_ - text.size()) return too_large();
    text += as_text(piece);
    return {};
  }
  std::string text;

 private:
  Unexpected too_large() const { return fail(Errc::corrupt, fmt::format("the answer has more than {} bytes", limit_)); }
  std::uint64_t limit_;
};

}  // namespace

struct Client::State {
  ClientOptions options;
  std::unique_ptr<ssl::context> tls;
};

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

const ClientOptions& Client::options() const {
  return state_->options;
}

Result<Client> Client::create(ClientOptions options) {
  auto state = std::make_unique<State>();
  state->tls = std::make_unique<ssl::context>(ssl::context::tls_client);
  error_code error;
  state->tls->set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1, error);
  if (options.ca_file.empty()) {
    state->tls->set_default_verify_paths(error);
  } else {
    state->tls->load_verify_file(options.ca_file, error);
  }
  if (error) {
    return fail(Errc::io,
                fmt::format("read the certificate authorities '{}': {}", printable(options.ca_file), error.message()));
  }
  state->options = std::move(options);
  return Client(std::move(state));
}

Result<Answered> Client::get(const Url& url, const Headers& headers, Receiver& receiver) const {
  const ClientOptions& options = state_->options;
  BehindRedirects behind(receiver);
  Url at = url;
  for (int hop = 0;; ++hop) {
    Session session(options, state_->tls.get(), at, at.same_origin(url));
    FH_TRY(Answered answered, session.run(headers, std::nullopt, behind));
    if (!is_redirect(answered.status) || !answered.headers.has("location")) return answered;
    if (hop == options.redirects) {
      return fail(Errc::invalid, fmt::format("{}: it redirects more than {} times", url.origin(), options.redirects));
    }
    auto next = follow(at, answered.headers.get("location"));
    if (!next) return in_context(std::move(next).error(), at.origin() + " redirects");
    if (at.tls && !next->tls) {
      return fail(Errc::invalid,
                  fmt::format("{} redirects to {}, without TLS: that is not followed", at.origin(), next->origin()));
    }
    at = std::move(*next);
  }
}

Result<Answered> Client::post(const Url& url, const Headers& headers, std::string_view body, Receiver& receiver) const {
  return Session(state_->options, state_->tls.get(), url, true).run(headers, body, receiver);
}

Result<Response> Client::get(const Url& url, const Headers& headers, std::uint64_t limit) const {
  Collector collector(limit);
  FH_TRY(Answered answered, get(url, headers, collector));
  return Response{answered.status, std::move(answered.headers), std::move(collector.text)};
}

}  // namespace freehold::http
