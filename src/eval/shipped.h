// The tasks that come with the program, and what their data files are. The data are not part of it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "eval/task.h"

namespace freehold::eval {

struct DataOrigin {
  std::string folder;  // below the data folder
  std::string from;    // repository, path and commit
  std::string licence;
};

// What somebody else measured and published, in their own way.
struct Published {
  std::string model;
  std::string source;
  std::string confidence;                             // "A": the primary text was read
  std::map<std::string, double, std::less<>> scores;  // by task or group; 0 … 1
};

struct Shipped {
  TaskSet tasks;
  std::map<std::string, std::string, std::less<>> digests;  // file below the data folder -> SHA-256, 64 digits
  std::vector<DataOrigin> origins;
  std::vector<Published> published;
};
// Parsed once.
const Shipped& shipped();

// Tasks that the literature has and this program refuses, and why; empty for any other name.
std::string_view why_refused(std::string_view task);

}  // namespace freehold::eval
