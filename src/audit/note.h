// Signed statements about the log: C2SP's signed notes (https://c2sp.org/signed-note) whose text is a checkpoint
// (https://c2sp.org/tlog-checkpoint), as Go's checksum database, Sigstore and the witnesses of transparency logs write
// and read them.
//
//     freehold.audit/3f9a2c1d5e6b7a80f1e2d3c4b5a69788      the log's name, made of its public key
//     1234                                                 entries
//     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=         root of the Merkle tree over these, base64
//     previous 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=  SHA-256 of the checkpoint before, all of it
//     time 2027-01-31T12:00:00Z
//                                                          (an empty line, then the signature:)
//     — freehold.audit/3f9a… AbCd…==                       4 bytes of the key's id, 64 of Ed25519; base64
//
// `previous` chains the checkpoints, so that whoever trusts the last one can check every byte of all others.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "audit/merkle.h"
#include "base/result.h"

namespace freehold::audit {

inline constexpr std::string_view kDash = "\xE2\x80\x94 ";  // an em dash and a blank begin each signature

struct Checkpoint {
  std::string origin;
  std::uint64_t size = 0;
  Hash root;
  Hash previous;          // zeros for the first
  std::int64_t time = 0;  // seconds since 1970, UTC
  bool operator==(const Checkpoint&) const = default;
};

// The text that is signed, with its last line end.
std::string text_of(const Checkpoint& checkpoint);
// Bytes of a note as SigningKey::sign writes it: with one signature.
std::size_t note_size(const Checkpoint& checkpoint);
// Exactly what text_of writes. Errors: corrupt.
Result<Checkpoint> parse_checkpoint(std::string_view text);

// Base64 as notes have it, canonical; of a hash, exactly 32 bytes. Nothing if it is not.
std::optional<std::string> from_base64(std::string_view text);
std::optional<Hash> hash_from_base64(std::string_view text);
std::string base64_of(const Hash& hash);

// The id of an Ed25519 key, as signed notes define it: it hangs on the name, too.
std::array<unsigned char, 4> key_id(std::string_view name, const std::array<unsigned char, 32>& key);

class VerifierKey {
 public:
  // "NAME+8 hexadecimal digits+base64", as signed notes write it; the name must be the one that belongs to the key.
  // Errors: invalid.
  static Result<VerifierKey> parse(std::string_view text);
  explicit VerifierKey(const std::array<unsigned char, 32>& key);

  const std::string& name() const { return name_; }
  std::string text() const;  // what parse reads
  // The checkpoint of a note, if this key has signed it; other signatures (of witnesses) are left aside. Errors:
  // corrupt, saying what does not fit.
  Result<Checkpoint> open(std::string_view note) const;
  // The text of a note that SigningKey::sign_text has made with this key: nothing may follow its signature. Errors:
  // corrupt.
  Result<std::string> open_text(std::string_view note) const;

 private:
  friend class SigningKey;
  std::array<unsigned char, 4> id() const;
  std::array<unsigned char, 32> key_;
  std::string name_;
};

// The private key: forgets its bytes when it goes.
class SigningKey {
 public:
  static Result<SigningKey> create();
  // "PRIVATE+KEY+NAME+8 hexadecimal digits+base64", as Go's sumdb/note writes it. Errors: corrupt.
  static Result<SigningKey> parse(std::string_view text);
  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  SigningKey(const SigningKey&) = delete;
  ~SigningKey();

  const VerifierKey& verifier() const { return verifier_; }
  std::string text() const;                              // what parse reads; secret
  std::string sign(const Checkpoint& checkpoint) const;  // the whole note
  // The same of something else than a checkpoint. `text` ends with a line feed, has no empty line, and its first line
  // is not the key's name: that is how a checkpoint begins.
  std::string sign_text(std::string_view text) const;

 private:
  explicit SigningKey(const std::array<unsigned char, 32>& seed);
  std::array<unsigned char, 64> secret_;  // seed and public key, as libsodium keeps them
  VerifierKey verifier_;
};

// "2027-01-31T12:00:00Z", and back: exactly this form, from 1970 to 9999.
std::string utc_text(std::int64_t seconds);
std::string utc_text_us(std::int64_t microseconds);  // "2027-01-31T12:00:00.123456Z"
std::optional<std::int64_t> utc_from_text(std::string_view text);

}  // namespace freehold::audit
