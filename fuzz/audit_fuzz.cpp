// The audit log from hostile bytes: a segment, checkpoints, keys, proofs and entries. Whatever is read is written back
// the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "audit/entry.h"
#include "audit/reader.h"
#include "audit/record.h"
#include "audit/segment_scan.h"

using namespace freehold;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const audit::VerifierKey key = audit::SigningKey::create().value().verifier();
  const std::string_view origin = text.substr(0, text.find('\n'));
  if (const auto scan = audit::scan_segment(text, {}, origin); scan && scan->whole > size) std::abort();
  (void)audit::expect_unfinished(text, {}, key);
  if (const auto record = audit::read_record(text)) {
    std::string again;
    audit::append_record(again, record->kind, record->payload);
    if (again != text.substr(0, record->bytes)) std::abort();
  }
  if (const auto checkpoint = audit::parse_checkpoint(text)) {
    if (audit::text_of(*checkpoint) != text) std::abort();
  }
  if (const auto other = audit::VerifierKey::parse(text); other && !text.starts_with(other->text())) std::abort();
  if (audit::check_proof(text, key) || key.open(text)) std::abort();  // nobody has the private half
  (void)audit::facts_of(text);
  (void)audit::members_of(text);
  return 0;
}
