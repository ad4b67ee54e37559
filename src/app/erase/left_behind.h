// What is erased in the stores of a home that a server holds: by that server, or by `guard erase` where none runs.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/erase/mentions.h"
#include "app/erase/order.h"
#include "base/result.h"
#include "guard/hold_book.h"

namespace freehold::app {

class BlobUploads;
class FileStore;
class JobStore;
class MadeModels;

struct StoresOfKeys {
  FileStore* files = nullptr;  // null: there is none, or another process holds it
  JobStore* jobs = nullptr;
  MadeModels* made = nullptr;
  BlobUploads* blobs = nullptr;
  // Where somebody works on batches and jobs: tells him that something has changed. Empty: nobody does.
  std::function<void()> wake = {};
  std::function<void(const std::string& model)> withdraw = {};  // a model that cannot be asked for any more
};

// Something that a key has left here, and the label that it carries; "": the lowest.
struct LeftByKey {
  std::string key, label;
};
Result<std::vector<LeftByKey>> left_by_keys(const StoresOfKeys& stores);
// The hold that holds anything here that the order is about: a file with lines of batches, what a key has left that is
// to lose all; nothing: none. `left`: as
// left_by_keys has it; `lowest`: the label of what has none. Errors: of the stores.
Result<std::optional<guard::Hold>> hold_on_left_behind(const StoresOfKeys& stores, const ErasureOrder& order,
                                                       const std::vector<LeftByKey>& left,
                                                       const std::vector<guard::Hold>& holds, std::string_view lowest);
// The lines of batches that an order is about: what names nobody is the key's, and goes with its files. The order must
// outlive it.
std::function<bool(const std::string& key, std::string_view subject)> lines_of(const ErasureOrder& order);
// What learned, or learns, from one of these files or, with `key`, whatever this key has tuned: names of models, ids of
// jobs that are not over. Errors: of the store.
Result<std::vector<std::string>> who_learned(JobStore& jobs, const std::vector<std::string>& files,
                                             std::string_view key = {});
// Models of jobs whose files of examples have been deleted since: of these it cannot be told whom they name. Errors: of
// the store.
Result<std::vector<Lesson>> lessons_of_gone_files(const std::filesystem::path& home, JobStore& jobs);
// Says in `erased` what holds it.
void say_held(const guard::Hold& hold, Erased& erased);
// What of these stores an order is about goes: lines of batches, and all that a key has left, whose batches and jobs
// end if they run; the models that learned from it are named, and stay. Errors: of the stores; what is told of has gone
// all the same, and all else may be tried again.
Result<> erase_left_behind(const StoresOfKeys& stores, const ErasureOrder& order, const std::vector<LeftByKey>& left,
                           Erased& erased);

}  // namespace freehold::app
