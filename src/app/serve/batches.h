// Runs batches in the background: every line of a batch's file is a request like any other, through the same routes.
//
// 1. One batch at a time: tenants take turns, each with its oldest; of it, at most `parallel` lines at once.
// 2. Answers are written in the order of the lines. They are appended and synced first, then counted in the store, so
//    that a server that was killed cuts what was not counted and goes on behind what was: no line is lost, none twice.
// 3. A line that is refused because the queue is full is tried again; whatever else it is answered is its answer.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "app/serve/erasures.h"
#include "app/serve/file_store.h"
#include "app/serve/uploads.h"
#include "http/exchange.h"

namespace freehold::app {

class BatchRun;

class Batches {
 public:
  struct Options {
    std::filesystem::path home;
    std::size_t parallel = 1;
    Quota quota;                                     // of files, for each tenant
    FileStore::Clock clock;                          // empty: the system's
    FileStore::Holds holds;                          // empty: nothing is held
    const Erasures* erasures = nullptr;              // null: nobody is erased
    std::function<void(const std::string&)> report;  // what goes wrong on the disk, in one line
  };
  // Answers one request, on any thread, at once or later.
  using Handler = std::function<void(const std::shared_ptr<http::Exchange>&)>;
  Batches(Options options, Handler handler);
  ~Batches();  // as stop()
  Batches(const Batches&) = delete;
  Batches& operator=(const Batches&) = delete;

  // Goes on with the batches of an earlier run, if there are any.
  void resume();
  // Ends what runs without writing it down, and starts nothing more. Any thread, not the engine's.
  void stop();
  // Something has changed: a batch is there, or is to be cancelled.
  void wake();

  // Opened when it is first asked for, so that a server whose clients keep no files needs no home. Error: as
  // FileStore::open, at every call until it can be opened.
  Result<FileStore*> store();
  Uploads& uploads() { return uploads_; }

 private:
  friend class BatchRun;
  void work();
  // Waits for wake(), stop() or the time to pass.
  void pause(std::chrono::milliseconds most);
  bool stopping();

  Options options_;
  Handler handler_;
  Uploads uploads_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::unique_ptr<FileStore> store_;
  std::uint64_t changes_ = 0, seen_ = 0;
  bool stopping_ = false;
  std::thread thread_;  // started with the store
};

}  // namespace freehold::app
