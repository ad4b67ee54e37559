// The records of a segment file. Each is a line that a person can read (but for a checkpoint, which has several):
//
//     KIND LENGTH CRC PAYLOAD "\n"
//
// KIND is a letter, LENGTH the payload's bytes and CRC the CRC-32 (zlib's) of KIND, LENGTH and PAYLOAD, both as eight
// lower-case hexadecimal digits, blanks between. docs/formats/audit.md says what stands where.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace freehold::audit {

enum class RecordKind : char {
  segment = 'S',     // begins a file: which entry is its first, and the checkpoint before
  entry = 'E',       // a leaf of the tree
  checkpoint = 'C',  // ends a group: what stands before it was acknowledged only if it is there
};

inline constexpr std::size_t kRecordHead = 20;
inline constexpr std::size_t kLongestPayload = std::size_t{1} << 20;

void append_record(std::string& out, RecordKind kind, std::string_view payload);

struct Record {
  RecordKind kind = RecordKind::entry;
  std::string_view payload;
  std::size_t bytes = 0;  // of the whole record
};
// The record that `bytes` begins with; nothing if it is damaged or not whole.
std::optional<Record> read_record(std::string_view bytes);

// What a segment begins with.
struct SegmentHead {
  std::uint64_t first = 0;  // the number of its first entry
  std::string note;         // the checkpoint of the tree of so many entries, signed; empty if there are none
  bool operator==(const SegmentHead&) const = default;
};
std::string text_of(const SegmentHead& head);
std::optional<SegmentHead> parse_segment_head(std::string_view payload);

}  // namespace freehold::audit
