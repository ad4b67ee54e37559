// OpenAI's fine-tuning jobs (platform.openai.com/docs/api-reference/fine-tuning): what a client asks for, the objects
// it gets, and the states of a job. Who runs them is somebody else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/call.h"
#include "api/openai/files.h"

namespace freehold::api::openai {

//   validating_files -> queued -> running -> succeeded;  queued, running -> paused -> queued
//   what is not over -> failed, cancelled;  running -> queued (it makes room for requests)
enum class JobStatus : std::uint8_t { validating_files, queued, running, paused, succeeded, failed, cancelled };
std::string_view name_of(JobStatus status);
std::optional<JobStatus> job_status(std::string_view name);
bool is_over(JobStatus status);
bool may_become(JobStatus from, JobStatus to);

enum class TuningMethod : std::uint8_t { supervised, dpo };

// Nothing: "auto", until the files have been read.
struct Hyperparameters {
  std::optional<std::uint32_t> n_epochs, batch_size;
  std::optional<double> learning_rate_multiplier;
  std::optional<double> beta;  // of dpo
  bool operator==(const Hyperparameters&) const = default;
};

struct JobError {
  std::string code, message;
  std::string param;  // may be empty
  bool operator==(const JobError&) const = default;
};

struct NewJob {
  std::string model;
  std::string training_file;
  std::string validation_file;  // empty: none
  TuningMethod method = TuningMethod::supervised;
  Hyperparameters hyperparameters;
  std::string suffix;
  std::optional<std::uint32_t> seed;
  std::string metadata = "null";  // JSON text
};
// What is not honoured is refused by name, and so is what is not known: a job costs hours.
Parsed<NewJob> parse_job(std::string_view body);

struct FineTuningJob {
  std::string id;     // ftjob-…
  std::string model;  // that it begins from
  std::string training_file, validation_file;
  TuningMethod method = TuningMethod::supervised;
  Hyperparameters hyperparameters;
  std::string suffix;
  std::uint32_t seed = 0;
  std::string metadata = "null";
  JobStatus status = JobStatus::validating_files;
  std::string fine_tuned_model;  // empty: not yet
  std::string organization;
  std::int64_t created_at = 0;
  std::optional<std::int64_t> finished_at, estimated_finish;
  std::optional<std::uint64_t> trained_tokens;
  std::vector<std::string> result_files;
  std::optional<JobError> error;

  // Goes on to another status. False, and no change, if that is no way to go.
  bool become(JobStatus next, std::int64_t now);
};
std::string job_json(const FineTuningJob& job);
// What job_json wrote. Nothing if it is something else.
std::optional<FineTuningJob> read_job(std::string_view json);

struct JobEvent {
  std::string id;  // ftevent-…
  std::int64_t created_at = 0;
  std::string level;  // info, warn, error
  std::string type;   // message, metrics
  std::string message;
  std::string data = "null";  // JSON text
};
std::string event_json(const JobEvent& event);

struct JobCheckpoint {
  std::string id;  // ftckpt_…
  std::int64_t created_at = 0;
  std::string job, model;
  std::uint64_t step = 0;
  double train_loss = 0;
  std::optional<double> valid_loss;
};
std::string checkpoint_json(const JobCheckpoint& checkpoint);

// The page of a list of jobs, and `metadata[KEY]=VALUE`: only jobs that have all of these.
struct JobPage {
  Page page;
  std::vector<std::pair<std::string, std::string>> metadata;
  bool without_metadata = false;  // metadata=null
};
Parsed<JobPage> parse_job_page(const Query& query);
bool fits(const JobPage& page, const FineTuningJob& job);

std::string model_deleted_json(std::string_view name);

}  // namespace freehold::api::openai
