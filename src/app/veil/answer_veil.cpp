#include "app/veil/answer_veil.h"

#include <utility>

namespace freehold::app {

void Marks::feed(std::string_view chunk, bool end, const std::function<void(std::string_view part, bool mark)>& visit) {
  held_ += chunk;
  const std::string_view all = held_;
  std::size_t at = 0;  // what is before has been told
  for (std::size_t open = all.find('['); open != std::string_view::npos;) {
    const std::string_view rest = all.substr(open);
    if (const std::string_view mark = mark_at(rest); !mark.empty()) {
      if (open > at) visit(all.substr(at, open - at), false);
      visit(mark, true);
      at = open + mark.size();
      open = all.find('[', at);
    } else if (!end && may_begin_mark(rest)) {
      if (open > at) visit(all.substr(at, open - at), false);
      held_.erase(0, open);
      return;
    } else {
      open = all.find('[', open + 1);
    }
  }
  if (all.size() > at) visit(all.substr(at), false);
  held_.clear();
}

std::string Restorer::feed(std::string_view chunk, bool end) {
  std::string out;
  marks_.feed(chunk, end, [&](std::string_view part, bool mark) {
    const auto found = mark ? values_->find(part.substr(1, part.size() - 2)) : values_->end();
    const bool known = found != values_->end();
    if (known && count_ != nullptr) ++*count_;
    out += known ? std::string_view(found->second) : part;
  });
  return out;
}

AnswerVeil::AnswerVeil(guard::Treatments treatments, audit::Pseudonyms restore, bool json)
    : veil_(guard::Way::answer, treatments), restore_(std::move(restore)), json_(json) {}

std::string AnswerVeil::pass(Choice& choice, std::string_view text, bool end) {
  if (choice.strings) {
    const auto replace = [this](const format::JsonStrings::Value& value) -> std::optional<std::string> {
      const std::string_view name = value.in.empty() ? std::string_view() : std::string_view(value.in.back());
      if (value.number) return veil_.changed_number(name, value.text);
      Restorer restorer(restore_, &restored_);
      std::string whole = restorer.feed(value.text);
      whole += restorer.finish();
      if (auto other = veil_.changed_beside(name, whole)) return other;
      return whole == value.text ? std::nullopt : std::optional(std::move(whole));
    };
    std::string out = choice.strings->feed(text, replace);
    if (end) out += choice.strings->finish(replace);
    return out;
  }
  std::string out = choice.restorer->feed(text);
  if (end) out += choice.restorer->finish();
  if (!choice.rewriter) return out;
  const auto replace = [this](pii::Kind kind, std::string_view value) { return veil_.replacement(kind, value); };
  std::string rewritten;
  choice.marks.feed(out, end, [&](std::string_view part, bool mark) {
    rewritten += mark ? choice.rewriter->pass(part, replace) : choice.rewriter->feed(part, replace);
  });
  if (end) rewritten += choice.rewriter->finish(replace);
  return rewritten;
}

void AnswerVeil::write(std::uint32_t number, Channel channel, std::uint32_t index, std::string_view text,
                       const Give& give) {
  if (text.empty() || blocked()) return;
  switch (channel) {
    case Channel::text:
      return give(api::Text{number, text});
    case Channel::thinking:
      return give(api::Thinking{number, text});
    case Channel::arguments:
      return give(api::ToolArguments{number, index, text});
    case Channel::none:
      break;
  }
}

// What was written on another channel is over.
void AnswerVeil::turn(std::uint32_t number, Choice& choice, Channel channel, std::uint32_t index, const Give& give) {
  if (choice.channel == channel && choice.index == index) return;
  if (choice.channel != Channel::none) write(number, choice.channel, choice.index, pass(choice, {}, true), give);
  choice = {channel, index, {}, {}, {}, {}};
  if (channel == Channel::arguments || (channel == Channel::text && json_)) {
    choice.strings.emplace();
  } else if (channel != Channel::none) {
    choice.restorer.emplace(restore_, &restored_);
    if (veil_.active()) choice.rewriter.emplace(veil_.treatments().profile);
  }
}

void AnswerVeil::add(const api::Piece& piece, const Give& give) {
  const auto text = [&](std::uint32_t number, Channel channel, std::uint32_t index, std::string_view what) {
    Choice& choice = choices_[number];
    turn(number, choice, channel, index, give);
    write(number, channel, index, pass(choice, what, false), give);
  };
  const auto other = [&](std::uint32_t number) {
    turn(number, choices_[number], Channel::none, 0, give);
    if (!blocked()) give(piece);
  };
  if (const auto* of_text = std::get_if<api::Text>(&piece)) {
    text(of_text->choice, Channel::text, 0, of_text->text);
  } else if (const auto* thinking = std::get_if<api::Thinking>(&piece)) {
    text(thinking->choice, Channel::thinking, 0, thinking->text);
  } else if (const auto* arguments = std::get_if<api::ToolArguments>(&piece)) {
    text(arguments->choice, Channel::arguments, arguments->index, arguments->fragment);
  } else if (const auto* start = std::get_if<api::ToolStart>(&piece)) {
    other(start->choice);
  } else if (const auto* end = std::get_if<api::ToolEnd>(&piece)) {
    other(end->choice);
  } else if (const auto* ended = std::get_if<api::Ended>(&piece)) {
    turn(ended->choice, choices_[ended->choice], Channel::none, 0, give);
    api::Ended given = *ended;
    if (veil_.active()) given.tokens = {};  // they spell what was taken out
    if (!blocked()) give(given);
  } else if (!blocked()) {
    give(piece);
  }
}

}  // namespace freehold::app
