// OpenAI's batches (platform.openai.com/docs/api-reference/batch): a file of requests in, files of answers and errors
// out. Here are the objects, their states and the lines of the files; who runs them is somebody else.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"

namespace freehold::api::openai {

//   validating -> in_progress -> finalizing -> completed
//   validating -> failed (the file is wrong); so do the next two when the disk gives out
//   any of the first three -> cancelling -> cancelled;  validating, in_progress -> expired
enum class BatchStatus : std::uint8_t {
  validating,
  in_progress,
  finalizing,
  completed,
  failed,
  expired,
  cancelling,
  cancelled,
};
inline constexpr std::size_t kBatchStatuses = 8;
std::string_view name_of(BatchStatus status);
std::optional<BatchStatus> batch_status(std::string_view name);
bool is_over(BatchStatus status);
bool may_become(BatchStatus from, BatchStatus to);

struct BatchError {
  std::string code;
  std::string message;
  std::string param;                  // may be empty
  std::optional<std::uint64_t> line;  // from 1
};

struct Batch {
  std::string id;  // batch_…
  std::string endpoint;
  std::string input_file_id;
  BatchStatus status = BatchStatus::validating;
  std::vector<BatchError> errors;
  std::string output_file_id, error_file_id;  // empty: there is none (yet)
  std::int64_t created_at = 0;
  std::int64_t expires_at = 0;
  std::array<std::int64_t, kBatchStatuses> reached{};  // when it became what it is or was; 0: never
  std::uint64_t total = 0, completed = 0, failed = 0;  // lines
  std::string metadata = "null";                       // JSON text

  // Goes on to another status. False, and no change, if that is no way to go.
  bool become(BatchStatus next, std::int64_t now);
};
std::string batch_json(const Batch& batch);
// What batch_json wrote. Nothing if it is something else.
std::optional<Batch> read_batch(std::string_view json);

struct NewBatch {
  std::string input_file_id;
  std::string endpoint;
  std::string metadata = "null";
  std::optional<std::uint64_t> output_expires_after;  // seconds
};
Parsed<NewBatch> parse_batch(std::string_view body);

// One line of an input file.
struct BatchLine {
  std::string custom_id;
  std::string url;
  std::string body;  // JSON text of an object
};
tl::expected<BatchLine, BatchError> parse_batch_line(std::string_view line, std::uint64_t number);

// A line of an output or error file, with its line end. `body`: JSON text in one line. `ignored`: what the header
// Freehold-Ignored of the answer said, which is "freehold_ignored" beside the body.
std::string answered_line(std::string_view id, std::string_view custom_id, int status, std::string_view request_id,
                          std::string_view body, std::string_view ignored = {});
// The same for a request that was not answered at all.
std::string unanswered_line(std::string_view id, std::string_view custom_id, const BatchError& error);

}  // namespace freehold::api::openai
