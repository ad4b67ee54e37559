#include "train/run_folder.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/utf8.h"
#include "format/json.h"

namespace freehold::train {
namespace {

namespace fs = std::filesystem;
using format::Value;

constexpr std::string_view kState = "run.json", kLock = "run.lock", kCheckpoints = "checkpoints";
constexpr std::string_view kCheckpointPrefix = "step-", kCheckpointSuffix = ".state";
constexpr RunStatus kStatuses[] = {RunStatus::running, RunStatus::finished, RunStatus::stopped, RunStatus::diverged,
                                   RunStatus::failed};

int open_lock(const fs::path& folder, int flags) {
  return ::open((folder / kLock).c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0644);
}

int written_pid(int fd) {
  std::array<char, 16> text{};
  const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
  int pid = 0;
  if (n > 0) std::from_chars(text.data(), text.data() + n, pid);
  return pid;
}

// Whether the process has this file open: a number in a file proves nothing, since numbers are given again.
bool has_open(int pid, const struct stat& file) {
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/fd", pid), ec)) {
    struct stat s = {};
    if (::stat(entry.path().c_str(), &s) == 0 && s.st_dev == file.st_dev && s.st_ino == file.st_ino) return true;
  }
  return false;
}

// The process behind a lock that is held.
int verified_holder(int fd) {
  struct stat file = {};
  const int pid = written_pid(fd);
  return pid > 0 && ::fstat(fd, &file) == 0 && has_open(pid, file) ? pid : 0;
}

std::string text_of(const Value& object, const char* name) {
  const Value* v = object.member(name);
  return v != nullptr ? std::string(v->as_string().value_or("")) : std::string();
}

std::uint64_t number_of(const Value& object, const char* name) {
  const Value* v = object.member(name);
  return v != nullptr ? v->as_u64().value_or(0) : 0;
}

}  // namespace

std::string_view name_of(RunStatus status) {
  switch (status) {
    case RunStatus::running:
      return "running";
    case RunStatus::finished:
      return "finished";
    case RunStatus::stopped:
      return "stopped";
    case RunStatus::diverged:
      return "diverged";
    case RunStatus::failed:
      return "failed";
  }
  return "";
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

Result<RunLock> RunLock::take(const fs::path& folder) {
  const int fd = open_lock(folder, O_RDWR | O_CREAT);
  const auto refused = [&](const char* what) {
    const int error = errno;
    if (fd >= 0) ::close(fd);
    return fail(Errc::io, fmt::format("{} {}: {}", what, printable((folder / kLock).string()), std::strerror(error)));
  };
  if (fd < 0) return refused("open");
  for (int tries = 0; ::flock(fd, LOCK_EX | LOCK_NB) != 0; ++tries) {
    if (errno != EWOULDBLOCK) return refused("lock");
    const int pid = verified_holder(fd);
    if (pid == 0 && tries < 20) {  // somebody who only looked whether it is held, for a moment
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      continue;
    }
    ::close(fd);
    return fail(Errc::invalid, fmt::format("{} is being run by {}", printable(folder.string()),
                                           pid != 0 ? fmt::format("process {}", pid) : "another process"));
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) == 0) (void)!::pwrite(fd, pid.data(), pid.size(), 0);
  return RunLock(fd);
}

std::optional<int> RunLock::holder(const fs::path& folder) {
  const int fd = open_lock(folder, O_RDONLY);
  if (fd < 0) return std::nullopt;
  std::optional<int> pid;
  if (::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) pid = verified_holder(fd);
  ::close(fd);
  return pid;
}

RunLock::RunLock(RunLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
RunLock& RunLock::operator=(RunLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
RunLock::~RunLock() {
  if (fd_ >= 0) ::close(fd_);
}

fs::path RunFolder::checkpoint(std::uint64_t step) const {
  return path_ / kCheckpoints / fmt::format("{}{:08}{}", kCheckpointPrefix, step, kCheckpointSuffix);
}

Result<std::optional<RunState>> RunFolder::state() const {
  const fs::path path = file(kState);
  auto text = read_file(path);
  if (!text) {
    if (text.error().code == Errc::not_found) return std::optional<RunState>();
    return Unexpected(std::move(text).error());
  }
  const auto json = format::parse_json(*text);
  if (!json || !json->is_object()) {
    return fail(Errc::corrupt, fmt::format("{}: not the state of a run", printable(path.string())));
  }
  RunState s;
  const std::string status = text_of(*json, "status");
  const auto found =
      std::find_if(std::begin(kStatuses), std::end(kStatuses), [&](RunStatus each) { return name_of(each) == status; });
  if (found == std::end(kStatuses)) {
    return fail(Errc::corrupt, fmt::format("{}: 'status' is '{}'", printable(path.string()), printable(status)));
  }
  s.status = *found;
  s.run = text_of(*json, "run");
  s.recipe_sha256 = text_of(*json, "recipe_sha256");
  s.base_model = text_of(*json, "base_model");
  s.method = text_of(*json, "method");
  s.program = text_of(*json, "program");
  s.started = text_of(*json, "started");
  s.updated = text_of(*json, "updated");
  s.steps = number_of(*json, "steps");
  s.steps_per_epoch = number_of(*json, "steps_per_epoch");
  s.step = number_of(*json, "step");
  s.label = text_of(*json, "label");
  s.why = text_of(*json, "why");
  return std::optional<RunState>(std::move(s));
}

Result<> RunFolder::write_state(const RunState& s) const {
  nlohmann::ordered_json j;
  j["status"] = name_of(s.status);
  j["run"] = s.run;
  j["recipe_sha256"] = s.recipe_sha256;
  j["base_model"] = replace_invalid_utf8(s.base_model);
  j["method"] = s.method;
  j["program"] = s.program;
  j["started"] = s.started;
  j["updated"] = s.updated;
  j["steps"] = s.steps;
  j["steps_per_epoch"] = s.steps_per_epoch;
  j["step"] = s.step;
  if (!s.label.empty()) j["label"] = replace_invalid_utf8(s.label);
  if (!s.why.empty()) j["why"] = replace_invalid_utf8(s.why);
  return write_file_atomically(file(kState), j.dump(2) + "\n");
}

std::vector<std::uint64_t> RunFolder::checkpoints() const {
  std::vector<std::uint64_t> steps;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(path_ / kCheckpoints, ec)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kCheckpointPrefix) || !name.ends_with(kCheckpointSuffix)) continue;
    const char* end = name.data() + name.size() - kCheckpointSuffix.size();
    std::uint64_t step = 0;
    const auto [stop, error] = std::from_chars(name.data() + kCheckpointPrefix.size(), end, step);
    if (error == std::errc() && stop == end) steps.push_back(step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

Result<> RunFolder::make() const {
  FH_TRY_VOID(make_directories(path_ / kCheckpoints));
  for (const fs::path& folder : {path_, path_ / kCheckpoints}) {
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(folder, ec)) {
      if (entry.path().filename().string().starts_with(".tmp-")) fs::remove(entry.path(), ec);
    }
  }
  return {};
}

Result<> RunFolder::remove_checkpoint(std::uint64_t step) const {
  return remove_file(checkpoint(step));
}

}  // namespace freehold::train
