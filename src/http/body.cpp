#include "http/body.h"

#include <fmt/format.h>

#include <array>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace freehold::http {

namespace beast = boost::beast::http;

bool could_become_head(std::string_view begun) {
  if (!begun.empty() && (begun[0] < '!' || begun[0] > '~')) return false;
  for (std::size_t i = begun.find('\n'); i != std::string_view::npos; i = begun.find('\n', i + 1)) {
    if (i == 0 || begun[i - 1] != '\r') return false;
  }
  return begun.find('\0') == std::string_view::npos;
}

struct BodyReader::Parser {
  beast::request_parser<beast::buffer_body> parser;
  std::array<char, 16 * 1024> piece;
};

BodyReader::BodyReader(std::string_view head_text, const Head& head, BodyPlan plan)
    : parser_(std::make_unique<Parser>()), plan_(std::move(plan)) {
  auto& parser = parser_->parser;
  parser.header_limit(static_cast<std::uint32_t>(head_text.size()) + 1);
  parser.body_limit(plan_.limit);
  parser.eager(false);
  boost::system::error_code error;
  parser.put(boost::asio::buffer(head_text.data(), head_text.size()), error);
  if (error || !parser.is_header_done()) {
    status_ = 400;
    message_ = "the request's head is not HTTP";
  } else if (!plan_.sink && !head.chunked) {
    body_.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(head.content_length, std::uint64_t{1} << 20)));
  }
}

BodyReader::~BodyReader() = default;

bool BodyReader::done() const {
  return status_ == 0 && parser_->parser.is_done();
}

void BodyReader::collect(std::string_view piece) {
  size_ += piece.size();
  if (size_ > plan_.limit) {
    status_ = 413;
  } else if (plan_.sink) {
    if (auto written = plan_.sink->write(piece); !written) {
      const Errc code = written.error().code;
      status_ = code == Errc::invalid ? 400 : code == Errc::exhausted ? 413 : 500;
      message_ = written.error().what;
    }
  } else {
    body_ += piece;
  }
}

std::size_t BodyReader::feed(std::string_view input) {
  auto& parser = parser_->parser;
  std::size_t used = 0;
  while (status_ == 0 && !parser.is_done()) {
    auto& body = parser.get().body();
    body.data = parser_->piece.data();
    body.size = parser_->piece.size();
    body.more = true;
    boost::system::error_code error;
    const std::size_t n = parser.put(boost::asio::buffer(input.data() + used, input.size() - used), error);
    used += n;
    if (const std::size_t got = parser_->piece.size() - body.size; got > 0) {
      collect({parser_->piece.data(), got});
      if (status_ == 0 && n > 0 && (!error || error == beast::error::need_buffer)) continue;
    }
    if (error == beast::error::need_more || (!error && n == 0)) break;
    if (error == beast::error::need_buffer || !error) continue;
    if (status_ == 0) {
      status_ = error == beast::error::body_limit ? 413 : 400;
      message_ = fmt::format("the body's chunks are not HTTP: {}", error.message());
    }
  }
  return used;
}

}  // namespace freehold::http
