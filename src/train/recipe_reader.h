// What recipe_keys.cpp's tables read values with: each call checks type and range and says what is wrong, so that one
// reading of a file finds all that is wrong with it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/yaml.h"
#include "train/recipe.h"

namespace freehold::train {

class Problems {
 public:
  void add(std::size_t line, std::string text, Errc code);
  bool empty() const { return lines_.empty(); }
  // All of them, a line each; Errc::unsupported if nothing else is wrong.
  Unexpected error() const;

 private:
  std::vector<std::string> lines_;
  bool invalid_ = false;
};

// One key's value while it is read.
class Slot {
 public:
  Slot(std::string_view key, const format::YamlNode& node, Problems& problems)
      : key_(key), node_(&node), problems_(&problems) {}

  const format::YamlNode& node() const { return *node_; }
  bool is_null() const { return node_->is_null(); }

  void wrong(std::string_view what) const;       // "line 3: 'lora_r': must be …"
  void unsupported(std::string_view why) const;  // known, and not done here

  void boolean(bool& to) const;
  void number(double& to, double least, double most) const;
  void number(std::optional<double>& to, double least, double most) const;
  template <typename T>
  void integer(T& to, std::uint64_t least, std::uint64_t most) const {
    if (const auto n = integer_in(least, most)) to = static_cast<T>(*n);
  }
  void text(std::string& to) const;
  void texts(std::vector<std::string>& to) const;  // a list, or one alone

 private:
  std::optional<std::uint64_t> integer_in(std::uint64_t least, std::uint64_t most) const;
  std::string key_;
  const format::YamlNode* node_;  // owner: the tree that is read
  Problems* problems_;            // owner: parse_recipe
};

struct RecipeEntry {
  std::string_view name;
  void (*read)(Recipe&, const Slot&);  // not called for null: that is the default
  std::string_view help;
};
std::span<const RecipeEntry> recipe_entries();

struct DatasetEntry {
  std::string_view name;
  void (*read)(DatasetSource&, const Slot&);
  std::string_view help;
};
std::span<const DatasetEntry> dataset_entries();

// Keys that are accepted with some values because they then change nothing here, and refused with others.
struct SatisfiedEntry {
  std::string_view name;
  enum class If : std::uint8_t { always, off, on } when;  // off: false, empty, 0, "no", "disabled"; on: true
  std::string_view reason;                                // why it changes nothing
  std::string_view refusal;  // why the other values are not done; empty where there are none
};
std::span<const SatisfiedEntry> satisfied_entries();

// The `datasets` and `test_datasets` lists.
void read_datasets(std::vector<DatasetSource>& to, const Slot& slot, Problems& problems);

}  // namespace freehold::train
