// One line of `freehold batch`: from its text to a call, and from the answer to a line again. Text to text, no model.
//
// Whatever goes into an answer goes into the line's id, so that a line that is there already can be told from one that
// belongs to another file, another model or other options.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/answer.h"
#include "api/call.h"
#include "api/openai/responses.h"
#include "app/settings.h"

namespace freehold::app {

struct BatchOptions {
  Settings settings;      // of plain lines; the seed of all
  std::string model;      // what plain lines call it
  std::string system;     // of plain lines; may be empty
  std::string schema;     // of plain lines' answers; may be empty
  bool templated = true;  // plain prompts go through the chat template
  std::string identity;   // of the model, and of all of the above; as batch_identity made it
};
std::string batch_identity(const BatchOptions& options, std::string_view model_digest, std::uint32_t context);

// "batch_req_" and 24 hexadecimal digits.
std::string batch_line_id(const BatchOptions& options, std::uint64_t number, std::string_view line);

struct BatchJob {
  std::string id;
  std::string custom_id;    // may be empty in a plain line
  bool plain = true;        // {"prompt"} or {"messages"} or a string; else an OpenAI batch line
  bool completion = false;  // the answer is a completion's, not a chat's
  std::optional<api::openai::ResponseCall> response;  // the answer is a response
  std::optional<api::EmbedCall> embed;                // the answer is vectors; `call` holds the model alone
  api::Parsed<api::Call> call = api::refuse(api::Problem::internal, "not parsed");
};
// Whatever is wrong with the line is in `call`.
BatchJob parse_batch_job(const BatchOptions& options, std::uint64_t number, std::string_view line);

// Makes the body of the answer: OpenAI's, or our own short one. `prompts`: the text of each, for echo.
std::unique_ptr<api::Encoder> batch_encoder(const BatchJob& job, std::vector<std::string> prompts);

// The line of the output, with its line end. `status` and `body` are those of an HTTP answer.
std::string batch_output_line(const BatchJob& job, int status, std::string_view body);

// What a line of an output says about itself. Nothing if it is none of ours.
struct WrittenLine {
  std::string id;
  bool failed = false;
};
std::optional<WrittenLine> read_output_line(std::string_view line);

}  // namespace freehold::app
