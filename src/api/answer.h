// What an answer is made of, and who turns that into bytes: the second half of the seam between the engine and the wire
// formats.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "api/call.h"
#include "engine/event.h"

namespace freehold::api {

// The pieces of an answer, in the order in which they come. `choice` = number of the prompt * n + number of the choice.
// Views are valid until the call returns.

// A prompt has left the queue; once for each prompt, before its choices' pieces.
struct Begun {
  std::uint32_t prompt_tokens = 0;
  std::uint32_t cached_tokens = 0;
};
// Whole UTF-8 characters, never empty.
struct Text {
  std::uint32_t choice = 0;
  std::string_view text;
};
// What the model thinks before it answers. Comes before the choice's first Text or ToolStart.
struct Thinking {
  std::uint32_t choice = 0;
  std::string_view text;
};
// The model calls a tool: ToolStart, any number of ToolArguments, whose fragments together are the text of a JSON
// object, and ToolEnd (missing if the answer was cut).
struct ToolStart {
  std::uint32_t choice = 0;
  std::uint32_t index = 0;  // of this choice's calls
  std::string_view name;
};
struct ToolArguments {
  std::uint32_t choice = 0;
  std::uint32_t index = 0;
  std::string_view fragment;
};
struct ToolEnd {
  std::uint32_t choice = 0;
  std::uint32_t index = 0;
};
// A token of a prompt (only if asked for); all of them before anything of the prompt's choices.
struct PromptLogprobs {
  std::uint32_t prompt = 0;  // number of the prompt
  const engine::PromptLogprobs* token = nullptr;
};
// A token was sampled (only if asked for); before the text it adds to.
struct Logprobs {
  std::uint32_t choice = 0;
  const engine::TokenLogprobs* token = nullptr;
};

enum class Reason {
  stop,         // the model ended, or the grammar was complete
  stop_string,  // one of the client's
  length,       // max_tokens, or the end of the context
  tool_calls,   // it ended with calls
  cancelled,
};
struct Ended {
  std::uint32_t choice = 0;
  Reason reason = Reason::stop;
  std::string_view stop_string;  // the one that ended it, or empty
  engine::Usage usage;
  std::uint32_t thinking_tokens = 0;     // of usage.completion_tokens
  std::span<const std::int32_t> tokens;  // the prompt's, then all that were sampled
};

using Piece = std::variant<Begun, PromptLogprobs, Text, Thinking, ToolStart, ToolArguments, ToolEnd, Logprobs, Ended>;

// The identity of an answer, the same in all its chunks.
struct AnswerId {
  std::string id;            // random, of letters and digits; dialects put their prefix before it
  std::string model;         // as the client called it
  std::int64_t created = 0;  // Unix seconds
  std::string fingerprint;   // of what made it: the same while a seed gives the same answer; empty: not told
};

// Turns pieces into the bytes of an answer.
class Encoder {
 public:
  virtual ~Encoder() = default;
  // What goes out as soon as the first prompt has left the queue, or nothing.
  virtual std::string begin() { return {}; }
  // What the piece adds to a stream; may be empty. For an answer in one piece: always empty, it is kept for `end`.
  virtual std::string add(const Piece& piece) = 0;
  // After every choice has ended: the end of the stream, or the whole answer.
  virtual std::string end() = 0;
  // What `end` made is recorded, so that others may have it too. Once, before it is given; any thread.
  virtual void recorded() {}
  // An error after the stream has begun: its last bytes.
  virtual std::string broken(const Failure& failure) = 0;
  virtual std::string content_type() const = 0;
};

}  // namespace freehold::api
