#include "app/serve/latencies.h"

#include <algorithm>

namespace freehold::app {

std::chrono::steady_clock::time_point arrival_of(const http::Request& request) {
  return request.arrived == std::chrono::steady_clock::time_point() ? std::chrono::steady_clock::now()
                                                                    : request.arrived;
}

double seconds_since(std::chrono::steady_clock::time_point moment) {
  return std::max(0.0, std::chrono::duration<double>(std::chrono::steady_clock::now() - moment).count());
}

void Histogram::add(double value, std::uint64_t times) {
  const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), value);
  if (bound != kBounds.end()) counts_[static_cast<std::size_t>(bound - kBounds.begin())] += times;
  count_ += times;
  sum_ += value * static_cast<double>(times);
}

void Histogram::add(const Histogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
}

std::uint64_t Histogram::below(std::size_t bound) const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i <= bound; ++i) sum += counts_[i];
  return sum;
}

void ModelTimes::add(const RequestTimes& times) {
  if (times.total) total.add(*times.total);
  if (times.first_token) first_token.add(*times.first_token);
  if (times.queue) queue.add(*times.queue);
  if (times.prefill) prefill.add(*times.prefill);
  if (times.decode) decode.add(*times.decode);
  // The first token is the prompt's doing.
  if (times.decode && times.completion_tokens > 1) {
    const std::uint64_t gaps = times.completion_tokens - 1;
    per_token.add(*times.decode / static_cast<double>(gaps));
    between_tokens.add(*times.decode / static_cast<double>(gaps), gaps);
  }
  if (!times.finished.empty()) ++finished[std::string(times.finished)];
}

void ModelTimes::add(const ModelTimes& other) {
  for (const auto member : {&ModelTimes::total, &ModelTimes::first_token, &ModelTimes::between_tokens,
                            &ModelTimes::per_token, &ModelTimes::queue, &ModelTimes::prefill, &ModelTimes::decode}) {
    (this->*member).add(other.*member);
  }
  for (const auto& [how, count] : other.finished) finished[how] += count;
}

void Latencies::add(const std::string& tenant, const std::string& model, const RequestTimes& times) {
  const std::lock_guard lock(mutex_);
  all_[tenant][model].add(times);
}

std::map<std::string, ModelTimes> Latencies::of(const std::optional<std::string>& tenant) const {
  std::map<std::string, ModelTimes> out;
  const std::lock_guard lock(mutex_);
  for (const auto& [whose, models] : all_) {
    if (tenant && whose != *tenant) continue;
    for (const auto& [model, times] : models) out[model].add(times);
  }
  return out;
}

void Latencies::forget(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  const auto gone = all_.find(tenant);
  if (gone == all_.end() || tenant.empty()) return;
  for (const auto& [model, times] : gone->second) all_[""][model].add(times);
  all_.erase(gone);
}

void StatusCounts::add(std::string_view dialect, int status) {
  const std::lock_guard lock(mutex_);
  ++counts_[{std::string(dialect), status}];
}

std::map<std::pair<std::string, int>, std::uint64_t> StatusCounts::all() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace freehold::app
