// An HTTP/1.1 client that trusts nobody: GET and POST over TLS (or in the clear, where that is allowed), each wait
// limited, each answer bounded, each redirect judged before it is followed. No proxy, whatever the environment says.
//
// 1. A connection is opened to an address that was looked up once and judged; no second look-up can differ.
// 2. Without TLS only this machine is spoken to, and hosts named in `trusted`.
// 3. A redirect never leads from https to http. To another host or port it leads only if that is public (no loopback,
//    no private network: network_address.h), or named in `trusted`.
// 4. The bearer token goes to the origin that was asked first, and to no other.
// 5. What is sent goes where it was meant to go: a POST follows no redirect.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "http/message.h"
#include "http/url.h"

namespace freehold::http {

struct ClientOptions {
  std::string ca_file;               // PEM; empty: the certificate authorities of the system
  std::vector<std::string> trusted;  // "host" or "host:port", as Url::authority() writes it
  std::string bearer;                // sent as "Authorization: Bearer …"; empty: none
  std::string user_agent = "freehold";
  std::chrono::milliseconds connect{15'000};  // look-up, connection and TLS together
  std::chrono::milliseconds head{30'000};     // from the request to the end of the answer's head
  std::chrono::milliseconds stall{30'000};    // between two pieces of a body
  std::uint64_t least_rate = 256;             // bytes a second, over each `stall` of a body
  std::size_t head_bytes = 64 * 1024;
  int redirects = 5;
  std::function<bool()> stopped;  // asked several times a second; true ends with Errc::cancelled
};

// The head of an answer.
struct Answered {
  int status = 0;
  Headers headers;
  Url url;                              // where it came from, redirects followed
  std::optional<std::uint64_t> length;  // of the body, if it was said
};

// Takes an answer as it arrives, on the thread that called get(). What it returns as an error ends the request with it.
class Receiver {
 public:
  virtual ~Receiver() = default;
  // There is a connection, and the request begins to go out: from here on it may have an effect.
  virtual void sending() {}
  // False: the body is not wanted; the request ends well.
  virtual Result<bool> head(const Answered& answered) = 0;
  virtual Result<> body(Bytes piece) = 0;
};

class Client {
 public:
  // Errors: io (the file of authorities cannot be read).
  static Result<Client> create(ClientOptions options);
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  // Any status is an answer, not an error. Errors: io (no such host, refused, cut off, too slow, a certificate that is
  // not trusted), invalid (an address that may not be asked, by the rules above), corrupt (no HTTP, or beyond a limit),
  // unsupported (a content coding), cancelled.
  Result<Answered> get(const Url& url, const Headers& headers, Receiver& receiver) const;
  // The whole answer in memory; Errc::corrupt beyond `limit` bytes.
  Result<Response> get(const Url& url, const Headers& headers, std::uint64_t limit) const;

  // Sends the body as it is; its type is among the headers. A redirect is an answer like any other. Errors: as of
  // get().
  Result<Answered> post(const Url& url, const Headers& headers, std::string_view body, Receiver& receiver) const;

  const ClientOptions& options() const;

 private:
  struct State;
  explicit Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freehold::http
