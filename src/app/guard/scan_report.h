// What `guard scan` says about one text as it goes by: each finding with its line, column and value, masked unless
// asked otherwise.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/json_writer.h"
#include "pii/scanner.h"

namespace freehold::app {

struct ScanOptions {
  pii::Profile profile = pii::Profile::gdpr;
  bool show = false;
};

struct ScanRow {
  pii::Finding finding;
  std::uint64_t line = 1, column = 1;     // from 1; columns are characters
  std::size_t shown = 0, shown_size = 0;  // in ScanRows::shown
};

struct ScanRows {
  std::vector<ScanRow> rows;
  std::string shown;  // the values as they may be shown, one after the other
  std::string_view value(const ScanRow& row) const { return std::string_view(shown).substr(row.shown, row.shown_size); }
};

// One text, in pieces. Memory: the findings, and what is not decided yet.
class ScanReport {
 public:
  explicit ScanReport(const ScanOptions& options) : options_(options), scanner_(options.profile) {}
  void feed(std::string_view chunk);
  void finish();
  // All that was found; once.
  ScanRows take_rows() { return std::move(rows_); }
  std::uint64_t bytes() const { return bytes_; }

 private:
  void take();
  void count(std::string_view text);

  ScanOptions options_;
  pii::Scanner scanner_;
  std::vector<pii::Finding> found_;
  ScanRows rows_;
  std::string held_;                     // what is not decided, and what was not counted
  std::uint64_t begin_ = 0;              // of held_
  std::uint64_t line_ = 1, column_ = 1;  // at begin_
  std::uint64_t bytes_ = 0;
};

}  // namespace freehold::app
