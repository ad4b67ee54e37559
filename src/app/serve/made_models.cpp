#include "app/serve/made_models.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/folder_lock.h"

namespace freehold::app {

namespace fs = std::filesystem;
using api::ollama::MadeModel;

Result<> MadeModels::open(const fs::path& home) {
  const std::lock_guard lock(mutex_);
  file_ = home / "serve" / "made.json";
  std::error_code ec;
  if (!fs::is_directory(file_.parent_path(), ec)) return {};
  hold(true);
  return look_again();
}

std::optional<MadeModels::Version> MadeModels::version_of(const fs::path& file) {
  struct stat now {};
  if (::stat(file.c_str(), &now) != 0) return std::nullopt;
  return Version{now.st_dev, now.st_ino, now.st_mtim.tv_sec, now.st_mtim.tv_nsec};
}

Result<> MadeModels::look_again() const {
  if (file_.empty()) return {};
  const auto version = version_of(file_);
  if (version == read_) return {};
  All now;
  if (version) {
    auto text = read_file(file_);
    if (!text && text.error().code != Errc::not_found) return tl::unexpected(std::move(text).error());
    if (text) {
      auto parsed = api::ollama::parse_made_models(*text);
      if (!parsed) return in_context({Errc::corrupt, parsed.error().message}, file_.string());
      now = std::move(*parsed);
    }
  }
  all_ = std::move(now);
  read_ = version;  // what was written since is another one, and read next time
  return {};
}

namespace {

constexpr double kWritePatience = 10;  // seconds, with another server

std::size_t bytes_of(const MadeModel& m) {
  const api::ollama::Preset& p = m.preset;
  return m.name.size() + m.base.size() + m.parent.size() + p.system.size() + p.parameters.size() + p.messages.size() +
         p.license.size();
}

auto named(const std::string& name) {
  return [&name](const MadeModel& m) { return m.name == name; };
}

}  // namespace

std::optional<MadeModel> MadeModels::find(const std::string& tenant, std::string_view name) const {
  const std::string wanted = api::ollama::with_tag(name);
  const std::lock_guard lock(mutex_);
  (void)look_again();  // as far as it can be read
  const auto own = all_.find(tenant);
  if (own == all_.end()) return std::nullopt;
  const auto found = std::find_if(own->second.begin(), own->second.end(), named(wanted));
  return found == own->second.end() ? std::nullopt : std::optional(*found);
}

std::vector<MadeModel> MadeModels::list(const std::string& tenant) const {
  const std::lock_guard lock(mutex_);
  (void)look_again();
  const auto own = all_.find(tenant);
  return own == all_.end() ? std::vector<MadeModel>() : own->second;
}

MadeModels::~MadeModels() {
  if (lock_ >= 0) ::close(lock_);
}

// Takes part in the lock, as long as this is there. Alone, it may clean: nobody else writes, and whoever comes
// meanwhile waits for the lock before writing. Without the lock all goes on, and nothing is cleaned.
void MadeModels::hold(bool clean) {
  if (lock_ >= 0) return;
  const fs::path folder = file_.parent_path();
  lock_ = ::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock_ < 0) return;
  if (clean && ::flock(lock_, LOCK_EX | LOCK_NB) == 0) {
    std::error_code ec;
    for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
      std::error_code ignored;
      if (!it->path().filename().string().starts_with(".tmp-") || !it->is_regular_file(ignored)) continue;
      fs::remove(it->path(), ignored);
    }
  }
  while (::flock(lock_, LOCK_SH) != 0 && errno == EINTR) {
  }
}

Result<> MadeModels::save(const All& all) {
  auto written = write_file_atomically(file_, api::ollama::to_json(all), FileAccess::owner);
  read_ = version_of(file_);  // also of one that may not last: what cannot be kept is not made
  return written;
}

Result<> MadeModels::update(const std::function<Result<bool>(All& all)>& change) {
  const std::lock_guard lock(mutex_);
  std::optional<FolderLock> alone;  // among those who write
  if (!file_.empty()) {
    FH_TRY_VOID(make_directories(file_.parent_path() / "writing"));
    hold(false);
    FH_TRY(alone, FolderLock::open(file_.parent_path() / "writing", FolderLock::Mode::exclusive));
    FH_TRY(const bool taken, alone->take(kWritePatience));
    if (!taken) return fail(Errc::io, "another server is writing down what was made there: try again");
    FH_TRY_VOID(look_again());
  }
  All all = all_;
  FH_TRY(const bool changed, change(all));
  if (!changed) return {};
  if (!file_.empty()) FH_TRY_VOID(save(all));
  all_ = std::move(all);
  return {};
}

Result<> MadeModels::put(const std::string& tenant, MadeModel model) {
  model.name = api::ollama::with_tag(model.name);
  return update([&](All& all) -> Result<bool> {
    std::vector<MadeModel>& own = all[tenant];
    std::erase_if(own, named(model.name));
    own.push_back(std::move(model));
    std::size_t bytes = 0;
    for (const MadeModel& m : own) bytes += bytes_of(m);
    if (own.size() > limits_.models) {
      return fail(Errc::exhausted,
                  fmt::format("a key may make {} models, and this one has: delete one", limits_.models));
    }
    if (bytes > limits_.bytes) {
      return fail(Errc::exhausted,
                  fmt::format("the models that a key makes may have {} bytes of prompts, messages, parameters and "
                              "licences together; with this one it would be {}",
                              limits_.bytes, bytes));
    }
    return true;
  });
}

std::set<std::string> MadeModels::tenants() const {
  const std::lock_guard lock(mutex_);
  (void)look_again();
  std::set<std::string> out;
  for (const auto& [tenant, models] : all_) out.insert(tenant);
  return out;
}

Result<std::size_t> MadeModels::forget(const std::string& tenant) {
  std::size_t count = 0;
  FH_TRY_VOID(update([&](All& all) -> Result<bool> {
    const auto own = all.find(tenant);
    if (own == all.end()) return false;
    count = own->second.size();
    all.erase(own);
    return true;
  }));
  return count;
}

Result<std::optional<MadeModel>> MadeModels::remove(const std::string& tenant, std::string_view name) {
  const std::string wanted = api::ollama::with_tag(name);
  std::optional<MadeModel> removed;
  FH_TRY_VOID(update([&](All& all) -> Result<bool> {
    const auto own = all.find(tenant);
    if (own == all.end()) return false;
    const auto found = std::find_if(own->second.begin(), own->second.end(), named(wanted));
    if (found == own->second.end()) return false;
    removed = std::move(*found);
    own->second.erase(found);
    if (own->second.empty()) all.erase(own);
    return true;
  }));
  return removed;
}

}  // namespace freehold::app
