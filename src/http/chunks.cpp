#include "http/chunks.h"

#include <algorithm>

#include "base/hex.h"
#include "http/framing.h"
#include "http/head.h"

namespace freehold::http {
namespace {

constexpr int kMostDigits = 16;                // of 64 bits
constexpr std::size_t kMostUnused = 8 * 1024;  // bytes of extensions and trailers of one body
constexpr std::size_t kMostTrailers = 32;

// Drops optional white space, then a token. False if there is none.
bool drop_token(std::string_view& text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  std::size_t end = 0;
  while (end < text.size() && is_token(text.substr(end, 1))) ++end;
  text.remove_prefix(end);
  return end > 0;
}

bool drop_quoted(std::string_view& text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

// *( BWS ";" BWS name [ BWS "=" BWS value ] )
bool are_extensions(std::string_view text) {
  while (!text.empty()) {
    const std::size_t semicolon = text.find_first_not_of(" \t");
    if (semicolon == std::string_view::npos || text[semicolon] != ';') return false;
    text.remove_prefix(semicolon + 1);
    if (!drop_token(text)) return false;
    const std::size_t next = text.find_first_not_of(" \t");
    if (next == std::string_view::npos || text[next] != '=') continue;
    text.remove_prefix(next + 1);
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    if (!(text.starts_with('"') ? drop_quoted(text) : drop_token(text))) return false;
  }
  return true;
}

}  // namespace

bool ChunkReader::wrong(int status, std::string message) {
  status_ = status;
  message_ = std::move(message);
  return false;
}

bool ChunkReader::size_line_ends() {
  if (!are_extensions(line_)) return wrong(400, "what follows a chunk's size is no extension");
  line_.clear();
  digits_ = 0;
  if (size_ > limit_ - total_) return wrong(413, "");
  total_ += size_;
  state_ = size_ == 0 ? State::trailer : State::data;
  return true;
}

bool ChunkReader::trailer_line_ends() {
  state_ = State::trailer;
  if (line_.empty()) {
    state_ = State::done;
    return true;
  }
  const std::size_t colon = line_.find(':');
  const std::string_view name = std::string_view(line_).substr(0, colon);
  if (colon == std::string::npos || !is_token(name)) return wrong(400, "a trailer is no header field");
  // They would have changed what has been decided already (RFC 9110 section 6.5.1).
  for (const char* early : {"content-length", "transfer-encoding", "host", "authorization", "content-type",
                            "content-encoding", "trailer", "te", "expect", "connection"}) {
    if (equal_ignoring_case(name, early)) return wrong(400, "a trailer has the name of a field that must come first");
  }
  line_.clear();
  if (++trailers_ > kMostTrailers) return wrong(431, "the body has too many trailers");
  return true;
}

// One byte outside of a chunk's data. False: it is wrong.
bool ChunkReader::take(char c) {
  switch (state_) {
    case State::size: {
      const int digit = hex_digit(c);
      if (digit < 0) {
        if (digits_ == 0) return wrong(400, "a chunk's size is not a hexadecimal number");
        state_ = State::line;
        return take(c);
      }
      if (++digits_ > kMostDigits) return wrong(400, "a chunk's size has too many digits");
      size_ = size_ * 16 + static_cast<std::uint64_t>(digit);
      return true;
    }
    case State::line:
    case State::trailer: {
      const bool trailer = state_ == State::trailer;
      if (c == '\r') {
        state_ = trailer ? State::trailer_end : State::line_end;
        return true;
      }
      if (c == '\n') return wrong(400, "every line of a chunked body must end with CR LF");
      if (is_control(c)) return wrong(400, "a line of a chunked body holds a control character");
      if (trailer && line_.empty() && (c == ' ' || c == '\t')) return wrong(400, "a trailer begins with white space");
      if (!trailer && line_.empty() && c != ';' && c != ' ' && c != '\t') {
        return wrong(400, "a chunk's size is not a hexadecimal number");
      }
      if (++unused_ > kMostUnused) {
        return trailer ? wrong(431, "the body's trailers are too long") : wrong(400, "chunk extensions are too long");
      }
      line_ += c;
      return true;
    }
    case State::line_end:
    case State::trailer_end:
      if (c != '\n') return wrong(400, "every line of a chunked body must end with CR LF");
      return state_ == State::line_end ? size_line_ends() : trailer_line_ends();
    case State::data_cr:
      state_ = State::data_lf;
      return c == '\r' || wrong(400, "a chunk is longer than its size says");
    case State::data_lf:
      state_ = State::size;
      return c == '\n' || wrong(400, "a chunk is longer than its size says");
    case State::data:
    case State::done:
      break;
  }
  return true;
}

std::size_t ChunkReader::feed(std::string_view input, const std::function<bool(std::string_view)>& data) {
  std::size_t used = 0;
  while (status_ == 0 && state_ != State::done && used < input.size()) {
    if (state_ != State::data) {
      take(input[used++]);
      continue;
    }
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(size_, input.size() - used));
    if (!data(input.substr(used, n))) break;
    used += n;
    size_ -= n;
    if (size_ == 0) state_ = State::data_cr;
  }
  return used;
}

}  // namespace freehold::http
