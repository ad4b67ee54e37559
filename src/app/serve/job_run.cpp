#include "app/serve/job_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <future>

#include "app/machine.h"
#include "app/progress.h"
#include "app/serve/batches.h"
#include "app/serve/collected.h"
#include "app/serve/site.h"
#include "app/version.h"
#include "base/file.h"
#include "base/random_id.h"
#include "base/utf8.h"
#include "train/metrics.h"
#include "train/result_files.h"
#include "train/run_folder.h"

namespace freehold::app {

namespace fs = std::filesystem;
using api::openai::JobError;
using api::openai::JobStatus;

namespace {

constexpr std::chrono::milliseconds kQuiet{15};  // between two steps of an engine it is not the job's turn
constexpr std::chrono::seconds kMost{2};         // but one block now and then, however busy the server is
constexpr std::size_t kMostCheckpoints = 3;      // that can be asked for
constexpr std::uint64_t kMostMetrics = 1000;     // events of steps, of one job
constexpr char kOrganization[] = "freehold";

std::string without_tag(const std::string& name) {
  return name.ends_with(":latest") ? name.substr(0, name.size() - 7) : name;
}

std::string tuned_name(const api::openai::FineTuningJob& job) {
  return fmt::format("ft:{}:{}:{}:{}", without_tag(job.model), kOrganization, job.suffix,
                     job.id.substr(job.id.size() - 12));
}

// What a client is told of a job that cannot go on.
JobError job_error(const Error& error, bool diverged) {
  if (diverged) {
    return {"training_diverged",
            error.what.substr(0, error.what.find(". The")) + ": try a smaller learning_rate_multiplier",
            "hyperparameters"};
  }
  switch (error.code) {
    case Errc::exhausted:
      return {"insufficient_memory", error.what, ""};
    case Errc::not_found:
      return {"model_not_found", error.what, "model"};
    case Errc::unsupported:
      return {"unsupported_model", error.what, "model"};
    default:
      return {"server_error", "the job could not go on: whoever runs the server finds the reason in its log", ""};
  }
}

std::uint64_t size_of(const fs::path& path) {
  std::error_code ec;
  const auto size = fs::file_size(path, ec);
  return ec ? 0 : size;
}

}  // namespace

// The turn of the server's threads, given back and taken again. One thread.
class JobRun::Threads {
 public:
  explicit Threads(Turns& turns) : turns_(turns) {}
  ~Threads() { give(); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  void take() {
    if (!std::exchange(held_, true)) turns_.take();
  }
  void give() {
    if (std::exchange(held_, false)) turns_.give();
  }
  void rest() {
    if (held_) turns_.rest(kQuiet, kMost);
  }

 private:
  Turns& turns_;  // owner: Models
  bool held_ = false;
};

class JobRun::Room {
 public:
  Room(Models& models, FactsPtr facts) : models_(models), facts_(std::move(facts)) {}
  ~Room() {
    if (bytes_ > 0) models_.reserve(*facts_, -static_cast<std::int64_t>(bytes_));
  }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  bool take(std::uint64_t bytes) {
    if (!models_.reserve(*facts_, static_cast<std::int64_t>(bytes))) return false;
    bytes_ = bytes;
    return true;
  }

 private:
  Models& models_;
  const FactsPtr facts_;
  std::uint64_t bytes_ = 0;
};

// Tells the store what happens, a little late, and the run when to stop.
class JobRun::Observer final : public train::RunObserver {
 public:
  Observer(JobRun& run, Training& training, Threads& threads)
      : run_(run),
        training_(training),
        threads_(threads),
        each_(std::max<std::uint64_t>(1, training.run->plan().steps / kMostMetrics)) {}

  void stepped(const train::StepMetrics& m) override {
    loss_ = m.loss;
    const std::uint64_t steps = training_.run->plan().steps;
    if (m.step % each_ == 0 || m.step == 1 || m.step == steps) {
      std::string data = fmt::format(R"({{"step":{},"total_steps":{},"train_loss":{},"learning_rate":{})", m.step,
                                     steps, m.loss, m.learning_rate);
      if (m.accuracy) data += fmt::format(R"(,"train_accuracy":{})", *m.accuracy);
      events_.push_back({"info", "metrics", fmt::format("Step {}/{}: training loss={:.4f}", m.step, steps, m.loss),
                         data + "}", m.step});
    }
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ >= std::chrono::seconds(1)) {
      threads_.give();
      tell();
      threads_.take();
    }
  }

  void evaluated(const train::EvaluationMetrics& m, bool) override {
    evaluated_ = m;
    std::string data = fmt::format(R"({{"step":{},"valid_loss":{})", m.step, m.loss);
    if (m.accuracy) data += fmt::format(R"(,"valid_accuracy":{})", *m.accuracy);
    events_.push_back(
        {"info", "metrics", fmt::format("Step {}: validation loss={:.4f}", m.step, m.loss), data + "}", m.step});
  }

  void saving(std::uint64_t step) override {
    threads_.give();
    made_.reset();
    const std::uint64_t epoch = training_.run->plan().batches.steps_per_epoch();
    if (step == 0 || step % epoch != 0) return;
    // Before the checkpoint: who is killed in between does this step again, and writes the same bytes.
    const std::string folder = fmt::format("step-{}", step);
    auto kept =
        run_.keep_adapter(training_, folder, fmt::format("{}:ckpt-step-{}", tuned_name(run_.record_.job), step));
    if (!kept) return run_.jobs_.report(fmt::format("fine-tuning {}: {}", run_.record_.job.id, kept.error().what));
    kept->checkpoint = {"ftckpt_" + random_id(), run_.store_.now(), run_.record_.job.id, kept->name, step, loss_, {}};
    if (evaluated_ && evaluated_->step == step) kept->checkpoint.valid_loss = evaluated_->loss;
    made_ = std::move(*kept);
  }

  void saved(std::uint64_t step) override {
    tell();
    if (made_) {
      run_.tell("info", fmt::format("Checkpoint created at step {}", step));
      take_checkpoint(std::move(*made_));
      made_.reset();
    }
    threads_.take();
  }

  bool stop() override { return !run_.goes_on(); }

  void tell() {
    told_ = std::chrono::steady_clock::now();
    if (auto told = run_.store_.add_events(run_.record_.job.id, events_); !told) run_.jobs_.report(told.error().what);
    events_.clear();
  }

 private:
  void take_checkpoint(JobModel made) {
    std::vector<JobModel> gone;
    const train::Counters& c = training_.run->counters();
    const double left = c.step == 0 ? 0
                                    : c.seconds / static_cast<double>(c.step) *
                                          static_cast<double>(training_.run->plan().steps - c.step);
    const auto updated = run_.store_.update(run_.record_.job.id, [&](JobRecord& r) {
      if (is_over(r.job.status)) return;
      std::erase_if(r.models, [&](const JobModel& m) { return m.name == made.name; });
      r.models.push_back(made);
      while (r.models.size() > kMostCheckpoints) {
        gone.push_back(r.models.front());
        r.models.erase(r.models.begin());
      }
      r.job.estimated_finish = run_.store_.now() + static_cast<std::int64_t>(left);
    });
    if (!updated) return run_.jobs_.report(updated.error().what);
    for (const JobModel& m : gone) {
      run_.jobs_.site().pool().withdraw_tuned(m.name);
      std::error_code ec;
      fs::remove_all(run_.folder() / m.folder, ec);
    }
    run_.jobs_.offer(*updated);
  }

  JobRun& run_;  // owner of these: who runs it
  Training& training_;
  Threads& threads_;
  const std::uint64_t each_;
  std::vector<JobStore::NewEvent> events_;
  std::optional<train::EvaluationMetrics> evaluated_;
  std::optional<JobModel> made_;
  double loss_ = 0;
  std::chrono::steady_clock::time_point told_{};
};

void JobRun::tell(std::string level, std::string message) {
  if (auto told = store_.add_events(record_.job.id, {{std::move(level), "message", std::move(message)}}); !told) {
    jobs_.report(told.error().what);
  }
}

bool JobRun::goes_on() {
  if (!on_) return false;
  if (jobs_.stopping()) return on_ = false;
  // Every load begins as one that waits: only one that goes on waiting needs what we have.
  const auto time = std::chrono::steady_clock::now();
  if (!jobs_.site().pool().waits_for_room()) {
    waited_since_.reset();
  } else if (!waited_since_) {
    waited_since_ = time;
  } else if (time - *waited_since_ > std::chrono::seconds(1)) {
    makes_room_ = true;
    return on_ = false;
  }
  const std::uint64_t changes = jobs_.changes();
  if (changes == seen_) return true;
  seen_ = changes;
  const auto now = store_.update(record_.job.id, [](JobRecord&) {});
  if (now && now->job.status != JobStatus::running) on_ = false;
  return on_;
}

Result<> JobRun::go() {
  if (record_.job.status == JobStatus::queued) {
    FH_TRY(record_,
           store_.update(record_.job.id, [&](JobRecord& r) { r.job.become(JobStatus::running, store_.now()); }));
    if (record_.job.status != JobStatus::running) return {};
    tell("info", "Fine-tuning job started");
  }
  seen_ = jobs_.changes();
  auto done = prepare();
  if (done) done = train();
  prepared_.reset();
  if (done || jobs_.stopping()) return {};
  if (done.error().code == Errc::cancelled) {
    FH_TRY(const JobRecord now, store_.update(record_.job.id, [&](JobRecord& r) {
      if (makes_room_) r.job.become(JobStatus::queued, store_.now());
    }));
    if (is_over(now.job.status)) {  // cancelled
      for (const JobModel& m : now.models) jobs_.site().pool().withdraw_tuned(m.name);
      FH_TRY_VOID(store_.update(record_.job.id, [](JobRecord& r) { r.models.clear(); }).map([](auto&&) {}));
      std::error_code ec;
      fs::remove_all(folder(), ec);
    } else if (makes_room_) {
      tell("info", "The job makes room for a model that is asked for, and goes on when there is room again");
      jobs_.pause(jobs_.changes(), std::chrono::seconds(10));
    }
    return {};
  }
  return end_with(done.error());
}

Result<> JobRun::end_with(const Error& error) {
  const bool diverged = error.code == Errc::corrupt && error.what.starts_with("training diverged");
  jobs_.report(fmt::format("fine-tuning {}: {}", record_.job.id, error.what));
  JobError told = job_error(error, diverged);
  tell("error", told.message);
  std::vector<JobModel> models;
  FH_TRY_VOID(store_
                  .update(record_.job.id,
                          [&](JobRecord& r) {
                            if (r.job.become(JobStatus::failed, store_.now())) r.job.error = told;
                            models = std::exchange(r.models, {});
                          })
                  .map([](auto&&) {}));
  for (const JobModel& m : models) jobs_.site().pool().withdraw_tuned(m.name);
  std::error_code ec;
  fs::remove_all(folder(), ec);
  return {};
}

Result<> JobRun::prepare() {
  const auto who = jobs_.site().principal_of(own_request("/v1/fine_tuning/jobs", "", record_.tenant));
  if (!who) return fail(Errc::not_found, "the key that made this job is not valid any more");
  const auto facts = jobs_.site().facts(record_.job.model, *who);
  if (facts) {
    const guard::Decision may = jobs_.site().permissions().to_ask(*who, **facts, record_.label);
    if (!jobs_.site().permit(*who, may)) return fail(Errc::invalid, may.message);
  }
  FH_TRY(prepared_, prepare_job(jobs_, store_, record_, record_.recipe));
  return {};
}

// The memory that training takes beside the model that is served. What is left goes to tapes.
Result<> JobRun::plan_memory_of(train::RunPlan& plan) {
  const Prepared& p = prepared_->prepared;
  const Models& models = jobs_.site().pool();
  const int threads = jobs_.options().threads;
  train::RunPlan least = plan;
  const TrainingMemory lean = plan_memory(p, least, threads, 0);
  const std::uint64_t weights = lean.weights, needed = lean.total() - weights;
  const std::uint64_t served = prepared_->facts->memory ? prepared_->facts->memory->total() : 0;
  if (served + needed > models.limit()) {
    return fail(
        Errc::exhausted,
        fmt::format(
            "tuning needs {} beside the model's {}, and models may take {} together: shorter examples help, and "
            "so does a server with a shorter --context, fewer --sequences or a larger --memory-limit",
            human_bytes(needed), human_bytes(served), human_bytes(models.limit())));
  }
  const std::uint64_t room = std::min(models.room(), available_memory());
  // As `tune` counts: half of what there is, weights included, may go to tapes.
  memory_ = plan_memory(p, plan, threads, std::max(room, needed) + weights).total() - weights;
  if (memory_ > room) {
    plan = least;
    memory_ = needed;
  }
  const TrainingDisk disk = plan_disk(p, plan, lean);
  if (const auto space = disk_space(folder()); space && disk.checkpoint * 4 > space->available) {
    return fail(Errc::exhausted, fmt::format("tuning needs {} on the disk for its checkpoints, and there are {}",
                                             human_bytes(disk.checkpoint * 4), human_bytes(space->available)));
  }
  return {};
}

Result<ModelLease> JobRun::lease() {
  for (bool told = false;; told = true) {
    const auto promised = std::make_shared<std::promise<Result<ModelLease>>>();
    auto future = promised->get_future();
    const auto ticket = jobs_.site().pool().acquire(
        prepared_->facts, [promised](Result<ModelLease> lease) { promised->set_value(std::move(lease)); });
    while (future.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
      if (!jobs_.stopping()) continue;
      jobs_.site().pool().cancel(ticket);
      return fail(Errc::cancelled, "the server is stopping");
    }
    auto lease = future.get();
    if (lease || lease.error().code != Errc::exhausted || !lease.error().what.starts_with("busy")) return lease;
    if (!told) tell("info", "The job waits for memory: models that are in use fill it");
    jobs_.pause(jobs_.changes(), std::chrono::seconds(10));
    if (!goes_on()) return fail(Errc::cancelled, "stopped");
  }
}

Result<> JobRun::train() {
  const Prepared& p = prepared_->prepared;
  Models& models = jobs_.site().pool();
  FH_TRY(train::RunPlan plan, train::plan_run(p.read.recipe, p.dataset));
  Console quiet(-1, -1);
  FH_TRY(const train::Beginning beginning, beginning_of(p, quiet));
  FH_TRY(record_, store_.update(record_.job.id, [&](JobRecord& r) { r.base_digests = beginning.base_digests; }));
  FH_TRY(const ModelLease model, lease());
  Room room(models, prepared_->facts);
  for (bool told = false;; told = true) {
    FH_TRY_VOID(plan_memory_of(plan));
    if (room.take(memory_)) break;
    if (!told) tell("info", fmt::format("The job waits for memory: it needs {}", human_bytes(memory_)));
    jobs_.pause(jobs_.changes(), std::chrono::seconds(5));
    if (!goes_on()) return fail(Errc::cancelled, "stopped");
  }
  const train::RunFolder run_folder(folder());
  FH_TRY(const train::RunLock lock, train::RunLock::take(folder()));
  FH_TRY_VOID(run_folder.make());
  train::RunState state;
  FH_TRY(const auto found, run_folder.state());
  if (found) state = *found;
  state.run = train::identity_of(beginning);
  state.recipe_sha256 = train::recipe_digest(beginning);
  state.base_model = p.read.recipe.base_model;
  state.method = method_of(p.read.recipe);
  state.label = record_.label;
  state.program = version_line();
  state.updated = train::utc_now();
  if (!found) state.started = state.updated;
  state.steps = plan.steps;
  state.steps_per_epoch = plan.batches.steps_per_epoch();
  FH_TRY_VOID(run_folder.write_state(state));

  Threads threads(models.turns());
  ThreadPool& pool = *model->loaded().pool;
  threads.take();
  Result<> done;
  {
    auto begun = begin_training(p, plan, state.run, pool, model->loaded().model, [&] { threads.rest(); });
    if (!begun) return tl::unexpected(std::move(begun).error());
    Training& training = *begun;
    done = training.run->resume();
    if (done) done = store_.forget_events_after(record_.job.id, training.run->counters().step);
    if (done) {
      Observer observer(*this, training, threads);
      const auto ending = training.run->go(observer);
      threads.give();
      observer.tell();
      if (!ending) {
        done = tl::unexpected(ending.error());
      } else if (*ending == train::Ending::stopped) {
        done = fail(Errc::cancelled, "stopped");
      } else {
        done = finish(training, *ending, beginning, state);
      }
      threads.take();
    }
    pool.wait_for_late_threads();
  }
  return done;
}

Result<JobModel> JobRun::keep_adapter(const Training& training, const std::string& name_of_folder,
                                      std::string name) const {
  const fs::path to = folder() / name_of_folder;
  FH_TRY_VOID(make_directories(to));
  FH_TRY_VOID(train::write_adapter(to, *training.lora).map([](auto&&) {}));
  FH_TRY(const Digest digest, adapter_digest(to));
  return JobModel{std::move(name), name_of_folder, digest.name(), size_of(to / "adapter_model.safetensors"), {}};
}

// The measurements as the file that clients know. Its name follows from the job: who is killed behind it writes the
// same.
Result<std::string> JobRun::keep_measurements(const Training& training) {
  FH_TRY(const train::Metrics metrics, train::read_metrics(training.folder->file("metrics.jsonl")));
  std::string csv = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n";
  auto evaluation = metrics.evaluations.begin();
  for (const train::StepMetrics& m : metrics.steps) {
    std::string valid;
    for (; evaluation != metrics.evaluations.end() && evaluation->step <= m.step; ++evaluation) {
      valid = fmt::format("{}", evaluation->loss);
    }
    csv += fmt::format("{},{},{},{},\n", m.step, m.loss, m.accuracy ? fmt::format("{}", *m.accuracy) : "", valid);
  }
  FH_TRY(FileStore * files, jobs_.site().batches->store());
  const std::string id = "file-" + record_.job.id.substr(record_.job.id.find('-') + 1);
  FH_TRY_VOID(files->add_result(record_.tenant, id, "step_metrics.csv", "fine-tune-results", csv));
  return id;
}

Result<> JobRun::finish(Training& training, train::Ending ending, const train::Beginning& beginning,
                        const train::RunState& state) {
  FH_TRY_VOID(write_result(prepared_->prepared, training, ending, beginning, state));
  FH_TRY(const Digest digest, adapter_digest(folder()));
  FH_TRY(const std::string csv, keep_measurements(training));
  const JobModel result{
      tuned_name(record_.job), ".", digest.name(), size_of(folder() / "adapter_model.safetensors"), {}};
  // Whoever reads that it has succeeded can ask the model, and what it was made from is gone (JobStore::update).
  JobRecord with_result = record_;
  with_result.models = {result};
  jobs_.offer(with_result);
  const auto updated = store_.update(record_.job.id, [&](JobRecord& r) {
    if (!r.job.become(JobStatus::succeeded, store_.now())) return;
    r.job.fine_tuned_model = result.name;
    r.job.result_files = {csv};
    r.job.trained_tokens = training.run->counters().tokens;
    r.models.push_back(result);
  });
  if (!updated || updated->job.status != JobStatus::succeeded) {
    jobs_.site().pool().withdraw_tuned(result.name);
    return updated ? fail(Errc::cancelled, "stopped") : Result<>(tl::unexpected(updated.error()));
  }
  tell("info", fmt::format("New fine-tuned model created: {}", result.name));
  tell("info", "The job has successfully completed");
  train::RunState over = state;
  over.status = train::RunStatus::finished;
  over.step = training.run->counters().step;
  over.updated = train::utc_now();
  (void)training.folder->write_state(over);
  return {};
}

}  // namespace freehold::app
