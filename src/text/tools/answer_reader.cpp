#include "text/tools/answer_reader.h"

#include <algorithm>
#include <utility>

#include "text/grammar/schema_json.h"

namespace freehold::text::tools {
namespace {

using Kind = AnswerPiece::Kind;

constexpr std::size_t kMaxSpace = 64;      // white space that is held back
constexpr std::size_t kMaxFields = 512;    // of a name and what surrounds it
constexpr std::size_t kMaxName = 1024;     // as it is spelled in JSON
constexpr std::size_t kMaxKey = 32;        // of a call's member
constexpr std::size_t kMaxPending = 4096;  // text that waits for the end of one push

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Where up to kMaxSpace bytes of white space begin that stand at the end of text[0, end).
std::size_t before_space(std::string_view text, std::size_t end) {
  std::size_t begin = end;
  while (begin > 0 && end - begin < kMaxSpace && is_space(text[begin - 1])) --begin;
  return begin;
}

void emit(Kind kind, std::uint32_t index, std::string_view text, std::vector<AnswerPiece>& out) {
  if (text.empty()) return;
  if (out.empty() || out.back().kind != kind || out.back().index != index) out.push_back({kind, index, {}});
  out.back().text += text;
}

void emit_text(std::string_view text, std::vector<AnswerPiece>& out) {
  emit(Kind::text, 0, text, out);
}

// The field number `wanted` of those between the separators, white space and empty fields aside; "" if there is none.
std::string_view field(std::string_view text, const ToolFormat& format, std::size_t wanted) {
  while (!text.empty()) {
    std::size_t cut = text.size();
    std::size_t length = 0;
    for (std::string_view separator : format.fields) {
      std::size_t at = separator.empty() ? std::string_view::npos : text.find(separator);
      if (at < cut) {
        cut = at;
        length = separator.size();
      }
    }
    std::string_view one = trimmed(text.substr(0, cut));
    text.remove_prefix(cut + length);
    if (!one.empty() && wanted-- == 0) return one;
  }
  return {};
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

AnswerReader::AnswerReader(ReaderOptions options) : options_(std::move(options)) {
  if (options_.names.empty()) options_.format = nullptr;
  if (const ToolFormat* f = options_.format) {
    triggers_ = LiteralMatcher({f->triggers.begin(), f->triggers.end()});
    may_be_bare_ = !f->start_triggers[0].empty();
  }
  if (options_.thinking) close_ = LiteralMatcher({std::string(options_.thinking->close)});
  bool thinks = options_.thinking && options_.starts_thinking;
  may_think_ = options_.thinking && !thinks;
  drops_space_ = thinks;
  state_ = thinks ? State::thinking : may_think_ || may_be_bare_ ? State::start : State::text;
}

void AnswerReader::push(std::string_view text, Out& out) {
  for (char c : text) {
    step(c, out);
    if (pending_.size() > kMaxPending) settle(out);
  }
  settle(out);
}

void AnswerReader::end(Out& out, bool cut) {
  switch (state_) {
    case State::text:
      if (!cut || !options_.calls_only) emit_text(pending_, out);
      break;
    case State::thinking:
      emit(Kind::thinking, 0, pending_, out);
      break;
    case State::after:  // what may have become a closing tag, or another call, belongs to the call that was
      break;
    case State::start:
      emit_text(held_, out);
      break;
    case State::arguments:
      if (!started_ && !cut) emit_text(held_, out);
      break;
    default:
      if (!complete_ && !cut) emit_text(held_, out);
      break;
  }
  pending_.clear();
  held_.clear();
  lexeme_.clear();
}

// Gives out what nothing that follows can take back.
void AnswerReader::settle(Out& out) {
  if (pending_.empty()) return;
  bool thinks = state_ == State::thinking;
  std::size_t sure = pending_.size() - (thinks ? close_ : triggers_).held();
  if (thinks || options_.format != nullptr) sure = before_space(pending_, sure);
  emit(thinks ? Kind::thinking : Kind::text, 0, std::string_view(pending_).substr(0, sure), out);
  pending_.erase(0, sure);
}

void AnswerReader::step(char c, Out& out) {
  switch (state_) {
    case State::start:
      return step_start(c, out);
    case State::text:
      return step_text(c, out);
    case State::thinking:
      return step_thinking(c, out);
    case State::arguments:
      return step_arguments(c, out);
    case State::after:
      return step_after(c, out);
    default:
      return step_head(c, out);
  }
}

void AnswerReader::step_start(char c, Out& out) {
  if (lexeme_.empty() && is_space(c)) {
    if (!drops_space_) held_ += c;
    if (held_.size() > kMaxSpace) become_text(std::exchange(held_, {}), out);
    return;
  }
  lexeme_ += c;
  if (may_think_) {
    if (lexeme_ == options_.thinking->open) {
      lexeme_.clear();
      held_.clear();
      may_think_ = false;
      drops_space_ = true;
      state_ = State::thinking;
      return;
    }
    if (options_.thinking->open.starts_with(lexeme_)) {
      held_ += c;
      return;
    }
  }
  if (may_be_bare_ && lexeme_ == "{") return begin_call(State::first_key, std::exchange(held_, {}) + c);
  std::string bytes = std::exchange(held_, {}) + c;
  lexeme_.clear();
  become_text(bytes, out);
}

void AnswerReader::become_text(const std::string& bytes, Out& out) {
  state_ = State::text;
  may_think_ = false;
  for (char b : bytes) step(b, out);
}

void AnswerReader::step_text(char c, Out& out) {
  if (drops_space_ && is_space(c)) return;
  drops_space_ = false;
  pending_ += c;
  std::size_t hit = triggers_.push(c);
  if (hit == LiteralMatcher::kNone) return;
  std::size_t begin = before_space(pending_, pending_.size() - triggers_.literal(hit).size());
  emit_text(std::string_view(pending_).substr(0, begin), out);
  begin_call(State::opened, pending_.substr(begin));
}

void AnswerReader::step_thinking(char c, Out& out) {
  if (drops_space_ && is_space(c)) return;
  drops_space_ = false;
  pending_ += c;
  if (close_.push(c) == LiteralMatcher::kNone) return;
  std::size_t end = before_space(pending_, pending_.size() - options_.thinking->close.size());
  emit(Kind::thinking, 0, std::string_view(pending_).substr(0, end), out);
  pending_.clear();
  drops_space_ = true;
  state_ = may_be_bare_ ? State::start : State::text;
}

void AnswerReader::begin_call(State state, std::string held) {
  pending_.clear();
  triggers_.reset();
  held_ = std::move(held);
  lexeme_.clear();
  name_.clear();
  early_arguments_.clear();
  json_ = state == State::first_key;
  started_ = complete_ = has_arguments_ = false;
  depth_ = 0;
  in_string_ = escaped_ = false;
  state_ = state;
}

// What stands between a trigger and the arguments, and between them and the end of a JSON call. Each of the steps
// returns false where the format does not go on with this byte.
void AnswerReader::step_head(char c, Out& out) {
  if (held_.size() >= kMaxHead) return refuse(c, out);
  bool good = false;
  bool was_complete = complete_;
  switch (state_) {
    case State::opened:
      good = step_opened(c);
      break;
    case State::fields:
      good = step_fields(c, out);
      break;
    case State::first_key:
      good = is_space(c) || c == '"';
      if (c == '"') state_ = State::key;
      break;
    case State::key:
      good = step_key(c);
      break;
    case State::colon:
      good = is_space(c) || c == ':';
      if (c == ':') state_ = State::value;
      break;
    case State::value:
      good = step_value(c, out);
      break;
    case State::name:
      good = step_name(c, out);
      break;
    case State::skipped:
      if (depth_ == 0 && !in_string_ && (c == ',' || c == '}' || c == ']')) {
        state_ = State::member_end;
        good = step_member_end(c, out);
      } else {
        scan(c);
        good = true;
      }
      break;
    case State::member_end:
      good = step_member_end(c, out);
      break;
    default:
      break;
  }
  if (!good) return refuse(c, out);
  bool in_arguments = state_ == State::arguments && started_;
  if (state_ != State::after && !in_arguments && complete_ == was_complete) held_ += c;
}

bool AnswerReader::step_opened(char c) {
  if (is_space(c)) return true;
  if (c == '{') {
    json_ = true;
    state_ = State::first_key;
    return true;
  }
  if (in_array_) return false;
  if (c == '[') {
    in_array_ = true;
    return true;
  }
  if (options_.format->fields[0].empty()) return false;
  lexeme_ = c;
  state_ = State::fields;
  return true;
}

bool AnswerReader::step_fields(char c, Out& out) {
  if (c != '{') {
    lexeme_ += c;
    return lexeme_.size() <= kMaxFields;
  }
  std::string_view name = field(lexeme_, *options_.format, options_.format->name_field);
  if (!knows(name)) return false;
  name_ = name;
  start_call(out);
  state_ = State::arguments;
  step_arguments(c, out);
  return true;
}

bool AnswerReader::step_key(char c) {
  if (c != '"') {
    lexeme_ += c;
    return c != '\\' && lexeme_.size() <= kMaxKey;
  }
  if (complete_) {
    member_ = Member::other;
  } else if (is_one_of(lexeme_, {"name", "tool_name"}) && name_.empty()) {
    member_ = Member::name;
  } else if (is_one_of(lexeme_, {"arguments", "parameters"}) && !has_arguments_) {
    member_ = Member::arguments;
  } else if (is_one_of(lexeme_, {"id", "type", "index", "call_id", "tool_call_id"})) {
    member_ = Member::other;
  } else {
    return false;
  }
  lexeme_.clear();
  state_ = State::colon;
  return true;
}

bool AnswerReader::step_value(char c, Out& out) {
  if (is_space(c)) return true;
  if (member_ == Member::name) {
    if (c != '"') return false;
    state_ = State::name;
    return true;
  }
  if (member_ == Member::arguments) {
    if (c != '{') return false;
    has_arguments_ = true;
    state_ = State::arguments;
    if (!name_.empty()) {
      start_call(out);
      step_arguments(c, out);
    } else {
      early_arguments_ = c;
      scan(c);
    }
    return true;
  }
  if (c == ',' || c == '}' || c == ']') return false;
  state_ = State::skipped;
  scan(c);
  return true;
}

bool AnswerReader::step_name(char c, Out& out) {
  if (c != '"' || escaped_) {
    escaped_ = !escaped_ && c == '\\';
    lexeme_ += c;
    return lexeme_.size() <= kMaxName;
  }
  if (lexeme_.find('\\') != std::string::npos) {
    auto tree = grammar::JsonTree::parse('"' + lexeme_ + '"', {});
    if (!tree) return false;
    lexeme_ = tree->root().text;
  }
  if (!knows(lexeme_)) return false;
  name_ = std::exchange(lexeme_, {});
  state_ = State::member_end;
  if (has_arguments_) {
    start_call(out);
    emit(Kind::tool_arguments, calls_ - 1, early_arguments_, out);
    finish_call(out);
  }
  return true;
}

bool AnswerReader::step_member_end(char c, Out& out) {
  if (is_space(c)) return true;
  if (c == ',') {
    state_ = State::first_key;
    return true;
  }
  if (c != '}' || name_.empty()) return false;
  if (!complete_) {
    start_call(out);
    emit(Kind::tool_arguments, calls_ - 1, "{}", out);
    finish_call(out);
  }
  held_.clear();
  state_ = State::after;
  return true;
}

// Follows one JSON value; true when this byte closed the object or array that it is.
bool AnswerReader::scan(char c) {
  if (in_string_) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
    }
    return false;
  }
  if (c == '"') in_string_ = true;
  if (c == '{' || c == '[') ++depth_;
  return (c == '}' || c == ']') && depth_ > 0 && --depth_ == 0;
}

void AnswerReader::step_arguments(char c, Out& out) {
  if (started_) {
    emit(Kind::tool_arguments, calls_ - 1, std::string_view(&c, 1), out);
  } else {
    if (held_.size() >= kMaxHead) return refuse(c, out);
    early_arguments_ += c;
    held_ += c;
  }
  if (!scan(c)) return;
  state_ = json_ ? State::member_end : State::after;
  if (started_) finish_call(out);
}

void AnswerReader::start_call(Out& out) {
  out.push_back({Kind::tool_start, calls_++, name_});
  started_ = true;
  held_.clear();
  lexeme_.clear();
}

void AnswerReader::finish_call(Out& out) {
  out.push_back({Kind::tool_end, calls_ - 1, {}});
  complete_ = true;
  held_.clear();
}

// What looked like a call is none (or the rest of one that has ended is not): it was text.
void AnswerReader::refuse(char c, Out& out) {
  emit_text(std::exchange(held_, {}), out);
  lexeme_.clear();
  in_array_ = false;
  drops_space_ = false;
  state_ = State::text;
  step_text(c, out);
}

void AnswerReader::step_after(char c, Out& out) {
  const ToolFormat& f = *options_.format;
  if (lexeme_.empty()) {
    if (is_space(c)) return;
    if (in_array_ && c == ']') {
      in_array_ = false;
      return;
    }
    if (in_array_ && c == ',') return begin_call(State::opened, ",");
    if (may_be_bare_ && !in_array_ && c == '{') return begin_call(State::first_key, "{");
  }
  lexeme_ += c;
  bool prefix = false;
  for (std::string_view closer : f.closers) {
    if (!closer.empty() && lexeme_ == closer) {
      lexeme_.clear();
      return;
    }
    prefix |= closer.starts_with(lexeme_);
  }
  if (!f.next.empty() && lexeme_ == f.next) return begin_call(State::fields, std::exchange(lexeme_, {}));
  prefix |= f.next.starts_with(lexeme_);
  for (std::string_view trigger : f.triggers) {
    if (!trigger.empty() && lexeme_ == trigger) {
      in_array_ = false;
      return begin_call(State::opened, std::exchange(lexeme_, {}));
    }
    prefix |= trigger.starts_with(lexeme_);
  }
  if (prefix) return;
  in_array_ = false;
  drops_space_ = false;
  become_text(std::exchange(lexeme_, {}), out);
}

bool AnswerReader::knows(std::string_view name) const {
  return std::find(options_.names.begin(), options_.names.end(), name) != options_.names.end();
}

std::vector<AnswerPiece> read_answer(const ReaderOptions& options, std::string_view text) {
  AnswerReader reader(options);
  std::vector<AnswerPiece> out;
  reader.push(text, out);
  reader.end(out);
  return out;
}

}  // namespace freehold::text::tools
