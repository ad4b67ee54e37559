#include "app/serve/batch_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "api/peek.h"
#include "app/serve/reply.h"
#include "base/random_id.h"

namespace freehold::app {
namespace {

using api::openai::BatchError;
using api::openai::BatchStatus;

constexpr std::uint64_t kMostLines = 50'000;  // as documented
constexpr std::size_t kMostErrors = 100;      // told of a file that is wrong
constexpr std::size_t kAhead = 4;             // lines in the window for each that is under way
constexpr std::chrono::milliseconds kTick{200};

bool try_again(const http::Response& answer) {
  return answer.status == 429 || answer.status == 503;
}

bool is_erased(std::string_view line) {
  return line.starts_with(kErasedLine) && is_blank(line.substr(kErasedLine.size()));
}

}  // namespace

Result<> BatchRun::run() {
  if (record_.batch.status == BatchStatus::validating) FH_TRY_VOID(validate());
  if (record_.batch.status == BatchStatus::in_progress) {
    auto answered = answer_lines();
    leave();
    FH_TRY_VOID(std::move(answered));
  }
  if (record_.batch.status == BatchStatus::finalizing) return conclude(BatchStatus::completed);
  if (record_.batch.status == BatchStatus::cancelling) return conclude(BatchStatus::cancelled);
  return {};
}

Result<LineReader> BatchRun::open_input() const {
  FH_TRY(InputFile file, InputFile::open(store_.path_of(record_.batch.input_file_id)));
  return LineReader(std::move(file));
}

Result<> BatchRun::conclude(BatchStatus last) {
  FH_TRY(record_, store_.update_batch(record_.batch.id, [&](BatchRecord& r) { r.batch.become(last, store_.now()); }));
  return {};
}

Result<> BatchRun::fail_with(std::vector<BatchError> errors) {
  FH_TRY(record_, store_.update_batch(record_.batch.id, [&](BatchRecord& r) {
    if (r.batch.become(BatchStatus::failed, store_.now())) r.batch.errors = std::move(errors);
  }));
  // Cancelled in the meantime.
  return record_.batch.status == BatchStatus::cancelling ? conclude(BatchStatus::cancelled) : Result<>();
}

// What the store says by now; somebody else may have cancelled the batch.
bool BatchRun::cancelled() {
  const auto now = store_.find_batch(record_.tenant, record_.batch.id);
  if (now && *now && (*now)->status != record_.batch.status) record_.batch = **now;
  return record_.batch.status == BatchStatus::cancelling;
}

Result<> BatchRun::validate() {
  auto opened = open_input();
  if (!opened && opened.error().code == Errc::not_found) {
    return fail_with({{"file_not_found", "The input file is gone.", "input_file_id", {}}});
  }
  if (!opened) return tl::unexpected(std::move(opened).error());
  std::vector<BatchError> errors;
  std::unordered_set<std::string> ids;
  std::uint64_t total = 0;
  while (errors.size() < kMostErrors) {
    auto line = opened->next();
    if (!line) {
      if (line.error().code != Errc::invalid) return tl::unexpected(std::move(line).error());
      errors.push_back({"invalid_json_line", line.error().what, {}, {}});
      break;
    }
    if (!*line) break;
    const std::uint64_t number = (*line)->number;
    if (number % 256 == 0 && batches_.stopping()) return {};
    if (is_blank((*line)->text)) continue;
    if (is_erased((*line)->text)) {
      ++total;
      continue;
    }
    if (++total > kMostLines) {
      errors.push_back({"too_many_requests", fmt::format("A batch has at most {} requests.", kMostLines), {}, number});
      break;
    }
    auto request = api::openai::parse_batch_line((*line)->text, number);
    if (!request) {
      errors.push_back(std::move(request).error());
    } else if (request->url != record_.batch.endpoint) {
      errors.push_back({"mismatched_endpoint",
                        fmt::format("'url' must be the batch's endpoint, {}.", record_.batch.endpoint), "url", number});
    } else if (!ids.insert(std::move(request->custom_id)).second) {
      errors.push_back(
          {"duplicate_custom_id", "Another line has the same 'custom_id'; each must be unique.", "custom_id", number});
    }
  }
  if (errors.empty() && total == 0) errors.push_back({"empty_file", "The input file has no requests.", {}, {}});
  if (!errors.empty()) return fail_with(std::move(errors));
  FH_TRY(record_, store_.update_batch(record_.batch.id, [&](BatchRecord& r) {
    if (r.batch.become(BatchStatus::in_progress, store_.now())) r.batch.total = total;
  }));
  return {};
}

Result<> BatchRun::open_outputs() {
  FH_TRY(output_, AppendFile::open(store_.path_of(record_.output_id), record_.output_bytes, FileAccess::owner));
  FH_TRY(errors_, AppendFile::open(store_.path_of(record_.error_id), record_.error_bytes, FileAccess::owner));
  opened_ = std::chrono::steady_clock::now();
  FH_TRY(input_, open_input());
  input_ended_ = false;
  window_.clear();
  for (std::uint64_t done = 0; done < record_.lines_done;) {
    FH_TRY(auto line, input_->next());
    if (!line) return fail(Errc::corrupt, "the input file is shorter than it was");
    if (!is_blank(line->text)) ++done;
  }
  return {};
}

Result<bool> BatchRun::read_line() {
  while (!input_ended_) {
    FH_TRY(auto line, input_->next());
    if (!line) {
      input_ended_ = true;
      break;
    }
    if (is_blank(line->text)) continue;
    if (is_erased(line->text)) {
      window_.push_back({{}, nullptr, {}, true});
      return true;
    }
    auto request = api::openai::parse_batch_line(line->text, line->number);
    if (!request) return fail(Errc::corrupt, "the input file is not what it was");
    window_.push_back({std::move(*request), nullptr, {}});
    return true;
  }
  return false;
}

// Of those in the window. To be called with the erasures' `writing` in hand, before anything of them goes on.
void BatchRun::leave_out_the_erased() {
  const Erasures* erasures = batches_.options_.erasures;
  if (erasures == nullptr) return;
  for (Line& line : window_) {
    if (line.erased || !erasures->since(opened_, record_.tenant, api::user_in(line.request.body, false))) continue;
    if (line.asked && !line.answer) {
      line.asked->leave();
      let_go_.push_back(std::move(line.asked));
    }
    line = {{}, nullptr, {}, true};
  }
}

void BatchRun::ask(Line& line) {
  if (line.erased) return;
  line.asked =
      std::make_shared<Collected>(own_request(line.request.url, line.request.body, record_.tenant, record_.label),
                                  [&batches = batches_] { batches.wake(); });
  try {
    batches_.handler_(line.asked);
  } catch (const std::exception&) {
    line.asked->respond(error_response(line.asked->request(), {api::Problem::internal, "internal error", {}, {}}));
  }
}

void BatchRun::collect() {
  std::erase_if(let_go_, [](const auto& asked) { return asked->take().has_value(); });
  for (Line& line : window_) {
    if (!line.asked || line.answer) continue;
    auto answer = line.asked->take();
    if (!answer) continue;
    if (try_again(*answer)) {
      line.asked = nullptr;
    } else {
      line.answer = std::move(answer);
    }
  }
}

// Whoever is still asked is let go, and has answered when this returns: nothing refers to us any more.
void BatchRun::leave() {
  for (Line& line : window_) {
    if (!line.asked || line.answer) continue;
    line.asked->leave();
    while (!line.asked->take()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    line.asked = nullptr;
  }
  for (const auto& asked : std::exchange(let_go_, {})) {
    while (!asked->take()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void BatchRun::write_line(const Line& line, std::string& output, std::string& errors, BatchRecord& counts) const {
  if (line.erased) {
    errors += fmt::format("{}\n", kErasedLine);
    ++counts.batch.failed;
    ++counts.lines_done;
    return;
  }
  const bool good = line.answer->status >= 200 && line.answer->status < 300;
  (good ? output : errors) += api::openai::answered_line(
      "batch_req_" + random_id(), line.request.custom_id, line.answer->status, line.asked->request().id,
      line.answer->body, line.answer->headers.get("freehold-ignored"));
  ++(good ? counts.batch.completed : counts.batch.failed);
  ++counts.lines_done;
}

Result<> BatchRun::append(const std::string& output, const std::string& errors, const BatchRecord& counts) {
  FH_TRY_VOID(output_.append(output));
  FH_TRY_VOID(errors_.append(errors));
  if (!output.empty()) FH_TRY_VOID(output_.sync());
  if (!errors.empty()) FH_TRY_VOID(errors_.sync());
  FH_TRY(record_, store_.update_batch(record_.batch.id, [&](BatchRecord& r) {
    r.batch.completed = counts.batch.completed;
    r.batch.failed = counts.batch.failed;
    r.lines_done = counts.lines_done;
    r.output_bytes = output_.size();
    r.error_bytes = errors_.size();
  }));
  return {};
}

Result<> BatchRun::write_answers(bool all) {
  std::string output, errors;
  BatchRecord counts = record_;
  const auto writing = batches_.options_.erasures != nullptr ? batches_.options_.erasures->writing()
                                                             : std::shared_lock<std::shared_mutex>();
  leave_out_the_erased();
  for (auto line = window_.begin(); line != window_.end() && (all || line->is_done()); ++line) {
    if (line->is_done()) write_line(*line, output, errors, counts);
  }
  if (counts.lines_done == record_.lines_done) return {};
  FH_TRY_VOID(append(output, errors, counts));
  if (all) {
    std::erase_if(window_, [](const Line& line) { return line.is_done(); });
  } else {
    while (!window_.empty() && window_.front().is_done()) window_.pop_front();
  }
  return {};
}

Result<> BatchRun::answer_lines() {
  auto opened = open_outputs();
  if (!opened && (opened.error().code == Errc::corrupt || opened.error().code == Errc::not_found)) {
    return fail_with({{"file_damaged", opened.error().what, {}, {}}});
  }
  FH_TRY_VOID(std::move(opened));
  while (true) {
    collect();
    const bool stopped = batches_.stopping(), cancel = cancelled();
    if (cancel || expired()) break;
    FH_TRY_VOID(write_answers(false));
    if (stopped) return {};
    auto running = static_cast<std::size_t>(
        std::count_if(window_.begin(), window_.end(), [](const Line& l) { return l.asked && !l.answer; }));
    for (Line& line : window_) {
      if (!line.waits() || running >= batches_.options_.parallel) continue;
      ask(line);
      ++running;
    }
    while (running < batches_.options_.parallel && window_.size() < kAhead * batches_.options_.parallel) {
      FH_TRY(const bool more, read_line());
      if (!more) break;
      ask(window_.back());
      running += window_.back().erased ? 0 : 1;
    }
    if (window_.empty()) return conclude(BatchStatus::finalizing);
    batches_.pause(kTick);
  }
  // Cancelled or expired: what has been answered counts, in the order of the lines.
  leave();
  FH_TRY_VOID(write_answers(true));
  if (record_.batch.status == BatchStatus::cancelling) return {};
  BatchRecord counts = record_;
  std::string errors;
  do {
    for (const Line& line : window_) {
      if (line.erased) continue;
      errors += api::openai::unanswered_line(
          "batch_req_" + random_id(), line.request.custom_id,
          {"batch_expired", "This request could not be executed before the completion window expired.", {}, {}});
    }
    window_.clear();
    FH_TRY_VOID(read_line());
  } while (!window_.empty());
  FH_TRY_VOID(append({}, errors, counts));
  return conclude(BatchStatus::expired);
}

}  // namespace freehold::app
