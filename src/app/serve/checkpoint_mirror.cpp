#include "app/serve/checkpoint_mirror.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "audit/folder.h"
#include "audit/note.h"
#include "audit/reader.h"
#include "base/file.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

constexpr std::uint64_t kLongestCheckpoint = 65'536;

Result<audit::Checkpoint> checkpoint_in(std::string_view note) {
  const std::size_t split = note.rfind("\n\n");
  return audit::parse_checkpoint(note.substr(0, split == std::string_view::npos ? 0 : split + 1));
}

// Whether `note` is to be written to this file. Errors: corrupt.
Result<bool> is_newer(const audit::Checkpoint& checkpoint, const std::string& note, const std::filesystem::path& file,
                      const GoesOn& goes_on, const std::string& own) {
  const auto there = read_file(file, kLongestCheckpoint);
  if (!there) return there.error().code == Errc::not_found ? Result<bool>(true) : tl::unexpected(there.error());
  if (*there == note) return false;
  const auto other = checkpoint_in(*there);
  if (!other || other->origin != checkpoint.origin) {
    return fail(Errc::corrupt,
                fmt::format("{} is not of this log: give each log a folder of its own", printable(file.string())));
  }
  if (other->size > checkpoint.size) {
    return fail(Errc::corrupt, fmt::format("{} has {} entries, the log {}: the log was cut or rolled back",
                                           printable(file.string()), other->size, checkpoint.size));
  }
  if (other->size == checkpoint.size && other->root != checkpoint.root) {
    return fail(Errc::corrupt, fmt::format("{} has as many entries as the log, and others: the log was rolled back",
                                           printable(file.string())));
  }
  if (goes_on && *there != own) {
    if (auto goes = goes_on(*other); !goes) {
      return fail(Errc::corrupt, fmt::format("{} is of a past that this log does not have: it was rolled back, and has "
                                             "grown since ({})",
                                             printable(file.string()), goes.error().what));
    }
  }
  return true;
}

}  // namespace

Result<std::uint64_t> mirror_checkpoint(const std::string& note, const std::filesystem::path& folder,
                                        const GoesOn& goes_on, const std::string& own) {
  FH_TRY(const audit::Checkpoint checkpoint, checkpoint_in(note));
  std::error_code ec;
  if (!std::filesystem::is_directory(folder, ec)) {
    return fail(Errc::not_found, fmt::format("the folder {} is not there", printable(folder.string())));
  }
  const std::string day = audit::utc_text(checkpoint.time).substr(0, 10);
  FH_TRY(const bool newer, is_newer(checkpoint, note, folder / "checkpoint", goes_on, own));
  if (!newer) return checkpoint.size;
  const std::filesystem::path of_day = folder / ("checkpoint-" + day);
  FH_TRY(const bool newer_of_day, is_newer(checkpoint, note, of_day, goes_on, own));
  if (newer_of_day) FH_TRY_VOID(write_file_atomically(of_day, note));
  FH_TRY_VOID(write_file_atomically(folder / "checkpoint", note));
  return checkpoint.size;
}

CheckpointMirror::CheckpointMirror(std::filesystem::path log, std::filesystem::path folder, Say say)
    : log_(std::move(log)), folder_(std::move(folder)), say_(std::move(say)) {
  thread_ = std::thread([this] { run(); });
}

CheckpointMirror::~CheckpointMirror() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

CheckpointMirror::State CheckpointMirror::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void CheckpointMirror::run() {
  while (true) {
    look();
    std::unique_lock lock(mutex_);
    if (stop_) return;
    wake_.wait_for(lock, std::chrono::seconds(1), [this] { return stop_; });
  }
}

void CheckpointMirror::look() {
  const auto note = read_file(audit::Files{log_}.checkpoint(), kLongestCheckpoint);
  if (!note) return;  // no entries yet
  std::error_code ec;
  // A stick that was pulled out is noticed although there is nothing new.
  if (state().good && *note == last_ && std::filesystem::is_regular_file(folder_ / "checkpoint", ec)) return;
  const auto goes_on = [this](const audit::Checkpoint& from) -> Result<> {
    FH_TRY(const audit::Reader log, audit::Reader::open(log_));
    FH_TRY_VOID(log.consistency(from).map([](auto&&) {}));
    return {};
  };
  const auto written = mirror_checkpoint(*note, folder_, goes_on, last_);
  bool say = false;
  {
    const std::lock_guard lock(mutex_);
    say = written.has_value() ? told_ : !told_;
    told_ = !written.has_value();
    state_.good = written.has_value();
    if (written) {
      state_.entries = *written;
    } else {
      ++state_.failures;
    }
  }
  if (written) last_ = *note;
  if (say) {
    say_(written ? fmt::format("checkpoints are mirrored to {} again", printable(folder_.string()))
                 : fmt::format("checkpoints are NOT mirrored: {}", written.error().what));
  }
}

}  // namespace freehold::app
