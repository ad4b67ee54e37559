// How long requests took, for /metrics: histograms of each key and model. A key's times are its own: what another sees
// of them could tell it when somebody asks, and whether that was asked before.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "http/message.h"

namespace freehold::app {

// One finished request, in seconds. Nothing: it did not come to that.
struct RequestTimes {
  std::optional<double> total;        // from the request's last byte to the answer's
  std::optional<double> first_token;  // from the request's last byte
  std::optional<double> queue, prefill, decode;
  std::uint64_t completion_tokens = 0;
  std::string_view finished;  // "stop", "length", "abort"
};

// When it was complete; now, of one that the server has made.
std::chrono::steady_clock::time_point arrival_of(const http::Request& request);
double seconds_since(std::chrono::steady_clock::time_point moment);

class Histogram {
 public:
  // Upper bounds in seconds; what is above the last is counted beyond them.
  static constexpr std::array<double, 24> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1,
                                                     0.15,  0.25,   0.5,   0.75, 1,     2.5,  5,     7.5,
                                                     10,    20,     40,    80,   160,   320,  640,   2560};
  void add(double value, std::uint64_t times = 1);
  void add(const Histogram& other);
  // Up to and including the bound of this number.
  std::uint64_t below(std::size_t bound) const;
  std::uint64_t count() const { return count_; }
  double sum() const { return sum_; }

 private:
  std::array<std::uint64_t, kBounds.size()> counts_{};
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

struct ModelTimes {
  Histogram total, first_token, between_tokens, per_token, queue, prefill, decode;
  std::map<std::string, std::uint64_t, std::less<>> finished;  // by how
  void add(const RequestTimes& times);
  void add(const ModelTimes& other);
};

// Any thread may call anything. What it gives out never falls.
class Latencies {
 public:
  void add(const std::string& tenant, const std::string& model, const RequestTimes& times);
  // By model: of one tenant, or of all.
  std::map<std::string, ModelTimes> of(const std::optional<std::string>& tenant) const;
  // A tenant that is gone: its times belong to nobody from now on, and stay among those of all.
  void forget(const std::string& tenant);

 private:
  mutable std::mutex mutex_;                                      // guards what follows
  std::map<std::string, std::map<std::string, ModelTimes>> all_;  // by tenant and model; of nobody: ""
};

// Answers that went out, by dialect and status. Any thread may call anything.
class StatusCounts {
 public:
  void add(std::string_view dialect, int status);
  std::map<std::pair<std::string, int>, std::uint64_t> all() const;

 private:
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::pair<std::string, int>, std::uint64_t> counts_;
};

}  // namespace freehold::app
