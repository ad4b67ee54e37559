// One connection: requests read one after the other, each handed to the handler and its answer written. A coroutine on
// the I/O thread; see connection.cpp for its life.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/fair_threads.h"
#include "http/server.h"

namespace boost::asio {
class io_context;
class thread_pool;
namespace ssl {
class context;
}
}  // namespace boost::asio

namespace freehold::http {

// What connections share. Owned by the server, which outlives them; on the I/O thread but for what is a thread itself
// or atomic.
struct Common {
  ServerOptions options;
  Hooks hooks;
  std::uint16_t port = 0;
  FairThreads handlers;
  std::unique_ptr<boost::asio::thread_pool> door;     // one thread, for Hooks::plan_body
  std::unique_ptr<boost::asio::thread_pool> writers;  // for BodySink::write
  bool stopping = false;
  // Bytes of bodies, see Limits::held_bytes.
  const std::shared_ptr<std::atomic<std::uint64_t>> held = std::make_shared<std::atomic<std::uint64_t>>(0);

  Common(ServerOptions o, Hooks h);
  ~Common();

  Response error(const Request& request, int status, const std::string& message) const;
  // Has a request handled by one of the threads for that.
  void handle(std::shared_ptr<Exchange> exchange, const std::string& share);
};

// How the server reaches a connection it has started.
class AnyConnection {
 public:
  virtual ~AnyConnection() = default;
  virtual void stop_when_idle() = 0;
  virtual void close_now() = 0;
};

// Starts serving a connected TCP socket, which it takes over; `closed` is called on the I/O thread when the connection
// has ended. `tls` null: in the clear. Null if the socket cannot be used (it is closed then).
std::shared_ptr<AnyConnection> serve(Common& common, boost::asio::io_context& io, boost::asio::ssl::context* tls,
                                     int socket, bool ipv6, std::string address, std::function<void()> closed);

}  // namespace freehold::http
