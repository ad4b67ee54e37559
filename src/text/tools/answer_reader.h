// Takes an answer's text apart, as it comes, into what the model said, what it thought and which tools it called.
//
// The pieces depend on the bytes alone, never on how they were cut: an answer read whole gives the same texts, thoughts
// and calls as one read byte by byte (only the fragments differ). Time is linear in the text. What is held back is
// never more than a beginning that may still become a tag, 64 bytes of white space, and the head of a call: up to its
// name, usually; kMaxHead bytes at most.
//
// Thinking: between the tags, and only where the answer starts (or from its first byte on, `starts_thinking`); white
// space (up to 64 bytes) beside the tags belongs to them. Calls inside of thinking are thoughts.
// Calls: a trigger of the format begins one. White space beside calls belongs to them.
//
// What a model without a constraint, or one that was cut, may do, and what becomes of it:
//   * a name that is not among the tools, a head that is not the format's, a head longer than kMaxHead, an answer that
//     ends before the name and the '{' of the arguments: text, from the trigger to the byte where it became clear,
//     trigger included; reading goes on from that byte;
//   * a limit that cuts an answer in the head of a call: the head is dropped, it is neither text nor yet a call; where
//     answers are made to be calls, what may have become the trigger too;
//   * an end inside of the arguments: an unfinished call, tool_start without tool_end; behind them: a complete call;
//   * arguments that are no JSON: passed on as they stand; they end where brackets outside of strings are even;
//   * a call without arguments: "{}";
//   * a call whose closing tag is missing: complete all the same, it ends with its arguments; what then does not belong
//     to the format is text;
//   * a beginning of a tag at the very end of an answer: text (or thinking), because it is not a tag; behind a call it
//   is
//     dropped, because an answer that was cut there said nothing more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tools/literal_matcher.h"
#include "text/tools/tool_format.h"

namespace freehold::text::tools {

struct AnswerPiece {
  enum class Kind : std::uint8_t {
    text,
    thinking,
    tool_start,      // text: the name
    tool_arguments,  // text: a fragment; all of one call joined are the arguments' JSON text, as the model wrote it
    tool_end,
  };
  Kind kind = Kind::text;
  std::uint32_t index = 0;  // of the call, from 0
  std::string text;
  bool operator==(const AnswerPiece&) const = default;
};

struct ReaderOptions {
  const ToolFormat* format = nullptr;  // null: no calls are looked for
  std::vector<std::string> names;      // of the tools that may be called; empty: no calls are looked for
  std::optional<ThinkingTags> thinking;
  bool starts_thinking = false;  // the prompt opened the thinking
  bool calls_only = false;       // the answer was made to be calls
};

// One answer's state; one owner.
class AnswerReader {
 public:
  static constexpr std::size_t kMaxHead = std::size_t{64} << 10;

  explicit AnswerReader(ReaderOptions options);

  // Appends to `out` what is certain now; pieces are not empty. `text` may end anywhere, also inside of a character:
  // pieces then do too.
  void push(std::string_view text, std::vector<AnswerPiece>& out);
  // The answer is over; `cut`: because of a limit, in the middle of what the model had to say. Nothing may be pushed
  // afterwards.
  void end(std::vector<AnswerPiece>& out, bool cut = false);

  std::uint32_t calls() const { return calls_; }  // begun so far
  // The arguments of a call are not complete.
  bool inside_call() const { return state_ == State::arguments && started_; }

 private:
  enum class State : std::uint8_t {
    start,       // nothing but white space so far: a thought or a bare call may begin
    text,        //
    thinking,    //
    opened,      // behind a trigger: '[', '{' or a name follows
    fields,      // in a name and what surrounds it, before '{'
    first_key,   // JSON call: behind '{' or ','
    key,         // in a member's name
    colon,       //
    value,       // behind ':'
    name,        // in the string that is the tool's name
    skipped,     // in a value that does not matter
    member_end,  // behind a value
    arguments,   //
    after,       // behind a call
  };
  enum class Member : std::uint8_t { name, arguments, other };
  using Out = std::vector<AnswerPiece>;

  void step(char c, Out& out);
  void step_start(char c, Out& out);
  void step_text(char c, Out& out);
  void step_thinking(char c, Out& out);
  void step_head(char c, Out& out);
  bool step_opened(char c);
  bool step_fields(char c, Out& out);
  bool step_key(char c);
  bool step_value(char c, Out& out);
  bool step_name(char c, Out& out);
  bool step_member_end(char c, Out& out);
  void step_arguments(char c, Out& out);
  void step_after(char c, Out& out);
  bool scan(char c);
  void settle(Out& out);
  void begin_call(State state, std::string held);
  void start_call(Out& out);
  void finish_call(Out& out);
  void refuse(char c, Out& out);
  void become_text(const std::string& bytes, Out& out);
  bool knows(std::string_view name) const;

  ReaderOptions options_;
  State state_ = State::text;
  LiteralMatcher triggers_;
  LiteralMatcher close_;
  std::string pending_;  // text or thinking that is not certain yet
  std::string held_;     // the head of a call (or of the answer) as it was written
  std::string lexeme_;   // a key, a name, what may be a closer or an opening tag
  std::uint32_t calls_ = 0;
  bool may_think_ = false;
  bool may_be_bare_ = false;  // a call may begin without a trigger
  bool drops_space_ = false;  // white space that comes now belongs to the tag before it
  bool in_array_ = false;     // of calls

  // The call that is being read.
  bool json_ = false;      // an object with members for name and arguments
  bool started_ = false;   // tool_start was given
  bool complete_ = false;  // tool_end was given
  bool has_arguments_ = false;
  Member member_ = Member::other;
  std::string name_;
  std::string early_arguments_;  // that came before the name
  // Of the value that is scanned.
  std::uint32_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

// The pieces of a whole answer, neighbours of one kind joined.
std::vector<AnswerPiece> read_answer(const ReaderOptions& options, std::string_view text);

}  // namespace freehold::text::tools
