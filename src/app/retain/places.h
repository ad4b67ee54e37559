// The places that hold what people said, each looked through once a run (retain.h).
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "app/retain/retain.h"
#include "audit/kept_files.h"
#include "eval/result_store.h"

namespace freehold::app {

// Called for each thing; false: the run is to end.
using GoOn = std::function<bool()>;

// What serve --keep-content has kept, the vault's pseudonyms, and the keys of subjects of whom nothing is left.
class ContentPass {
 public:
  ContentPass(const RetainOptions& options, RetentionJudge& judge, const GoOn& go_on);

  // First: what the audit log says of all this, and of its times. Errors: corrupt, io.
  Result<> read_log();
  const LogTimes& times() const { return times_; }
  Result<> run(bool dry);
  std::uint64_t keys_destroyed() const { return keys_destroyed_; }

 private:
  // Of an entry of a request whose words were kept.
  struct Facts {
    std::string label, key;
    std::int64_t since = 0;
  };
  void take(std::string_view entry, std::int64_t since);
  Result<> drop_records(bool dry);
  Result<> remove_pseudonyms(bool dry);
  Result<> destroy_keys();

  const RetainOptions& options_;
  RetentionJudge& judge_;
  const GoOn& go_on_;
  LogTimes times_;
  audit::KeptRecords records_;
  std::map<std::string, std::size_t> at_;      // records that have not gone, by the place that their entry names
  std::map<std::size_t, Facts> facts_;         // by record
  std::map<std::string, std::string> key_of_;  // by subject
  std::set<std::string> lasting_;              // subjects with an entry whose time is not over
  std::uint64_t keys_destroyed_ = 0;
};

Result<> retain_files(FileStore& store, RetentionJudge& judge, bool dry, const GoOn& go_on);
Result<> retain_jobs(JobStore& store, RetentionJudge& judge, bool dry, const GoOn& go_on);
Result<> retain_evaluations(eval::ResultStore& store, RetentionJudge& judge, bool dry, const GoOn& go_on);
// The lines that were typed into `freehold chat`: one file, as old as its last line.
Result<> retain_history(const std::filesystem::path& home, RetentionJudge& judge, bool dry);

}  // namespace freehold::app
