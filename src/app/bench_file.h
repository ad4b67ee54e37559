// Models that `freehold bench` makes for itself: files without a name, gone when the last process that has them open
// ends, however that happens.
#pragma once

#include <string>
#include <utility>

#include "app/bench.h"
#include "base/file.h"
#include "store/synth/shapes.h"

namespace freehold::app {

// What mkstemp and mkdtemp make a name of, in $TMPDIR, else /tmp.
std::string temporary_name();

class NamelessFile {
 public:
  // In $TMPDIR, else /tmp.
  static Result<NamelessFile> create();
  NamelessFile(NamelessFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  NamelessFile& operator=(NamelessFile&&) = delete;
  ~NamelessFile();
  Result<> write(Bytes bytes) const;
  // So that its pages can be dropped.
  void sync() const;
  // Valid in this process and in those it starts.
  std::string path() const;

 private:
  NamelessFile() = default;
  int fd_ = -1;
};

// The shape that --shape names. Errors: invalid.
Result<const store::Shape*> shape_of(const Bench& bench);

// A model of this shape with random weights of this type (`q4_k_m`). Errors: invalid (no such type), those of writing,
// cancelled.
Result<NamelessFile> synthesised(const Bench& bench, const store::Shape& shape, const std::string& type);

}  // namespace freehold::app
