#include "base/base64.h"

#include <openssl/evp.h>

namespace freehold {

std::string base64(std::string_view bytes) {
  std::string out;
  constexpr std::size_t kPiece = std::size_t{3}
                                 << 20;  // EVP_EncodeBlock counts in int; a multiple of 3 needs no padding
  for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
    const std::string_view piece = bytes.substr(at, kPiece);
    std::string block((piece.size() + 2) / 3 * 4 + 1, '\0');
    const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(block.data()),
                                  reinterpret_cast<const unsigned char*>(piece.data()), static_cast<int>(piece.size()));
    out.append(block, 0, static_cast<std::size_t>(n));
  }
  return out;
}

}  // namespace freehold
