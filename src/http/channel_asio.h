// The socket of a connection, in coroutines on the one I/O thread: shaking hands, reading ahead, waiting, writing and
// closing. What is read and said is Connection's (connection.cpp, which has the rules of both).
#pragma once

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "http/connection.h"
#include "http/go_ahead.h"
#include "http/tls.h"

namespace freehold::http {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;
using TlsStream = asio::ssl::stream<tcp::socket>;

inline constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
inline constexpr std::size_t kReadAhead = 64 * 1024;
inline constexpr std::size_t kWritePiece = 64 * 1024;
inline constexpr std::size_t kLingerBytes = std::size_t{256} << 20;
inline constexpr std::chrono::seconds kLingerTime{10};
inline constexpr std::chrono::seconds kLingerSilence{2};  // nothing arrives for so long

// `Stream`: a tcp::socket, or a TlsStream.
template <typename Stream>
class Channel : public std::enable_shared_from_this<Channel<Stream>> {
 public:
  virtual ~Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

 protected:
  static constexpr bool kTls = std::is_same_v<Stream, TlsStream>;

  Channel(Common& common, Stream stream)
      : common_(common),
        stream_(std::move(stream)),
        signal_(stream_.get_executor()),
        room_(stream_.get_executor()),
        watchdog_(stream_.get_executor()) {}

  virtual bool answering() const = 0;  // an answer has begun
  virtual void client_left() = 0;      // nobody reads it any more

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

  void shut() {
    boost::system::error_code ignored;
    socket().close(ignored);
    end_of_input_ = true;
    raise();
  }

  // Until somebody raises the signal, or the deadline. False after the deadline.
  awaitable<bool> wait(Clock::time_point deadline) {
    if (Clock::now() >= deadline) co_return false;
    signal_.expires_at(deadline);
    auto [error] = co_await signal_.async_wait(kToken);
    co_return error == asio::error::operation_aborted || Clock::now() < deadline;
  }

  void start_reading() {
    asio::co_spawn(
        stream_.get_executor(), [self = this->shared_from_this()] { return self->read_ahead(); }, asio::detached);
  }

  awaitable<void> read_ahead() {
    std::array<char, 16 * 1024> piece;
    bool in_order = false;
    while (socket().is_open()) {
      if (input_.size() >= kReadAhead) {
        room_.expires_at(Clock::time_point::max());
        co_await room_.async_wait(kToken);
        continue;
      }
      auto [error, n] = co_await stream_.async_read_some(asio::buffer(piece), kToken);
      in_order = error == asio::error::eof;
      if (error) break;
      input_.append(piece.data(), n);
      std::fill_n(piece.begin(), n,
                  '\0');  // the frame of this coroutine outlives the request, and asio keeps its memory
      signal_.cancel();
    }
    end_of_input_ = true;
    if (in_order && !kTls && !answering()) {
      signal_.cancel();
      co_await socket().async_wait(tcp::socket::wait_error, kToken);  // reset, or closed by us
    }
    leaves();
  }

  void leaves() {
    gone_ = true;
    client_left();
    signal_.cancel();
  }

  void consume(std::size_t n) {
    const std::size_t before = input_.size();
    input_.erase(0, n);
    const std::size_t left = input_.size();
    input_.resize(before);  // zeros over what stood there
    input_.resize(left);
    if (input_.size() < kReadAhead) room_.cancel();
  }

  // Closes the socket after that time, unless the watchdog is cancelled or set again.
  void watch(std::chrono::milliseconds time) {
    watchdog_.expires_after(time);
    watchdog_.async_wait([self = this->shared_from_this()](boost::system::error_code error) {
      if (!error) self->shut();
    });
  }

  // Everything, or false. Closes the socket if nothing moves for so long.
  awaitable<bool> write(std::string_view text) {
    while (!text.empty()) {
      const std::string_view piece = text.substr(0, kWritePiece);
      watch(common_.options.limits.stall);
      auto [error, n] = co_await asio::async_write(stream_, asio::buffer(piece.data(), piece.size()), kToken);
      watchdog_.cancel();
      if (error) co_return false;
      text.remove_prefix(n);
    }
    co_return true;
  }

  awaitable<bool> handshake() {
    if constexpr (kTls) {
      watch(common_.options.limits.first_byte);
      auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kToken);
      watchdog_.cancel();
      if (!error) certificate_ = peer_certificate(stream_.native_handle());
      co_return !error;
    }
    co_return true;
  }

  // Our end is closed; what still arrives is thrown away for a moment (connection.cpp, 3).
  awaitable<void> close_in_order() {
    boost::system::error_code ignored;
    if (!socket().is_open() || end_of_input_ || broken_) co_return;
    if constexpr (kTls) {
      watch(kLingerSilence);
      // Writes our close_notify. The client's is waited for, or something that is none.
      co_await stream_.async_shutdown(kToken);
      watchdog_.cancel();
    }
    if (!socket().is_open()) co_return;
    socket().shutdown(tcp::socket::shutdown_send, ignored);
    const auto end = Clock::now() + kLingerTime;
    std::size_t thrown = 0;
    if constexpr (kTls) {
      // As it comes: nobody decrypts it any more.
      std::array<char, 16 * 1024> piece;
      while (thrown < kLingerBytes && Clock::now() < end && !common_.stopping) {
        watch(kLingerSilence);
        auto [error, n] = co_await socket().async_read_some(asio::buffer(piece), kToken);
        watchdog_.cancel();
        if (error) break;
        thrown += n;
      }
      co_return;
    }
    while (!end_of_input_ && thrown < kLingerBytes && !common_.stopping) {
      thrown += input_.size();
      consume(input_.size());
      if (!co_await wait(std::min(end, Clock::now() + kLingerSilence))) break;
    }
  }

  // Wakes this connection from any thread, if it is there.
  std::function<void()> waker() {
    std::weak_ptr<Channel> weak = this->weak_from_this();
    return [weak, executor = stream_.get_executor()] {
      asio::post(executor, [weak] {
        if (auto self = weak.lock()) self->signal_.cancel();
      });
    };
  }

  // Waits for the word. False: the connection is gone.
  awaitable<bool> given(const GoAhead& word) {
    while (!word.given()) {
      if (!socket().is_open()) co_return false;
      co_await wait(Clock::time_point::max());
    }
    co_return true;
  }

  Common& common_;
  Stream stream_;
  asio::steady_timer signal_;                           // run waits here
  asio::steady_timer room_;                             // the reader waits here while `input_` is full
  asio::steady_timer watchdog_;                         // closes the socket when a write or a handshake does not move
  std::shared_ptr<const PeerCertificate> certificate_;  // of the client, if it has shown one
  std::string input_;
  bool end_of_input_ = false;
  bool gone_ = false;    // nobody reads any more
  bool broken_ = false;  // an answer was broken off: the client is to notice at once
};

}  // namespace freehold::http
