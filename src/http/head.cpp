#include "http/head.h"

#include <fmt/format.h>

#include <algorithm>

#include "http/framing.h"
#include "http/target.h"

namespace freehold::http {
namespace {

constexpr std::size_t kLongestMethod = 32;
constexpr std::size_t kVersionBytes = 16;  // " HTTP/1.1" and a little more

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < ' ' && c != '\t') || byte == 0x7F;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

HeadReader::State HeadReader::fail(int status, std::string message) {
  error_ = {status, std::move(message)};
  return State::wrong;
}

HeadReader::State HeadReader::read(std::string_view input) {
  while (true) {
    std::size_t end = scanned_;
    while (end < input.size() && !is_control(input[end])) ++end;
    scanned_ = end;
    const std::string_view line = input.substr(at_, end - at_);
    begun_ = begun_ || !line.empty();
    if (end > limits_.bytes) {
      if (!has_request_line_ && check_unfinished(line) == State::wrong) return State::wrong;
      return fail(431, fmt::format("the head of the request is longer than {} bytes", limits_.bytes));
    }
    if (end == input.size() || (input[end] == '\r' && end + 1 == input.size())) return check_unfinished(line);
    if (input.substr(end, 2) != "\r\n") {
      begun_ = true;
      if (const State state = check_unfinished(line); state == State::wrong) return state;
      return fail(400, input[end] == '\r' || input[end] == '\n' ? "every line of a request's head must end with CR LF"
                                                                : "the request's head holds a control character");
    }
    at_ = scanned_ = end + 2;
    if (at_ > limits_.bytes) {
      return fail(431, fmt::format("the head of the request is longer than {} bytes", limits_.bytes));
    }
    if (line.empty() && has_request_line_) return finish();
    if (line.empty()) continue;
    const bool first = !has_request_line_;
    const State state = first ? request_line(line) : field_line(line);
    if (state != State::wrong) continue;
    if (first) take_marks(input.substr(at_));
    return state;
  }
}

// After a first line that is wrong: the fields that have come with it, as far as they are right, for by them the answer
// may have another shape.
void HeadReader::take_marks(std::string_view input) {
  const HeadError first = error_;
  for (std::size_t end = input.find("\r\n"); end != std::string_view::npos && end > 0; end = input.find("\r\n")) {
    const std::string_view line = input.substr(0, end);
    if (std::any_of(line.begin(), line.end(), is_control) || field_line(line) == State::wrong) break;
    input.remove_prefix(end + 2);
  }
  error_ = first;
}

// A line whose end is not there yet: something that will never be right need not be waited for.
HeadReader::State HeadReader::check_unfinished(std::string_view line) {
  if (line.empty()) return State::more;
  if (has_request_line_) {
    if (line[0] == ' ' || line[0] == '\t') return fail(400, "a header line begins with white space");
    return State::more;
  }
  const std::size_t space = line.find(' ');
  const std::string_view method = line.substr(0, space);
  if (!is_token(method) || method.size() > kLongestMethod) return fail(400, "this is not HTTP");
  if (space == std::string_view::npos) return State::more;
  // As much as the answer's shape needs.
  const std::string_view rest = line.substr(space + 1);
  head_.request.method = std::string(method);
  head_.request.target = rough_target(rest.substr(0, rest.find(' ')));
  if (rest.size() > limits_.target_bytes + kVersionBytes) {
    return fail(414, fmt::format("the address is longer than {} bytes", limits_.target_bytes));
  }
  return State::more;
}

HeadReader::State HeadReader::request_line(std::string_view line) {
  if (const State state = check_unfinished(line); state == State::wrong) return state;
  has_request_line_ = true;
  const std::size_t first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || last == first) {
    return fail(400, "the first line must be a method, an address and the version of HTTP");
  }
  const std::string_view address = line.substr(first + 1, last - first - 1), version = line.substr(last + 1);
  if (address.size() > limits_.target_bytes) {
    return fail(414,
                fmt::format("the address has {} bytes, at most {} are allowed", address.size(), limits_.target_bytes));
  }
  if (version.size() != 8 || !version.starts_with("HTTP/") || !is_digit(version[5]) || version[6] != '.' ||
      !is_digit(version[7])) {
    return fail(400, "the first line must be a method, an address and the version of HTTP");
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return fail(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  head_.http_1_0 = version == "HTTP/1.0";
  if (head_.request.method == "CONNECT") return fail(400, "this is no proxy: CONNECT has no meaning here");
  auto target = parse_target(address);
  if (!target) return fail(400, target.error().what);
  head_.request.target = std::move(*target);
  if (head_.request.target.path == "*" && head_.request.method != "OPTIONS") {
    return fail(400, "the address '*' is for OPTIONS only");
  }
  return State::more;
}

HeadReader::State HeadReader::field_line(std::string_view line) {
  if (line[0] == ' ' || line[0] == '\t') return fail(400, "a header line begins with white space");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return fail(400, "a header line has no colon");
  const std::string_view name = line.substr(0, colon);
  if (!is_token(name)) return fail(400, "the name of a header field holds what a name may not hold");
  Headers& headers = head_.request.headers;
  if (headers.fields().size() >= limits_.fields) {
    return fail(431, fmt::format("more than {} header fields", limits_.fields));
  }
  headers.add(std::string(name), std::string(trim(line.substr(colon + 1))));
  return State::more;
}

HeadReader::State HeadReader::finish() {
  if (auto wrong = read_framing(head_)) return fail(wrong->status, std::move(wrong->message));
  return State::done;
}

std::optional<HeadError> parse_head(std::string_view text, const HeadLimits& limits, Head& head) {
  HeadReader reader(limits);
  const HeadReader::State state = reader.read(text);
  head = std::move(reader.head());
  if (state == HeadReader::State::wrong) return reader.error();
  if (state == HeadReader::State::more || reader.size() != text.size()) return HeadError{400, "the head has no end"};
  return {};
}

}  // namespace freehold::http
