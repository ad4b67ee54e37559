// From text to the token ids that a request needs.
//
// A chat template writes control tokens as text ("<|im_end|>"), and whatever it wrote is tokenized with those parsed,
// because nothing else can tell the template's tokens from ordinary text. Taken alone that lets anybody who writes
// "<|im_end|>" into a message end their turn and speak as the system. So what people wrote is marked before the
// template sees it: a character that no text uses (a noncharacter, U+FDD0 …) goes behind the first character of
// everything that would be taken for a control token, and the marks are taken out of the tokens again. The model reads
// exactly what was written, in ordinary tokens. Text without such spellings (nearly all) is not touched, and is
// tokenized as every other engine does it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace freehold::text {

struct Prompt {
  std::vector<std::int32_t> tokens;
  std::string text;          // what was tokenized, without marks
  bool text_starts = false;  // nothing but control tokens: the answer begins the text (Request::text_starts)
};

// So many times what fits is refused unread: sixteen, because a tokenizer may drop or shorten what it reads, and a
// template what it is given.
inline constexpr std::uint32_t kFarMore = 16;

// Refuses a text that cannot come down to `context` tokens, before it is tokenized, which takes some forty bytes of
// memory a byte: one longer than kFarMore times so many of the vocabulary's longest tokens. Error: exhausted.
Result<> check_length(const Tokenizer& tokenizer, std::uint64_t bytes, std::uint32_t context);

// `context` of the following: what check_length is asked before anything is tokenized; 0 = it is not asked.

// Plain text, as `run --raw` sends it: with the model's own bos (`add_special`), and spellings of control tokens taken
// literally unless `parse_special`.
Result<Prompt> prompt_from_text(const Tokenizer& tokenizer, std::string_view text, bool add_special = true,
                                bool parse_special = false, std::uint32_t context = 0);

// A conversation in the model's own template. Every string in messages, tools and extras counts as written by people;
// the template, bos_token and eos_token do not. `text_starts` follows add_generation_prompt. With `continue_last` the
// prompt ends where the content of the last message does: the answer goes on from there. With a `context` the
// conversation is measured before it is written: by all its bytes as check_length, and by its messages, of which more
// than kFarMore times the context's tokens are refused; a template that gives up on one that has more messages or bytes
// than could fit is told as that. Errors: as ChatTemplate::render and Marker; exhausted ("the prompt has …");
// unsupported (the template changes that content, or does not end with it).
Result<Prompt> prompt_from_messages(const Tokenizer& tokenizer, const ChatTemplate& chat, ChatInput input,
                                    std::uint32_t context = 0, bool continue_last = false);

// A finished conversation as a model learns it: the tokens that serving would have seen and written, and which of them
// a turn that is to be learned consists of: from behind the prompt that asks for it (the generation prompt) up to and
// including the first token that ends generation, or to the end of the turn where the template writes none.
struct LearnedPrompt {
  Prompt prompt;
  std::vector<bool> learned;    // one a token
  std::vector<bool> turn_ends;  // tokens that end generation, of any turn
  std::size_t straddled = 0;    // turns that begin inside of a token: it counts as learned
};
// `learn`: one a message of input.messages. input.add_generation_prompt is not looked at. Errors: as
// prompt_from_messages; unsupported (the template writes a turn in another way once others follow it, so what was
// answered cannot be told).
Result<LearnedPrompt> learned_from_messages(const Tokenizer& tokenizer, const ChatTemplate& chat, ChatInput input,
                                            const std::vector<bool>& learn, std::uint32_t context = 0);

// Marks what people wrote, for one rendering of one template.
class Marker {
 public:
  // A mark that occurs in none of the texts (template and messages). Error: invalid (they use every one of the 32).
  static Result<Marker> create(const Tokenizer& tokenizer, const std::vector<std::string_view>& texts);

  // The text with everything that would become a control token broken by a mark. Error: invalid (a control token of a
  // single character, which cannot be broken: named).
  Result<std::string> mark(std::string_view text) const;
  // Stands in no text, marked or not: two marks in a row.
  std::string end_mark() const { return mark_ + mark_; }
  // Whether `mark` changed anything so far.
  bool used() const { return used_; }
  // The tokens of what the template made of the marked texts: control tokens parsed, marks gone. No bos is added:
  // templates write their own. Error: invalid (a mark that the tokenizer merged with its neighbours).
  // `spans`, if given, gets where each token lies in `rendered` (with invalid UTF-8 replaced).
  Result<Prompt> encode(std::string_view rendered, std::vector<TokenSpan>* spans = nullptr) const;

 private:
  Marker(const Tokenizer& tokenizer, std::string mark) : tokenizer_(&tokenizer), mark_(std::move(mark)) {}
  const Tokenizer* tokenizer_;  // owner: the caller
  std::string mark_;
  mutable bool used_ = false;
};

}  // namespace freehold::text
