#include "app/serve/blob_uploads.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <optional>

#include "app/serve/reply.h"
#include "base/file.h"

namespace freehold::app {

namespace fs = std::filesystem;

namespace {

std::string full(const Quota& quota) {
  return fmt::format(
      "the blobs of a key may have {} bytes together and be {} in number; what was sent is removed a day later",
      quota.bytes, quota.count);
}

std::uint64_t announced(const http::Request& request) {
  const std::string_view text = request.headers.get("content-length");
  std::uint64_t bytes = 0;
  std::from_chars(text.data(), text.data() + text.size(), bytes);
  return bytes;
}

// The id of a key: letters, digits and '-'. Whatever else ever came to be one would not become a path.
bool is_folder_name(std::string_view tenant) {
  return !tenant.empty() && std::all_of(tenant.begin(), tenant.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

}  // namespace

// One file on its way. Written by one thread at a time, then (the body is complete) taken by a handler.
struct BlobUploads::Upload {
  std::string tenant;
  std::unique_ptr<UploadsUnderWay::Place> place;
  std::optional<AtomicFile> file;
  Sha256 hash;
  std::atomic<bool> over{false};  // no more will come
  std::chrono::steady_clock::time_point ended;
};

class BlobUploads::Sink : public http::BodySink {
 public:
  Sink(std::shared_ptr<Upload> upload, fs::path folder, Quota quota, std::uint64_t kept)
      : upload_(std::move(upload)), folder_(std::move(folder)), quota_(quota), kept_(kept) {}
  ~Sink() override {
    upload_->ended = std::chrono::steady_clock::now();
    upload_->over = true;
  }
  Result<> write(std::string_view piece) override {
    if (kept_ + upload_->place->add(piece.size()) > quota_.bytes) return fail(Errc::exhausted, full(quota_));
    auto written = put(piece);
    // The client is not told our paths.
    if (!written) return fail(Errc::io, "the file could not be written");
    return {};
  }

 private:
  Result<> put(std::string_view piece) {
    if (!upload_->file) {
      FH_TRY_VOID(make_directories(folder_));
      FH_TRY(auto file, AtomicFile::create(folder_ / "upload", FileAccess::owner));
      upload_->file.emplace(std::move(file));
    }
    upload_->hash.update(as_bytes(piece));
    return upload_->file->write(piece);
  }
  std::shared_ptr<Upload> upload_;
  fs::path folder_;
  Quota quota_;
  std::uint64_t kept_;
};

BlobUploads::BlobUploads() = default;
BlobUploads::~BlobUploads() = default;

void BlobUploads::open(const fs::path& home, Quota quota) {
  folder_ = home / "uploads";
  quota_ = quota;
  tidy();
}

fs::path BlobUploads::folder_of(const std::string& tenant) const {
  return folder_ / (is_folder_name(tenant) ? tenant : sha256(tenant).hex());
}

fs::path BlobUploads::path_of(const std::string& tenant, const Digest& digest) const {
  return folder_of(tenant) / ("sha256-" + digest.hex());
}

bool BlobUploads::has(const std::string& tenant, const Digest& digest) const {
  std::error_code ec;
  return !folder_.empty() && fs::is_regular_file(path_of(tenant, digest), ec);
}

std::set<std::string> BlobUploads::tenants() const {
  std::set<std::string> out;
  std::error_code ec;
  for (fs::directory_iterator at(folder_, ec), end; !ec && at != end; at.increment(ec)) {
    std::error_code ignored;
    if (at->is_directory(ignored)) out.insert(at->path().filename().string());
  }
  return out;
}

Result<std::size_t> BlobUploads::forget(const std::string& tenant) {
  const std::lock_guard lock(naming_);
  std::vector<fs::path> all;
  std::error_code ec;
  for (fs::directory_iterator at(folder_of(tenant), ec), end; !ec && at != end; at.increment(ec)) {
    if (at->path().filename().string().starts_with("sha256-")) all.push_back(at->path());
    // What is on its way cannot get its name any more; what a killed server left never would.
    if (at->path().filename().string().starts_with(".tmp-")) FH_TRY_VOID(remove_file(at->path()));
  }
  for (const fs::path& blob : all) FH_TRY_VOID(remove_file(blob));
  return all.size();
}

Kept BlobUploads::kept(const std::string& tenant) const {
  Kept out;
  std::error_code ec;
  for (auto at = fs::directory_iterator(folder_of(tenant), ec); !ec && at != fs::directory_iterator();
       at.increment(ec)) {
    struct stat info {};
    if (!at->path().filename().string().starts_with("sha256-")) continue;  // under way: counted as such
    if (::stat(at->path().c_str(), &info) != 0) continue;
    out.bytes += static_cast<std::uint64_t>(info.st_size);
    ++out.count;
  }
  return out;
}

http::BodyPlan BlobUploads::plan(const std::string& tenant, const http::Request& request) {
  drop_broken();
  const Kept now = kept(tenant);
  const std::uint64_t room = quota_.bytes - std::min(now.bytes, quota_.bytes);
  http::BodyPlan plan;
  if (now.count >= quota_.count || announced(request) > room) {
    plan.refusal = error_response(request, {api::Problem::too_large, full(quota_), {}, {}});
    return plan;
  }
  auto upload = std::make_shared<Upload>();
  upload->tenant = tenant;
  upload->place = under_way_.begin(tenant);
  if (!upload->place) {
    plan.refusal = error_response(
        request, {api::Problem::too_many, fmt::format("a key may send {} blobs at a time", kMostUploads), {}, {}});
    return plan;
  }
  plan.limit = room;
  plan.least_rate = kLeastBytesPerSecond;
  plan.sink = std::make_shared<Sink>(upload, folder_of(tenant), quota_, now.bytes);
  const std::lock_guard lock(mutex_);
  uploads_[request.id] = std::move(upload);
  return plan;
}

void BlobUploads::drop_broken() {
  const auto old = std::chrono::steady_clock::now() - std::chrono::seconds(60);
  std::vector<std::shared_ptr<Upload>> gone;  // their files are removed without the lock
  const std::lock_guard lock(mutex_);
  std::erase_if(uploads_, [&](const auto& entry) {
    if (!entry.second->over || entry.second->ended >= old) return false;
    gone.push_back(entry.second);
    return true;
  });
}

Result<> BlobUploads::keep(const std::string& tenant, const std::string& request_id, const Digest& digest) {
  std::shared_ptr<Upload> upload;
  {
    const std::lock_guard lock(mutex_);
    auto found = uploads_.find(request_id);
    if (found == uploads_.end() || found->second->tenant != tenant) return fail(Errc::not_found, "no file arrived");
    upload = std::move(found->second);
    uploads_.erase(found);
  }
  const Digest is = upload->hash.finish();
  if (is != digest) {
    return fail(Errc::invalid, fmt::format("digest mismatch: expected {}, the body is {}", digest.name(), is.name()));
  }
  if (!upload->file) return fail(Errc::invalid, "the body is empty");
  const std::lock_guard lock(naming_);
  if (has(tenant, digest)) return {};
  const Kept now = kept(tenant);
  if (now.count >= quota_.count || now.bytes + upload->file->position() > quota_.bytes) {
    return fail(Errc::exhausted, full(quota_));
  }
  return upload->file->commit_as(path_of(tenant, digest));
}

void BlobUploads::tidy(std::chrono::system_clock::time_point now) {
  const auto old = std::chrono::system_clock::to_time_t(now - kUnused);
  std::error_code ec;
  // Tenants' folders; beside them, files of a time when nobody owned them.
  for (auto at = fs::recursive_directory_iterator(folder_, ec); !ec && at != fs::recursive_directory_iterator();
       at.increment(ec)) {
    struct stat info {};
    if (::lstat(at->path().c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_mtime <= old) {
      (void)remove_file(at->path());
    }
  }
}

}  // namespace freehold::app
