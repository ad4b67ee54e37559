// From a call in any dialect to what the engine is asked, and how its answer is to be read: prompt, constraint, tools,
// thinking.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/call.h"
#include "engine/request.h"
#include "text/grammar/mask_cache.h"
#include "text/prompt.h"
#include "text/tools/answer_reader.h"
#include "text/tools/constraint.h"

namespace freehold::app {

struct AnswerPlan {
  std::vector<text::Prompt> prompts;   // several plain prompts give several
  std::vector<std::int32_t> expected;  // engine::Request::expected
  std::string clock;                   // the civil time that the template has read; empty: it has not
  std::shared_ptr<text::grammar::MaskCache> constraint;
  std::shared_ptr<const text::tools::Constraint> constraint_start;
  std::vector<std::int32_t> shown_tokens;
  bool starts_thinking = false;                      // the prompt has opened the thinking
  std::optional<text::tools::ReaderOptions> reader;  // nothing: the answer is text and no more
  std::vector<std::string> ignored;                  // what of the schemas is not enforced, by field; see left_out_of
};

// The number of each request's first choice, choices of all prompts numbered through; `n` of them a prompt.
std::vector<std::uint32_t> first_choices(const std::vector<engine::Request>& requests, std::uint32_t n);

// The tools of a call in the words of text/tools.
std::vector<text::tools::Tool> tools_of(const api::ToolUse& use);
text::tools::ToolChoice choice_of(const api::ToolUse& use);

// The constraint of a call's format and tools; of kind `nothing` if there is none. `field`: what to blame. Failures
// name the field.
api::Parsed<text::tools::Constraint> constraint_of(const api::Call& call, const text::tools::ToolFormat& format,
                                                   bool parallel, std::optional<text::tools::ThinkingTags> thinking,
                                                   bool starts_thinking);
// What a constraint leaves out, for the header that names what is ignored: the field that the schema came from and
// where it stands there ("tools[0].input_schema#/properties/a/format").
std::vector<std::string> left_out_of(const api::Call& call, const std::vector<text::tools::LeftOut>& left_out);
// A text that is the same for calls with the same constraint.
std::string constraint_key(const api::Call& call, bool parallel, bool starts_thinking);

}  // namespace freehold::app
