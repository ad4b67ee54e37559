#include "engine/waiting.h"

#include <algorithm>

#include "engine/scheduler.h"

namespace freehold::engine {

Waiting::Waiting() = default;
Waiting::~Waiting() = default;

void Waiting::push(std::unique_ptr<Job> job) {
  const Request& request = job->request;
  auto lane = std::find_if(lanes_.begin(), lanes_.end(), [&](const auto& l) {
    return l->priority == request.priority && l->tenant == request.tenant;
  });
  if (lane == lanes_.end()) {
    lanes_.push_back(std::make_unique<Lane>());
    lane = std::prev(lanes_.end());
    (*lane)->tenant = request.tenant;
    (*lane)->priority = request.priority;
  }
  (*lane)->jobs.push_back(std::move(job));
  ++size_;
}

Job* Waiting::find(std::uint64_t id) const {
  for (const auto& lane : lanes_) {
    for (const auto& job : lane->jobs) {
      if (job->id == id) return job.get();
    }
  }
  return nullptr;
}

std::vector<std::unique_ptr<Job>> Waiting::take_if(const std::function<bool(const Job&)>& condition) {
  std::vector<std::unique_ptr<Job>> out;
  for (const auto& lane : lanes_) {
    const Job* oldest = lane->jobs.front().get();
    for (auto& job : lane->jobs) {
      if (condition(*job)) out.push_back(std::move(job));
    }
    std::erase(lane->jobs, nullptr);
    if (lane->jobs.empty() || lane->jobs.front().get() != oldest) lane->passed_over = 0;
  }
  if (out.empty()) return out;
  size_ -= out.size();
  drop_empty_lanes();
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a->id < b->id; });
  return out;
}

bool Waiting::before(const Lane& a, const Lane& b) {
  if (a.impatient() != b.impatient()) return a.impatient();
  if (a.impatient() && a.passed_over != b.passed_over) return a.passed_over > b.passed_over;
  if (a.priority != b.priority) return a.priority > b.priority;
  if (a.running != b.running) return a.running < b.running;
  if (a.admitted != b.admitted) return a.admitted < b.admitted;
  return a.jobs.front()->id < b.jobs.front()->id;
}

// The first much smaller one that fits; otherwise the oldest, whether it fits or not.
std::size_t Waiting::candidate(const Lane& lane, const std::function<bool(const Job&)>& fits) {
  if (lane.passed_over >= kPatience) return 0;
  const std::uint64_t most = lane.jobs.front()->positions / kSmaller;
  for (std::size_t i = 1; i < lane.jobs.size(); ++i) {
    if (lane.jobs[i]->positions <= most && fits(*lane.jobs[i])) return i;
  }
  return 0;
}

std::unique_ptr<Job> Waiting::next(const std::function<std::uint32_t(const std::string&)>& running,
                                   const std::function<bool(const Job&)>& fits) {
  order_.clear();
  for (const auto& lane : lanes_) {
    lane->running = running(lane->tenant);
    const auto last = last_admission_.find(lane->tenant);
    lane->admitted = last == last_admission_.end() ? 0 : last->second;
    order_.push_back(lane.get());
  }
  std::sort(order_.begin(), order_.end(), [](const Lane* a, const Lane* b) { return before(*a, *b); });
  for (Lane* lane : order_) {
    const std::size_t place = candidate(*lane, fits);
    if (place == 0 && !fits(*lane->jobs.front())) {
      if (lane->impatient()) return nullptr;
      continue;
    }
    std::unique_ptr<Job> job = std::move(lane->jobs[place]);
    lane->jobs.erase(lane->jobs.begin() + static_cast<std::ptrdiff_t>(place));
    --size_;
    for (Lane* other : order_) ++other->passed_over;
    if (place == 0) lane->passed_over = 0;
    remember(lane->tenant);
    drop_empty_lanes();
    return job;
  }
  return nullptr;
}

void Waiting::remember(const std::string& tenant) {
  last_admission_[tenant] = ++admissions_;
  if (last_admission_.size() <= 2 * kRemembered) return;
  std::erase_if(last_admission_, [&](const auto& last) { return last.second + kRemembered <= admissions_; });
}

void Waiting::drop_empty_lanes() {
  std::erase_if(lanes_, [](const auto& lane) { return lane->jobs.empty(); });
}

}  // namespace freehold::engine
