// What one key may keep on the disk, and the uploads that it has under way. What is under way is bounded while it
// arrives, and what is kept is checked exactly where an upload becomes a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace freehold::app {

struct Quota {
  std::uint64_t bytes = std::uint64_t{10} << 30;
  std::uint64_t count = 1000;
};

struct Kept {
  std::uint64_t bytes = 0;
  std::uint64_t count = 0;
};

// The average that an upload has to reach, so that nobody holds a connection and a file for ever.
inline constexpr std::uint64_t kLeastBytesPerSecond = std::uint64_t{64} << 10;
// Of one key at a time: more than clients that send many files keep open, few enough for the disk.
inline constexpr std::size_t kMostUploads = 16;

// Any thread.
class UploadsUnderWay {
 public:
  // One upload, from its first byte until this goes.
  class Place {
   public:
    Place(UploadsUnderWay& all, std::string tenant) : all_(all), tenant_(std::move(tenant)) {}
    ~Place() { all_.end(tenant_, bytes_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    // So many more have come. Returns how many all uploads of this tenant have now. One thread at a time.
    std::uint64_t add(std::uint64_t bytes) {
      bytes_ += bytes;
      return all_.add(tenant_, bytes);
    }

   private:
    UploadsUnderWay& all_;
    const std::string tenant_;
    std::uint64_t bytes_ = 0;
  };

  // Null: this tenant has as many as it may have. Outlives its places.
  std::unique_ptr<Place> begin(const std::string& tenant) {
    const std::lock_guard lock(mutex_);
    if (Kept& now = of_[tenant]; now.count < kMostUploads) {
      ++now.count;
      return std::make_unique<Place>(*this, tenant);
    }
    return nullptr;
  }

 private:
  std::uint64_t add(const std::string& tenant, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    return of_[tenant].bytes += bytes;
  }
  void end(const std::string& tenant, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    Kept& now = of_[tenant];
    now.bytes -= bytes;
    if (--now.count == 0) of_.erase(tenant);
  }

  std::mutex mutex_;  // guards what follows
  std::unordered_map<std::string, Kept> of_;
};

}  // namespace freehold::app
