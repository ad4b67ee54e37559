#include "text/prompt.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"

namespace freehold::text {
namespace {

bool is_special(const Tokenizer& tokenizer, std::int32_t id) {
  TokenType type = tokenizer.token_type(id);
  return type == TokenType::control || type == TokenType::unknown;
}

bool only_special(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids) {
  return std::all_of(ids.begin(), ids.end(), [&](std::int32_t id) { return is_special(tokenizer, id); });
}

using jinja::Type;
using jinja::Value;

constexpr int kDeepest = 128;  // of lists and dicts in each other

// Calls visit(text) for every string below `value`.
template <typename Visit>
void for_each_text(const Value& value, Visit visit, int depth = 0) {
  if (depth > kDeepest) return;
  if (value.is(Type::string)) visit(value.as_text());
  if (value.is(Type::list) || value.is(Type::tuple)) {
    for (const Value& item : value.as_sequence().items) for_each_text(item, visit, depth + 1);
  }
  if (value.is(Type::dict)) {
    for (const auto& entry : value.as_dict().entries()) {
      for_each_text(entry.key, visit, depth + 1);
      for_each_text(entry.value, visit, depth + 1);
    }
  }
}

// The same value with every string marked.
Result<Value> marked(const Value& value, const Marker& marker, int depth = 0) {
  if (depth > kDeepest) return fail(Errc::invalid, fmt::format("messages are nested deeper than {} levels", kDeepest));
  if (value.is(Type::string)) {
    FH_TRY(std::string text, marker.mark(value.as_text()));
    return Value::string(std::move(text));
  }
  if (value.is(Type::list)) {
    std::vector<Value> items;
    for (const Value& item : value.as_sequence().items) {
      FH_TRY(Value copy, marked(item, marker, depth + 1));
      items.push_back(std::move(copy));
    }
    return Value::list(std::move(items));
  }
  if (value.is(Type::dict)) {
    std::vector<std::pair<std::string, Value>> entries;
    for (const auto& entry : value.as_dict().entries()) {
      if (!entry.key.is(Type::string)) return fail(Errc::invalid, "a key of a message is not a string");
      FH_TRY(std::string key, marker.mark(entry.key.as_text()));
      FH_TRY(Value copy, marked(entry.value, marker, depth + 1));
      entries.emplace_back(std::move(key), std::move(copy));
    }
    return Value::dict(std::move(entries));
  }
  return value;
}

// The messages with `end` behind the content of the last one.
Result<Value> with_end(const Value& messages, const std::string& end) {
  const char* kWrong = "the last message has no text that could be continued";
  if (!messages.is(Type::list) || messages.as_sequence().items.empty()) return fail(Errc::invalid, kWrong);
  std::vector<Value> items = messages.as_sequence().items;
  if (!items.back().is(Type::dict)) return fail(Errc::invalid, kWrong);
  bool found = false;
  std::vector<std::pair<std::string, Value>> entries;
  for (const auto& entry : items.back().as_dict().entries()) {
    const bool content = entry.key.as_text() == "content" && entry.value.is(Type::string);
    found |= content;
    entries.emplace_back(entry.key.as_text(),
                         content ? Value::string(std::string(entry.value.as_text()) + end) : entry.value);
  }
  if (!found) return fail(Errc::invalid, kWrong);
  items.back() = Value::dict(std::move(entries));
  return Value::list(std::move(items));
}

}  // namespace

namespace {

std::uint64_t longest_token(const Tokenizer& tokenizer) {
  std::size_t longest = 1;
  for (std::size_t id = 0; id < tokenizer.size(); ++id) {
    longest = std::max(longest, tokenizer.token_text(static_cast<std::int32_t>(id)).size());
  }
  return longest;
}

}  // namespace

Result<> check_length(const Tokenizer& tokenizer, std::uint64_t bytes, std::uint32_t context) {
  const std::uint64_t most = std::uint64_t{kFarMore} * context;
  if (bytes <= most || bytes <= most * longest_token(tokenizer)) return {};  // a token has a byte at least
  return fail(Errc::exhausted,
              fmt::format("the prompt has {} bytes: far more than a context of {} tokens holds", bytes, context));
}

namespace {

// How much a conversation is before its template has written it.
struct Extent {
  std::size_t messages = 0;
  std::uint64_t bytes = 0;  // of all that people wrote

  // Refuses what is far more than the context, as check_length; it was not even marked.
  Result<> check(const Tokenizer& tokenizer, std::uint32_t context) const {
    if (messages <= std::uint64_t{kFarMore} * context) return check_length(tokenizer, bytes, context);
    return fail(Errc::exhausted, fmt::format("the prompt has {} messages: far more than a context of {} tokens holds",
                                             messages, context));
  }
  // What a template that gave up for want of steps, memory or time is to be told as: a conversation that would not have
  // fitted, if it has so many messages or bytes.
  Error told(const Tokenizer& tokenizer, Error error, std::uint32_t context) const {
    if (error.code != Errc::exhausted || context == 0) return error;
    if (messages > context) {
      error.what = fmt::format("the prompt has {} messages: more than a context of {} tokens holds", messages, context);
    } else if (bytes > context && bytes > context * longest_token(tokenizer)) {
      error.what = fmt::format("the prompt has {} bytes: more than a context of {} tokens holds", bytes, context);
    }
    return error;
  }
};

// A marker for one conversation; everything in `input` that people wrote is marked by it.
Result<Marker> mark_all(const Tokenizer& tokenizer, const ChatTemplate& chat, ChatInput& input, std::uint32_t context,
                        Extent& extent) {
  std::vector<std::string_view> texts = {chat.source()};
  std::vector<Value*> written = {&input.messages, &input.tools};
  for (auto& extra : input.extras) written.push_back(&extra.second);
  if (input.messages.is(Type::list)) extent.messages = input.messages.as_sequence().items.size();
  for (const Value* value : written) {
    for_each_text(*value, [&](std::string_view text) {
      texts.push_back(text);
      extent.bytes += text.size();
    });
  }
  if (context != 0) FH_TRY_VOID(extent.check(tokenizer, context));
  FH_TRY(Marker marker, Marker::create(tokenizer, texts));
  for (Value* value : written) {
    FH_TRY(*value, marked(*value, marker));
  }
  return marker;
}

}  // namespace

Result<Prompt> prompt_from_messages(const Tokenizer& tokenizer, const ChatTemplate& chat, ChatInput input,
                                    std::uint32_t context, bool continue_last) {
  Extent extent;
  FH_TRY(const Marker marker, mark_all(tokenizer, chat, input, context, extent));
  if (continue_last) {
    input.add_generation_prompt = false;
    FH_TRY(input.messages, with_end(input.messages, marker.end_mark()));
  }
  Result<std::string> written = chat.render(input);
  if (!written) return tl::unexpected(extent.told(tokenizer, std::move(written).error(), context));
  std::string rendered = std::move(*written);
  if (context != 0) FH_TRY_VOID(check_length(tokenizer, rendered.size(), context));
  if (continue_last) {
    const std::size_t end = rendered.find(marker.end_mark());
    if (end == std::string::npos || rendered.find(marker.end_mark(), end + 1) != std::string::npos) {
      return fail(Errc::unsupported, "this model's chat template cannot continue a message that has begun");
    }
    rendered.resize(end);
  }
  FH_TRY(Prompt prompt, marker.encode(rendered));
  prompt.text_starts = input.add_generation_prompt;
  return prompt;
}

Result<LearnedPrompt> learned_from_messages(const Tokenizer& tokenizer, const ChatTemplate& chat, ChatInput input,
                                            const std::vector<bool>& learn, std::uint32_t context) {
  Extent extent;
  FH_TRY(const Marker marker, mark_all(tokenizer, chat, input, context, extent));
  const std::vector<Value> messages = input.messages.as_sequence().items;
  const auto render = [&](std::size_t count, bool generation) -> Result<std::string> {
    input.messages = Value::list({messages.begin(), messages.begin() + static_cast<std::ptrdiff_t>(count)});
    input.add_generation_prompt = generation;
    FH_TRY(const std::string rendered, chat.render(input));
    return replace_invalid_utf8(rendered);
  };
  FH_TRY(const std::string whole, render(messages.size(), false));
  if (context != 0) FH_TRY_VOID(check_length(tokenizer, whole.size(), context));
  struct Turn {
    std::size_t begin, end;  // bytes of `whole`
  };
  std::vector<Turn> turns;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (!learn[i]) continue;
    FH_TRY(const std::string before, render(i, true));
    FH_TRY(const std::string after, render(i + 1, false));
    if (!whole.starts_with(before) || !whole.starts_with(after) || after.size() < before.size()) {
      return fail(
          Errc::unsupported,
          fmt::format("the model's chat template writes message {} in another way in the middle of a conversation than "
                      "when it is the answer",
                      i + 1));
    }
    turns.push_back({before.size(), after.size()});
  }
  LearnedPrompt out;
  std::vector<TokenSpan> spans;
  FH_TRY(out.prompt, marker.encode(whole, &spans));
  const std::vector<std::int32_t>& tokens = out.prompt.tokens;
  out.learned.resize(tokens.size());
  out.turn_ends.resize(tokens.size());
  for (std::size_t t = 0; t < tokens.size(); ++t) out.turn_ends[t] = tokenizer.ends_generation(tokens[t]);
  std::size_t t = 0;
  for (const Turn& turn : turns) {
    while (t < tokens.size() && spans[t].end <= turn.begin) ++t;
    if (t < tokens.size() && spans[t].begin < turn.begin) ++out.straddled;
    for (; t < tokens.size() && spans[t].begin < turn.end; ++t) {
      out.learned[t] = true;
      if (out.turn_ends[t]) break;
    }
  }
  return out;
}

Result<Prompt> prompt_from_text(const Tokenizer& tokenizer, std::string_view text, bool add_special, bool parse_special,
                                std::uint32_t context) {
  if (context != 0) FH_TRY_VOID(check_length(tokenizer, text.size(), context));
  Prompt prompt;
  EncodeOptions options;
  options.add_special = add_special;
  options.parse_special = parse_special;
  FH_TRY(prompt.tokens, tokenizer.encode(text, options));
  prompt.text = text;
  prompt.text_starts = only_special(tokenizer, prompt.tokens);
  return prompt;
}

Result<Marker> Marker::create(const Tokenizer& tokenizer, const std::vector<std::string_view>& texts) {
  for (std::uint32_t c = 0xFDD0; c <= 0xFDEF; ++c) {
    std::string mark;
    append_utf8(mark, c);
    auto uses = [&](std::string_view text) { return text.find(mark) != std::string_view::npos; };
    if (std::none_of(texts.begin(), texts.end(), uses)) return Marker(tokenizer, std::move(mark));
  }
  return fail(Errc::invalid,
              "the messages use all of the noncharacters U+FDD0 to U+FDEF: none is left to mark them with");
}

Result<std::string> Marker::mark(std::string_view text) const {
  std::string marked = replace_invalid_utf8(text);
  EncodeOptions options;
  options.parse_special = true;
  // What is left of a broken token may spell another one, but never a longer one: a few rounds settle it.
  for (int round = 0; round < 16; ++round) {
    FH_TRY(Encoding e, tokenizer_->encode_with_offsets(marked, options));
    std::string next;
    std::size_t copied = 0;
    for (std::size_t i = 0; i < e.ids.size(); ++i) {
      if (!is_special(*tokenizer_, e.ids[i])) continue;
      std::string_view spelling = tokenizer_->token_text(e.ids[i]);
      // The span takes in white space that belongs to the token. An unknown character has a span that does not spell
      // "<unk>".
      std::size_t at = marked.find(spelling, e.spans[i].begin);
      if (spelling.empty() || at == std::string::npos || at + spelling.size() > e.spans[i].end) continue;
      std::size_t first = decode_utf8(spelling).length;
      if (first == spelling.size()) {
        return fail(Errc::invalid,
                    fmt::format("a message holds the control token '{}', which cannot be written as text",
                                printable(spelling)));
      }
      next.append(marked, copied, at + first - copied);
      next.append(mark_);
      copied = at + first;
    }
    if (copied == 0) return marked;
    next.append(marked, copied);
    marked = std::move(next);
    used_ = true;
  }
  return fail(Errc::invalid, "a message holds control tokens inside control tokens");
}

Result<Prompt> Marker::encode(std::string_view rendered, std::vector<TokenSpan>* spans) const {
  EncodeOptions options;
  options.parse_special = true;
  Prompt prompt;
  std::string whole = replace_invalid_utf8(rendered);  // what spans refer to
  if (spans == nullptr &&
      whole.find(mark_) == std::string::npos) {  // spans of millions of tokens would be large, and are not needed
    FH_TRY(prompt.tokens, tokenizer_->encode(whole, options));
    prompt.text = std::move(whole);
    prompt.text_starts = only_special(*tokenizer_, prompt.tokens);
    return prompt;
  }
  FH_TRY(Encoding e, tokenizer_->encode_with_offsets(whole, options));
  std::size_t mark = whole.find(mark_);
  for (std::size_t i = 0; i < e.ids.size(); ++i) {
    const TokenSpan& span = e.spans[i];
    while (mark != std::string::npos && mark + mark_.size() <= span.begin)
      mark = whole.find(mark_, mark + mark_.size());
    bool touches = mark != std::string::npos && span.end > mark && span.begin < mark + mark_.size();
    if (!touches) {
      prompt.tokens.push_back(e.ids[i]);
      if (spans != nullptr) spans->push_back(span);
    } else if (span.begin < mark || span.end > mark + mark_.size()) {
      return fail(Errc::invalid,
                  "a message spells a control token, and this tokenizer cannot keep it apart from a real one");
    }
  }
  std::size_t copied = 0;
  for (std::size_t at = whole.find(mark_); at != std::string::npos; at = whole.find(mark_, copied)) {
    prompt.text.append(whole, copied, at - copied);
    copied = at + mark_.size();
  }
  prompt.text.append(whole, copied);
  prompt.text_starts = only_special(*tokenizer_, prompt.tokens);
  return prompt;
}

}  // namespace freehold::text
