#include "text/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <numeric>

#include "base/utf8.h"

namespace freehold::text {
namespace {

// The bytes of one step's result together with their origins, if those are wanted.
class Writer {
 public:
  Writer(NormalizedText& out, const NormalizedText& in, bool track) : out_(out), in_(in), track_(track) {
    out_.text.clear();
    out_.origin.clear();
    out_.text.reserve(in.text.size() + 16);
    if (track_) out_.origin.reserve(in.text.size() + 17);
  }
  // Bytes [from, to) of the input as they are.
  void copy(std::size_t from, std::size_t to) {
    out_.text.append(in_.text, from, to - from);
    if (track_) {
      out_.origin.insert(out_.origin.end(), in_.origin.begin() + static_cast<std::ptrdiff_t>(from),
                         in_.origin.begin() + static_cast<std::ptrdiff_t>(to));
    }
  }
  // `text` in the place of what begins at input byte `from`.
  void put(std::string_view text, std::size_t from) {
    out_.text.append(text);
    if (track_) out_.origin.insert(out_.origin.end(), text.size(), in_.origin[from]);
  }
  void finish() {
    if (track_) out_.origin.push_back(in_.origin.back());
  }

 private:
  NormalizedText& out_;
  const NormalizedText& in_;
  bool track_;
};

void replace(std::string_view from, std::string_view to, const NormalizedText& in, Writer& out) {
  std::size_t at = 0;
  while (!from.empty()) {
    std::size_t hit = in.text.find(from, at);
    if (hit == std::string::npos) break;
    out.copy(at, hit);
    out.put(to, hit);
    at = hit + from.size();
  }
  out.copy(at, in.text.size());
}

void collapse_spaces(const NormalizedText& in, Writer& out) {
  std::size_t end = in.text.size();
  while (end > 0 && in.text[end - 1] == ' ') --end;
  bool space_before = true;  // as if: leading spaces go as well
  for (std::size_t i = 0; i < end; ++i) {
    bool space = in.text[i] == ' ';
    if (!(space && space_before)) out.copy(i, i + 1);
    space_before = space;
  }
}

// One chunk that begins and ends at boundaries of normalization. utf8proc's own ordering of combining marks is a bubble
// sort, quadratic on a long run of them, so we decompose and order, and leave only the linear composition to it.
Result<> normalize_chunk(std::string_view chunk, bool compose, bool compatible, std::string& out) {
  std::vector<utf8proc_int32_t> points;
  points.reserve(chunk.size() + 32);
  int last_class = 0;
  auto options =
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0));
  while (!chunk.empty()) {
    CodePoint c = decode_utf8(chunk);
    if (c.length == 0) return fail(Errc::internal, "text that is not UTF-8 reached the normalizer");
    utf8proc_int32_t parts[32];
    utf8proc_ssize_t n =
        utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c.value), parts, 32, options, &last_class);
    if (n < 0 || n > 32) return fail(Errc::internal, "a character does not decompose");
    points.insert(points.end(), parts, parts + n);
    chunk.remove_prefix(c.length);
  }
  auto combining_class = [](utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; };
  for (auto it = points.begin(); it != points.end();) {
    if (combining_class(*it) == 0) {
      ++it;
      continue;
    }
    auto end = std::find_if(it, points.end(), [&](utf8proc_int32_t c) { return combining_class(c) == 0; });
    std::stable_sort(it, end,
                     [&](utf8proc_int32_t a, utf8proc_int32_t b) { return combining_class(a) < combining_class(b); });
    it = end;
  }
  auto size = static_cast<utf8proc_ssize_t>(points.size());
  if (compose && size > 0) {
    size = utf8proc_normalize_utf32(points.data(), size,
                                    static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    if (size < 0) return fail(Errc::internal, "text does not compose");
  }
  for (utf8proc_ssize_t i = 0; i < size; ++i) {
    append_utf8(out, static_cast<std::uint32_t>(points[static_cast<std::size_t>(i)]));
  }
  return {};
}

Result<> unicode_form(NormalizerStep::Kind kind, const NormalizedText& in, Writer& out) {
  using Kind = NormalizerStep::Kind;
  bool compose = kind == Kind::nfc || kind == Kind::nfkc;
  bool compatible = kind == Kind::nfkc || kind == Kind::nfkd;
  auto ascii = [&](std::size_t i) { return static_cast<unsigned char>(in.text[i]) < 0x80; };
  const std::size_t size = in.text.size();
  std::string result;
  // An ASCII character begins a chunk: nothing before it combines with it. It belongs to the chunk of what follows.
  for (std::size_t at = 0; at < size;) {
    std::size_t plain = at;
    while (plain < size && ascii(plain)) ++plain;
    if (plain == size) {
      out.copy(at, size);
      break;
    }
    std::size_t chunk = plain > at ? plain - 1 : plain;
    out.copy(at, chunk);
    std::size_t end = plain;
    while (end < size && !ascii(end)) ++end;
    std::string_view before(in.text.data() + chunk, end - chunk);
    result.clear();
    FH_TRY_VOID(normalize_chunk(before, compose, compatible, result));
    if (result == before) {
      out.copy(chunk, end);
    } else {
      out.put(result, chunk);
    }
    at = end;
  }
  return {};
}

}  // namespace

bool is_white_space(std::uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

Result<> normalize(std::span<const NormalizerStep> steps, std::string_view input, bool at_start, bool track,
                   NormalizedText& out) {
  using Kind = NormalizerStep::Kind;
  out.text.assign(input);
  out.origin.clear();
  if (track) {
    out.origin.resize(input.size() + 1);
    std::iota(out.origin.begin(), out.origin.end(), std::size_t{0});
  }
  NormalizedText in;
  for (const NormalizerStep& step : steps) {
    std::swap(in, out);
    Writer writer(out, in, track);
    switch (step.kind) {
      case Kind::prepend:
      case Kind::prepend_if_absent: {
        bool skip = in.text.empty() || (step.only_at_start && !at_start) ||
                    (step.kind == Kind::prepend_if_absent && in.text.starts_with(step.to));
        if (!skip) writer.put(step.to, 0);
        writer.copy(0, in.text.size());
        break;
      }
      case Kind::replace:
        replace(step.from, step.to, in, writer);
        break;
      case Kind::collapse_spaces:
        collapse_spaces(in, writer);
        break;
      case Kind::nfc:
      case Kind::nfd:
      case Kind::nfkc:
      case Kind::nfkd:
        FH_TRY_VOID(unicode_form(step.kind, in, writer));
        break;
    }
    writer.finish();
    if (out.text.size() > 64 * input.size() + 4096) {
      return fail(Errc::exhausted, "the vocabulary's normalizer makes this text more than 64 times as long");
    }
  }
  return {};
}

}  // namespace freehold::text
