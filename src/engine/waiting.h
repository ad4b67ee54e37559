// The requests that wait, and whose turn it is (docs/adr/0017-admission.md, 0070-turns-between-keys.md).
//
// A lane holds the requests of one tenant with one priority, first come first served; only its oldest stands for it, or
// a much smaller one behind it that fits, until it has been passed over kPatience times
// (docs/adr/0062-small-ones-go-ahead-in-their-lane.md). Whose turn it is among the lanes:
// 1. A lane that has been passed over too often: while it waited, kPatience requests of other lanes were admitted
//    (kBackgroundPatience if its priority is below 0). The one passed over most is first, and nobody else is admitted
//    until it fits: what runs ends, so it will.
// 2. The highest priority.
// 3. The tenant with the fewest running sequences.
// 4. The tenant that was admitted least recently: what comes in several requests (the waves of a call with many
//    choices) has no second turn before others had one.
// 5. The oldest request.
// One that does not fit yet is passed over as long as rule 1 allows.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace freehold::engine {

struct Job;

// Used by one thread.
class Waiting {
 public:
  static constexpr std::uint32_t kPatience = 16;
  static constexpr std::uint32_t kBackgroundPatience = 64;
  // Much smaller: prompt and answers are at most this part of the oldest's. So the oldest waits for at most kPatience
  // parts of itself.
  static constexpr std::uint32_t kSmaller = 8;
  // Of so many last admissions it is known whose they were. Who had none of them counts as never admitted.
  static constexpr std::uint64_t kRemembered = 1024;

  Waiting();
  ~Waiting();

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void push(std::unique_ptr<Job> job);
  // The request with that number, or null.
  Job* find(std::uint64_t id) const;
  // Takes out all that fulfil the condition, oldest first.
  std::vector<std::unique_ptr<Job>> take_if(const std::function<bool(const Job&)>& condition);
  // Takes out the one whose turn it is; null if none is to be admitted now. `running`: a tenant's sequences.
  std::unique_ptr<Job> next(const std::function<std::uint32_t(const std::string&)>& running,
                            const std::function<bool(const Job&)>& fits);

 private:
  struct Lane {
    std::string tenant;
    std::int32_t priority = 0;
    std::deque<std::unique_ptr<Job>> jobs;  // never empty between calls
    std::uint32_t passed_over = 0;          // times, by other lanes or in its own, since its oldest is the oldest
    std::uint32_t running = 0;              // scratch of `next`, as is the following
    std::uint64_t admitted = 0;             // its tenant's last admission; 0: none
    bool impatient() const { return passed_over >= (priority < 0 ? kBackgroundPatience : kPatience); }
  };
  static bool before(const Lane& a, const Lane& b);
  static std::size_t candidate(const Lane& lane, const std::function<bool(const Job&)>& fits);
  void remember(const std::string& tenant);
  void drop_empty_lanes();

  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Lane*> order_;  // scratch of `next`
  std::size_t size_ = 0;
  std::uint64_t admissions_ = 0;
  std::unordered_map<std::string, std::uint64_t> last_admission_;  // by tenant; at most twice kRemembered
};

}  // namespace freehold::engine
