// Labels at the command line: the policy of the home, its owner, and what is labelled in the store (guard/policy.h).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "app/command.h"
#include "base/result.h"
#include "guard/label_book.h"
#include "guard/policy.h"
#include "store/store.h"

namespace freehold::app {

// $FREEHOLD_HOME's policy.
Result<guard::Policy> own_policy();
// Whoever owns the home: cleared for everything, and held to the ceilings of what they use.
guard::Principal owner(const guard::Policy& policy);
Result<guard::LabelBook> label_book();

// What a label's row calls a manifest's content: of a model its tuple, of an adapter its weights.
std::string content_of(const store::Manifest& manifest);
// All contents whose labels hold for it: the tuple, the model without its adapter, the weights of both.
std::vector<std::string> contents_of(const store::Manifest& manifest);
// A model of the store with its bounds; of a path, its name alone. `name` must outlive it.
Result<guard::Resource> labelled_model(const std::string& name);

// The value of an option that is a label, or "". Errors: invalid (not one of the policy's).
Result<std::string> label_option(const Arguments& arguments, std::string_view option, const guard::Policy& policy);
// The higher of two labels; an empty one is the lowest.
std::string higher_label(const guard::Policy& policy, const std::string& a, const std::string& b);

// Ceilings and labels of a model or an adapter, in the store or by its path: then by its papers and its weights.
Result<guard::Bounds> bounds_of_reference(const std::string& reference);
// What it has learned from, as the store or, of a path, its papers say; paths are absolute.
Result<std::vector<store::LearnedFrom>> learned_from_of(const std::string& reference);
// Gives a content the ceilings and labels of what it was made of; the same to the weights of a file or a folder, which
// are read if there are any.
Result<> carry_labels(const guard::Bounds& from, const std::string& to);
Result<> carry_labels_to_files(const guard::Bounds& from, const std::filesystem::path& made);
// Marks a content as made of data with this label; nothing for the lowest.
Result<> mark_content(const guard::Policy& policy, const std::string& content, const std::string& label);

}  // namespace freehold::app
