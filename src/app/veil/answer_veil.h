// Between what a model writes and what its client is given: the values that stand behind the request's pseudonyms are
// put back, then what the policy does not let pass is taken out, in pieces as they come. The pieces put together are
// the same however they are cut, so a streamed answer is the one in one piece.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "api/answer.h"
#include "app/veil/veil.h"
#include "format/json_strings.h"

namespace freehold::app {

// Tells marks (veil.h) from the text between them, in what comes in pieces.
class Marks {
 public:
  // `visit` gets texts, and marks by themselves. What may become one is held back, unless this is the end.
  void feed(std::string_view chunk, bool end, const std::function<void(std::string_view part, bool mark)>& visit);

 private:
  std::string held_;
};

// Puts values in the place of their tokens in a text that comes in pieces.
class Restorer {
 public:
  // `count`: one more for each value that is put back.
  explicit Restorer(const audit::Pseudonyms& values, std::uint64_t* count = nullptr)
      : values_(&values), count_(count) {}
  std::string feed(std::string_view chunk, bool end = false);
  std::string finish() { return feed({}, true); }

 private:
  const audit::Pseudonyms* values_;  // owner: AnswerVeil
  std::uint64_t* count_;             // owner: the same
  Marks marks_;
};

class AnswerVeil {
 public:
  using Give = std::function<void(const api::Piece&)>;
  // `restore`: values by token. `json`: the answer is JSON, of which only strings (and numbers) change.
  AnswerVeil(guard::Treatments treatments, audit::Pseudonyms restore, bool json);

  // Gives what is safe by now instead of the piece. When blocked() says so after it, nothing more may be given.
  void add(const api::Piece& piece, const Give& give);
  bool blocked() const { return veil_.blocked(); }
  const Veil& veil() const { return veil_; }
  // Whether there are values to put back, and how many have been.
  bool restores() const { return !restore_.empty(); }
  std::uint64_t restored() const { return restored_; }

 private:
  enum class Channel : std::uint8_t { none, text, thinking, arguments };
  struct Choice {
    Channel channel = Channel::none;
    std::uint32_t index = 0;  // of the call
    std::optional<Restorer> restorer;
    std::optional<pii::Rewriter> rewriter;
    Marks marks;  // before the rewriter
    std::optional<format::JsonStrings> strings;
  };
  void turn(std::uint32_t number, Choice& choice, Channel channel, std::uint32_t index, const Give& give);
  std::string pass(Choice& choice, std::string_view text, bool end);
  void write(std::uint32_t number, Channel channel, std::uint32_t index, std::string_view text, const Give& give);

  Veil veil_;
  const audit::Pseudonyms restore_;
  const bool json_;
  std::uint64_t restored_ = 0;
  std::map<std::uint32_t, Choice> choices_;
};

}  // namespace freehold::app
