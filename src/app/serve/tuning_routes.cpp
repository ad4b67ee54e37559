// /v1/fine_tuning/jobs.
#include <fmt/format.h>

#include <algorithm>

#include "api/openai/fine_tuning.h"
#include "app/serve/batches.h"
#include "app/serve/reply.h"
#include "app/serve/routes.h"
#include "app/serve/tuning_jobs.h"
#include "base/random_id.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

namespace openai = api::openai;
namespace fs = std::filesystem;
using api::Failure;
using api::Problem;
using openai::JobStatus;

Failure no_such_job(std::string_view id) {
  return {Problem::not_found, fmt::format("Could not find fine tune: {}", printable(id)), "fine_tuning_job_id",
          "fine_tune_not_found"};
}

Failure tuning_failure(const Error& error, std::string param = {}) {
  switch (error.code) {
    case Errc::invalid:
      return {Problem::invalid, error.what, std::move(param), {}};
    case Errc::exhausted:
      if (error.what.starts_with("jobs")) return {Problem::too_many, error.what, {}, {}};
      if (error.what.starts_with("models")) return {Problem::invalid, error.what, {}, "model_limit_exceeded"};
      return {Problem::unavailable, error.what, {}, {}};
    case Errc::io:
      return {Problem::unavailable,
              "fine-tuning cannot be used now: whoever runs the server finds the reason in its log",
              {},
              {}};
    default:
      return {Problem::internal, "the jobs cannot be read or written", {}, {}};
  }
}

// A file of this tenant that may be learned from: its label.
api::Parsed<std::string> check_upload(FileStore& files, const std::string& tenant, const std::string& id,
                                      const char* param) {
  const auto found = files.find(tenant, id);
  if (!found) return tl::unexpected(tuning_failure(found.error()));
  if (!*found)
    return api::refuse(Problem::invalid, fmt::format("invalid {}: {}", param, printable(id)), param, "file_not_found");
  if ((*found)->purpose == "fine-tune") return (*found)->label;
  return api::refuse(
      Problem::invalid,
      fmt::format("{} has the purpose '{}': files to learn from are uploaded with the purpose 'fine-tune'",
                  printable(id), (*found)->purpose),
      param, "invalid_file_purpose");
}

// What a job begins from: a model that this key may use, or one that it has tuned.
struct Start {
  std::string model, key;
  fs::path adapter;  // to go on from; empty: none
  FactsPtr facts;
};
api::Parsed<Start> start_of(const Site& site, const guard::Principal& who, const std::string& name) {
  FH_TRY(const NamedModel named, site.named(name, who));
  if (named.made) {
    return api::refuse(
        Problem::invalid,
        fmt::format("'{}' was made from '{}': tune that", printable(name), printable(named.model->name())), "model",
        "model_not_available");
  }
  const ModelFacts& m = *named.model;
  if (m.base) return Start{m.base->name(), m.key, m.adapter->path, named.model};
  if (m.adapter) {
    return api::refuse(Problem::invalid,
                       fmt::format("'{}' is a model with an adapter on it: tune the model without it", printable(name)),
                       "model", "model_not_available");
  }
  return Start{m.name(), m.key, {}, named.model};
}

// Another name of the same content, so that the file can be deleted and the job goes on; copied where there can be
// none.
Result<> bring(const fs::path& from, const fs::path& to) {
  std::error_code ec;
  fs::create_hard_link(from, to, ec);
  if (ec) fs::copy_file(from, to, ec);
  if (ec) return fail(Errc::io, fmt::format("{}: {}", printable(to.string()), ec.message()));
  return {};
}

void create_job(Site& site, JobStore& jobs, const ExchangePtr& exchange, guard::Principal who) {
  if (auto may = site.may_ask(who); !may) return respond(*exchange, may.error());
  const auto wanted = openai::parse_job(exchange->request().body);
  if (!wanted) return respond(*exchange, wanted.error());
  if (auto counted = site.count_request(who); !counted) return respond(*exchange, counted.error());
  const auto start = start_of(site, who, wanted->model);
  if (!start) return respond(*exchange, start.error());
  auto files = site.batches->store();
  if (!files) return respond(*exchange, tuning_failure(files.error()));
  const std::pair<const std::string*, const char*> given[] = {{&wanted->training_file, "training_file"},
                                                              {&wanted->validation_file, "validation_file"}};
  for (const auto& [id, param] : given) {
    if (id->empty()) continue;
    auto label = check_upload(**files, who.tenant, *id, param);
    if (!label) return respond(*exchange, label.error());
    who.carries.push_back(std::move(*label));
  }
  // What is learned from goes into the model, and what was learned before into what comes of it.
  const guard::Decision may = site.permissions().to_ask(who, *start->facts);
  if (auto permitted = site.permit(who, may); !permitted) return respond(*exchange, permitted.error());
  JobRecord begin;
  begin.job.model = start->model;
  begin.job.organization = "freehold";
  begin.job.seed =
      wanted->seed ? *wanted->seed : static_cast<std::uint32_t>(std::stoul(random_id().substr(0, 7), nullptr, 16));
  begin.base_key = start->key;
  if (may.label != site.permissions().policy().lowest()) begin.label = may.label;
  const auto leave = site.may_keep(exchange->request(), who);
  if (!leave) return respond(*exchange, leave.error());
  const auto added = jobs.add(who.tenant, *wanted, std::move(begin), [&](const fs::path& folder) -> Result<> {
    for (const auto& [id, param] : given) {
      if (!id->empty()) FH_TRY_VOID(bring((*files)->path_of(*id), folder / upload_name(id != &wanted->training_file)));
    }
    if (start->adapter.empty()) return {};
    FH_TRY_VOID(make_directories(folder / "start"));
    for (const char* name : {"adapter_config.json", "adapter_model.safetensors"}) {
      FH_TRY_VOID(bring(start->adapter / name, folder / "start" / name));
    }
    return {};
  });
  if (!added) return respond(*exchange, tuning_failure(added.error()));
  (void)jobs.add_events(added->job.id, {{"info", "message", fmt::format("Created fine-tuning job: {}", added->job.id)},
                                        {"info", "message", "Validating training file: " + added->job.training_file}});
  site.jobs->wake();
  exchange->respond(json_response(200, openai::job_json(added->job)));
}

void list_jobs(JobStore& jobs, const ExchangePtr& exchange, const guard::Principal& who) {
  const auto page = openai::parse_job_page(exchange->request().target.query);
  if (!page) return respond(*exchange, page.error());
  const auto found = jobs.list(who.tenant, *page);
  if (!found) return respond(*exchange, tuning_failure(found.error(), "after"));
  std::vector<std::pair<std::string, std::string>> objects;
  for (const JobRecord& r : found->items) objects.emplace_back(r.job.id, openai::job_json(r.job));
  exchange->respond(json_response(200, openai::list_json(objects, found->has_more)));
}

void list_events(JobStore& jobs, const JobRecord& record, const ExchangePtr& exchange) {
  const auto page = openai::parse_page(exchange->request().target.query, 20, 10'000);
  if (!page) return respond(*exchange, page.error());
  const auto found = jobs.events(record.job.id, *page);
  if (!found) return respond(*exchange, tuning_failure(found.error(), "after"));
  std::vector<std::pair<std::string, std::string>> objects;
  for (const auto& event : found->items) objects.emplace_back(event.id, openai::event_json(event));
  exchange->respond(json_response(200, openai::list_json(objects, found->has_more)));
}

void list_checkpoints(const JobRecord& record, const ExchangePtr& exchange) {
  const auto page = openai::parse_page(exchange->request().target.query, 10, 100);
  if (!page) return respond(*exchange, page.error());
  std::vector<const openai::JobCheckpoint*> all;
  for (const JobModel& m : record.models) {
    if (!m.checkpoint.id.empty()) all.push_back(&m.checkpoint);
  }
  if (!page->ascending) std::reverse(all.begin(), all.end());
  auto begin = all.begin();
  if (!page->after.empty()) {
    begin = std::find_if(all.begin(), all.end(), [&](const auto* c) { return c->id == page->after; });
    if (begin == all.end()) {
      return respond(
          *exchange,
          Failure{
              Problem::invalid, fmt::format("'after': there is no object '{}'", printable(page->after)), "after", {}});
    }
    ++begin;
  }
  std::vector<std::pair<std::string, std::string>> objects;
  for (; begin != all.end() && objects.size() < page->limit; ++begin) {
    objects.emplace_back((*begin)->id, openai::checkpoint_json(**begin));
  }
  exchange->respond(json_response(200, openai::list_json(objects, begin != all.end())));
}

void change_job(Site& site, JobStore& jobs, const JobRecord& record, const std::string& verb,
                const ExchangePtr& exchange) {
  const JobStatus next = verb == "cancel"  ? JobStatus::cancelled
                         : verb == "pause" ? JobStatus::paused
                                           : JobStatus::queued;
  bool changed = false;
  JobStatus before = record.job.status;
  const auto updated = jobs.update(record.job.id, [&](JobRecord& r) {
    before = r.job.status;
    // Only what is paused is resumed.
    changed = (next != JobStatus::queued || before == JobStatus::paused) && r.job.become(next, jobs.now());
  });
  if (!updated) return respond(*exchange, tuning_failure(updated.error()));
  if (!changed) {
    return respond(*exchange, Failure{Problem::invalid,
                                      fmt::format("Job has status '{}' and cannot be {}.", name_of(updated->job.status),
                                                  verb == "cancel"  ? "cancelled"
                                                  : verb == "pause" ? "paused"
                                                                    : "resumed"),
                                      "fine_tuning_job_id", "invalid_job_status"});
  }
  (void)jobs.add_events(record.job.id, {{"info", "message",
                                         verb == "cancel"  ? "The job has been cancelled"
                                         : verb == "pause" ? "The job has been paused"
                                                           : "The job is queued again"}});
  // Of one that runs, whoever runs it clears away; one that waits has nobody.
  if (next == JobStatus::cancelled && before != JobStatus::running) {
    for (const JobModel& m : updated->models) site.pool().withdraw_tuned(m.name);
    if (!updated->models.empty()) (void)jobs.update(record.job.id, [](JobRecord& r) { r.models.clear(); });
    std::error_code ec;
    fs::remove_all(jobs.folder_of(record.job.id), ec);
  }
  site.jobs->wake();
  exchange->respond(json_response(200, openai::job_json(updated->job)));
}

}  // namespace

bool handle_tuning(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const http::Request& request = exchange->request();
  const auto& path = request.target.segments;
  if (!site.jobs || path.size() < 3 || path.size() > 5 || path[0] != "v1" || path[1] != "fine_tuning" ||
      path[2] != "jobs") {
    return false;
  }
  const std::string verb = path.size() == 5 ? path[4] : std::string();
  const bool changes = verb == "cancel" || verb == "pause" || verb == "resume";
  if (!verb.empty() && !changes && verb != "events" && verb != "checkpoints") return false;
  auto jobs = site.jobs->store();
  if (!jobs) {
    respond(*exchange, tuning_failure(jobs.error()));
    return true;
  }
  if (path.size() == 3 && request.method == "POST") {
    if (wants(*exchange, "POST")) create_job(site, **jobs, exchange, who);
    return true;
  }
  if (path.size() == 3) {
    if (wants(*exchange, "GET")) list_jobs(**jobs, exchange, who);
    return true;
  }
  // A client's cancel has no body, so no type either.
  if (changes ? request.method != "POST" : !wants(*exchange, "GET")) {
    if (changes) (void)wants(*exchange, "POST");
    return true;
  }
  const auto record = (*jobs)->find(who.tenant, path[3]);
  if (!record) {
    respond(*exchange, tuning_failure(record.error()));
  } else if (!*record) {
    respond(*exchange, no_such_job(path[3]));
  } else if (changes) {
    change_job(site, **jobs, **record, verb, exchange);
  } else if (verb == "events") {
    list_events(**jobs, **record, exchange);
  } else if (verb == "checkpoints") {
    list_checkpoints(**record, exchange);
  } else {
    exchange->respond(json_response(200, openai::job_json((*record)->job)));
  }
  return true;
}

api::Parsed<bool> delete_tuned(Site& site, const guard::Principal& who, const std::string& name) {
  if (!site.jobs) return false;
  const auto label = site.jobs->label_of(who.tenant, name);
  if (!label) return tl::unexpected(tuning_failure(label.error()));
  if (!*label) return false;
  FH_TRY(const auto leave, site.may_go(who, **label));
  const auto deleted = site.jobs->delete_model(who.tenant, name);
  if (!deleted) return tl::unexpected(tuning_failure(deleted.error()));
  return *deleted;
}

void delete_tuned_model(Site& site, const ExchangePtr& exchange, const guard::Principal& who, const std::string& name) {
  const auto deleted = delete_tuned(site, who, name);
  if (!deleted) return respond(*exchange, deleted.error());
  if (*deleted) return exchange->respond(json_response(200, openai::model_deleted_json(name)));
  const auto served = site.named(name, who);
  if (!served) return respond(*exchange, served.error());
  respond(*exchange, Failure{Problem::forbidden,
                             fmt::format("'{}' is no model that this key has tuned: only those can be deleted here",
                                         printable(name)),
                             "model",
                             {}});
}

}  // namespace freehold::app
