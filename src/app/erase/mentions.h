// Where somebody is named who has been erased, in what nothing says whom it is about: files of clients, and what models
// in the store have learned from. It is told, for whoever erases to look at; nothing of it goes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace freehold::app {

// Looks for names as words of their own, not as parts of longer ones: as they are, and as JSON may write them.
class NameFinder {
 public:
  explicit NameFinder(const std::vector<std::string>& names);
  bool empty() const { return forms_.empty(); }  // there is no name, so none is anywhere
  bool in(std::string_view line) const;
  // Lines of a file with any of them. Errors: not_found, io.
  Result<std::uint64_t> lines(const std::filesystem::path& file) const;

 private:
  std::vector<std::string> forms_;
};

struct Mention {
  std::string file;  // its id
  std::uint64_t lines = 0;
  std::string unknown;  // why that cannot be told; empty: it can
};
// In files of clients, below `home`: those with a name, or of which it cannot be told.
std::vector<Mention> mentions_in_files(const std::filesystem::path& home, const NameFinder& names);

// A model in the store and a file that it has learned from.
struct Lesson {
  std::string model;
  std::string file;
  std::uint64_t lines = 0;  // that name somebody
  std::string unknown;      // why that cannot be told; empty: it can
  std::string folder;       // of the run that made it, where its adapter and checkpoints lie; empty: it is not known
  bool of_server = false;   // a job of a server has made it, and clients delete it
};
inline constexpr std::string_view kGone = "it is not there any more";  // Lesson::unknown
// Those with a name, or of which it cannot be told.
std::vector<Lesson> lessons_about(const std::vector<store::Listed>& models, const NameFinder& names);
// The files that models have learned from and that are there, each once.
std::vector<std::filesystem::path> lesson_files(const std::vector<store::Listed>& models);

}  // namespace freehold::app
