#include "app/serve/made_models.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"

namespace freehold::app {

namespace fs = std::filesystem;
using api::ollama::MadeModel;

Result<> MadeModels::open(const fs::path& home) {
  const std::lock_guard lock(mutex_);
  file_ = home / "serve" / "made.json";
  std::error_code ec;
  if (!fs::is_directory(file_.parent_path(), ec)) return {};
  hold(true);
  if (!fs::exists(file_, ec)) return {};
  FH_TRY(const std::string text, read_file(file_));
  auto parsed = api::ollama::parse_made_models(text);
  if (!parsed) return in_context({Errc::corrupt, parsed.error().message}, file_.string());
  all_ = std::move(*parsed);
  return {};
}

namespace {

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
  const auto own = all_.find(tenant);
  if (own == all_.end()) return std::nullopt;
  const auto found = std::find_if(own->second.begin(), own->second.end(), named(wanted));
  return found == own->second.end() ? std::nullopt : std::optional(*found);
}

std::vector<MadeModel> MadeModels::list(const std::string& tenant) const {
  const std::lock_guard lock(mutex_);
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
  if (file_.empty()) return {};
  FH_TRY_VOID(make_directories(file_.parent_path()));
  hold(false);
  return write_file_atomically(file_, api::ollama::to_json(all), FileAccess::owner);
}

Result<> MadeModels::put(const std::string& tenant, MadeModel model) {
  model.name = api::ollama::with_tag(model.name);
  const std::lock_guard lock(mutex_);
  All all = all_;
  std::vector<MadeModel>& own = all[tenant];
  std::erase_if(own, named(model.name));
  own.push_back(std::move(model));
  std::size_t bytes = 0;
  for (const MadeModel& m : own) bytes += bytes_of(m);
  if (own.size() > limits_.models) {
    return fail(Errc::exhausted, fmt::format("a key may make {} models, and this one has: delete one", limits_.models));
  }
  if (bytes > limits_.bytes) {
    return fail(Errc::exhausted,
                fmt::format("the models that a key makes may have {} bytes of prompts, messages, parameters and "
                            "licences together; with this one it would be {}",
                            limits_.bytes, bytes));
  }
  FH_TRY_VOID(save(all));
  all_ = std::move(all);
  return {};
}

std::set<std::string> MadeModels::tenants() const {
  const std::lock_guard lock(mutex_);
  std::set<std::string> out;
  for (const auto& [tenant, models] : all_) out.insert(tenant);
  return out;
}

Result<std::size_t> MadeModels::forget(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  All all = all_;
  const auto own = all.find(tenant);
  if (own == all.end()) return std::size_t{0};
  const std::size_t count = own->second.size();
  all.erase(own);
  FH_TRY_VOID(save(all));
  all_ = std::move(all);
  return count;
}

Result<std::optional<MadeModel>> MadeModels::remove(const std::string& tenant, std::string_view name) {
  const std::string wanted = api::ollama::with_tag(name);
  const std::lock_guard lock(mutex_);
  All all = all_;
  const auto own = all.find(tenant);
  if (own == all.end()) return std::optional<MadeModel>();
  const auto found = std::find_if(own->second.begin(), own->second.end(), named(wanted));
  if (found == own->second.end()) return std::optional<MadeModel>();
  std::optional<MadeModel> removed = std::move(*found);
  own->second.erase(found);
  if (own->second.empty()) all.erase(own);
  FH_TRY_VOID(save(all));
  all_ = std::move(all);
  return removed;
}

}  // namespace freehold::app
