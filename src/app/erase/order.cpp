#include "app/erase/order.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <set>
#include <thread>

#include "app/serve/own_folder.h"
#include "audit/subjects.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/random_id.h"
#include "base/utf8.h"

namespace freehold::app {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kOrderHead = "freehold-erasure 1", kErasedHead = "freehold-erased 1", kEnd = "end";
constexpr std::string_view kOrder = ".order", kDone = ".done", kSign = "srv_", kHidden = ".tmp-";
constexpr std::uint64_t kLongest = std::uint64_t{16} << 20;
constexpr std::chrono::milliseconds kOrderLook{20};
constexpr std::chrono::minutes kMaking{1};

fs::path orders_of(const fs::path& home) {
  return home / "erasures";
}

fs::path signs_of(const fs::path& home) {
  return home / "servers";
}

struct Count {
  std::string_view name;
  std::uint64_t Erased::*member;
};
constexpr std::array<Count, 7> kCounts = {{{"files", &Erased::files},
                                           {"batches", &Erased::batches},
                                           {"lines", &Erased::lines},
                                           {"jobs", &Erased::jobs},
                                           {"models", &Erased::models},
                                           {"blobs", &Erased::blobs},
                                           {"responses", &Erased::responses}}};

// Each line of a text that begins with `head` and ends with a line "end": its first word, and what follows.
bool each_line(std::string_view text, std::string_view head,
               const std::function<bool(std::string_view name, std::string_view value)>& take) {
  bool begun = false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return false;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (!std::exchange(begun, true)) {
      if (line != head) return false;
      continue;
    }
    if (line == kEnd) return text.empty();
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos || !take(line.substr(0, blank), line.substr(blank + 1))) return false;
  }
  return false;
}

// One line of a file here.
std::string in_a_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string digest_of(std::string_view salt, std::string_view name) {
  return sha256(fmt::format("{}:{}", salt, audit::subject_name(name))).hex();
}

// Whether somebody has the file locked.
bool is_locked(const fs::path& path) {
  const Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  return fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

// Whether it has been there for longer than somebody takes who makes it and has not locked it yet.
bool is_old(const fs::path& path) {
  std::error_code ec;
  const auto written = fs::last_write_time(path, ec);
  return !ec && fs::file_time_type::clock::now() - written > kMaking;
}

// A new file with this text, locked before it has its name: what is not locked counts as left behind.
Result<Fd> lock_new(const fs::path& path, std::string_view text) {
  const fs::path hidden = path.parent_path() / fmt::format("{}{}", kHidden, random_id());
  Fd fd(::open(hidden.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  const bool made = fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 &&
                    ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                    ::rename(hidden.c_str(), path.c_str()) == 0;
  if (made) return fd;
  const int why = errno;
  (void)remove_file(hidden);
  return fail(Errc::io, fmt::format("cannot make {}: {}", printable(path.string()), std::strerror(why)));
}

// The names of the servers that are there.
std::vector<std::string> servers_of(const fs::path& home) {
  std::vector<std::string> out;
  std::error_code ec;
  for (fs::directory_iterator it(signs_of(home), ec), end; !ec && it != end; it.increment(ec)) {
    std::string name = it->path().filename().string();
    if (!name.starts_with(kSign)) continue;
    if (is_locked(it->path())) {
      out.push_back(std::move(name));
    } else {
      (void)remove_file(it->path());  // its server was killed
    }
  }
  return out;
}

fs::path answer_of(const fs::path& home, std::string_view order, std::string_view server) {
  return orders_of(home) / fmt::format("{}.{}{}", order, server, kDone);
}

void remove_all_of(const fs::path& home, std::string_view order) {
  std::error_code ec;
  for (fs::directory_iterator it(orders_of(home), ec), end; !ec && it != end; it.increment(ec)) {
    if (it->path().filename().string().starts_with(fmt::format("{}.", order))) (void)remove_file(it->path());
  }
}

// An order that is there as long as somebody waits for its answers.
class Posted {
 public:
  Posted(const fs::path& home, std::string id, Fd lock) : home_(home), id_(std::move(id)), lock_(std::move(lock)) {}
  Posted(const Posted&) = delete;
  Posted& operator=(const Posted&) = delete;
  ~Posted() { remove_all_of(home_, id_); }

 private:
  const fs::path& home_;
  const std::string id_;
  const Fd lock_;
};

}  // namespace

void ErasureOrder::add(std::string_view key, std::string_view name) {
  whom.push_back({std::string(key), digest_of(salt, name)});
}

bool ErasureOrder::is_about(std::string_view key, std::string_view subject) const {
  const std::string digest = digest_of(salt, subject.empty() ? key : subject);
  return std::any_of(whom.begin(), whom.end(),
                     [&](const Whom& one) { return (one.key.empty() || one.key == key) && one.digest == digest; });
}

bool ErasureOrder::is_about_all_of(std::string_view key) const {
  if (!whole_key || whom.empty()) return false;
  const Whom& first = whom.front();
  return (first.key.empty() || first.key == key) && first.digest == digest_of(salt, key);
}

std::optional<std::vector<std::string>> ErasureOrder::keys() const {
  std::vector<std::string> out;
  for (const Whom& one : whom) {
    if (one.key.empty()) return std::nullopt;
    out.push_back(one.key);
  }
  return out;
}

ErasureOrder new_order() {
  ErasureOrder out;
  out.id = "era_" + random_id();
  out.salt = random_id();
  return out;
}

void Erased::add(const Erased& other) {
  for (const Count& c : kCounts) this->*c.member += other.*c.member;
  learned.insert(learned.end(), other.learned.begin(), other.learned.end());
  if (held_by.empty()) {
    held_by = other.held_by;
    held = other.held;
  }
  if (failed.empty()) failed = other.failed;
}

void each_count(const Erased& erased, const std::function<void(std::string_view name, std::uint64_t count)>& visit) {
  for (const Count& c : kCounts) visit(c.name, erased.*c.member);
}

std::string order_text(const ErasureOrder& order) {
  std::string out = fmt::format("{}\nid {}\nsalt {}\n", kOrderHead, order.id, order.salt);
  for (const auto& one : order.whom) out += fmt::format("whom {} {}\n", one.digest, one.key);
  if (order.whole_key) out += "whole key\n";
  if (order.only_look) out += "only look\n";
  for (const std::string& id : order.named_in) out += fmt::format("named {}\n", in_a_line(id));
  return out + fmt::format("{}\n", kEnd);
}

std::optional<ErasureOrder> parse_order(std::string_view text) {
  ErasureOrder out;
  const bool whole = each_line(text, kOrderHead, [&](std::string_view name, std::string_view value) {
    if (name == "id") return out.id = value, true;
    if (name == "salt") return out.salt = value, true;
    if (name == "whole") return out.whole_key = true;
    if (name == "only") return out.only_look = true;
    if (name == "named") return out.named_in.emplace_back(value), true;
    const std::size_t blank = value.find(' ');
    if (name != "whom" || blank == std::string_view::npos) return false;
    out.whom.push_back({std::string(value.substr(blank + 1)), std::string(value.substr(0, blank))});
    return true;
  });
  if (!whole || out.id.empty() || out.salt.empty()) return std::nullopt;
  return out;
}

std::string erased_text(const Erased& erased) {
  std::string out = fmt::format("{}\n", kErasedHead);
  for (const Count& c : kCounts) out += fmt::format("{} {}\n", c.name, erased.*c.member);
  for (const std::string& name : erased.learned) out += fmt::format("learned {}\n", in_a_line(name));
  if (!erased.held_by.empty()) out += fmt::format("held {} {}\n", erased.held_by, in_a_line(erased.held));
  if (!erased.failed.empty()) out += fmt::format("failed {}\n", in_a_line(erased.failed));
  return out + fmt::format("{}\n", kEnd);
}

std::optional<Erased> parse_erased(std::string_view text) {
  Erased out;
  const bool whole = each_line(text, kErasedHead, [&](std::string_view name, std::string_view value) {
    if (name == "learned") return out.learned.emplace_back(value), true;
    if (name == "held") {
      out.held_by = value.substr(0, value.find(' '));
      out.held = value.substr(std::min(out.held_by.size() + 1, value.size()));
      return true;
    }
    if (name == "failed") return out.failed = value, true;
    const auto* const count =
        std::find_if(kCounts.begin(), kCounts.end(), [&](const Count& c) { return c.name == name; });
    if (count == kCounts.end()) return false;
    const char* const end = value.data() + value.size();
    const auto [at, error] = std::from_chars(value.data(), end, out.*count->member);
    return error == std::errc() && at == end;
  });
  return whole ? std::optional(std::move(out)) : std::nullopt;
}

Result<ServerSign> ServerSign::put_up(const fs::path& home) {
  const fs::path folder = signs_of(home);
  FH_TRY_VOID(make_directories(folder));
  std::string name = fmt::format("{}{}", kSign, random_id());
  fs::path path = folder / name;
  FH_TRY(Fd lock, lock_new(path, {}));
  return ServerSign(std::move(path), std::move(name), std::move(lock));
}

ServerSign::~ServerSign() {
  if (fd_) (void)remove_file(path_);
}

Result<Erased> ask_servers(const fs::path& home, const ErasureOrder& order, std::chrono::seconds patience) {
  Erased all;
  FH_TRY(const bool served, is_served(home));
  if (!served) return all;
  FH_TRY_VOID(make_directories(orders_of(home)));
  FH_TRY(Fd lock, lock_new(orders_of(home) / fmt::format("{}{}", order.id, kOrder), order_text(order)));
  const Posted posted(home, order.id, std::move(lock));
  const auto until = std::chrono::steady_clock::now() + patience;
  std::vector<std::string> answered;
  std::set<std::string> seen;
  while (true) {
    const std::vector<std::string> servers = servers_of(home);
    seen.insert(servers.begin(), servers.end());
    bool all_have = true;
    for (const std::string& server : servers) {
      if (std::find(answered.begin(), answered.end(), server) != answered.end()) continue;
      const auto answer = read_file(answer_of(home, order.id, server), kLongest);
      const auto erased = answer ? parse_erased(*answer) : std::nullopt;
      if (erased) {
        all.add(*erased);
        answered.push_back(server);
      } else {
        all_have = false;
      }
    }
    // Who ended without an answer may have held what others could not open.
    if (all_have && !answered.empty() && answered.size() < seen.size() && all.failed.empty()) {
      all.failed = "a server has ended before it answered";
    }
    if (all_have) {
      if (!servers.empty() || !answered.empty()) return all;
      FH_TRY(const bool still, is_served(home));
      if (!still) return all;
    }
    if (std::chrono::steady_clock::now() >= until) {
      if (all_have) {
        return fail(Errc::unsupported, "a server runs here that does not look for erasures: an older version, perhaps");
      }
      return fail(Errc::exhausted,
                  fmt::format("a server that runs here has not answered within {} s", patience.count()));
    }
    std::this_thread::sleep_for(kOrderLook);
  }
}

std::vector<ErasureOrder> open_orders(const fs::path& home, const std::string& server) {
  std::vector<ErasureOrder> out;
  std::vector<std::string> left;
  std::error_code ec;
  for (fs::directory_iterator it(orders_of(home), ec), end; !ec && it != end; it.increment(ec)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with(kHidden) && is_old(it->path()) && !is_locked(it->path())) (void)remove_file(it->path());
    // An answer that came when nobody waited for it any more.
    const std::string asked = name.substr(0, name.find('.'));
    std::error_code none;
    if (name.ends_with(kDone) && !fs::exists(orders_of(home) / fmt::format("{}{}", asked, kOrder), none)) {
      left.push_back(asked);
    }
    if (!name.ends_with(kOrder)) continue;
    const std::string id = name.substr(0, name.size() - kOrder.size());
    if (!is_locked(it->path())) {
      left.push_back(id);
      continue;
    }
    std::error_code ignored;
    if (fs::exists(answer_of(home, id, server), ignored)) continue;
    const auto text = read_file(it->path(), kLongest);
    if (auto order = text ? parse_order(*text) : std::nullopt; order && order->id == id) out.push_back(*order);
  }
  for (const std::string& id : left) remove_all_of(home, id);
  return out;
}

Result<> answer_order(const fs::path& home, const std::string& server, const ErasureOrder& order,
                      const Erased& erased) {
  return write_file_atomically(answer_of(home, order.id, server), erased_text(erased), FileAccess::owner);
}

}  // namespace freehold::app
