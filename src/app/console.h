// The terminal as commands see it: results to standard output (buffered, errors remembered), remarks to standard error.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::app {

class Console {
 public:
  // For tests, other descriptors may stand for the standard ones.
  explicit Console(int out = 1, int err = 2);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  // Results. Buffered; what comes from a file must have passed printable() if it may reach a terminal raw.
  void write(std::string_view text);
  // Writes out what is buffered. The first failure of any write is what this (and every later call) returns.
  Result<> flush();
  // Raw bytes and text from models: control characters are made visible if standard output is a terminal.
  void write_untrusted(std::string_view text);

  // One line on standard error (the newline is added, unsafe characters are escaped).
  void note(std::string_view line);
  // As it is, at once: progress bars.
  void write_error_stream(std::string_view text);
  // The hint that main prints below the error; the last one counts.
  void hint(std::string_view text) { hint_ = text; }
  const std::string& hint() const { return hint_; }
  // What the process returns when nothing fails, instead of 0 (ExitCode).
  void end_with(int status) { status_ = status; }
  int status() const { return status_; }

  bool out_is_terminal() const { return out_is_terminal_; }
  bool err_is_terminal() const { return err_is_terminal_; }
  // Columns of the terminal that standard error is, 80 if unknown.
  int columns() const;
  // Columns that help may have on standard output: those of a terminal, from 40 to kHelpWidth.
  std::size_t help_width() const;
  // The reader of standard output went away (EPIPE): no reason for a message.
  bool reader_left() const { return reader_left_; }

 private:
  int out_;
  int err_;
  bool out_is_terminal_;
  bool err_is_terminal_;
  bool reader_left_ = false;
  int status_ = 0;
  int error_ = 0;  // errno of the first failed write
  std::string buffer_;
  std::string hint_;
};

// The part of `text` that may be shown, with control characters other than newline and tab made visible ("\x1b"), also
// C1 controls and bidirectional overrides. Unlike printable() it keeps newlines and does not shorten.
std::string terminal_safe(std::string_view text);

}  // namespace freehold::app
