// An HTTP/1.1 server with TLS (RFC 9112, RFC 8446 through OpenSSL): accepts, reads and checks requests, hands each to a
// handler, writes the answers. Knows no word about models.
//
// One thread does all input and output; handlers run on a few others, so that a large body never holds up a stream.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "http/exchange.h"
#include "http/head.h"
#include "http/message.h"
#include "http/origin.h"

namespace freehold::http {

// Receives a body in pieces instead of in memory: in order, one at a time, on threads that are for this only. Nothing
// more of the body is read than one piece ahead while it writes. Destroyed after the last piece (or when the request
// breaks off).
class BodySink {
 public:
  virtual ~BodySink() = default;
  // Errors: exhausted (answered with 413), invalid (400), others (500).
  virtual Result<> write(std::string_view piece) = 0;
};

// What is to be done with the body of a request whose head is known.
struct BodyPlan {
  std::uint64_t limit = 0;         // bytes; more is answered with 413 before it is read
  std::shared_ptr<BodySink> sink;  // empty: into Request::body
  // The answer, if the head is enough for it: the body is not read.
  std::optional<Response> refusal = {};
  // Of a sink's body: bytes a second that it has to reach on average, not counting Limits::body_time. Its whole time is
  // bounded by that and the limit. 0: only the time that a part of it takes is.
  std::uint64_t least_rate = 0;
  // Whose request it is: of the threads that handle requests one share never has all (ServerOptions::handler_threads).
  std::string share = {};
};

struct Limits {
  HeadLimits head;
  std::uint64_t body_bytes = std::uint64_t{32} << 20;
  std::size_t connections = 1024;
  std::size_t connections_per_address = 512;
  std::size_t requests_per_connection = 10'000;
  std::uint64_t held_bytes = std::uint64_t{512} << 20;  // of all bodies in memory beyond kFreeBytes each; else 503
  std::size_t unsent_bytes = std::size_t{8} << 20;      // of one answer, in memory
  std::chrono::milliseconds first_byte{10'000};         // of a new connection
  std::chrono::milliseconds head_time{10'000};          // from the first byte of a head to its end
  std::chrono::milliseconds body_time{30'000};          // without a sink: for the whole body; with one: for each 64 KiB
  std::chrono::milliseconds idle{75'000};               // between requests of one connection
  std::chrono::milliseconds stall{30'000};              // a client that reads nothing for so long is gone
};

enum class ClientCertificates : std::uint8_t {
  none,      // not asked for
  optional,  // one that is shown must be right; who has none goes on without
  required,  // without one the handshake fails
};

// PEM files. Empty: no TLS.
struct TlsFiles {
  std::string certificate_chain;
  std::string private_key;
  std::string client_authorities = {};  // whose certificates clients may show
  ClientCertificates clients = ClientCertificates::none;
  bool enabled() const { return !certificate_chain.empty(); }
};

struct ServerOptions {
  std::string address = "127.0.0.1";  // an address, not a name
  std::uint16_t port = 0;             // 0: any free one
  TlsFiles tls;
  OriginPolicy origins;
  Limits limits;
  int handler_threads = 4;  // of which those of one share (BodyPlan::share) never take the last
};

struct Hooks {
  // Called on the I/O thread for each complete request: an answer that takes no time to find, such as that of a page
  // that tells of health, which must come when all handlers are busy. Nothing (or empty): `handle` is called.
  std::function<std::optional<Response>(const Request&)> at_once;
  // Called on a handler thread for each complete request.
  std::function<void(std::shared_ptr<Exchange>)> handle;
  // Called on a thread of its own, one request at a time, when the head is known: to know a key may take its time.
  // Empty: Limits::body_bytes, in memory.
  std::function<BodyPlan(const Request&)> plan_body;
  // The body and headers of an error that this layer answers itself (400, 403, 408, 413, 431 …), in whatever shape the
  // client understands. Empty: plain text.
  std::function<Response(const Request&, int status, const std::string& message)> error;
  // Called on the I/O thread for each answer whose head is to go out; must not take time. The head goes out when `then`
  // is called, by whatever thread, which has to be. May be empty.
  std::function<void(const Request&, int status, std::function<void()> then)> answered;
};

class Server {
 public:
  // Binds and listens; nothing is accepted before start(). Errors: invalid (address), io (port in use, TLS files).
  static Result<std::unique_ptr<Server>> create(ServerOptions options, Hooks hooks);
  virtual ~Server() = default;  // stops at once

  virtual std::uint16_t port() const = 0;
  virtual void start() = 0;
  // Accepts nothing more, lets running answers finish for at most `grace`, then closes everything. Returns when done.
  virtual void stop(std::chrono::milliseconds grace) = 0;
  // Open connections at the moment.
  virtual std::size_t connections() const = 0;
};

}  // namespace freehold::http
