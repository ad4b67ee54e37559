#include "app/retain/places.h"

#include <sys/stat.h>

#include "app/serve/file_store.h"
#include "app/serve/job_store.h"
#include "base/file.h"

namespace freehold::app {

using guard::Fate;

Result<> retain_files(FileStore& store, RetentionJudge& judge, bool dry, const GoOn& go_on) {
  FH_TRY(const auto files, store.all_files());
  for (const FileStore::Left& file : files) {
    if (!go_on()) return {};
    const KeptThing thing{.place = "files", .label = file.label, .since = file.created_at, .key = file.tenant};
    FH_TRY(const Fate fate, judge.judge(thing));
    if (fate == Fate::keep) continue;
    bool went = true;
    if (!dry) {
      FH_TRY(went, store.erase(file.tenant, file.id));
    }
    if (went) {
      judge.gone(thing, Fate::remove);
    } else {
      judge.stays();
    }
  }
  FH_TRY(const auto batches, store.all_batches());
  for (const FileStore::Left& batch : batches) {
    if (!go_on()) return {};
    const KeptThing thing{.place = "batches",
                          .label = batch.label,
                          .since = batch.created_at,
                          .key = batch.tenant,
                          .busy = batch.open,
                          .words = batch.words};
    FH_TRY(const Fate fate, judge.judge(thing));
    if (fate == Fate::keep) continue;
    if (!dry) FH_TRY_VOID(fate == Fate::remove ? store.remove_batch(batch.id) : store.drop_words(batch.id));
    judge.gone(thing, fate);
  }
  return {};
}

Result<> retain_jobs(JobStore& store, RetentionJudge& judge, bool dry, const GoOn& go_on) {
  FH_TRY(const auto jobs, store.all());
  for (const JobRecord& job : jobs) {
    if (!go_on()) return {};
    // What a job learns from goes when it is over; a model that can still be asked needs what is known of its job.
    if (!dry && is_over(job.job.status)) FH_TRY_VOID(store.drop_lessons(job.job.id).map([](bool) {}));
    const KeptThing thing{.place = "jobs",
                          .label = job.label,
                          .since = job.job.created_at,
                          .key = job.tenant,
                          .busy = !is_over(job.job.status) || !job.models.empty(),
                          .words = false};
    FH_TRY(const Fate fate, judge.judge(thing));
    if (fate == Fate::keep) continue;
    if (!dry) FH_TRY_VOID(store.remove(job.job.id));
    judge.gone(thing, fate);
  }
  return {};
}

Result<> retain_evaluations(eval::ResultStore& store, RetentionJudge& judge, bool dry, const GoOn& go_on) {
  FH_TRY(const auto runs, store.runs());
  for (const eval::ResultStore::Run& run : runs) {
    if (!go_on()) return {};
    const KeptThing thing{
        .place = "evaluations", .label = run.label, .since = run.recorded, .key = "", .words = run.words};
    FH_TRY(const Fate fate, judge.judge(thing));
    if (fate == Fate::keep) continue;
    if (!dry) FH_TRY_VOID(fate == Fate::remove ? store.remove(run.id) : store.drop_words(run.id));
    judge.gone(thing, fate);
  }
  return {};
}

Result<> retain_history(const std::filesystem::path& home, RetentionJudge& judge, bool dry) {
  const std::filesystem::path path = home / "history";
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return {};
  const KeptThing thing{.place = "history", .since = about.st_mtim.tv_sec, .key = ""};
  FH_TRY(const Fate fate, judge.judge(thing));
  if (fate == Fate::keep) return {};
  if (!dry) FH_TRY_VOID(remove_file(path));
  judge.gone(thing, Fate::remove);
  return {};
}

}  // namespace freehold::app
