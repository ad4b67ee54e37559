// Requests from hostile bytes: a head, and the bytes behind it as chunks; whatever the pieces, the same comes of them.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/chunks.h"
#include "http/head.h"
#include "http/origin.h"

using namespace freehold;

namespace {

struct Read {
  int status = 0;  // of the error; 0: done, or more is needed
  bool done = false;
  std::size_t used = 0;
  std::string text;
  bool operator==(const Read&) const = default;
};

Read read_head(std::string_view text, std::size_t piece) {
  http::HeadReader reader(http::HeadLimits{});
  http::HeadReader::State state = http::HeadReader::State::more;
  for (std::size_t n = 0; n < text.size() && state == http::HeadReader::State::more;) {
    n += std::min(piece, text.size() - n);
    state = reader.read(text.substr(0, n));
  }
  Read out;
  out.done = state == http::HeadReader::State::done;
  if (state == http::HeadReader::State::wrong) out.status = reader.error().status;
  if (!out.done) return out;
  out.used = reader.size();
  const http::Request& request = reader.head().request;
  out.text = request.method + "\n" + request.target.path;
  for (const auto& [name, value] : request.headers.fields()) out.text += "\n" + name + ":" + value;
  if (request.headers.has("host") && !http::is_authority(request.headers.get("host"))) std::abort();
  (void)http::check_origin({}, request, 1);
  return out;
}

Read read_chunks(std::string_view text, std::size_t piece) {
  http::ChunkReader reader(4096);
  Read out;
  for (std::size_t n = 0; n < text.size() && reader.status() == 0 && !reader.done();) {
    n += std::min(piece, text.size() - n);
    out.used += reader.feed(text.substr(out.used, n - out.used), [&](std::string_view data) {
      out.text += data;
      return true;
    });
  }
  out.status = reader.status();
  out.done = reader.done();
  if (out.text.size() > 4096) std::abort();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Read head = read_head(text, SIZE_MAX);
  if (read_head(text, 1 + size % 7) != head) std::abort();
  const std::string_view body = text.substr(head.used);
  if (read_chunks(body, 1 + size % 7) != read_chunks(body, SIZE_MAX)) std::abort();
  return 0;
}
