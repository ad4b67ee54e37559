// One batch on its way from what the store says of it to its end, or to the stop of the server.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "app/serve/batches.h"
#include "app/serve/collected.h"
#include "base/append_file.h"
#include "base/line_reader.h"

namespace freehold::app {

class BatchRun {
 public:
  BatchRun(Batches& batches, FileStore& store, BatchRecord record)
      : batches_(batches), store_(store), record_(std::move(record)) {}

  // Returns when the batch is over or the server stops. Error: of the disk; what has been counted stays counted.
  Result<> run();

 private:
  // A line that is under way, or answered behind one that is not.
  struct Line {
    api::openai::BatchLine request;
    std::shared_ptr<Collected> asked;  // empty: to be asked (again)
    std::optional<http::Response> answer;
    bool erased = false;  // its subject has been: nothing of it is asked or written
    bool waits() const { return !asked && !answer && !erased; }
    bool is_done() const { return answer.has_value() || erased; }
  };

  Result<> validate();
  Result<> answer_lines();
  Result<> conclude(api::openai::BatchStatus last);
  Result<> fail_with(std::vector<api::openai::BatchError> errors);
  Result<LineReader> open_input() const;
  Result<> open_outputs();
  Result<bool> read_line();  // into the window; false: there is none
  void ask(Line& line);
  void collect();
  // Writes the first lines of the window that are answered (`all`: every one that is), and counts them.
  Result<> write_answers(bool all);
  void write_line(const Line& line, std::string& output, std::string& errors, BatchRecord& counts) const;
  Result<> append(const std::string& output, const std::string& errors, const BatchRecord& counts);
  void leave();
  bool cancelled();
  void leave_out_the_erased();
  bool expired() const { return store_.now() >= record_.batch.expires_at; }

  Batches& batches_;  // owner of these two: Batches
  FileStore& store_;
  BatchRecord record_;
  std::optional<LineReader> input_;
  AppendFile output_, errors_;
  std::deque<Line> window_;
  std::vector<std::shared_ptr<Collected>> let_go_;  // that were asked, of lines that were erased: answered to nobody
  bool input_ended_ = false;
  Erasures::Time opened_{};  // what is in the window may have been read as early as this
};

}  // namespace freehold::app
