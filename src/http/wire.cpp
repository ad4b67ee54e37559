#include "http/wire.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <array>
#include <chrono>
#include <ctime>

namespace freehold::http {
namespace {

bool fits_on_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

}  // namespace

std::string new_request_id() {
  std::array<unsigned char, 12> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  std::string id = "req_";
  for (unsigned char b : bytes) id += fmt::format("{:02x}", b);
  return id;
}

std::string http_date(std::int64_t unix_seconds) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::time_t time = unix_seconds;
  std::tm t{};
  gmtime_r(&time, &t);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[t.tm_wday], t.tm_mday, kMonths[t.tm_mon],
                     t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

std::string head_text(const Response& response, const std::string& request_id, BodyFraming framing, bool keep_alive) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status));
  for (const auto& [name, value] : response.headers.fields()) {
    if (!fits_on_one_line(name) || !fits_on_one_line(value)) continue;
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  }
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  out += fmt::format("date: {}\r\nx-request-id: {}\r\nrequest-id: {}\r\n", http_date(now), request_id, request_id);
  const bool bodyless = response.status == 204 || response.status == 304 || response.status < 200;
  if (framing == BodyFraming::chunked) {
    out += "transfer-encoding: chunked\r\n";
  } else if (framing == BodyFraming::length && !bodyless) {
    out += fmt::format("content-length: {}\r\n", response.body.size());
  }
  out += keep_alive ? "connection: keep-alive\r\n" : "connection: close\r\n";
  out += "\r\n";
  return out;
}

std::string chunk_text(std::string_view piece) {
  if (piece.empty()) return {};
  return fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
}

}  // namespace freehold::http
