// A fine-tuning job before it runs: its files are checked line by line and written as the rows that training reads, and
// what was left to us ("auto") is decided.
#pragma once

#include <cstdint>
#include <string>

#include "api/openai/fine_tuning_data.h"
#include "app/serve/tuning_jobs.h"
#include "app/tune/prepare.h"

namespace freehold::app {

// Makes the job queued, or failed. Errors: of our own disk; the job stays as it was.
Result<> check_job(TuningJobs& jobs, JobStore& store, const JobRecord& record);

// "auto" of a job with so many examples (docs/adr/0032 has the reasons).
struct TuningDefaults {
  std::uint32_t epochs = 3, batch = 1;
  double multiplier = 1, beta = 0.1;
};
TuningDefaults tuning_defaults(std::uint64_t examples);
// What a multiplier multiplies.
double usual_learning_rate(api::openai::TuningMethod method);

// What decides about a recipe beside the job itself.
struct RecipeFacts {
  api::openai::TuningRows rows = api::openai::TuningRows::chat;
  std::uint64_t examples = 0;  // of the training file
  std::uint32_t longest = 1;   // tokens of the longest of both files
  std::uint32_t context = 0;   // of the model
  bool continues = false;      // an adapter lies in the folder "start"
  std::string label = {};      // of the data; empty: the lowest
};
// The recipe of a job whose hyperparameters are numbers.
std::string recipe_of(const api::openai::FineTuningJob& job, const RecipeFacts& facts);

// A job's recipe with its model and data, read as training reads them. `stop`: an error ends it.
struct PreparedJob {
  Prepared prepared;
  FactsPtr facts;  // of the base model, as the server has them
};
// Errors: those of reading. Errc::not_found: the model is not there any more, or is another.
Result<PreparedJob> prepare_job(TuningJobs& jobs, const JobStore& store, const JobRecord& record,
                                const std::string& recipe);

// What a client is told of an error while its data are read: without paths of this machine, and with the name of the
// parameter.
api::openai::JobError data_error(const Error& error);

}  // namespace freehold::app
