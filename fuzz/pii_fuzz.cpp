// The scanner of personal data over hostile text: findings are in order and inside, and a stream cut anywhere finds the
// same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "pii/masker.h"
#include "pii/scanner.h"

using namespace freehold::pii;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Profile profile = static_cast<Profile>(data[0] % 3);
  const std::size_t step = data[1] % 61 + 1;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::vector<Finding> whole = scan(text, profile);
  std::uint64_t end = 0;
  for (const Finding& f : whole) {
    if (f.begin < end || f.begin >= f.end || f.end > text.size()) std::abort();
    end = f.end;
  }
  std::vector<Finding> pieces;
  Scanner scanner(profile);
  Masker masker(profile);
  std::string masked;
  for (std::size_t i = 0; i < text.size(); i += step) {
    const std::size_t known = pieces.size();
    const std::uint64_t decided = scanner.decided();
    scanner.feed(text.substr(i, step), pieces);
    if (pieces.size() > known && pieces[known].begin < decided) std::abort();
    masked += masker.feed(text.substr(i, step));
  }
  scanner.finish(pieces);
  masked += masker.finish();
  if (pieces != whole) std::abort();
  Masker at_once(profile);
  std::string expected = at_once.feed(text);
  expected += at_once.finish();
  if (masked != expected) std::abort();
  return 0;
}
