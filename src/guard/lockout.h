// Wrong keys, by the address that they come from: after some in a few minutes it has to wait, longer each time. What
// may still pass meanwhile is the authenticator's to say (Origin::waits), so that nobody can lock out those who share
// an address with them, or a whole machine behind a proxy (docs/adr/0056).
//
// An address is an IPv4 address, or the first 64 bits of an IPv6 address: what one customer of a provider has.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guard/steady_clock.h"

namespace freehold::guard {

struct LockoutOptions {
  std::uint64_t attempts = 10;  // different wrong keys within `window` after which an address waits; 0: never
  std::uint64_t here = 50;      // the same for this machine's own, which is that of all who come through a proxy on it
  std::chrono::seconds window{300};
  std::chrono::seconds first{30};      // the first wait; each that follows is twice as long
  std::chrono::seconds longest{3600};  // the longest wait; and the silence after which all is forgotten
  std::size_t addresses = 4096;        // that are remembered; then the one that was silent for longest goes
};

// What is to be written down of an address, at most once a minute.
struct LockoutReport {
  std::string address;
  std::uint64_t attempts = 0;     // wrong keys since the last report
  std::uint64_t refused = 0;      // requests that were told to wait since then
  std::chrono::seconds wait{0};   // how long it has to wait now
  std::vector<std::string> keys;  // ids that were tried, at most 4
};

// Thread-safe.
class Lockout {
 public:
  explicit Lockout(LockoutOptions options = {}, SteadyClock clock = steady_now);
  Lockout(Lockout&&) noexcept;
  Lockout& operator=(Lockout&&) noexcept;
  ~Lockout();

  // How long the address has to wait still, rounded up; 0: it need not.
  std::chrono::seconds wait(std::string_view address) const;
  // A wrong key came from there. `key`: the id that it names, if it has the form of one; public. `mark` tells keys
  // apart: one that comes again and again is a program that was set up wrong, and no guessing, so it counts once.
  std::optional<LockoutReport> wrong(std::string_view address, std::string_view key, std::uint64_t mark);
  // A request was told to wait.
  std::optional<LockoutReport> refused(std::string_view address);

  std::size_t entries() const;  // for tests and metrics

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// "192.0.2.7", "2001:db8:1:2::/64"; what is no address stays as it is.
std::string place_of(std::string_view address);
// 127.0.0.0/8, ::1: this machine, or whatever stands before it.
bool is_loopback(std::string_view address);

}  // namespace freehold::guard
