#include "app/serve/job_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/serve/collected.h"
#include "app/serve/site.h"
#include "base/file.h"
#include "base/line_reader.h"
#include "base/utf8.h"
#include "text/tools/conversation.h"
#include "train/run_plan.h"

namespace freehold::app {

namespace fs = std::filesystem;
using api::openai::JobError;
using api::openai::JobStatus;
using api::openai::TuningMethod;
using api::openai::TuningRows;

namespace {

constexpr std::size_t kMostTold = 5;              // lines of a file that are wrong
constexpr std::uint32_t kStepsBetweenSaves = 20;  // what a kill may cost
constexpr std::uint32_t kMicroBatchTokens = 512;  // more only makes requests wait longer for a block to end

// A file that has been checked, or what is wrong with it.
struct CheckedFile {
  TuningRows rows = TuningRows::chat;
  std::uint64_t examples = 0;
  bool tools = false;
  std::optional<JobError> error;
};

std::string parameter(bool validation) {
  return validation ? "validation_file" : "training_file";
}

JobError file_error(bool validation, std::string message) {
  return {validation ? "invalid_validation_file" : "invalid_training_file", std::move(message), parameter(validation)};
}

// Every line of the upload as a row, at the same place.
Result<CheckedFile> check_file(TuningJobs& jobs, const fs::path& folder, TuningMethod method, bool validation) {
  CheckedFile out;
  std::vector<std::string> wrong;
  std::size_t more = 0;
  const auto refuse = [&](std::uint64_t line, const std::string& what) {
    if (wrong.size() < kMostTold) {
      wrong.push_back(fmt::format("line {}: {}", line, what));
    } else {
      ++more;
    }
  };
  FH_TRY(InputFile upload, InputFile::open(folder / upload_name(validation)));
  LineReader reader(std::move(upload));
  FH_TRY(AtomicFile rows, AtomicFile::create(folder / rows_name(validation), FileAccess::owner));
  std::optional<TuningRows> first;
  while (true) {
    auto line = reader.next();
    if (!line && line.error().code == Errc::invalid) {
      wrong.push_back(line.error().what);
      break;
    }
    if (!line) return tl::unexpected(std::move(line).error());
    if (!*line) break;
    const LineReader::Line& l = **line;
    if (l.number % 256 == 0 && jobs.stopping()) return fail(Errc::cancelled, "the server is stopping");
    if (!is_blank(l.text)) {
      auto row = api::openai::parse_tuning_line(l.text, method);
      if (!row) {
        refuse(l.number, row.error());
      } else if (first && *first != row->rows) {
        refuse(l.number, "conversations and completions cannot stand in one file");
      } else {
        first = row->rows;
        out.tools |= row->tools;
        ++out.examples;
        FH_TRY_VOID(rows.write(row->json));
      }
    }
    FH_TRY_VOID(rows.write("\n"));
  }
  if (wrong.empty() && out.examples == 0) wrong.emplace_back("it holds no examples");
  if (!wrong.empty()) {
    out.error =
        file_error(validation, fmt::format("{} is not usable: {}{}", parameter(validation), fmt::join(wrong, "; "),
                                           more > 0 ? fmt::format("; and {} more lines", more) : ""));
    return out;
  }
  out.rows = first.value_or(TuningRows::chat);
  FH_TRY_VOID(rows.commit());
  return out;
}

// What would be learned differs from what would be served, or cannot be done at all.
std::optional<JobError> check_model_for(const CheckedModel& checked, const CheckedFile& file) {
  if (file.rows == TuningRows::completions) return std::nullopt;
  if (checked.tokenizer.chat_templates.empty()) {
    return JobError{"unsupported_model", "the model has no chat template: it can learn 'prompt' and 'completion' only",
                    "training_file"};
  }
  if (!file.tools) return std::nullopt;
  const auto chat = text::ChatTemplate::parse(checked.tokenizer.chat_templates.front().source);
  const auto support = chat ? text::tools::inspect_template(*chat) : text::tools::TemplateSupport{};
  if (support.describes_tools && support.writes_calls && support.writes_results && !support.arguments_as_text &&
      !support.short_ids) {
    return std::nullopt;
  }
  return JobError{
      "unsupported_model",
      "examples with tools can only be learned if the model's own chat template writes tools and their calls "
      "as they are given, which this one's does not",
      "training_file"};
}

// Nobody may tune with a key that is gone, and a model that is gone cannot be tuned.
std::optional<JobError> check_owner(TuningJobs& jobs, const JobRecord& record) {
  const auto who = jobs.site().principal_of(own_request("/v1/fine_tuning/jobs", "", record.tenant));
  if (!who) return JobError{"invalid_api_key", "the key that made this job is not valid any more", ""};
  const auto facts = jobs.site().facts(record.job.model, *who);
  if (!facts) return JobError{"model_not_found", facts.error().message, "model"};
  // The policy may have changed since the job was made.
  const auto may = jobs.site().permit(*who, jobs.site().permissions().to_ask(*who, **facts, record.label));
  if (!may) return JobError{"forbidden", may.error().message, "model"};
  return std::nullopt;
}

// The policy's rules for what is learned, as they hold for whose job it is.
DataVeil veil_of(TuningJobs& jobs, const JobRecord& record) {
  const guard::Policy& policy = jobs.site().permissions().policy();
  if (policy.personal_data.rules.empty()) return {};
  const auto who = jobs.site().principal_of(own_request("/v1/fine_tuning/jobs", "", record.tenant));
  return DataVeil(guard::treatments(policy, guard::Way::training, who ? who->role : guard::Role::user, record.label,
                                    record.job.model));
}

// What no model may learn is refused, and the refusal is in the audit log.
Result<> check_veil(TuningJobs& jobs, const JobRecord& record, const DataVeil& veil) {
  auto allowed = veil.check();
  if (allowed) return allowed;
  if (const auto who = jobs.site().principal_of(own_request("/v1/fine_tuning/jobs", "", record.tenant))) {
    guard::Decision denied;
    denied.rule = veil.veil().rule();
    denied.label = record.label;
    denied.message = allowed.error().what;
    denied.kinds = veil.veil().refused_kinds();
    (void)jobs.site().permit(*who, denied);
  }
  return allowed;
}

std::string yaml(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

Result<> end(JobStore& store, const JobRecord& record, JobError error) {
  FH_TRY_VOID(store.add_events(record.job.id, {{"error", "message", error.message}}));
  FH_TRY(const JobRecord now, store.update(record.job.id, [&](JobRecord& r) {
    if (r.job.become(JobStatus::failed, store.now())) r.job.error = std::move(error);
  }));
  std::error_code ec;
  if (is_over(now.job.status)) fs::remove_all(store.folder_of(record.job.id), ec);
  return {};
}

// Paths belong to whoever runs the server.
bool is_ours(Errc code) {
  return code == Errc::io || code == Errc::cancelled;
}

}  // namespace

TuningDefaults tuning_defaults(std::uint64_t examples) {
  TuningDefaults d;
  constexpr std::uint64_t kFew = 100;  // examples seen in all, at least
  const std::uint64_t n = std::max<std::uint64_t>(examples, 1);
  if (3 * n < kFew) d.epochs = static_cast<std::uint32_t>(std::clamp<std::uint64_t>((kFew + n - 1) / n, 3, 25));
  d.batch = static_cast<std::uint32_t>(std::clamp<std::uint64_t>((n + 499) / 500, 1, 32));
  return d;
}

double usual_learning_rate(TuningMethod method) {
  return method == TuningMethod::dpo ? 2e-5 : 2e-4;
}

std::string recipe_of(const api::openai::FineTuningJob& job, const RecipeFacts& facts) {
  const auto& h = job.hyperparameters;
  const std::uint32_t batch = h.batch_size.value_or(1);
  // As many at a time as are worth it, and divide the batch, so that every step has the same number.
  std::uint32_t micro = 1;
  for (std::uint32_t m = 2; m <= batch && std::uint64_t{m} * facts.longest <= kMicroBatchTokens; ++m) {
    if (batch % m == 0) micro = m;
  }
  if (job.method == TuningMethod::dpo) micro = 1;
  const std::uint64_t steps = (facts.examples + batch - 1) / batch;
  const auto data = [&](const char* key, bool validation) {
    std::string out = fmt::format("{}:\n  - path: {}\n    ds_type: json\n", key, rows_name(validation));
    if (!facts.label.empty()) out += fmt::format("    label: {}\n", facts.label);
    switch (facts.rows) {
      case TuningRows::chat:
        return out + "    type: chat_template\n    message_field_training: weight\n";
      case TuningRows::completions:
        return out +
               "    type:\n      field_instruction: prompt\n      field_output: completion\n"
               "      format: \"{instruction}\"\n      no_input_format: \"{instruction}\"\n";
      case TuningRows::preferences:
        return out + "    type: chat_template.default\n";
    }
    return out;
  };
  std::string out =
      fmt::format("# {}, made by freehold serve\nbase_model: {}\nadapter: lora\n", job.id, yaml(job.model));
  if (facts.continues) out += "lora_model_dir: start\n";
  out += "lora_r: 16\nlora_alpha: 32\nlora_target_linear: true\n";
  if (job.method == TuningMethod::dpo) out += fmt::format("rl: dpo\ndpo_beta: {}\n", h.beta.value_or(0.1));
  out += data("datasets", false);
  if (!job.validation_file.empty()) out += data("test_datasets", true) + "evals_per_epoch: 1\n";
  out += fmt::format("sequence_len: {}\nmicro_batch_size: {}\ngradient_accumulation_steps: {}\nnum_epochs: {}\n",
                     facts.context, micro, batch / micro, h.n_epochs.value_or(1));
  out += fmt::format("learning_rate: {}\nlr_scheduler: cosine\noptimizer: adamw_torch\n",
                     usual_learning_rate(job.method) * h.learning_rate_multiplier.value_or(1));
  out += fmt::format("saves_per_epoch: {}\nsave_total_limit: 1\nseed: {}\noutput_dir: .\n",
                     std::max<std::uint64_t>(1, (steps + kStepsBetweenSaves - 1) / kStepsBetweenSaves), job.seed);
  return out;
}

JobError data_error(const Error& error) {
  for (const bool validation : {false, true}) {
    const std::string name = rows_name(validation);
    const auto at = error.what.find(name);
    if (at == std::string::npos) continue;
    std::string_view rest = std::string_view(error.what).substr(at + name.size());
    if (rest.starts_with(": ")) rest.remove_prefix(2);
    return file_error(validation, fmt::format("{} is not usable: {}", parameter(validation), rest));
  }
  if (error.code == Errc::invalid) return file_error(false, error.what);
  return {"server_error", "the job could not be prepared: whoever runs the server finds the reason in its log", ""};
}

Result<PreparedJob> prepare_job(TuningJobs& jobs, const JobStore& store, const JobRecord& record,
                                const std::string& recipe) {
  FH_TRY(FactsPtr facts, jobs.site().pool().facts(record.job.model));
  if (facts->key != record.base_key) {
    return fail(Errc::not_found,
                fmt::format("model '{}' is not the one that the job was made for", printable(record.job.model)));
  }
  FH_TRY(OpenModel opened, open_model(facts->reference));
  opened.adapter.clear();
  FH_TRY(CheckedModel checked, check_model(std::move(opened)));
  ReadRecipe read;
  read.folder = read.output = store.folder_of(record.job.id);
  read.path = read.folder / "recipe.yaml";
  read.text = recipe;
  FH_TRY(read.recipe, train::parse_recipe(recipe));
  const auto go_on = [&](std::size_t, std::size_t) -> Result<> {
    if (jobs.stopping()) return fail(Errc::cancelled, "the server is stopping");
    return {};
  };
  DataVeil veil = veil_of(jobs, record);
  FH_TRY(train::Dataset dataset,
         train::load_dataset(read.recipe, read.folder, checked.tokenizer, go_on, veil.change()));
  FH_TRY_VOID(check_veil(jobs, record, veil));
  for (std::size_t i = 0; i < dataset.sources.size(); ++i) {
    const train::SourceFacts& f = dataset.sources[i];
    if (f.too_long == 0) continue;
    return fail(Errc::invalid,
                fmt::format("{}: {} of {} examples are longer than the model's context of {} tokens: the "
                            "longest has {} (line {})",
                            rows_name(i > 0), f.too_long, f.too_long + f.examples / dataset.together,
                            read.recipe.sequence_len, f.longest, f.longest_line));
  }
  return PreparedJob{Prepared{std::move(read), std::move(checked), std::move(dataset), std::move(veil)},
                     std::move(facts)};
}

Result<> check_job(TuningJobs& jobs, JobStore& store, const JobRecord& record) {
  const fs::path folder = store.folder_of(record.job.id);
  const bool validates = !record.job.validation_file.empty();
  if (auto problem = check_owner(jobs, record)) return end(store, record, std::move(*problem));
  FH_TRY(const CheckedFile training, check_file(jobs, folder, record.job.method, false));
  if (training.error) return end(store, record, *training.error);
  CheckedFile both = training;
  if (validates) {
    FH_TRY(const CheckedFile validation, check_file(jobs, folder, record.job.method, true));
    if (validation.error) return end(store, record, *validation.error);
    if (validation.rows != training.rows) {
      return end(
          store, record,
          file_error(true, "validation_file is not usable: its lines are of another kind than those of training_file"));
    }
    both.tools |= validation.tools;
  }
  api::openai::FineTuningJob job = record.job;
  auto& h = job.hyperparameters;
  const TuningDefaults defaults = tuning_defaults(training.examples);
  if (!h.n_epochs) h.n_epochs = defaults.epochs;
  if (!h.batch_size) h.batch_size = defaults.batch;
  if (!h.learning_rate_multiplier) h.learning_rate_multiplier = defaults.multiplier;
  if (job.method == TuningMethod::dpo && !h.beta) h.beta = defaults.beta;
  // Read once for the lengths, which decide how many examples fit into one pass.
  RecipeFacts facts{training.rows, training.examples, 1, 0, fs::exists(folder / "start"), record.label};
  const auto served = jobs.site().pool().facts(job.model);
  if (!served) return end(store, record, {"model_not_found", "the model is not there any more", "model"});
  facts.context = (*served)->context();
  FH_TRY(OpenModel opened, open_model((*served)->reference));
  FH_TRY(const CheckedModel checked, check_model(std::move(opened)));
  if (auto problem = check_model_for(checked, both)) return end(store, record, std::move(*problem));
  auto prepared = prepare_job(jobs, store, record, recipe_of(job, facts));
  if (!prepared) {
    if (is_ours(prepared.error().code)) return tl::unexpected(std::move(prepared).error());
    jobs.report(fmt::format("fine-tuning {}: {}", record.job.id, prepared.error().what));
    if (prepared.error().code == Errc::not_found) {
      return end(store, record, {"model_not_found", prepared.error().what, "model"});
    }
    return end(store, record, data_error(prepared.error()));
  }
  std::uint64_t tokens = 0;
  for (const train::SourceFacts& f : prepared->prepared.dataset.sources)
    facts.longest = std::max(facts.longest, f.longest);
  for (const auto& example : prepared->prepared.dataset.train) tokens += example.tokens.size();
  const std::string found = prepared->prepared.veil.veil().summary();
  const std::string recipe = recipe_of(job, facts);
  FH_TRY_VOID(write_file_atomically(folder / "recipe.yaml", recipe));
  FH_TRY(const JobRecord queued, store.update(record.job.id, [&](JobRecord& r) {
    if (!r.job.become(JobStatus::queued, store.now())) return;
    r.job.hyperparameters = h;
    r.recipe = recipe;
  }));
  std::error_code ec;
  if (is_over(queued.job.status)) {  // cancelled meanwhile
    fs::remove_all(folder, ec);
    return {};
  }
  for (const bool validation : {false, true}) fs::remove(folder / upload_name(validation), ec);
  return store.add_events(record.job.id,
                          {{"info", "message",
                            fmt::format("Files validated: {} examples with {} tokens, {} epoch{}; {}the job is queued",
                                        training.examples, tokens, *h.n_epochs, *h.n_epochs == 1 ? "" : "s",
                                        found.empty() ? "" : fmt::format("personal data: {}; ", found))}});
}

}  // namespace freehold::app
