// The key that wraps the keys of data subjects (subjects.h). It lies in a file of its own, which belongs somewhere else
// than what it protects: whoever has both reads everything that is kept, whoever has one reads nothing.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::audit {

// 32 bytes that are wiped when they go.
class Secret {
 public:
  static constexpr std::size_t kBytes = 32;
  Secret() = default;  // zeros
  static Secret random();
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();
  unsigned char* data() { return bytes_.data(); }
  const unsigned char* data() const { return bytes_.data(); }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.data()), kBytes}; }

 private:
  std::array<unsigned char, kBytes> bytes_{};
};

// XChaCha20-Poly1305: a random nonce of 24 bytes, the encrypted text, a tag of 16. `bound_to` is not in it, and must be
// the same when it is opened.
std::string seal(const Secret& key, std::string_view text, std::string_view bound_to);
// Error: corrupt (another key, another `bound_to`, or changed bytes: which, nobody can tell).
Result<std::string> unseal(const Secret& key, std::string_view sealed, std::string_view bound_to);

class MasterKey {
 public:
  enum class Make : std::uint8_t { never, if_missing };
  // The file is one line, "freehold-master-key 1 " and 32 bytes in base64, of mode 0600. Errors: not_found, corrupt,
  // invalid (others may read it), io.
  static Result<MasterKey> open(const std::filesystem::path& file, Make make);

  const Secret& wrapping() const { return wrapping_; }
  // What a name is called in files: 64 hexadecimal digits that tell nobody anything who does not have the key. The same
  // text gives the same.
  std::string blind(std::string_view text) const;
  // Tells keys apart, and tells nothing of this one.
  std::string id() const { return blind("freehold master key"); }

 private:
  MasterKey() = default;
  Secret wrapping_, naming_;
};

// $FREEHOLD_HOME/keys/master.key, where it is made unless somebody says otherwise.
std::filesystem::path usual_master_key(const std::filesystem::path& home);

}  // namespace freehold::audit
