// A compiled regular expression (PCRE2, UTF-8, Unicode properties, JIT where the machine allows it), and the state that
// one thread needs to run it. What a hostile pattern or text can cost is bounded: see Matcher.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::text {

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t size() const { return end - begin; }
  bool operator==(const Span&) const = default;
};

// Immutable once compiled; may be shared among threads.
class Regex {
 public:
  // `pattern` is in the dialect of regex_dialect.h. Errors: unsupported (not in the dialect), corrupt (not a regular
  // expression).
  enum class Taken : std::uint8_t {
    match,  // what the pattern matches
    group,  // of that what its first group (…) does, if it has one and that took part
  };
  static Result<Regex> compile(std::string_view pattern, Taken taken = Taken::match);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

 private:
  friend class Matcher;
  struct Code;
  Regex() = default;
  std::unique_ptr<Code> code_;
};

// One thread's working memory for any number of searches. Each has PCRE2's limits on steps and heap; all together have
// `time` of this thread on a processor, looked at often enough to stop within a fraction of a second.
class Matcher {
 public:
  explicit Matcher(std::chrono::milliseconds time);
  ~Matcher();
  Matcher(const Matcher&) = delete;
  Matcher& operator=(const Matcher&) = delete;

  // The leftmost match in `text` that begins at `from` or later. `text` must be UTF-8 and `from` the beginning of a
  // character. Of a Regex of Taken::group the span is the group's. Nothing before `text` is visible to look-behind.
  // Error: exhausted.
  Result<std::optional<Span>> find(const Regex& regex, std::string_view text, std::size_t from);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freehold::text
