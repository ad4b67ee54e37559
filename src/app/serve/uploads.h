// Files on their way in: the form of POST /v1/files is read as it arrives, its file goes straight to the disk.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/serve/file_store.h"
#include "http/multipart.h"
#include "http/server.h"

namespace freehold::app {

inline constexpr std::uint64_t kMostFileBytes = std::uint64_t{512} << 20;  // as documented

// One form. Used by one thread at a time until the body is there, by one handler after that.
class Upload : http::FormReceiver {
 public:
  // `place`: among its tenant's; `kept`: bytes that the tenant has in the store already.
  Upload(std::string_view boundary, FileStore& store, std::string tenant, std::unique_ptr<UploadsUnderWay::Place> place,
         std::uint64_t kept)
      : store_(store), reader_(boundary, *this), tenant_(std::move(tenant)), place_(std::move(place)), kept_(kept) {}

  const std::string& tenant() const { return tenant_; }

  // What is wrong with a form is told in finish(), after all of it has been read: a client that is still sending would
  // not see the answer.
  void take(std::string_view piece);
  struct Form {
    std::vector<std::pair<std::string, std::string>> fields;
    std::optional<std::string> filename;
    std::optional<FileStore::Incoming> file;
  };
  Result<Form> finish();

 private:
  Result<> begin(http::FormPart part) override;
  Result<> data(std::string_view piece) override;
  Result<> end() override { return {}; }

  FileStore& store_;  // owner: Batches
  http::FormReader reader_;
  const std::string tenant_;
  const std::unique_ptr<UploadsUnderWay::Place> place_;
  const std::uint64_t kept_;
  Form form_;
  bool in_file_ = false;
  std::optional<Error> error_;
};

// The uploads under way, by the id of their request: a body is planned for before its handler is known.
class Uploads {
 public:
  // A plan that reads the form of this request, or says why there is no room. Errors: invalid (it is none), of the
  // disk.
  Result<http::BodyPlan> plan(const http::Request& request, FileStore& store, const std::string& tenant);
  // Null if this tenant has none.
  std::shared_ptr<Upload> take(const std::string& request_id, const std::string& tenant);
  // What broke off gives its room back; a handler comes at once for the others.
  void drop_broken();

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    std::weak_ptr<http::BodySink> sink;  // gone: the body is over
    std::shared_ptr<Upload> upload;
    Clock::time_point begun;
  };
  UploadsUnderWay under_way_;
  std::mutex mutex_;  // guards what follows
  std::map<std::string, Entry> entries_;
};

}  // namespace freehold::app
