#include "audit/note.h"

#include <fmt/format.h>
#include <sodium.h>

#include <charconv>
#include <chrono>
#include <cstring>
#include <vector>

#include "base/base64.h"
#include "base/check.h"
#include "base/file.h"
#include "base/utf8.h"

namespace freehold::audit {
namespace {

constexpr unsigned char kEd25519 = 1;  // the kind of key, in signed notes
constexpr std::string_view kPrivate = "PRIVATE+KEY+";

std::string_view bytes_of(const unsigned char* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Takes the text up to the next line end off `text`; nothing if there is no line end.
std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

// A log is called by its key, so that another key cannot speak for it.
std::string name_of_key(const std::array<unsigned char, 32>& key) {
  return "freehold.audit/" + sha256(bytes_of(key.data(), key.size())).hex().substr(0, 32);
}

std::string hex_of(const std::array<unsigned char, 4>& id) {
  return fmt::format("{:02x}{:02x}{:02x}{:02x}", id[0], id[1], id[2], id[3]);
}

std::string key_text(const std::string& name, const std::array<unsigned char, 4>& id, std::string_view bytes) {
  return fmt::format("{}+{}+{}", name, hex_of(id), base64(std::string(1, static_cast<char>(kEd25519)).append(bytes)));
}

// The 32 bytes of a key's text, and its name; the id is looked at by the caller, who knows the public key.
struct KeyText {
  std::string name, id;
  std::array<unsigned char, 32> bytes{};
};
std::optional<KeyText> split_key(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  const std::size_t first = text.find('+');
  const std::size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  auto bytes = from_base64(text.substr(second + 1));
  if (!bytes || bytes->size() != 33 || (*bytes)[0] != static_cast<char>(kEd25519)) return std::nullopt;
  KeyText out{std::string(text.substr(0, first)), std::string(text.substr(first + 1, second - first - 1)), {}};
  std::memcpy(out.bytes.data(), bytes->data() + 1, out.bytes.size());
  sodium_memzero(bytes->data(), bytes->size());
  return out;
}

bool ready() {
  static const bool good = sodium_init() >= 0;
  return good;
}

}  // namespace

std::optional<std::string> from_base64(std::string_view text) {
  std::string out(text.size() / 4 * 3 + 3, '\0');
  std::size_t length = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(), text.size(), nullptr,
                        &length, nullptr, sodium_base64_VARIANT_ORIGINAL) != 0) {
    return std::nullopt;
  }
  out.resize(length);
  if (base64(out) != text) return std::nullopt;
  return out;
}

std::array<unsigned char, 4> key_id(std::string_view name, const std::array<unsigned char, 32>& key) {
  std::string text(name);
  text += '\n';
  text += static_cast<char>(kEd25519);
  text += bytes_of(key.data(), key.size());
  const Hash hash = sha256(text);
  std::array<unsigned char, 4> id{};
  std::memcpy(id.data(), hash.bytes.data(), id.size());
  return id;
}

std::string base64_of(const Hash& hash) {
  return base64(as_text(hash.bytes));
}

std::optional<Hash> hash_from_base64(std::string_view text) {
  const auto bytes = from_base64(text);
  if (!bytes || bytes->size() != 32) return std::nullopt;
  Hash hash;
  std::memcpy(hash.bytes.data(), bytes->data(), 32);
  return hash;
}

std::string text_of(const Checkpoint& c) {
  return fmt::format("{}\n{}\n{}\nprevious {}\ntime {}\n", c.origin, c.size, base64_of(c.root), base64_of(c.previous),
                     utc_text(c.time));
}

std::size_t note_size(const Checkpoint& c) {
  constexpr std::size_t kSignature = 92;  // base64 of 68 bytes
  return text_of(c).size() + 1 + kDash.size() + c.origin.size() + 1 + kSignature + 1;
}

Result<Checkpoint> parse_checkpoint(std::string_view text) {
  Checkpoint out;
  std::string_view rest = text;
  std::array<std::string_view, 5> lines;
  for (std::string_view& line : lines) line = take_line(rest).value_or(std::string_view());
  out.origin = lines[0];
  std::from_chars(lines[1].data(), lines[1].data() + lines[1].size(), out.size);
  out.root = hash_from_base64(lines[2]).value_or(Hash{});
  if (lines[3].starts_with("previous ")) out.previous = hash_from_base64(lines[3].substr(9)).value_or(Hash{});
  if (lines[4].starts_with("time ")) out.time = utc_from_text(lines[4].substr(5)).value_or(0);
  // There is one way to write it: whatever was read wrongly is not written back the same.
  if (out.origin.empty() || text_of(out) != text) return fail(Errc::corrupt, "this is no checkpoint of an audit log");
  return out;
}

VerifierKey::VerifierKey(const std::array<unsigned char, 32>& key) : key_(key), name_(name_of_key(key)) {}

std::array<unsigned char, 4> VerifierKey::id() const {
  return key_id(name_, key_);
}

std::string VerifierKey::text() const {
  return key_text(name_, id(), bytes_of(key_.data(), key_.size()));
}

Result<VerifierKey> VerifierKey::parse(std::string_view text) {
  const auto parts = split_key(text);
  if (!parts) {
    return fail(Errc::invalid,
                fmt::format("'{}' is no public key of an audit log (NAME+ID+base64)", printable(text, 80)));
  }
  VerifierKey key(parts->bytes);
  if (key.name_ != parts->name || hex_of(key.id()) != parts->id) {
    return fail(Errc::invalid, "the public key and the name that it has do not belong together");
  }
  return key;
}

Result<Checkpoint> VerifierKey::open(std::string_view note) const {
  if (!ready()) return fail(Errc::internal, "libsodium cannot be initialised");
  // The empty line before the signatures is the last one.
  const std::size_t split = note.rfind("\n\n");
  if (split == std::string_view::npos) return fail(Errc::corrupt, "a checkpoint without a signature");
  const std::string_view text = note.substr(0, split + 1);
  FH_TRY(const Checkpoint checkpoint, parse_checkpoint(text));
  if (checkpoint.origin != name_) {
    return fail(Errc::corrupt,
                fmt::format("the checkpoint is of {}, the key of {}", printable(checkpoint.origin, 80), name_));
  }
  std::string_view rest = note.substr(split + 2);
  while (const auto line = take_line(rest)) {
    if (!line->starts_with(kDash)) break;
    const std::string_view signature = line->substr(kDash.size());
    const std::size_t blank = signature.rfind(' ');
    if (blank == std::string_view::npos || signature.substr(0, blank) != name_) continue;
    const auto bytes = from_base64(signature.substr(blank + 1));
    if (!bytes || bytes->size() != 68 || std::memcmp(bytes->data(), id().data(), 4) != 0) continue;
    if (crypto_sign_verify_detached(reinterpret_cast<const unsigned char*>(bytes->data()) + 4,
                                    reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                                    key_.data()) == 0) {
      return checkpoint;
    }
    return fail(Errc::corrupt, "the signature of the checkpoint is wrong");
  }
  return fail(Errc::corrupt, fmt::format("the checkpoint is not signed by {}", name_));
}

Result<std::string> VerifierKey::open_text(std::string_view note) const {
  if (!ready()) return fail(Errc::internal, "libsodium cannot be initialised");
  const std::size_t split = note.rfind("\n\n");
  if (split == std::string_view::npos) return fail(Errc::corrupt, "there is no signature");
  const std::string_view text = note.substr(0, split + 1);
  const std::string begin = fmt::format("{}{} ", kDash, name_);
  std::string_view rest = note.substr(split + 2);
  const auto line = take_line(rest);
  if (!line || !rest.empty() || !line->starts_with(begin)) {
    return fail(Errc::corrupt, fmt::format("it is not signed by {}", name_));
  }
  const auto bytes = from_base64(line->substr(begin.size()));
  if (!bytes || bytes->size() != 68 || std::memcmp(bytes->data(), id().data(), 4) != 0 ||
      crypto_sign_verify_detached(reinterpret_cast<const unsigned char*>(bytes->data()) + 4,
                                  reinterpret_cast<const unsigned char*>(text.data()), text.size(), key_.data()) != 0) {
    return fail(Errc::corrupt, "the signature is wrong");
  }
  return std::string(text);
}

SigningKey::SigningKey(const std::array<unsigned char, 32>& seed) : secret_{}, verifier_({}) {
  std::array<unsigned char, 32> open{};
  crypto_sign_seed_keypair(open.data(), secret_.data(), seed.data());
  verifier_ = VerifierKey(open);
}

SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() {
  sodium_memzero(secret_.data(), secret_.size());
}

Result<SigningKey> SigningKey::create() {
  if (!ready()) return fail(Errc::internal, "libsodium cannot be initialised");
  std::array<unsigned char, 32> seed{};
  randombytes_buf(seed.data(), seed.size());
  SigningKey key(seed);
  sodium_memzero(seed.data(), seed.size());
  return key;
}

Result<SigningKey> SigningKey::parse(std::string_view text) {
  if (!ready()) return fail(Errc::internal, "libsodium cannot be initialised");
  if (!text.starts_with(kPrivate)) return fail(Errc::corrupt, "this is no private key of an audit log");
  auto parts = split_key(text.substr(kPrivate.size()));
  if (!parts) return fail(Errc::corrupt, "this is no private key of an audit log");
  SigningKey key(parts->bytes);
  sodium_memzero(parts->bytes.data(), parts->bytes.size());
  if (key.verifier_.name() != parts->name || hex_of(key.verifier_.id()) != parts->id) {
    return fail(Errc::corrupt, "the private key and the name that it has do not belong together");
  }
  return key;
}

std::string SigningKey::text() const {
  return std::string(kPrivate) + key_text(verifier_.name(), verifier_.id(), bytes_of(secret_.data(), 32));
}

std::string SigningKey::sign(const Checkpoint& checkpoint) const {
  return sign_text(text_of(checkpoint));
}

std::string SigningKey::sign_text(std::string_view text) const {
  std::array<unsigned char, 68> out{};
  const auto id = verifier_.id();
  std::memcpy(out.data(), id.data(), id.size());
  FH_CHECK(crypto_sign_detached(out.data() + 4, nullptr, reinterpret_cast<const unsigned char*>(text.data()),
                                text.size(), secret_.data()) == 0,
           "signing memory cannot fail");
  return fmt::format("{}\n{}{} {}\n", text, kDash, verifier_.name(), base64(bytes_of(out.data(), out.size())));
}

std::string utc_text(std::int64_t seconds) {
  namespace chrono = std::chrono;
  const chrono::sys_seconds moment{chrono::seconds(seconds)};
  const auto day = chrono::floor<chrono::days>(moment);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss time(moment - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count());
}

std::string utc_text_us(std::int64_t microseconds) {
  const std::int64_t seconds = microseconds / 1'000'000;
  std::string out = utc_text(seconds);
  out.pop_back();
  return fmt::format("{}.{:06}Z", out, microseconds - seconds * 1'000'000);
}

std::optional<std::int64_t> utc_from_text(std::string_view text) {
  namespace chrono = std::chrono;
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  if (text.size() != kForm.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kForm[i] == '0' ? !digit : text[i] != kForm[i]) return std::nullopt;
  }
  const auto number = [&](std::size_t at, std::size_t n) {
    int value = 0;
    for (std::size_t i = at; i < at + n; ++i) value = value * 10 + (text[i] - '0');
    return value;
  };
  const chrono::year_month_day date(chrono::year(number(0, 4)), chrono::month(static_cast<unsigned>(number(5, 2))),
                                    chrono::day(static_cast<unsigned>(number(8, 2))));
  const int hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59 || number(0, 4) < 1970) return std::nullopt;
  return chrono::sys_days(date).time_since_epoch().count() * std::int64_t{86'400} + hour * 3600 + minute * 60 + second;
}

}  // namespace freehold::audit
