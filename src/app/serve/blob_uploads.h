// Files that clients send (Ollama's blobs), each under the digest of its content in $FREEHOLD_HOME/uploads/TENANT.
// Nothing reads them, so what is a day old is cleaned away.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>

#include "app/serve/quota.h"
#include "base/hash.h"
#include "base/result.h"
#include "http/server.h"

namespace freehold::app {

// A blob is there for the tenant that sent it, and for nobody else. Any thread may call anything.
class BlobUploads {
 public:
  BlobUploads();
  ~BlobUploads();
  void open(const std::filesystem::path& home, Quota quota = {});
  // To look and to remove, beside nobody.
  void look_at(const std::filesystem::path& home) { folder_ = home / "uploads"; }

  bool has(const std::string& tenant, const Digest& digest) const;
  // Those whose ids are names of folders, as keys' ids are.
  std::set<std::string> tenants() const;
  // Removes all of a tenant, and ends what is on its way. How many there were. Errors: io.
  Result<std::size_t> forget(const std::string& tenant);
  // Where the body of this request goes: into a file that has no name yet. Or why there is no room for it.
  http::BodyPlan plan(const std::string& tenant, const http::Request& request);
  // Gives what arrived with this request its name. Errors: invalid (its content has another digest; it is gone then),
  // exhausted (the tenant's quota), not_found (nothing arrived).
  Result<> keep(const std::string& tenant, const std::string& request_id, const Digest& digest);

  static constexpr std::chrono::hours kUnused{24};
  // Removes what is older than that: blobs, and what uploads left that broke off. Not an error if it cannot.
  void tidy(std::chrono::system_clock::time_point now = std::chrono::system_clock::now());
  // Uploads that broke off give their room back; a handler comes at once for the others.
  void drop_broken();

 private:
  struct Upload;
  class Sink;
  std::filesystem::path folder_of(const std::string& tenant) const;
  std::filesystem::path path_of(const std::string& tenant, const Digest& digest) const;
  Kept kept(const std::string& tenant) const;

  std::filesystem::path folder_;
  Quota quota_;
  UploadsUnderWay under_way_;
  std::mutex naming_;  // held while an upload gets its name, so that the quota is exact; taken before `mutex_`
  std::mutex mutex_;   // guards what follows
  std::unordered_map<std::string, std::shared_ptr<Upload>> uploads_;
};

}  // namespace freehold::app
