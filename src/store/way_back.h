// What is to be done where a model's name is in the store and its files are not: after a backup without them, say.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "store/manifest.h"
#include "store/name.h"

namespace freehold::store {

// What a manifest says of a model that came out of the program itself; and what `models import` calls it.
inline constexpr std::string_view kBuiltInSource = "built into freehold", kBuiltInName = "starter";

// Stands in the error of Store::resolve where a file is absent, as damaged as what is there may be.
inline constexpr std::string_view kNotInStore = "is not in the store; to bring it back: ";

// The first file of a model, or of the adapter on it, that is not in the store of this home; empty: all are there.
std::string missing_file(const std::filesystem::path& home, const ModelTuple& model);
// The command that brings the files back, or in words how. A name with an adapter, or with a system prompt of its own,
// leads to its model again as soon as that is there under any name.
std::string way_back(const ModelName& name, const Manifest& manifest);

}  // namespace freehold::store
