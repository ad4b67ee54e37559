#include "app/serve/uploads.h"

#include <fmt/format.h>

#include "app/serve/reply.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

constexpr std::size_t kMostField = 4096;                      // bytes of a field that is no file
constexpr std::uint64_t kFormBytes = std::uint64_t{1} << 16;  // for everything but the file
// A body that broke off leaves its entry; a handler comes for the others at once.
constexpr std::chrono::minutes kForgotten{1};

struct Sink : http::BodySink {
  explicit Sink(std::shared_ptr<Upload> u) : upload(std::move(u)) {}
  Result<> write(std::string_view piece) override {
    upload->take(piece);
    return {};
  }
  std::shared_ptr<Upload> upload;
};

}  // namespace

void Upload::take(std::string_view piece) {
  if (error_) return;
  if (auto fed = reader_.feed(piece); !fed) {
    error_ = std::move(fed).error();
    form_.file.reset();  // the room on the disk is free again
  }
}

Result<Upload::Form> Upload::finish() {
  if (error_) return tl::unexpected(*error_);
  FH_TRY_VOID(reader_.finish());
  return std::move(form_);
}

Result<> Upload::begin(http::FormPart part) {
  in_file_ = part.name == "file";
  if (in_file_) {
    if (form_.filename) return fail(Errc::invalid, "'file' was sent twice");
    if (!part.filename) return fail(Errc::invalid, "'file' must be a file: its part has no file name");
    form_.filename = std::move(*part.filename);
    FH_TRY(form_.file, store_.receive());
  } else {
    form_.fields.emplace_back(std::move(part.name), std::string());
  }
  return {};
}

Result<> Upload::data(std::string_view piece) {
  if (!in_file_) {
    auto& [name, value] = form_.fields.back();
    value += piece;
    if (value.size() <= kMostField) return {};
    return fail(Errc::invalid, fmt::format("'{}' has more than {} bytes", printable(name), kMostField));
  }
  if (form_.file->file.position() + piece.size() > kMostFileBytes) {
    return fail(Errc::exhausted, fmt::format("the file has more than {} MiB", kMostFileBytes >> 20));
  }
  if (kept_ + place_->add(piece.size()) > store_.quota().bytes) return fail(Errc::exhausted, store_.full());
  return form_.file->file.write(piece);
}

Result<http::BodyPlan> Uploads::plan(const http::Request& request, FileStore& store, const std::string& tenant) {
  FH_TRY(const std::string boundary, http::form_boundary(request.headers.get("content-type")));
  drop_broken();
  FH_TRY(const Kept kept, store.kept(tenant));
  http::BodyPlan plan;
  if (kept.count >= store.quota().count || kept.bytes >= store.quota().bytes) {
    plan.refusal = error_response(request, {api::Problem::too_large, store.full(), {}, {}});
    return plan;
  }
  auto place = under_way_.begin(tenant);
  if (!place) {
    plan.refusal = error_response(
        request, {api::Problem::too_many, fmt::format("a key may send {} files at a time", kMostUploads), {}, {}});
    return plan;
  }
  auto upload = std::make_shared<Upload>(boundary, store, tenant, std::move(place), kept.bytes);
  auto sink = std::make_shared<Sink>(upload);
  plan.limit = kMostFileBytes + kFormBytes;
  plan.least_rate = kLeastBytesPerSecond;
  plan.sink = sink;
  const std::lock_guard lock(mutex_);
  entries_[request.id] = {sink, std::move(upload), Clock::now()};
  return plan;
}

void Uploads::drop_broken() {
  const auto now = Clock::now();
  std::vector<std::shared_ptr<Upload>> gone;  // their files are removed without the lock
  const std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const bool forgotten = entry->second.sink.expired() && now - entry->second.begun > kForgotten;
    if (forgotten) gone.push_back(std::move(entry->second.upload));
    entry = forgotten ? entries_.erase(entry) : std::next(entry);
  }
}

std::shared_ptr<Upload> Uploads::take(const std::string& request_id, const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(request_id);
  if (found == entries_.end() || found->second.upload->tenant() != tenant) return nullptr;
  auto upload = std::move(found->second.upload);
  entries_.erase(found);
  return upload;
}

}  // namespace freehold::app
