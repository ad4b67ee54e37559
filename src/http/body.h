// The body of a request, taken from the bytes that arrive: by its length, or in chunks (chunks.h). What is for a sink
// is collected, for whoever passes it on.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "http/chunks.h"
#include "http/head.h"
#include "http/server.h"

namespace freehold::http {

class BodyReader {
 public:
  BodyReader(const Head& head, BodyPlan plan);

  // Takes what belongs to the body; returns how many bytes that was.
  std::size_t feed(std::string_view input);
  bool done() const { return status_ == 0 && (chunked_ ? chunks_.done() : size_ == length_); }
  int status() const { return status_; }  // 0, or that of the error
  const std::string& message() const { return message_; }
  std::uint64_t size() const { return size_; }  // of what has arrived
  std::string take() { return std::move(body_); }

  // What has been collected for the plan's sink, to be written on any thread.
  struct Passing {
    std::shared_ptr<BodySink> sink;
    std::string piece;
    int status = 0;  // 0, or that of the error
    std::string message;
    void write();
  };
  bool has_to_pass() const { return plan_.sink != nullptr && !body_.empty(); }
  Passing passing() { return {plan_.sink, std::exchange(body_, {}), 0, {}}; }
  void passed(const Passing& passing);

 private:
  void collect(std::string_view piece);

  const BodyPlan plan_;
  const bool chunked_;
  const std::uint64_t length_;  // if not chunked
  ChunkReader chunks_;
  std::uint64_t size_ = 0;
  std::string body_;
  int status_ = 0;
  std::string message_;
};

// Until when a body has to be there, or go on: all of it in that time; one for a sink may take longer, but each 64 KiB
// of it not, nor may it be slower on average than BodyPlan::least_rate.
class BodyPace {
 public:
  using Clock = std::chrono::steady_clock;
  BodyPace(std::chrono::milliseconds time, bool in_memory, std::uint64_t least_rate);
  // So many bytes more on the wire; of the body there are now `size`.
  void arrived(std::size_t bytes, std::uint64_t size);
  void held_up(Clock::duration time);  // by us: not the client's
  Clock::time_point deadline() const { return std::min(deadline_, slowest_); }

 private:
  static constexpr std::uint64_t kLeastProgress = 64 * 1024;
  const std::chrono::milliseconds time_;
  const bool in_memory_;
  const std::uint64_t least_rate_;
  Clock::time_point deadline_, slowest_;
  std::uint64_t marked_ = 0;  // the size from which the deadline is counted
  std::uint64_t unpaid_ = 0;  // bytes that `slowest_` has not been put off for
};

}  // namespace freehold::http
