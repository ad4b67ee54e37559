// The life of a connection, in coroutines on the one I/O thread:
//
//   reader      reads ahead into `input_` (at most kReadAhead bytes) for as long as the connection lives. So the end of
//               the connection is noticed while an answer is computed, and pipelined requests wait in `input_`.
//   run         head -> checks -> body -> handler -> answer, again and again. It waits on `signal_`, which the reader,
//               the answer and the server raise; what has happened is in plain fields.
//
// 1. Whatever can be understood in two ways ends the connection after its error (head.h).
// 2. Every wait has a deadline. A write that does not move for Limits::stall closes the socket.
// 3. After an error with unread input the connection is closed in order: our end is shut down and what arrives is
//    thrown away for a moment, because closing at once would make the system discard the error the client should read.
#include "http/connection.h"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <exception>

#include "http/answer.h"
#include "http/body.h"
#include "http/wire.h"

namespace freehold::http {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;
using TlsStream = asio::ssl::stream<tcp::socket>;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadAhead = 64 * 1024;
constexpr std::size_t kWritePiece = 64 * 1024;
constexpr std::size_t kLingerBytes = std::size_t{4} << 20;
constexpr std::chrono::seconds kLingerTime{2};

std::string new_request_id() {
  std::array<unsigned char, 12> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  std::string id = "req_";
  for (unsigned char b : bytes) id += fmt::format("{:02x}", b);
  return id;
}

// What the handler gets: when the last holder lets go, an unanswered request is answered with an error.
std::shared_ptr<Exchange> guarded(std::shared_ptr<Answer> answer, Response error) {
  Answer* plain = answer.get();
  return {plain, [answer = std::move(answer), error = std::move(error)](Answer*) mutable {
            answer->abandoned(std::move(error));
            answer.reset();
          }};
}

template <typename Stream>
class Connection : public AnyConnection, public std::enable_shared_from_this<Connection<Stream>> {
 public:
  Connection(Common& common, Stream stream, std::string address, std::function<void()> closed)
      : common_(common),
        stream_(std::move(stream)),
        signal_(stream_.get_executor()),
        room_(stream_.get_executor()),
        watchdog_(stream_.get_executor()),
        address_(std::move(address)),
        closed_(std::move(closed)) {}

  void start() {
    asio::co_spawn(
        stream_.get_executor(), [self = this->shared_from_this()] { return self->run(); },
        [self = this->shared_from_this()](std::exception_ptr) { self->ended(); });
  }

  void stop_when_idle() override { raise(); }
  void close_now() override {
    boost::system::error_code ignored;
    socket().close(ignored);
    end_of_input_ = true;
    raise();
  }

 private:
  static constexpr bool kTls = std::is_same_v<Stream, TlsStream>;

  tcp::socket& socket() {
    if constexpr (kTls) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }
  void raise() {
    signal_.cancel();
    room_.cancel();
  }

  void ended() {
    close_now();
    if (answer_) {
      answer_->client_gone();
      answer_->detach();
    }
    if (closed_) std::exchange(closed_, nullptr)();
  }

  // Until somebody raises the signal, or the deadline. False after the deadline.
  awaitable<bool> wait(Clock::time_point deadline) {
    if (Clock::now() >= deadline) co_return false;
    signal_.expires_at(deadline);
    auto [error] = co_await signal_.async_wait(kToken);
    co_return error == asio::error::operation_aborted || Clock::now() < deadline;
  }

  awaitable<void> read_ahead() {
    std::array<char, 16 * 1024> piece;
    while (socket().is_open()) {
      if (input_.size() >= kReadAhead) {
        room_.expires_at(Clock::time_point::max());
        co_await room_.async_wait(kToken);
        continue;
      }
      auto [error, n] = co_await stream_.async_read_some(asio::buffer(piece), kToken);
      if (error) break;
      input_.append(piece.data(), n);
      signal_.cancel();
    }
    end_of_input_ = true;
    if (answer_) answer_->client_gone();
    signal_.cancel();
  }

  void consume(std::size_t n) {
    input_.erase(0, n);
    if (input_.size() < kReadAhead) room_.cancel();
  }

  // Everything, or false. Closes the socket if nothing moves for so long.
  awaitable<bool> write(std::string_view text) {
    while (!text.empty()) {
      const std::string_view piece = text.substr(0, kWritePiece);
      watchdog_.expires_after(common_.options.limits.stall);
      watchdog_.async_wait([self = this->shared_from_this()](boost::system::error_code error) {
        if (!error) self->close_now();
      });
      auto [error, n] = co_await asio::async_write(stream_, asio::buffer(piece.data(), piece.size()), kToken);
      watchdog_.cancel();
      if (error) co_return false;
      text.remove_prefix(n);
    }
    co_return true;
  }

  awaitable<bool> handshake() {
    if constexpr (kTls) {
      watchdog_.expires_after(common_.options.limits.first_byte);
      watchdog_.async_wait([self = this->shared_from_this()](boost::system::error_code error) {
        if (!error) self->close_now();
      });
      auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kToken);
      watchdog_.cancel();
      co_return !error;
    }
    co_return true;
  }

  awaitable<void> run() {
    boost::system::error_code ignored;
    socket().set_option(tcp::no_delay(true), ignored);
    if (!co_await handshake()) co_return;
    asio::co_spawn(
        stream_.get_executor(), [self = this->shared_from_this()] { return self->read_ahead(); }, asio::detached);
    bool more = true;
    for (std::size_t served = 0; more && served < common_.options.limits.requests_per_connection; ++served) {
      more = co_await one_request(served);
    }
    co_await close_in_order();
  }

  // Our end is closed; what still arrives is thrown away for a moment (see above, 3).
  awaitable<void> close_in_order() {
    boost::system::error_code ignored;
    if (!socket().is_open() || end_of_input_) co_return;
    if constexpr (kTls) {
      watchdog_.expires_after(kLingerTime);
      watchdog_.async_wait([self = this->shared_from_this()](boost::system::error_code error) {
        if (!error) self->close_now();
      });
      // Writes our close_notify; the wait for the client's is the watchdog's business.
      co_await stream_.async_shutdown(kToken);
      watchdog_.cancel();
    }
    if (!socket().is_open()) co_return;
    socket().shutdown(tcp::socket::shutdown_send, ignored);
    if (!refused_) co_return;
    const auto deadline = Clock::now() + kLingerTime;
    std::size_t thrown = 0;
    while (!end_of_input_ && thrown < kLingerBytes) {
      thrown += input_.size();
      consume(input_.size());
      if (!co_await wait(deadline)) break;
    }
  }

  // Answers with an error of this layer and ends the connection.
  awaitable<bool> refuse(const Request& request, int status, const std::string& message) {
    const Response response = common_.error(request, status, message);
    std::string text = head_text(response, request.id, BodyFraming::length, false);
    if (request.method != "HEAD") text += response.body;
    refused_ = true;
    co_await write(text);
    co_return false;
  }

  // The bytes of the next head in `input_`, with its empty line; 0 if there is none (and, if that is the client's
  // fault, it has been told).
  awaitable<std::size_t> read_head(std::size_t served) {
    const Limits& limits = common_.options.limits;
    Request unknown;
    unknown.id = new_request_id();
    auto deadline = Clock::now() + (served == 0 ? limits.first_byte : limits.idle);
    bool begun = false;
    while (true) {
      // A robust server passes over an empty line before a request (RFC 9112 section 2.2).
      while (!begun && input_.starts_with("\r\n")) consume(2);
      if (!input_.empty() && !begun) {
        begun = true;
        deadline = Clock::now() + limits.head_time;
      }
      const std::size_t end = input_.find("\r\n\r\n");
      if (end != std::string::npos && end + 4 <= limits.head.bytes) co_return end + 4;
      if (input_.size() > limits.head.bytes) {
        co_await refuse(unknown, 431,
                        fmt::format("the head of the request is longer than {} bytes", limits.head.bytes));
        co_return 0;
      }
      // Something that will never become a head need not be waited for.
      if (begun && !could_become_head(input_)) {
        co_await refuse(unknown, 400, "this is not HTTP");
        co_return 0;
      }
      if (end_of_input_ || (!begun && common_.stopping)) co_return 0;
      if (!co_await wait(deadline)) {
        if (begun) co_await refuse(unknown, 408, "the head of the request did not arrive in time");
        co_return 0;
      }
    }
  }

  awaitable<bool> one_request(std::size_t served) {
    const std::size_t size = co_await read_head(served);
    if (size == 0) co_return false;
    Head head;
    head.request.id = new_request_id();
    head.request.remote_address = address_;
    head.request.tls = kTls;
    auto wrong = parse_head(std::string_view(input_).substr(0, size), common_.options.limits.head, head);
    if (wrong) co_return co_await refuse(wrong->request, wrong->status, wrong->message);
    switch (check_origin(common_.options.origins, head.request, common_.port)) {
      case OriginVerdict::allowed:
        break;
      case OriginVerdict::foreign_host:
        co_return co_await refuse(head.request, 403, "this server does not answer under the name in Host");
      case OriginVerdict::foreign_origin:
        if (head.request.method == "OPTIONS") break;  // answered without the fields that would let the page in
        co_return co_await refuse(head.request, 403, "pages of this origin may not use this server");
    }
    if (!co_await read_body(head, size)) co_return false;
    co_return co_await answer(std::move(head));
  }

  // Fills request.body (or the sink) and drops head and body from `input_`. False: the connection ends.
  awaitable<bool> read_body(Head& head, std::size_t head_size) {
    const Limits& limits = common_.options.limits;
    BodyPlan plan{limits.body_bytes, {}};
    if (common_.hooks.plan_body) plan = common_.hooks.plan_body(head.request);
    if (plan.refusal.status != 0) {
      co_return co_await refuse(head.request, plan.refusal.status, plan.refusal.message);
    }
    const std::string too_large = fmt::format("the body is larger than the {} bytes that are allowed here", plan.limit);
    if (head.content_length > plan.limit) co_return co_await refuse(head.request, 413, too_large);
    if (head.expects_continue && (head.chunked || head.content_length > 0)) {
      if (!co_await write("HTTP/1.1 100 Continue\r\n\r\n")) co_return false;
    }
    BodyReader body(std::string_view(input_).substr(0, head_size), head, plan);
    consume(head_size);
    auto deadline = Clock::now() + limits.body_time;
    auto slowest = plan.least_rate == 0 ? Clock::time_point::max() : deadline;
    std::uint64_t unpaid = 0;  // bytes that `slowest` has not been put off for
    while (true) {
      const std::size_t used = body.feed(input_);
      consume(used);
      if (plan.least_rate != 0) {
        unpaid += used;
        const std::uint64_t ms = unpaid * 1000 / plan.least_rate;
        slowest += std::chrono::milliseconds(ms);
        unpaid -= ms * plan.least_rate / 1000;
      }
      if (body.status() != 0) {
        co_return co_await refuse(head.request, body.status(), body.message().empty() ? too_large : body.message());
      }
      if (body.done()) break;
      if (plan.sink && used > 0) deadline = Clock::now() + limits.body_time;
      if (used > 0 && !input_.empty()) continue;
      if (end_of_input_) co_return false;
      if (!co_await wait(std::min(deadline, slowest)))
        co_return co_await refuse(head.request, 408, "the body did not arrive in time");
    }
    head.request.body = body.take();
    co_return true;
  }

  awaitable<bool> answer(Head head) {
    const bool is_head = head.request.method == "HEAD", keep = head.keep_alive, old = head.http_1_0;
    const std::string id = head.request.id;
    std::weak_ptr<Connection> weak = this->weak_from_this();
    auto executor = stream_.get_executor();
    answer_ = std::make_shared<Answer>(std::move(head.request), common_.options.limits.unsent_bytes, [weak, executor] {
      asio::post(executor, [weak] {
        if (auto self = weak.lock()) self->signal_.cancel();
      });
    });
    if (end_of_input_) answer_->client_gone();
    std::optional<Response> at_once;
    if (common_.hooks.at_once) at_once = common_.hooks.at_once(answer_->request());
    if (at_once) {
      answer_->respond(std::move(*at_once));
    } else {
      hand_over();
    }
    const bool more = co_await write_answer(id, is_head, keep, old);
    if (!more) answer_->client_gone();
    answer_->detach();
    answer_.reset();
    co_return more;
  }

  // The request to a handler.
  void hand_over() {
    Response unanswered = common_.error(answer_->request(), 500, "the request was not answered");
    asio::post(*common_.handlers, [exchange = guarded(answer_, std::move(unanswered)), &common = common_] {
      try {
        common.hooks.handle(exchange);
      } catch (const std::exception&) {
        exchange->respond(common.error(exchange->request(), 500, "internal error"));
      }
    });
  }

  awaitable<bool> write_answer(const std::string& id, bool is_head, bool keep, bool old) {
    BodyFraming framing = BodyFraming::length;
    while (true) {
      if (!answer_->ready()) {
        if (!socket().is_open()) co_return false;
        co_await wait(Clock::time_point::max());
        continue;
      }
      Answer::Taken taken = answer_->take(kWritePiece);
      std::string text;
      if (taken.head) {
        framing = taken.whole ? BodyFraming::length : old ? BodyFraming::until_end : BodyFraming::chunked;
        if (framing == BodyFraming::until_end) keep = false;
        keep = keep && !common_.stopping;
        text = head_text(*taken.head, id, framing, keep);
        if (taken.whole && !is_head) text += taken.head->body;
      }
      if (taken.aborted) {
        if (!text.empty()) co_await write(text);
        co_return false;
      }
      if (!is_head) text += framing == BodyFraming::chunked ? chunk_text(taken.pieces) : taken.pieces;
      if (taken.finished && framing == BodyFraming::chunked && !is_head) text += kLastChunk;
      if (!co_await write(text)) co_return false;
      if (taken.finished) co_return keep;
    }
  }

  Common& common_;
  Stream stream_;
  asio::steady_timer signal_;    // run waits here
  asio::steady_timer room_;      // the reader waits here while `input_` is full
  asio::steady_timer watchdog_;  // closes the socket when a write or a handshake does not move
  std::string address_;
  std::function<void()> closed_;
  std::string input_;
  bool end_of_input_ = false;
  bool refused_ = false;  // there may be input that nobody has read
  std::shared_ptr<Answer> answer_;
};

}  // namespace

Response Common::error(const Request& request, int status, const std::string& message) const {
  if (hooks.error) return hooks.error(request, status, message);
  Response response{status, {}, message + "\n"};
  response.headers.set("content-type", "text/plain; charset=utf-8");
  return response;
}

Common::Common(ServerOptions o, Hooks h)
    : options(std::move(o)),
      hooks(std::move(h)),
      handlers(std::make_unique<asio::thread_pool>(static_cast<std::size_t>(options.handler_threads))) {}
Common::~Common() = default;

std::shared_ptr<AnyConnection> serve(Common& common, asio::io_context& io, asio::ssl::context* tls, int socket,
                                     bool ipv6, std::string address, std::function<void()> closed) {
  tcp::socket connected(io);
  boost::system::error_code error;
  connected.assign(ipv6 ? tcp::v6() : tcp::v4(), socket, error);
  if (error) {
    ::close(socket);
    return nullptr;
  }
  if (tls != nullptr) {
    auto connection = std::make_shared<Connection<TlsStream>>(common, TlsStream(std::move(connected), *tls),
                                                              std::move(address), std::move(closed));
    connection->start();
    return connection;
  }
  auto connection =
      std::make_shared<Connection<tcp::socket>>(common, std::move(connected), std::move(address), std::move(closed));
  connection->start();
  return connection;
}

}  // namespace freehold::http
