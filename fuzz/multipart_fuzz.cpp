// Forms from hostile bytes: whatever the pieces, the same parts come of them.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/multipart.h"

using namespace freehold;

namespace {

struct Told : http::FormReceiver {
  std::string all;
  Result<> begin(http::FormPart part) override {
    all += "\1" + part.name + "\2" + part.filename.value_or("") + "\3";
    return {};
  }
  Result<> data(std::string_view piece) override {
    all += piece;
    return {};
  }
  Result<> end() override {
    all += '\4';
    return {};
  }
};

bool read(std::string_view text, std::size_t piece, Told& into) {
  http::FormReader reader("b", into);
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    if (!reader.feed(text.substr(0, piece))) return false;
  }
  return bool(reader.finish());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)http::form_boundary(text);
  Told whole, pieces;
  const bool good = read(text, SIZE_MAX, whole);
  if (read(text, 1 + size % 7, pieces) != good) std::abort();
  if (good && whole.all != pieces.all) std::abort();
  return 0;
}
