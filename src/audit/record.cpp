#include "audit/record.h"

#include <fmt/format.h>
#include <zlib.h>

#include <charconv>

namespace freehold::audit {
namespace {

constexpr std::string_view kFormat = "freehold-audit 1\n";
constexpr std::size_t kSummed = 11;  // "E 0000031f ": what the sum is of, beside the payload

std::uint32_t sum_of(std::string_view head, std::string_view payload) {
  const auto add = [](uLong crc, std::string_view text) {
    return crc32(crc, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
  };
  return static_cast<std::uint32_t>(add(add(crc32(0, nullptr, 0), head), payload));
}

// Eight lower-case hexadecimal digits and a blank.
std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  for (const char c : text.substr(0, 8)) {
    if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) return std::nullopt;
    value = value << 4 | static_cast<std::uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return text[8] == ' ' ? std::optional(value) : std::nullopt;
}

}  // namespace

void append_record(std::string& out, RecordKind kind, std::string_view payload) {
  const std::string head = fmt::format("{} {:08x} ", static_cast<char>(kind), payload.size());
  out += head;
  out += fmt::format("{:08x} ", sum_of(head, payload));
  out += payload;
  out += '\n';
}

std::optional<Record> read_record(std::string_view bytes) {
  if (bytes.size() < kRecordHead + 1 || bytes[1] != ' ') return std::nullopt;
  const auto kind = static_cast<RecordKind>(bytes[0]);
  if (kind != RecordKind::segment && kind != RecordKind::entry && kind != RecordKind::checkpoint) return std::nullopt;
  const auto length = number(bytes.substr(2, 9)), sum = number(bytes.substr(kSummed, 9));
  if (!length || !sum || *length > kLongestPayload || bytes.size() - kRecordHead - 1 < *length) return std::nullopt;
  const std::string_view payload = bytes.substr(kRecordHead, *length);
  if (bytes[kRecordHead + *length] != '\n' || sum_of(bytes.substr(0, kSummed), payload) != *sum) return std::nullopt;
  return Record{kind, payload, kRecordHead + *length + 1};
}

std::string text_of(const SegmentHead& head) {
  return fmt::format("{}{}\n{}", kFormat, head.first, head.note);
}

std::optional<SegmentHead> parse_segment_head(std::string_view payload) {
  if (!payload.starts_with(kFormat)) return std::nullopt;
  std::string_view rest = payload.substr(kFormat.size());
  SegmentHead head;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), head.first);
  if (error != std::errc() || end == rest.data() + rest.size() || *end != '\n') return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()) + 1);
  head.note = rest;
  if (text_of(head) != payload) return std::nullopt;
  return head;
}

}  // namespace freehold::audit
