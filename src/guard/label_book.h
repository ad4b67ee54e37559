// What is labelled beside keys, in $FREEHOLD_HOME/freehold.db: names of the store, and contents by their digest. A name
// has a ceiling of its own, or else those of all names that led to the same content when they were labelled: another
// name for a model is no way around its ceiling. What a content was made of (an adapter's training data) stays with it
// whatever it is called.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/authenticator.h"

namespace freehold::guard {

// A row. `subject`: "mistral:q4", or "sha256:…".
struct Labelled {
  std::string subject;
  std::optional<std::string> ceiling;  // the highest label that it may be given
  std::optional<std::string> label;    // the highest of what is in it
  std::string content;                 // of a name: the digest that it led to when it was labelled; may be empty
  bool operator==(const Labelled&) const = default;
};

// What holds for one thing, as Resource has it (policy.h).
struct Bounds {
  std::vector<std::string> ceilings, labels;
  bool operator==(const Bounds&) const = default;
};
// `name` may be empty; `contents`: of the model, of the adapter on it.
Bounds bounds_of(const std::vector<Labelled>& all, std::string_view name, const std::vector<std::string>& contents);
// The rows whose ceilings hold for it: all of them do.
std::vector<Labelled> limits_of(const std::vector<Labelled>& all, std::string_view name,
                                const std::vector<std::string>& contents);

// Thread-safe. Several processes may have the file open; what another one has changed is seen within half a second.
class LabelBook {
 public:
  // Opens nothing yet, and makes the file when something is written.
  explicit LabelBook(std::filesystem::path home, SteadyClock clock = steady_now);
  LabelBook(LabelBook&&) noexcept;
  LabelBook& operator=(LabelBook&&) noexcept;
  ~LabelBook();

  // By subject. Errors: those of reading the database.
  Result<std::vector<Labelled>> all() const;
  // Errors: as all(); whoever cannot tell the bounds must deny.
  Result<Bounds> bounds(std::string_view name, const std::vector<std::string>& contents) const;

  // Writes the row, in the place of one of the same subject; without ceiling and label it is removed. On return it is
  // on disk.
  Result<> put(const Labelled& row);
  // The label of a content, as high as `label` or as it was: `higher` says which of two labels is. Used where a result
  // is made of labelled data.
  Result<> raise(const std::string& content, const std::string& label,
                 const std::function<bool(std::string_view, std::string_view)>& higher);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freehold::guard
