#include "app/bench_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "app/interrupt.h"
#include "app/peaks_crew.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

constexpr std::string_view kText = R"("text":")", kTokens = R"("completion_tokens":)", kEnd = "data: [DONE]";

struct Stream {
  int socket = -1;
  std::string read;
  std::size_t looked = 0;  // for the first text
  bool over = false;
  StreamTimes times;

  Stream() = default;
  Stream(Stream&& other) noexcept
      : socket(std::exchange(other.socket, -1)), read(std::move(other.read)), times(other.times) {}
  Stream& operator=(Stream&&) = delete;
  ~Stream() {
    if (socket >= 0) ::close(socket);
  }

  void look(double now) {
    while (times.first == 0) {
      const std::size_t at = read.find(kText, looked);
      if (at == std::string::npos || at + kText.size() >= read.size()) break;
      looked = at + kText.size();
      if (read[looked] != '"') times.first = now;
    }
    const std::size_t tail = std::min<std::size_t>(read.size(), 64);
    if (read.find(kEnd, read.size() - tail) == std::string::npos) return;
    over = true;
    times.end = now;
    const std::size_t at = read.rfind(kTokens);
    if (at != std::string::npos) times.tokens = std::strtoull(read.c_str() + at + kTokens.size(), nullptr, 10);
  }
};

Error broken(std::string_view what) {
  return {Errc::io, fmt::format("{} the server that is measured: {}", what, std::strerror(errno))};
}

Result<Stream> connected(std::uint16_t port) {
  Stream stream;
  stream.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (stream.socket < 0 || ::connect(stream.socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return tl::unexpected(broken("connect to"));
  }
  const int on = 1;
  ::setsockopt(stream.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return stream;
}

Result<> ask(Stream& stream, std::string_view path, std::string_view body) {
  const std::string text = fmt::format(
      "POST {} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}", path,
      body.size(), body);
  stream.times.asked = wall_seconds();
  for (std::string_view left = text; !left.empty();) {
    const ssize_t n = ::send(stream.socket, left.data(), left.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return tl::unexpected(broken("ask"));
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

// What is there. Errors: the stream broke off.
Result<> take(Stream& stream) {
  char piece[65536];
  const ssize_t n = ::read(stream.socket, piece, sizeof piece);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return {};
  if (n < 0) return tl::unexpected(broken("read from"));
  stream.read.append(piece, static_cast<std::size_t>(n));
  const bool refused = stream.read.size() >= 12 && !stream.read.starts_with("HTTP/1.1 200");
  if (n == 0 || refused) {
    return fail(Errc::internal, fmt::format("the server that is measured answered: {}", printable(stream.read, 500)));
  }
  stream.look(wall_seconds());
  return {};
}

}  // namespace

Result<std::vector<StreamTimes>> ask_streams(std::uint16_t port, std::string_view path,
                                             std::span<const std::string> bodies) {
  std::vector<Stream> streams;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    FH_TRY(Stream stream, connected(port));
    streams.push_back(std::move(stream));
  }
  for (std::size_t i = 0; i < bodies.size(); ++i) FH_TRY_VOID(ask(streams[i], path, bodies[i]));
  std::vector<pollfd> waiting(bodies.size());
  while (std::any_of(streams.begin(), streams.end(), [](const Stream& s) { return !s.over; })) {
    if (interrupted()) return fail(Errc::cancelled, "interrupted");
    for (std::size_t i = 0; i < streams.size(); ++i) {
      waiting[i] = {streams[i].over ? -1 : streams[i].socket, POLLIN, 0};
    }
    if (::poll(waiting.data(), waiting.size(), 200) <= 0) continue;
    for (std::size_t i = 0; i < streams.size(); ++i) {
      if (waiting[i].revents != 0) FH_TRY_VOID(take(streams[i]));
    }
  }
  std::vector<StreamTimes> times;
  for (const Stream& stream : streams) times.push_back(stream.times);
  return times;
}

}  // namespace freehold::app
