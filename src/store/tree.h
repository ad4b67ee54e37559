// Trees: folders that present a model of several files under their own names, as links to blobs:
//   trees/<digest of the list of files>/config.json -> ../../blobs/sha256-…
// (the layout of a Hugging Face cache, which format::MappedFile::open_in follows and nothing else).
#pragma once

#include <filesystem>

#include "base/result.h"
#include "store/manifest.h"

namespace freehold::store {

std::filesystem::path tree_path(const std::filesystem::path& home, const ModelTuple& model);

// What a program opens to run the model: its only blob, its tree, or the first part in its tree.
std::filesystem::path run_path(const std::filesystem::path& home, const ModelTuple& model);

// Builds the tree beside its place and renames it there; one that is there already is kept if it is right and replaced
// otherwise.
Result<> make_tree(const std::filesystem::path& home, const ModelTuple& model);

// Errors: Errc::corrupt, naming the link that is missing or leads elsewhere.
Result<> check_tree(const std::filesystem::path& home, const ModelTuple& model);

}  // namespace freehold::store
