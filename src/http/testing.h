// A blocking client for tests: raw bytes out, raw bytes in, on loopback.
#pragma once

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace freehold::http::testing {

// Waits for what another thread will bring about; a minute at most, so that a failure ends.
template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 6000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void close_sending() { ::shutdown(fd_, SHUT_WR); }
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  // Reads until `mark` has arrived, or the end, or the time is over; gives what arrived.
  std::string read_until(std::string_view mark, int milliseconds = 5000) {
    while (mark.empty() || read_.find(mark) == std::string::npos) {
      pollfd p{fd_, POLLIN, 0};
      if (::poll(&p, 1, milliseconds) <= 0) break;
      char piece[4096];
      const ssize_t n = ::recv(fd_, piece, sizeof piece, 0);
      if (n <= 0) {
        ended_ = true;
        break;
      }
      read_.append(piece, static_cast<std::size_t>(n));
    }
    return std::exchange(read_, {});
  }
  // Everything until the server closes.
  std::string read_all(int milliseconds = 5000) { return read_until("", milliseconds); }
  bool ended() const { return ended_; }
  int descriptor() const { return fd_; }

 private:
  int fd_;
  bool connected_ = false;
  bool ended_ = false;
  std::string read_;
};

// Sends `text` over TLS (any certificate will do) and gives what comes back until the end. `with`: the caller's.
inline std::string tls_exchange(std::uint16_t port, std::string_view text, SSL_CTX* with = nullptr) {
  RawClient client(port);
  SSL_CTX* context = with != nullptr ? with : SSL_CTX_new(TLS_client_method());
  SSL* tls = SSL_new(context);
  SSL_set_fd(tls, client.descriptor());
  std::string answer;
  if (SSL_connect(tls) == 1 && SSL_write(tls, text.data(), static_cast<int>(text.size())) > 0) {
    char piece[4096];
    for (int n = 0; (n = SSL_read(tls, piece, sizeof piece)) > 0;) answer.append(piece, static_cast<std::size_t>(n));
  }
  SSL_free(tls);
  if (with == nullptr) SSL_CTX_free(context);
  return answer;
}

}  // namespace freehold::http::testing
