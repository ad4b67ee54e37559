// Where `--out` leads: a file that appears when it is complete, or, for what is not a file (standard output, a pipe, a
// device), the bytes as they come.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "app/console.h"
#include "base/file.h"

namespace freehold::app {

// A file of what is not everybody's to read (the log's content, reports of it): mode 0600, but one that replaces a file
// has the mode that its owner has given that one.
Result<AtomicFile> create_private(const std::filesystem::path& path);
Result<> write_private(const std::filesystem::path& path, std::string_view content);

class Output {
 public:
  // "-" is standard output; binary data is not written to a terminal (Errc::invalid).
  static Result<Output> create(std::string_view path, Console& console);
  Output(Output&& other) noexcept;
  Output& operator=(Output&&) = delete;
  ~Output();

  Result<> write(Bytes bytes);
  Result<> commit();

 private:
  explicit Output(Console& console) : console_(&console) {}
  Console* console_;
  std::optional<AtomicFile> file_;
  int stream_ = -1;  // an open pipe or device; neither this nor file_: standard output
  std::string name_;
};

}  // namespace freehold::app
