// SHA-256 (FIPS 180-4, through OpenSSL) and digests as the store writes them.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace freehold {

struct Digest {
  std::array<std::byte, 32> bytes{};
  bool operator==(const Digest&) const = default;

  std::string hex() const;                                // 64 lower-case digits
  std::string name() const { return "sha256:" + hex(); }  // how references and manifests write it
  // Accepts exactly "sha256:" and 64 lower-case hexadecimal digits.
  static std::optional<Digest> parse(std::string_view name);
};

class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  void update(std::span<const std::byte> bytes);
  Sha256 copy() const;  // goes on from what was hashed so far; not after finish()
  Digest finish();      // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest sha256(std::span<const std::byte> bytes);
Digest sha256(std::string_view text);

}  // namespace freehold
