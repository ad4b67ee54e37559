#include "seal/attempts/stage.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/utf8.h"

namespace freehold::seal {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kSecret = "what nobody may read", kVictim = "what nobody may change";

std::uint16_t port_of(int socket) {
  sockaddr_in at = {};
  socklen_t size = sizeof at;
  return ::getsockname(socket, reinterpret_cast<sockaddr*>(&at), &size) == 0 ? ntohs(at.sin_port) : std::uint16_t{0};
}

int bound_to_loopback(int type, std::uint16_t port) {
  const int s = ::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in at = {};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (s >= 0 && ::bind(s, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0) return s;
  if (s >= 0) ::close(s);
  return -1;
}

int listen_by_abstract_name(const std::string& name) {
  const int s = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un at = {};
  at.sun_family = AF_UNIX;
  std::memcpy(at.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (s >= 0 && ::bind(s, reinterpret_cast<const sockaddr*>(&at), size) == 0 && ::listen(s, 4) == 0) return s;
  if (s >= 0) ::close(s);
  return -1;
}

std::string entries_of(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec))
    names.push_back(it->path().filename().string());
  std::sort(names.begin(), names.end());
  return fmt::format("{}", fmt::join(names, " "));
}

}  // namespace

int listen_on_loopback() {
  const int s = bound_to_loopback(SOCK_STREAM, 0);
  if (s >= 0 && ::listen(s, 4) == 0) return s;
  if (s >= 0) ::close(s);
  return -1;
}

Result<StageKeeper> StageKeeper::make(const fs::path& temporary, const fs::path& inside) {
  StageKeeper keeper;
  const auto refused = [](std::string_view what) {
    return fail(Errc::io, fmt::format("cannot {}: {}", what, std::strerror(errno)));
  };
  std::string folder = (temporary / "freehold-outside-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr)
    return refused(fmt::format("make a folder in {}", printable(temporary.string())));
  Stage& stage = keeper.stage_;
  stage.outside = folder;
  stage.inside = inside / fmt::format("seal-test-{}", ::getpid());
  stage.parent = ::getpid();
  FH_TRY_VOID(make_directories(stage.inside));
  FH_TRY_VOID(keeper.restore());
  keeper.tcp_ = listen_on_loopback();
  if (keeper.tcp_ < 0) return refused("listen on the loopback");
  stage.port = port_of(keeper.tcp_);
  keeper.udp_ = bound_to_loopback(SOCK_DGRAM, stage.port);  // another program may have it: then TCP's is watched alone
  stage.abstract = fmt::format("freehold-seal-test-{}", ::getpid());
  keeper.local_ = listen_by_abstract_name(stage.abstract);
  if (keeper.local_ < 0) return refused("listen by an abstract name");
  int ends[2];
  if (::pipe(ends) != 0) return refused("make a pipe");  // without close-on-exec: that is what is tried
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  keeper.pipe_ = ends[0];
  stage.inherited = ends[1];
  return keeper;
}

StageKeeper::StageKeeper(StageKeeper&& other) noexcept
    : stage_(std::exchange(other.stage_, {})),
      tcp_(std::exchange(other.tcp_, -1)),
      udp_(std::exchange(other.udp_, -1)),
      local_(std::exchange(other.local_, -1)),
      pipe_(std::exchange(other.pipe_, -1)) {}

StageKeeper::~StageKeeper() {
  std::error_code ec;
  if (!stage_.outside.empty()) fs::remove_all(stage_.outside, ec);
  if (!stage_.inside.empty()) fs::remove_all(stage_.inside, ec);
  for (const int fd : {tcp_, udp_, local_, pipe_, stage_.inherited}) {
    if (fd >= 0) ::close(fd);
  }
}

Result<> StageKeeper::restore() {
  std::error_code ec;
  for (const auto& name : {"made", "folder", "symbolic", "hard", "moved", "pipe", "told"})
    fs::remove(stage_.outside / name, ec);
  FH_TRY_VOID(make_directories(stage_.outside / "empty"));
  FH_TRY_VOID(write_file_atomically(stage_.outside / "secret", kSecret));
  FH_TRY_VOID(write_file_atomically(stage_.outside / "victim", kVictim));
  return write_file_atomically(stage_.inside / "own", "what was said in confidence");
}

std::string StageKeeper::reached() const {
  std::string what;
  const auto add = [&](std::string_view one) { what += (what.empty() ? "" : "; ") + std::string(one); };
  for (const int listener : {tcp_, local_}) {
    const int s = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (s < 0) continue;
    ::close(s);
    add(listener == tcp_ ? "somebody connected to the loopback" : "somebody connected by an abstract name");
  }
  char byte = 0;
  if (udp_ >= 0 && ::recv(udp_, &byte, 1, 0) >= 0) add("a datagram came to the loopback");
  if (::read(pipe_, &byte, 1) > 0) add("something came through a descriptor");
  const std::string there = entries_of(stage_.outside);
  if (there != "empty secret victim") add("the folder outside holds: " + printable(there));
  const auto victim = read_file(stage_.outside / "victim");
  if (!victim || *victim != kVictim) add("a file outside was changed");
  return what;
}

}  // namespace freehold::seal
