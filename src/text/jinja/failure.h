// How a template fails: what kind of failure, the message, and the line of the template. Outcome<T> is the
// interpreter's own result type; text/chat_template.h turns it into the Result<T> that the rest of the program knows.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace freehold::text::jinja {

enum class FailureKind {
  syntax,   // the template cannot be parsed
  runtime,  // an operation that Python or Jinja refuses ('str' + list, an attribute of something undefined, …)
  raised,   // the template called raise_exception(); the message is exactly its argument
  limit,    // steps, depth, output, memory, time or the range of 64-bit integers
};

// One pointer wide, so that an Outcome<Value> stays small on the stack of a recursive interpreter.
class Failure {
 public:
  Failure(FailureKind kind, std::string message, std::size_t line = 0)
      : detail_(std::make_unique<Detail>(Detail{kind, std::move(message), line})) {}

  FailureKind kind() const { return detail_->kind; }
  const std::string& message() const { return detail_->message; }
  std::size_t line() const { return detail_->line; }  // 1…; 0 = not known
  // The innermost place wins: set only once.
  void at_line(std::size_t line) {
    if (detail_->line == 0) detail_->line = line;
  }

 private:
  struct Detail {
    FailureKind kind;
    std::string message;
    std::size_t line;
  };
  std::unique_ptr<Detail> detail_;
};

template <typename T>
using Outcome = tl::expected<T, Failure>;
using Done = tl::expected<void, Failure>;

inline tl::unexpected<Failure> refuse(FailureKind kind, std::string message, std::size_t line = 0) {
  return tl::unexpected<Failure>(Failure(kind, std::move(message), line));
}
inline tl::unexpected<Failure> runtime_error(std::string message) {
  return refuse(FailureKind::runtime, std::move(message));
}
inline tl::unexpected<Failure> limit_error(std::string message) {
  return refuse(FailureKind::limit, std::move(message));
}

}  // namespace freehold::text::jinja
