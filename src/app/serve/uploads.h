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

// One form. Used by the I/O thread until the body is there, by one handler after that.
class Upload : http::FormReceiver {
 public:
  Upload(std::string_view boundary, FileStore& store) : store_(store), reader_(boundary, *this) {}

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
  Form form_;
  bool in_file_ = false;
  std::optional<Error> error_;
};

// The uploads under way, by the id of their request: a body is planned for before its handler is known.
class Uploads {
 public:
  // A plan that reads the form of this request. Error: invalid (it is none).
  Result<http::BodyPlan> plan(const http::Request& request, FileStore& store);
  // Null if there is none.
  std::shared_ptr<Upload> take(const std::string& request_id);

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    std::weak_ptr<http::BodySink> sink;  // gone: the body is over
    std::shared_ptr<Upload> upload;
    Clock::time_point begun;
  };
  std::mutex mutex_;  // guards what follows
  std::map<std::string, Entry> entries_;
};

}  // namespace freehold::app
