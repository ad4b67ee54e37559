// Files that clients send (Ollama's blobs), each under the digest of its content in $FREEHOLD_HOME/uploads.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/hash.h"
#include "base/result.h"
#include "http/server.h"

namespace freehold::app {

// Any thread may call anything.
class BlobUploads {
 public:
  BlobUploads();
  ~BlobUploads();
  void open(const std::filesystem::path& home);

  bool has(const Digest& digest) const;
  // Where the body of this request goes: into a file that has no name yet.
  http::BodyPlan plan(const http::Request& request);
  // Gives what arrived with this request its name. Errors: invalid (its content has another digest; it is gone then),
  // not_found (nothing arrived).
  Result<> keep(const std::string& request_id, const Digest& digest);

 private:
  struct Upload;
  class Sink;
  std::filesystem::path path_of(const Digest& digest) const;

  std::filesystem::path folder_;
  std::mutex mutex_;  // guards what follows
  std::unordered_map<std::string, std::shared_ptr<Upload>> uploads_;
};

}  // namespace freehold::app
