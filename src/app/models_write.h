// Writing a new model to a path or into the store: what `models quantize`, `synth` and `init` have in common.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/console.h"
#include "format/gguf_writer.h"
#include "guard/label_book.h"
#include "store/progress.h"
#include "store/weight_type.h"

namespace freehold::app {

using ProduceModel =
    std::function<Result<store::Written>(const format::Sink&, const store::Progress&, const store::Expect&)>;

// To the argument OUT, or into the store with --name; exactly one of them is given. `source` says where it comes from,
// `bounds` what is labelled of that, and `learned_from` what that has learned from (labelling.h).
Result<> write_model(const Arguments& arguments, Console& console, const std::string& source,
                     const ProduceModel& produce, const guard::Bounds& bounds = {},
                     std::vector<store::LearnedFrom> learned_from = {});

// What is said of it: the first of the notes, or all; and of a path what was made there, as text or JSON.
void print_notes(const std::vector<store::TensorNote>& notes, bool all, Console& console);
void print_made(const std::filesystem::path& out, std::uint64_t bytes, const store::Written& written, bool json,
                Console& console);

// --name, --force, --no-prepare, --threads, --verbose, --json.
std::vector<Option> write_options();

}  // namespace freehold::app
