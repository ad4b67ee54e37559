#include "http/server.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <map>
#include <thread>

#include "http/connection.h"
#include "http/listener.h"
#include "http/tls.h"
#include "http/wire.h"

namespace freehold::http {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::size_t kWriters = 2;  // a disk that is slow for one body must not stop the others

// `listener`: a socket that listens already, or -1.
Result<> listen_with(tcp::acceptor& acceptor, const ServerOptions& o, int listener) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(o.address, error);
  if (error) return fail(Errc::invalid, fmt::format("'{}' is not an address to listen on", o.address));
  const tcp::endpoint endpoint(address, o.port);
  if (listener >= 0) {
    acceptor.assign(endpoint.protocol(), listener, error);
  } else {
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  }
  if (!error) return {};
  return fail(Errc::io, fmt::format("listen on {} port {}: {}", o.address, o.port, error.message()));
}

class TcpServer : public Server {
 public:
  TcpServer(ServerOptions options, Hooks hooks)
      : common_(std::move(options), std::move(hooks)), acceptor_(io_), retry_(io_) {}

  ~TcpServer() override { stop(std::chrono::milliseconds(0)); }

  Result<> listen(int listener) {
    const ServerOptions& o = common_.options;
    if (o.tls.enabled()) {
      FH_TRY(tls_, tls_context(o.tls));
    }
    FH_TRY_VOID(listen_with(acceptor_, o, listener));
    common_.port = acceptor_.local_endpoint().port();
    return {};
  }

  std::uint16_t port() const override { return common_.port; }
  std::size_t connections() const override { return open_.load(); }

  void start() override {
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }

  void stop(std::chrono::milliseconds grace) override {
    if (!thread_.joinable()) return;
    const auto deadline = std::chrono::steady_clock::now() + grace;
    asio::post(io_, [this] {
      common_.stopping = true;
      boost::system::error_code ignored;
      acceptor_.close(ignored);
      retry_.cancel();
      for (auto& [key, entry] : entries_) entry->stop_when_idle();
    });
    while (open_.load() > 0 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    asio::post(io_, [this] {
      auto entries = entries_;
      for (auto& [key, entry] : entries) entry->close_now();
    });
    common_.door->join();
    common_.writers->join();
    common_.handlers.finish();  // handlers see their clients gone
    thread_.join();             // no connection, no acceptor: nothing left to run
  }

 private:
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
      if (error) {  // out of descriptors, say: try again in a moment
        retry_.expires_after(std::chrono::milliseconds(50));
        retry_.async_wait([this](boost::system::error_code cancelled) {
          if (!cancelled) accept();
        });
        return;
      }
      take(std::move(socket));
      accept();
    });
  }

  void take(tcp::socket socket) {
    boost::system::error_code error;
    const auto remote = socket.remote_endpoint(error);
    if (error) return;
    const std::string address = remote.address().to_string();
    const Limits& limits = common_.options.limits;
    std::size_t& here = per_address_[address];
    if (entries_.size() >= limits.connections || here >= limits.connections_per_address) {
      if (here == 0) per_address_.erase(address);
      refuse(socket);
      return;
    }
    ++here;
    ++open_;
    const std::uint64_t key = next_key_++;
    auto closed = [this, key, address] {
      entries_.erase(key);
      auto found = per_address_.find(address);
      if (found != per_address_.end() && --found->second == 0) per_address_.erase(found);
      --open_;
    };
    const bool ipv6 = remote.address().is_v6();
    auto connection = serve(common_, io_, tls_.get(), socket.release(), ipv6, address, closed);
    if (connection == nullptr) return closed();
    entries_[key] = std::move(connection);
  }

  // Over the limit of connections: told so where that can be done without waiting.
  void refuse(tcp::socket& socket) const {
    if (tls_) return;
    Request unknown;
    unknown.id = new_request_id();
    Response response = common_.error(unknown, 503, "too many connections");
    response.headers.set("retry-after", "1");
    const std::string text = head_text(response, unknown.id, BodyFraming::length, false) + response.body;
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(text), ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
  }

  asio::io_context io_{1};
  Common common_;
  std::shared_ptr<asio::ssl::context> tls_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  std::map<std::uint64_t, std::shared_ptr<AnyConnection>> entries_;  // I/O thread
  std::map<std::string, std::size_t> per_address_;                   // I/O thread
  std::uint64_t next_key_ = 0;
  std::atomic<std::size_t> open_{0};
  std::thread thread_;
};

}  // namespace

Response Common::error(const Request& request, int status, const std::string& message) const {
  if (hooks.error) return hooks.error(request, status, message);
  Response response{status, {}, message + "\n"};
  response.headers.set("content-type", "text/plain; charset=utf-8");
  return response;
}

void Common::handle(std::shared_ptr<Exchange> exchange, const std::string& share) {
  handlers.add(share, [this, exchange = std::move(exchange)] {
    try {
      hooks.handle(exchange);
    } catch (const std::exception&) {
      exchange->respond(error(exchange->request(), 500, "internal error"));
    }
  });
}

Common::Common(ServerOptions o, Hooks h)
    : options(std::move(o)),
      hooks(std::move(h)),
      handlers({.threads = static_cast<std::size_t>(options.handler_threads)}),
      door(std::make_unique<asio::thread_pool>(1)),
      writers(std::make_unique<asio::thread_pool>(kWriters)) {}
Common::~Common() = default;

Result<int> open_listener(const ServerOptions& options) {
  asio::io_context io;
  tcp::acceptor acceptor(io);
  FH_TRY_VOID(listen_with(acceptor, options, -1));
  boost::system::error_code error;
  const int listener = acceptor.release(error);
  if (error) return fail(Errc::io, fmt::format("listen on {}: {}", options.address, error.message()));
  return listener;
}

Result<std::unique_ptr<Server>> create_on(int listener, ServerOptions options, Hooks hooks) {
  auto server = std::make_unique<TcpServer>(std::move(options), std::move(hooks));
  FH_TRY_VOID(server->listen(listener));
  return std::unique_ptr<Server>(std::move(server));
}

Result<std::unique_ptr<Server>> Server::create(ServerOptions options, Hooks hooks) {
  return create_on(-1, std::move(options), std::move(hooks));
}

}  // namespace freehold::http
