// Weights prepared once and kept in a file (docs/formats/prepared-panels.md), so that a later start maps them instead
// of packing a copy, and processes that run the same model share its pages.
//
// The file holds panels only. Metadata, tokenizer, norms, biases and the embedding's rows come from the checkpoint
// beside it; whoever keeps the two together answers for it that one was made from the other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/thread_pool.h"

namespace freehold::model {

struct Plan;

class PreparedFile {
 public:
  // Checks the header and the table: every offset, size and type. Errors: corrupt, naming the place; unsupported for
  // another layout (made by an earlier or later Freehold: prepare again).
  static Result<std::shared_ptr<const PreparedFile>> open(const std::filesystem::path& path);

  // Whether the table is what this plan's matrices need. Error: corrupt, naming the first that differs.
  Result<> matches(const Plan& plan) const;

  // Matrix i in the order of linear_views; after `matches`.
  std::span<const std::byte> panels(std::size_t i) const;
  // Before the first populate: has the system read the file anew where it lies in small pages and could lie in large
  // ones (base/large_pages.h).
  void settle() const;
  // Brings them into memory, with all threads.
  void populate(ThreadPool& pool, std::size_t i) const;

 private:
  struct Entry {
    std::uint64_t offset = 0, bytes = 0, rows = 0, columns = 0;
    std::uint32_t type = 0;
  };
  std::filesystem::path path_;
  MappedFile file_;
  std::vector<Entry> entries_;
};

// Bytes of the file that write_prepared makes.
std::uint64_t prepared_file_bytes(const Plan& plan);

// Of a checkpoint that is open: prepares every matrix and hands the file's bytes to `sink` in order, holding one matrix
// at a time. Finds infinities and NaNs in the weights as loading does. Errors: those of loading and of the sink;
// cancelled.
Result<> write_prepared(const Plan& plan, ThreadPool& pool, const std::function<Result<>(Bytes)>& sink,
                        const std::function<bool(std::uint64_t done, std::uint64_t total)>& progress = {});

}  // namespace freehold::model
