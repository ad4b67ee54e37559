#include "app/serve/adapter_shelf.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/progress.h"
#include "base/utf8.h"
#include "kernel/kernels.h"
#include "model/adapter_file.h"
#include "model/adapter_values.h"

namespace freehold::app {

AdapterShelf::Handle AdapterShelf::find(const Digest& id) const {
  const std::lock_guard lock(mutex_);
  for (Entry& e : entries_) {
    if (e.id != id) continue;
    e.used = ++uses_;
    return e.adapter;
  }
  return nullptr;
}

bool AdapterShelf::drop_one_unused(const Reserve& reserve) {
  const std::lock_guard lock(mutex_);
  auto oldest = entries_.end();
  for (auto e = entries_.begin(); e != entries_.end(); ++e) {
    if (e->adapter.use_count() == 1 && (oldest == entries_.end() || e->used < oldest->used)) oldest = e;
  }
  if (oldest == entries_.end()) return false;
  reserve(-static_cast<std::int64_t>(oldest->bytes));
  entries_.erase(oldest);
  return true;
}

Result<AdapterShelf::Handle> AdapterShelf::get(const AdapterFile& file, const Loaded& loaded, const Reserve& reserve) {
  if (Handle there = find(file.id)) return there;
  FH_TRY(const model::PeftAdapter read, model::read_adapter(file.path, *loaded.opened.checkpoint, loaded.spec));
  const std::uint32_t rank = model::largest_rank(read.values);
  if (rank > kServedRank) {
    return fail(Errc::exhausted, fmt::format("adapter '{}' has rank {}, a server takes at most {}",
                                             printable(file.name), rank, kServedRank));
  }
  const std::uint64_t bytes = model::adapter_bytes(read.values);
  while (!reserve(static_cast<std::int64_t>(bytes))) {
    if (drop_one_unused(reserve)) continue;
    return fail(Errc::exhausted, fmt::format("busy: adapter '{}' needs {}, and everything that would have to make room "
                                             "is in use",
                                             printable(file.name), human_bytes(bytes)));
  }
  auto made = model::make_adapter(*loaded.model, *loaded.pool, kernel::table_up_to(loaded.level), read.values);
  if (!made) {
    reserve(-static_cast<std::int64_t>(bytes));
    return made;
  }
  const std::lock_guard lock(mutex_);
  for (const Entry& e : entries_) {
    if (e.id != file.id) continue;  // somebody else was as fast
    reserve(-static_cast<std::int64_t>(bytes));
    return e.adapter;
  }
  entries_.push_back({file.id, *made, bytes, ++uses_});
  return made;
}

void AdapterShelf::drop_unless(const std::function<bool(const Digest&)>& stays, const Reserve& reserve) {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](const Entry& e) {
    if (stays(e.id)) return false;
    reserve(-static_cast<std::int64_t>(e.bytes));
    return true;
  });
}

std::vector<AdapterShelf::Status> AdapterShelf::status() const {
  const std::lock_guard lock(mutex_);
  std::vector<Status> out;
  for (const Entry& e : entries_) out.push_back({e.id, e.bytes, e.adapter.use_count() > 1});
  return out;
}

}  // namespace freehold::app
