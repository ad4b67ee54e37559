#include "app/serve/blob_uploads.h"

#include <fmt/format.h>

#include <atomic>
#include <optional>

#include "base/file.h"

namespace freehold::app {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 40;

}  // namespace

// One file on its way. Written by the I/O thread, then (the body is complete) taken by a handler.
struct BlobUploads::Upload {
  std::optional<AtomicFile> file;
  Sha256 hash;
  std::atomic<bool> over{false};  // no more will come
  std::chrono::steady_clock::time_point ended;
};

class BlobUploads::Sink : public http::BodySink {
 public:
  Sink(std::shared_ptr<Upload> upload, fs::path folder) : upload_(std::move(upload)), folder_(std::move(folder)) {}
  ~Sink() override {
    upload_->ended = std::chrono::steady_clock::now();
    upload_->over = true;
  }
  Result<> write(std::string_view piece) override {
    auto written = put(piece);
    // The client is not told our paths.
    if (!written) return fail(Errc::io, "the file could not be written");
    return {};
  }

 private:
  Result<> put(std::string_view piece) {
    if (!upload_->file) {
      FH_TRY_VOID(make_directories(folder_));
      FH_TRY(auto file, AtomicFile::create(folder_ / "upload"));
      upload_->file.emplace(std::move(file));
    }
    upload_->hash.update(as_bytes(piece));
    return upload_->file->write(piece);
  }
  std::shared_ptr<Upload> upload_;
  fs::path folder_;
};

BlobUploads::BlobUploads() = default;
BlobUploads::~BlobUploads() = default;

void BlobUploads::open(const fs::path& home) {
  folder_ = home / "uploads";
}

fs::path BlobUploads::path_of(const Digest& digest) const {
  return folder_ / ("sha256-" + digest.hex());
}

bool BlobUploads::has(const Digest& digest) const {
  std::error_code ec;
  return !folder_.empty() && fs::is_regular_file(path_of(digest), ec);
}

http::BodyPlan BlobUploads::plan(const http::Request& request) {
  auto upload = std::make_shared<Upload>();
  {
    const std::lock_guard lock(mutex_);
    // What broke off is taken by nobody: a handler comes at once.
    const auto old = std::chrono::steady_clock::now() - std::chrono::seconds(60);
    std::erase_if(uploads_, [&](const auto& entry) { return entry.second->over && entry.second->ended < old; });
    uploads_[request.id] = upload;
  }
  return {kMostBytes, std::make_shared<Sink>(std::move(upload), folder_)};
}

Result<> BlobUploads::keep(const std::string& request_id, const Digest& digest) {
  std::shared_ptr<Upload> upload;
  {
    const std::lock_guard lock(mutex_);
    auto found = uploads_.find(request_id);
    if (found == uploads_.end()) return fail(Errc::not_found, "no file arrived");
    upload = std::move(found->second);
    uploads_.erase(found);
  }
  const Digest is = upload->hash.finish();
  if (is != digest) {
    return fail(Errc::invalid, fmt::format("digest mismatch: expected {}, the body is {}", digest.name(), is.name()));
  }
  if (!upload->file) return fail(Errc::invalid, "the body is empty");
  return upload->file->commit_as(path_of(digest));
}

}  // namespace freehold::app
