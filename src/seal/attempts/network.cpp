// Attempts by sockets of every family, by names, and by the one socket that a sealed server has.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <thread>

#include "seal/attempts/attempt.h"

namespace freehold::seal {
namespace {

constexpr const char* kAway = "192.0.2.1";  // of a network that is for documentation alone (RFC 5737)

Outcome open_socket(int family, int type, int protocol = 0) {
  return judged(::socket(family, type | SOCK_CLOEXEC, protocol));
}

template <int family, int type, int protocol = 0>
Outcome socket_of(const Stage&) {
  return open_socket(family, type, protocol);
}

sockaddr_in address(const char* host, std::uint16_t port) {
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  ::inet_pton(AF_INET, host, &to.sin_addr);
  return to;
}

Outcome connect_to(const char* host, std::uint16_t port) {
  const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (s < 0) return judged(-1);
  const sockaddr_in to = address(host, port);
  return judged(::connect(s, reinterpret_cast<const sockaddr*>(&to), sizeof to));
}

Outcome send_datagram(const char* host, std::uint16_t port) {
  const int s = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (s < 0) return judged(-1);
  const sockaddr_in to = address(host, port);
  return judged(::sendto(s, "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to));
}

Outcome look_up(const char* name) {
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(name, "80", nullptr, &found);
  if (error == 0) {
    ::freeaddrinfo(found);
    return {Verdict::allowed, "it has an address"};
  }
  return {Verdict::denied, ::gai_strerror(error)};
}

Outcome connect_to_name(const Stage& stage, const std::string& path_or_name, bool abstract) {
  (void)stage;
  const int s = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (s < 0) return judged(-1);
  sockaddr_un to = {};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path + (abstract ? 1 : 0), path_or_name.data(), path_or_name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_or_name.size() + (abstract ? 1 : 0));
  return judged(::connect(s, reinterpret_cast<const sockaddr*>(&to), size));
}

// What the one socket of a server could be used for beside accepting.
template <typename Use>
Outcome with_listener(const Stage& stage, Use use) {
  if (stage.listener < 0) return open_socket(AF_INET, SOCK_STREAM);  // a process without one
  return use(stage.listener);
}

constexpr Attempt kAttempts[] = {
    {"socket: IPv4, TCP", socket_of<AF_INET, SOCK_STREAM>},
    {"socket: IPv4, UDP", socket_of<AF_INET, SOCK_DGRAM>},
    {"socket: IPv4, ICMP echo", socket_of<AF_INET, SOCK_DGRAM, IPPROTO_ICMP>},
    {"socket: IPv4, raw", socket_of<AF_INET, SOCK_RAW, IPPROTO_RAW>},
    {"socket: IPv4, multipath TCP", socket_of<AF_INET, SOCK_STREAM, 262>},
    {"socket: IPv4, SCTP", socket_of<AF_INET, SOCK_STREAM, IPPROTO_SCTP>},
    {"socket: IPv6, TCP", socket_of<AF_INET6, SOCK_STREAM>},
    {"socket: IPv6, UDP", socket_of<AF_INET6, SOCK_DGRAM>},
    {"socket: local (AF_UNIX)", socket_of<AF_UNIX, SOCK_STREAM>},
    {"socket: a connected pair",
     [](const Stage&) {
       int pair[2];
       return judged(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
     }},
    {"socket: packets (AF_PACKET)", socket_of<AF_PACKET, SOCK_RAW>},
    {"socket: the kernel (AF_NETLINK)", socket_of<AF_NETLINK, SOCK_RAW>},
    {"socket: the host of a virtual machine (AF_VSOCK)", socket_of<AF_VSOCK, SOCK_STREAM>},
    {"socket: Bluetooth", socket_of<AF_BLUETOOTH, SOCK_RAW>},
    {"socket: CAN bus", socket_of<AF_CAN, SOCK_RAW>},
    {"socket: the kernel's cryptography (AF_ALG)", socket_of<AF_ALG, SOCK_SEQPACKET>},
    {"socket: express data path (AF_XDP)", socket_of<44, SOCK_RAW>},
    {"socket: from a thread",
     [](const Stage&) {
       Outcome outcome;
       std::thread([&] { outcome = open_socket(AF_INET, SOCK_STREAM); }).join();
       return outcome;
     }},
    {"connect: another port of this machine", [](const Stage& s) { return connect_to("127.0.0.1", s.port); }},
    {"connect: another machine", [](const Stage&) { return connect_to(kAway, 443); }, true},
    {"datagram: another port of this machine", [](const Stage& s) { return send_datagram("127.0.0.1", s.port); }},
    {"datagram: a name server elsewhere", [](const Stage&) { return send_datagram(kAway, 53); }, true},
    {"name: of this machine", [](const Stage&) { return look_up("localhost"); }},
    {"name: of another machine", [](const Stage&) { return look_up("freehold-seal-test.invalid"); }, true},
    {"connect: an abstract local socket", [](const Stage& s) { return connect_to_name(s, s.abstract, true); }},
    {"connect: the system's log", [](const Stage& s) { return connect_to_name(s, "/dev/log", false); }, true},
    {"listen: on a port of one's own",
     [](const Stage&) {
       const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
       if (s < 0) return judged(-1);
       const sockaddr_in at = address("127.0.0.1", 0);
       if (::bind(s, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) return judged(-1);
       return judged(::listen(s, 1));
     }},
    {"the server's socket: connect",
     [](const Stage& stage) {
       return with_listener(stage, [&](int s) {
         const sockaddr_in to = address("127.0.0.1", stage.port);
         return judged(::connect(s, reinterpret_cast<const sockaddr*>(&to), sizeof to));
       });
     }},
    {"the server's socket: another address",
     [](const Stage& stage) {
       return with_listener(stage, [&](int s) {
         const sockaddr_in at = address("0.0.0.0", 0);
         return judged(::bind(s, reinterpret_cast<const sockaddr*>(&at), sizeof at));
       });
     }},
    {"the server's socket: send to an address",
     [](const Stage& stage) {
       return with_listener(stage, [&](int s) {
         const sockaddr_in to = address("127.0.0.1", stage.port);
         return judged(
             ::sendto(s, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to), sizeof to));
       });
     }},
    {"the server's socket: send a message that opens a connection",
     [](const Stage& stage) {
       return with_listener(stage, [&](int s) {
         sockaddr_in to = address("127.0.0.1", stage.port);
         char text[] = "x";
         iovec data{text, 1};
         msghdr message = {};
         message.msg_name = &to;
         message.msg_namelen = sizeof to;
         message.msg_iov = &data;
         message.msg_iovlen = 1;
         return judged(::sendmsg(s, &message, MSG_FASTOPEN | MSG_NOSIGNAL));
       });
     }},
    {"the server's socket: another network device",
     [](const Stage& stage) {
       return with_listener(stage,
                            [&](int s) { return judged(::setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3)); });
     }},
    {"the server's socket: a program of one's own in it",
     [](const Stage& stage) {
       return with_listener(stage,
                            [&](int s) { return judged(::setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, nullptr, 0)); });
     }},
    {"io_uring, which opens sockets by itself",
     [](const Stage&) {
       char parameters[120] = {};
       return judged(::syscall(SYS_io_uring_setup, 1, parameters));
     }},
};

}  // namespace

std::span<const Attempt> network_attempts() {
  return kAttempts;
}

}  // namespace freehold::seal
