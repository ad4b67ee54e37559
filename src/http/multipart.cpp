#include "http/multipart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/utf8.h"
#include "http/message.h"
#include "http/target.h"

namespace freehold::http {
namespace {

constexpr std::size_t kMostParts = 32;
constexpr std::size_t kMostHead = 8 * 1024;  // bytes of one part's header lines
constexpr std::size_t kMostPadding = 64;     // blanks behind a boundary
constexpr std::size_t kMostName = 1024;      // bytes of a name or file name

Unexpected wrong(std::string what) {
  return fail(Errc::invalid, "the form is broken: " + what);
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// RFC 9110 section 5.6.2.
bool is_token_char(char c) {
  return is_alphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

struct Parameter {
  std::string name;  // lower case
  std::string value;
};

// The next `; name=value` of a header's value, whose beginning is taken off; nothing at the end.
Result<std::optional<Parameter>> next_parameter(std::string_view& rest) {
  rest = without_blanks(rest);
  if (rest.empty()) return std::optional<Parameter>();
  if (rest.front() != ';') return wrong("a parameter does not begin with ';'");
  rest = without_blanks(rest.substr(1));
  if (rest.empty()) return std::optional<Parameter>();  // a ';' at the end, as some clients write it
  const std::size_t equals = rest.find('=');
  Parameter out;
  out.name = rest.substr(0, equals == std::string_view::npos ? rest.size() : equals);
  if (equals == std::string_view::npos || out.name.empty() ||
      !std::all_of(out.name.begin(), out.name.end(), is_token_char)) {
    return wrong(fmt::format("'{}' is no parameter", printable(rest)));
  }
  for (char& c : out.name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  rest.remove_prefix(equals + 1);
  if (rest.empty() || rest.front() != '"') {
    const auto end = std::find_if_not(rest.begin(), rest.end(), is_token_char);
    out.value.assign(rest.begin(), end);
    if (out.value.empty()) return wrong(fmt::format("'{}' has no value", printable(out.name)));
    rest.remove_prefix(out.value.size());
    return std::optional(std::move(out));
  }
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return std::optional(std::move(out));
    }
    // Only these two can be escaped: browsers send a file's folders with backslashes of their own.
    if (rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\')) ++i;
    out.value += rest[i];
  }
  return wrong(fmt::format("the value of '{}' has no closing quote", printable(out.name)));
}

// UTF-8'language'percent-encoded (RFC 8187).
Result<std::string> extended_value(std::string_view text) {
  const std::size_t first = text.find('\'');
  const std::size_t second = first == std::string_view::npos ? first : text.find('\'', first + 1);
  if (second == std::string_view::npos || !equal_ignoring_case(text.substr(0, first), "utf-8")) {
    return wrong("filename* is not in UTF-8");
  }
  auto decoded = percent_decode(text.substr(second + 1), false);
  if (!decoded) return wrong("filename* has a broken percent escape");
  return std::move(*decoded);
}

// HTML's way to put a quote into a quoted string (html.spec.whatwg.org, multipart/form-data encoding algorithm).
std::string with_quotes(std::string text) {
  for (std::size_t i = text.find("%22"); i != std::string::npos; i = text.find("%22", i + 1)) text.replace(i, 3, "\"");
  return text;
}

Result<std::string> checked_name(std::string text, std::string_view what) {
  if (text.size() > kMostName) return wrong(fmt::format("a {} is longer than {} bytes", what, kMostName));
  if (!is_utf8(text)) return wrong(fmt::format("a {} is not UTF-8", what));
  for (std::string_view rest = text; !rest.empty();) {
    const CodePoint c = decode_utf8(rest);
    if (is_terminal_control(c.value)) return wrong(fmt::format("a {} has a control character", what));
    rest.remove_prefix(c.length);
  }
  return text;
}

}  // namespace

Result<std::string> form_boundary(std::string_view content_type) {
  const std::size_t end = std::min(content_type.find(';'), content_type.size());
  if (!equal_ignoring_case(without_blanks(content_type.substr(0, end)), "multipart/form-data")) {
    return fail(Errc::invalid, "the body must be multipart/form-data");
  }
  std::string_view rest = content_type.substr(end);
  std::optional<std::string> boundary;
  while (true) {
    FH_TRY(auto parameter, next_parameter(rest));
    if (!parameter) break;
    if (parameter->name != "boundary") continue;
    if (boundary) return wrong("there are two boundaries");
    boundary = std::move(parameter->value);
  }
  if (!boundary) return wrong("Content-Type names no boundary");
  const auto allowed = [](char c) {
    return is_alphanumeric(c) || std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
  };
  if (boundary->empty() || boundary->size() > 70 || boundary->back() == ' ' ||
      !std::all_of(boundary->begin(), boundary->end(), allowed)) {
    return wrong("the boundary is not one of RFC 2046");
  }
  return std::move(*boundary);
}

Result<FormPart> parse_disposition(std::string_view value) {
  const std::size_t end = std::min(value.find(';'), value.size());
  if (!equal_ignoring_case(without_blanks(value.substr(0, end)), "form-data")) {
    return wrong("the Content-Disposition of a part is not form-data");
  }
  std::string_view rest = value.substr(end);
  std::optional<std::string> name, plain, extended;
  while (true) {
    FH_TRY(auto parameter, next_parameter(rest));
    if (!parameter) break;
    auto* into = parameter->name == "name"        ? &name
                 : parameter->name == "filename"  ? &plain
                 : parameter->name == "filename*" ? &extended
                                                  : nullptr;
    if (into == nullptr) continue;
    if (*into) return wrong(fmt::format("'{}' occurs twice in a part", printable(parameter->name)));
    *into = std::move(parameter->value);
  }
  if (!name) return wrong("a part has no name");
  FormPart part;
  FH_TRY(part.name, checked_name(with_quotes(std::move(*name)), "name"));
  if (plain || extended) {
    std::string filename;
    if (extended) {
      FH_TRY(filename, extended_value(*extended));
    } else {
      filename = with_quotes(std::move(*plain));
    }
    // RFC 7578 section 4.2: folders are not to be used, whoever's they are.
    const std::size_t slash = filename.find_last_of("/\\");
    if (slash != std::string::npos) filename.erase(0, slash + 1);
    FH_TRY(part.filename, checked_name(std::move(filename), "file name"));
  }
  return part;
}

FormReader::FormReader(std::string_view boundary, FormReceiver& receiver)
    : receiver_(&receiver), delimiter_("\r\n--" + std::string(boundary)), buffer_("\r\n") {}

Result<> FormReader::feed(std::string_view piece) {
  if (failed_) return wrong("it is read no further");
  buffer_ += piece;
  while (true) {
    auto more = advance();
    if (!more) {
      failed_ = true;
      return tl::unexpected(std::move(more).error());
    }
    if (!*more) return {};
  }
}

Result<> FormReader::finish() {
  if (failed_) return wrong("it is read no further");
  if (at_ != At::epilogue) return wrong("it ends before its last boundary");
  return {};
}

Result<bool> FormReader::advance() {
  switch (at_) {
    case At::preamble:
    case At::data:
      return read_content();
    case At::delimiter:
      return read_delimiter();
    case At::head:
      return read_head();
    case At::epilogue:
      if (buffer_.find_first_not_of(" \t\r\n") != std::string::npos) {
        return wrong("something stands behind its last boundary");
      }
      buffer_.clear();
      return false;
  }
  return false;
}

// Up to the next delimiter: what a part holds, or nothing at all before the first.
Result<bool> FormReader::read_content() {
  if (fresh_) {
    const std::size_t known = std::min(buffer_.size(), delimiter_.size());
    const bool alike = buffer_.compare(0, known, delimiter_, 0, known) == 0;
    if (alike && known < delimiter_.size()) return false;
    if (!alike) buffer_.erase(0, 2);
    fresh_ = false;
  }
  const std::size_t found = buffer_.find(delimiter_);
  // What may still be the beginning of a delimiter stays.
  const std::size_t sure =
      found != std::string::npos ? found : buffer_.size() - std::min(buffer_.size(), delimiter_.size() - 1);
  if (at_ == At::preamble) {
    // One empty line is what some clients begin with; the first CR LF is ours.
    if (buffer_.substr(0, sure).find_first_not_of("\r\n") != std::string::npos || sure > 4) {
      return wrong("something stands before its first boundary");
    }
    if (found == std::string::npos) return false;
  } else if (sure > 0) {
    FH_TRY_VOID(receiver_->data(std::string_view(buffer_).substr(0, sure)));
    if (found == std::string::npos) buffer_.erase(0, sure);
  }
  if (found == std::string::npos) return false;
  buffer_.erase(0, found + delimiter_.size());
  if (at_ == At::data) FH_TRY_VOID(receiver_->end());
  at_ = At::delimiter;
  return true;
}

// Behind a delimiter: "--" is the end, otherwise blanks and the line's end. Anything else would be a line of content
// that begins like a delimiter, which RFC 2046 forbids.
Result<bool> FormReader::read_delimiter() {
  if (buffer_.size() < 2) return false;
  if (buffer_.starts_with("--")) {
    if (parts_ == 0) return wrong("it has no parts");
    buffer_.erase(0, 2);
    at_ = At::epilogue;
    return true;
  }
  const std::size_t end = buffer_.find_first_not_of(" \t");
  if (std::min(end, buffer_.size()) > kMostPadding) return wrong("a boundary's line does not end");
  if (end == std::string::npos || end + 1 >= buffer_.size()) return false;
  if (buffer_[end] != '\r' || buffer_[end + 1] != '\n') return wrong("a line begins like a boundary and is none");
  buffer_.erase(0, end + 2);
  if (++parts_ > kMostParts) return wrong(fmt::format("it has more than {} parts", kMostParts));
  at_ = At::head;
  return true;
}

Result<bool> FormReader::read_head() {
  const std::size_t end = buffer_.find("\r\n\r\n");
  if (buffer_.starts_with("\r\n")) return wrong(fmt::format("part {} has no header", parts_));
  if (std::min(end, buffer_.size()) > kMostHead) return wrong(fmt::format("the header of part {} is too long", parts_));
  if (end == std::string::npos) return false;
  std::optional<FormPart> part;
  std::string content_type;
  std::string_view lines = std::string_view(buffer_).substr(0, end + 2);
  while (!lines.empty()) {
    const std::size_t line_end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, line_end);
    lines.remove_prefix(line_end + 2);
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, std::min(colon, line.size()));
    if (colon == std::string_view::npos || name.empty() || !std::all_of(name.begin(), name.end(), is_token_char) ||
        line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
      return wrong(fmt::format("part {} has a header line that is none", parts_));
    }
    const std::string_view value = without_blanks(line.substr(colon + 1));
    if (equal_ignoring_case(name, "content-disposition")) {
      if (part) return wrong(fmt::format("part {} has two Content-Dispositions", parts_));
      FH_TRY(part, parse_disposition(value));
    } else if (equal_ignoring_case(name, "content-type")) {
      content_type = value;
    } else if (equal_ignoring_case(name, "content-transfer-encoding") && !equal_ignoring_case(value, "binary") &&
               !equal_ignoring_case(value, "8bit") && !equal_ignoring_case(value, "7bit")) {
      return wrong(fmt::format("part {} is encoded as '{}'", parts_, printable(value)));
    }
  }
  if (!part) return wrong(fmt::format("part {} has no Content-Disposition", parts_));
  part->content_type = std::move(content_type);
  // The empty line's end stays for now: of a part without content it is the beginning of the next delimiter.
  buffer_.erase(0, end + 2);
  FH_TRY_VOID(receiver_->begin(std::move(*part)));
  at_ = At::data;
  fresh_ = true;
  return true;
}

}  // namespace freehold::http
