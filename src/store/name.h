// Names of models in the store, "name:tag", and the references by which users ask for one. Names come from users and
// become paths, so this is the only place that decides what a name may look like.
#pragma once

#include <compare>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace freehold::store {

// name: one or more parts joined by '/', each [a-z0-9][a-z0-9._-]*, at most 100 bytes a part and 200 in all; tag: one
// such part, "latest" unless said. No part ends in ".json", because tags become files of that ending, and "sha256"
// alone is no name, because "sha256:…" is a digest.
struct ModelName {
  std::string name;
  std::string tag = "latest";

  auto operator<=>(const ModelName&) const = default;
  std::string text() const { return name + ":" + tag; }
  // "models/<name>/<tag>.json", relative to the store's home.
  std::filesystem::path path() const;
  // Errors: Errc::invalid, naming what is wrong and, where one is near, a name that would do.
  static Result<ModelName> parse(std::string_view text);
  // A name that a user gives to a model. Errors: also a tag that ends in kPrevious or kPending, which a promotion
  // makes.
  static Result<ModelName> parse_given(std::string_view text);

  static constexpr std::string_view kPrevious = ".previous";  // what NAME:TAG led to before it was promoted
  static constexpr std::string_view kPending = ".pending";    // while it is being moved
};

// A valid name made of a file's or folder's: "Stories 260K-Q8_0.gguf" -> "stories-260k-q8_0:latest".
Result<ModelName> name_from_path(const std::filesystem::path& path);

// "sha256:" and at least 8 hexadecimal digits: the beginning of a digest.
struct DigestPrefix {
  std::string hex;
};

// What a user may mean by a word. Starts with "sha256:": a digest. Starts with '/', './', '../' or '~', or is no valid
// name: a path. Otherwise it is a name, and the path of that spelling if the store has no such name.
struct PathReference {
  std::filesystem::path path;
};
using Reference = std::variant<ModelName, DigestPrefix, PathReference>;
Result<Reference> parse_reference(std::string_view text);

}  // namespace freehold::store
