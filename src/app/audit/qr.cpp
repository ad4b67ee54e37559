#include "app/audit/qr.h"

#include <fmt/format.h>
#include <qrencode.h>

#include <memory>

namespace freehold::app {
namespace {

constexpr int kQuiet = 4;  // modules, as the standard asks

}  // namespace

Result<std::string> qr_text(std::string_view bytes, bool coloured) {
  // Level L: what is on a screen or a page is whole; the smaller code is read more easily.
  const std::unique_ptr<QRcode, void (*)(QRcode*)> code(
      QRcode_encodeData(static_cast<int>(bytes.size()), reinterpret_cast<const unsigned char*>(bytes.data()), 0,
                        QR_ECLEVEL_L),
      QRcode_free);
  if (!code) return fail(Errc::invalid, fmt::format("{} bytes are more than a QR code holds", bytes.size()));
  const int n = code->width;
  const auto dark = [&](int x, int y) {
    return x >= 0 && y >= 0 && x < n && y < n &&
           (code->data[static_cast<std::size_t>(y) * static_cast<std::size_t>(n) + static_cast<std::size_t>(x)] & 1U) !=
               0;
  };
  std::string out;
  for (int y = -kQuiet; y < n + kQuiet; y += 2) {
    if (coloured) out += "\x1b[30;107m";
    for (int x = -kQuiet; x < n + kQuiet; ++x) {
      const bool upper = dark(x, y), lower = dark(x, y + 1);
      out += upper && lower ? "\u2588" : upper ? "\u2580" : lower ? "\u2584" : " ";
    }
    out += coloured ? "\x1b[0m\n" : "\n";
  }
  return out;
}

}  // namespace freehold::app
