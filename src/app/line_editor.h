// One line from the user's terminal, with editing and history (libedit).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::app {

class LineEditor {
 public:
  // `history_file`: empty = keep none. The file (mode 0600) and its folder are made when the first line is remembered.
  static Result<std::unique_ptr<LineEditor>> create(std::filesystem::path history_file);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  enum class End { line, interrupted, closed };
  struct Input {
    End end = End::line;
    std::string text;  // without the newline
  };
  Input read(std::string_view prompt);
  void remember(const std::string& line);

 private:
  struct State;
  explicit LineEditor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freehold::app
