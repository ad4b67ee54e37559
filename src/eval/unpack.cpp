#include "eval/unpack.h"

#include <bzlib.h>
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

namespace freehold::eval {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 18;

Unexpected damaged(std::string_view kind) {
  return fail(Errc::corrupt, fmt::format("damaged {} data", kind));
}
Unexpected too_large() {
  return fail(Errc::exhausted, fmt::format("more than {} bytes when unpacked", kMostDataBytes));
}

// A stream of either library: both have next_in, avail_in, next_out, avail_out and a step function. `step` returns
// 1 at the end of a member, 0 to go on, -1 for damage. Members may follow one another, as cat makes them.
template <typename Stream, typename Step, typename Again>
Result<std::string> inflate_all(std::string& packed, Stream& s, Step step, Again again, std::string_view kind) {
  std::string out;
  s.next_in = reinterpret_cast<decltype(s.next_in)>(packed.data());
  s.avail_in = static_cast<unsigned>(packed.size());
  while (true) {
    const std::size_t before = out.size();
    if (before > kMostDataBytes) return too_large();
    out.resize(before + kPiece);
    s.next_out = reinterpret_cast<decltype(s.next_out)>(out.data() + before);
    s.avail_out = kPiece;
    const int state = step(s);
    out.resize(before + kPiece - s.avail_out);
    if (state < 0 || (state == 0 && out.size() == before)) return damaged(kind);
    if (state == 0) continue;
    if (s.avail_in == 0) return out;
    if (!again(s)) return damaged(kind);
  }
}

Result<std::string> gunzip(std::string& packed) {
  z_stream s{};
  if (inflateInit2(&s, 15 + 16) != Z_OK) return fail(Errc::exhausted, "no memory to unpack gzip data");
  auto out = inflate_all(
      packed, s,
      [](z_stream& z) {
        const int r = inflate(&z, Z_NO_FLUSH);
        return r == Z_STREAM_END ? 1 : r == Z_OK ? 0 : -1;
      },
      [](z_stream& z) { return inflateReset(&z) == Z_OK; }, "gzip");
  inflateEnd(&s);
  return out;
}

Result<std::string> bunzip(std::string& packed) {
  bz_stream s{};
  if (BZ2_bzDecompressInit(&s, 0, 0) != BZ_OK) return fail(Errc::exhausted, "no memory to unpack bzip2 data");
  auto out = inflate_all(
      packed, s,
      [](bz_stream& z) {
        const int r = BZ2_bzDecompress(&z);
        return r == BZ_STREAM_END ? 1 : r == BZ_OK ? 0 : -1;
      },
      [](bz_stream& z) {
        bz_stream fresh{};
        if (BZ2_bzDecompressInit(&fresh, 0, 0) != BZ_OK) return false;
        fresh.next_in = z.next_in;
        fresh.avail_in = z.avail_in;
        BZ2_bzDecompressEnd(&z);
        z = fresh;
        return true;
      },
      "bzip2");
  BZ2_bzDecompressEnd(&s);
  return out;
}

}  // namespace

Result<std::string> unpack(std::string_view name, std::string packed) {
  if (packed.size() > UINT32_MAX) return too_large();
  if (name.ends_with(".gz")) return gunzip(packed);
  if (name.ends_with(".bz2")) return bunzip(packed);
  return packed;
}

}  // namespace freehold::eval
