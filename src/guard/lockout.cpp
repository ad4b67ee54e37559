#include "guard/lockout.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace freehold::guard {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr seconds kReportEvery{60};
constexpr std::size_t kMostIds = 4, kLongestAddress = 64, kMostMarks = 64;

// An address from which wrong keys came.
struct Suspect {
  std::uint64_t count = 0;  // wrong keys since `began`
  nanoseconds began{0};
  nanoseconds last{0};  // the last of them
  nanoseconds until{0};
  unsigned waits = 0;                // how often it had to wait already
  std::vector<std::uint64_t> marks;  // of the last wrong keys
  std::optional<nanoseconds> reported;
  LockoutReport report;  // what is not written down yet
};

// The 16 bytes of an address of IPv6; nothing: it is none.
std::optional<std::array<unsigned char, 16>> ipv6_of(std::string_view address) {
  const std::string text(address.substr(0, std::min(address.find('%'), kLongestAddress)));
  std::array<unsigned char, 16> bytes{};
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return std::nullopt;
  return bytes;
}

constexpr std::array<unsigned char, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};  // RFC 4291, 2.5.5.2

}  // namespace

std::string place_of(std::string_view address) {
  const auto bytes = ipv6_of(address);
  if (!bytes) return std::string(address.substr(0, kLongestAddress));
  if (std::equal(kMapped.begin(), kMapped.end(), bytes->begin())) {
    return fmt::format("{}.{}.{}.{}", (*bytes)[12], (*bytes)[13], (*bytes)[14], (*bytes)[15]);
  }
  std::array<unsigned char, 16> network = *bytes;
  if (is_loopback(address)) return "::1";
  std::fill(network.begin() + 8, network.end(), static_cast<unsigned char>(0));
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, network.data(), text.data(), text.size());
  return std::string(text.data()) + "/64";
}

bool is_loopback(std::string_view address) {
  if (address.starts_with("127.")) return true;
  const auto bytes = ipv6_of(address);
  if (!bytes) return false;
  if (std::equal(kMapped.begin(), kMapped.end(), bytes->begin())) return (*bytes)[12] == 127;
  return std::all_of(bytes->begin(), bytes->end() - 1, [](unsigned char b) { return b == 0; }) && bytes->back() == 1;
}

struct Lockout::State {
  LockoutOptions options;
  SteadyClock clock;
  mutable std::mutex mutex;  // guards what follows
  std::unordered_map<std::string, Suspect> suspects;

  // Room for one more.
  void make_room(nanoseconds now) {
    if (suspects.size() < options.addresses) return;
    std::erase_if(suspects, [&](const auto& one) { return now - one.second.last > options.longest; });
    if (suspects.size() < options.addresses) return;
    suspects.erase(std::min_element(suspects.begin(), suspects.end(),
                                    [](const auto& a, const auto& b) { return a.second.last < b.second.last; }));
  }

  seconds left(const Suspect& s, nanoseconds now) const {
    return s.until > now ? std::chrono::ceil<seconds>(s.until - now) : seconds(0);
  }

  std::optional<LockoutReport> due(Suspect& s, const std::string& place, nanoseconds now) const {
    if (s.reported && now - *s.reported < kReportEvery) return std::nullopt;
    s.reported = now;
    LockoutReport out = std::exchange(s.report, {});
    out.address = place;
    out.wait = left(s, now);
    return out;
  }
};

Lockout::Lockout(LockoutOptions options, SteadyClock clock) : state_(std::make_unique<State>()) {
  state_->options = options;
  state_->clock = std::move(clock);
}
Lockout::Lockout(Lockout&&) noexcept = default;
Lockout& Lockout::operator=(Lockout&&) noexcept = default;
Lockout::~Lockout() = default;

std::chrono::seconds Lockout::wait(std::string_view address) const {
  if (state_->options.attempts == 0) return seconds(0);
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->suspects.find(place_of(address));
  return found == state_->suspects.end() ? seconds(0) : state_->left(found->second, state_->clock());
}

std::optional<LockoutReport> Lockout::wrong(std::string_view address, std::string_view key, std::uint64_t mark) {
  const LockoutOptions& o = state_->options;
  if (o.attempts == 0) return std::nullopt;
  const nanoseconds now = state_->clock();
  const std::string place = place_of(address);
  const std::lock_guard lock(state_->mutex);
  if (state_->suspects.count(place) == 0) state_->make_room(now);
  Suspect& s = state_->suspects[place];
  if (s.count > 0 && now - s.last > o.longest) s = {};
  if (s.count == 0 || now - s.began > o.window) {
    s.count = 0;
    s.began = now;
  }
  if (std::find(s.marks.begin(), s.marks.end(), mark) != s.marks.end()) return std::nullopt;
  s.last = now;  // of different ones: what comes again and again is no guessing, and keeps nothing alive
  if (s.marks.size() >= kMostMarks) s.marks.erase(s.marks.begin());
  s.marks.push_back(mark);
  ++s.count;
  ++s.report.attempts;
  auto& ids = s.report.keys;
  if (!key.empty() && ids.size() < kMostIds && std::find(ids.begin(), ids.end(), key) == ids.end())
    ids.emplace_back(key);
  // Who had to wait already has one try, not as many as before.
  const std::uint64_t attempts = is_loopback(address) ? o.here : o.attempts;
  if (s.until > now || (s.waits == 0 && s.count < attempts)) return std::nullopt;
  seconds wait = o.first;
  for (unsigned i = 0; i < s.waits && wait < o.longest; ++i) wait *= 2;
  s.until = now + std::min(wait, o.longest);
  ++s.waits;
  return state_->due(s, place, now);
}

std::optional<LockoutReport> Lockout::refused(std::string_view address) {
  const nanoseconds now = state_->clock();
  const std::string place = place_of(address);
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->suspects.find(place);
  if (found == state_->suspects.end()) return std::nullopt;
  ++found->second.report.refused;
  return state_->due(found->second, place, now);
}

std::size_t Lockout::entries() const {
  const std::lock_guard lock(state_->mutex);
  return state_->suspects.size();
}

}  // namespace freehold::guard
