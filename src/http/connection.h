// One connection: requests read one after the other, each handed to the handler and its answer written. A coroutine on
// the I/O thread; see connection.cpp for its life.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <string>

#include "http/server.h"

namespace freehold::http {

// What connections share. Owned by the server, which outlives them; on the I/O thread but for `handlers`.
struct Common {
  ServerOptions options;
  Hooks hooks;
  std::uint16_t port = 0;
  boost::asio::thread_pool handlers;
  bool stopping = false;

  Common(ServerOptions o, Hooks h)
      : options(std::move(o)), hooks(std::move(h)), handlers(static_cast<std::size_t>(options.handler_threads)) {}

  Response error(const Request& request, int status, const std::string& message) const;
};

// How the server reaches a connection it has started.
class AnyConnection {
 public:
  virtual ~AnyConnection() = default;
  virtual void stop_when_idle() = 0;
  virtual void close_now() = 0;
};

// Starts serving; `closed` is called on the I/O thread when the connection has ended.
std::shared_ptr<AnyConnection> serve_plain(Common& common, boost::asio::ip::tcp::socket socket, std::string address,
                                           std::function<void()> closed);
std::shared_ptr<AnyConnection> serve_tls(Common& common, boost::asio::ssl::context& tls,
                                         boost::asio::ip::tcp::socket socket, std::string address,
                                         std::function<void()> closed);

}  // namespace freehold::http
