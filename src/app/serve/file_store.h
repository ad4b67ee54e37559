// The files that clients have uploaded, and the batches made of them, below $FREEHOLD_HOME: contents in files/ID, all
// that is known about them in files.db. One process holds it at a time.
//
// 1. A file's row is written after its content is complete and synced, and goes before the content does: killed at any
//    instant, a row never names content that is not there. Content without a row is swept away when the store is
//    opened.
// 2. A name on the disk is only ever made of an id that was made here and read from the database.
// 3. Everything belongs to one tenant; for all others it does not exist.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/openai/batches.h"
#include "api/openai/files.h"
#include "app/serve/quota.h"
#include "base/file.h"
#include "base/folder_lock.h"
#include "guard/hold_book.h"
#include "sql/database.h"

namespace freehold::app {

// A batch with what only we need to know.
struct BatchRecord {
  api::openai::Batch batch;
  std::string tenant;
  std::optional<std::uint64_t> output_expires_after;  // seconds
  // Progress, written after the files have been synced up to it. What they hold behind it does not count.
  std::uint64_t lines_done = 0;
  std::uint64_t output_bytes = 0, error_bytes = 0;
  std::string output_id, error_id;  // names of the files while they grow
  std::string label;                // of its input and of who asked for it; its lines carry it, and its results
};

// What stands, before blanks, in place of a line that was about somebody who has been erased.
inline constexpr std::string_view kErasedLine = R"({"erased":true})";

// Any thread.
class FileStore {
 public:
  using Clock = std::function<std::int64_t()>;  // Unix seconds
  // The holds, for files that expire, and the label of those without one. If they cannot be told, no file expires. On
  // any thread.
  struct Standing {
    guard::StandingHolds now;
    std::string lowest;
  };
  using Holds = std::function<Result<Standing>()>;
  // Makes what is missing. Errors: io (another process holds it; the disk), corrupt, unsupported.
  static Result<std::unique_ptr<FileStore>> open(const std::filesystem::path& home, Clock clock, Quota quota = {},
                                                 Holds holds = {});
  // To read beside whoever holds it: nothing that changes anything may be called. Errors: not_found, io, corrupt.
  static Result<std::unique_ptr<FileStore>> look(const std::filesystem::path& home, Clock clock);
  // Whether there is anything to open.
  static bool exists(const std::filesystem::path& home);
  FileStore(const FileStore&) = delete;
  FileStore& operator=(const FileStore&) = delete;

  std::int64_t now() const { return clock_(); }
  std::filesystem::path path_of(std::string_view id) const { return folder_ / id; }

  // What a tenant has here, and may have. Results of batches count, and are kept even where they are too much.
  Result<Kept> kept(const std::string& tenant);
  const Quota& quota() const { return quota_; }
  std::string full() const;  // what a tenant is told that may not keep more

  // A new file to be filled; `id` names it.
  struct Incoming {
    std::string id;
    AtomicFile file;
  };
  Result<Incoming> receive();
  // Error: exhausted (the quota).
  Result<api::openai::FileObject> add(const std::string& tenant, const api::openai::FileForm& form, Incoming incoming,
                                      const std::string& label = {});

  // A file that was made here, under an id of its own; again, it is the same file. Whatever the quota.
  Result<> add_result(const std::string& tenant, const std::string& id, const std::string& filename,
                      const std::string& purpose, std::string_view content, const std::string& label = {});

  Result<std::optional<api::openai::FileObject>> find(const std::string& tenant, const std::string& id);
  // False: there is none. A batch that still needs the content keeps it.
  Result<bool> erase(const std::string& tenant, const std::string& id);
  template <typename T>
  struct List {
    std::vector<T> items;
    bool has_more = false;
  };
  // Error: invalid (there never was an object `page.after`).
  Result<List<api::openai::FileObject>> list(const std::string& tenant, const api::openai::Page& page);

  static constexpr long long kMostOpenBatches = 100;  // of one tenant
  // Nothing: there is no such input file. Error: exhausted ("batches …": the tenant has as many under way as it may).
  Result<std::optional<api::openai::Batch>> add_batch(const std::string& tenant, const api::openai::NewBatch& wanted,
                                                      const std::string& label = {});
  Result<std::optional<api::openai::Batch>> find_batch(const std::string& tenant, const std::string& id);
  Result<List<api::openai::Batch>> list_batches(const std::string& tenant, const api::openai::Page& page);
  // Of those that are not over, the oldest of the tenant whose turn was longest ago. It is that tenant's turn then.
  Result<std::optional<BatchRecord>> next_batch();
  // Reads it, lets `change` change it, and writes it, all in one transaction; gives what is in the store then. A batch
  // that is over by then makes files of what it has written.
  Result<BatchRecord> update_batch(const std::string& id, const std::function<void(BatchRecord&)>& change);

  // Removes files whose time is over and that nothing holds, and what is remembered of those that were deleted a day
  // ago.
  Result<> expire();

  // What lies here, whoever's it is, for who lets go of what was kept for long enough (app/retain/).
  struct Left {
    std::string id, tenant, label;
    std::int64_t created_at = 0;
    bool open = false;   // of a batch: it is not over
    bool words = false;  // of a batch: its client has said something about it
  };
  Result<std::vector<Left>> all_files();
  Result<std::vector<Left>> all_batches();
  // Overwrites, in what batches read and have written, the lines of requests that are about somebody: of this subject
  // ("": nobody in particular) of this tenant, and counts them. What is written meanwhile is its writer's to leave out.
  // Errors: of the disk; the lines of other files than those that it is about are overwritten all the same.
  using IsAbout = std::function<bool(const std::string& tenant, std::string_view subject)>;
  Result<> erase_lines(const IsAbout& is_about, std::uint64_t& lines);
  // The files that have such lines, or cannot be read, with each label under which they are read.
  Result<std::vector<Left>> files_about(const IsAbout& is_about);
  // Such a line as it is.
  struct Line {
    std::string file, tenant;
    bool answer = false;  // not what was asked, but what was answered
    std::string text;
  };
  // Each of them. Errors: of the disk, those of `visit`.
  Result<> each_line_about(const IsAbout& is_about, const std::function<Result<>(const Line& line)>& visit);
  // What a client has said about a batch, or all that is known of one that is over. Its files are files.
  Result<> drop_words(const std::string& batch);
  Result<> remove_batch(const std::string& id);

 private:
  FileStore(std::filesystem::path folder, Clock clock, Quota quota, Holds holds, sql::Database database,
            std::optional<FolderLock> lock);
  Result<> sweep();
  Result<> finish_erasures();
  struct About;
  Result<About> find_about(const IsAbout& is_about, bool with_text = false);
  Result<bool> any_due();  // any that has expired
  Result<> drop_content(const std::string& id);
  Result<std::optional<BatchRecord>> load_batch(soci::session& s, const std::string& id) const;
  Result<> publish(soci::session& s, const BatchRecord& record) const;

  std::filesystem::path folder_;
  Clock clock_;
  const Quota quota_;
  const Holds holds_;
  const std::optional<FolderLock> lock_;  // nothing: it only looks
  std::mutex mutex_;                      // guards what follows
  sql::Database database_;
  std::map<std::string, std::uint64_t> turns_;  // by tenant: when it had its last, as next_batch() counts
  std::uint64_t turn_ = 0;
};

}  // namespace freehold::app
