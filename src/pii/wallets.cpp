// Addresses of wallets: by the check that each chain has, or beside a word where it has none.
#include <array>
#include <cstdint>
#include <optional>

#include "base/hash.h"
#include "pii/recognisers.h"

namespace freehold::pii {
namespace {

using std::string_view;

constexpr string_view kBitcoin58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr string_view kRipple58 = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz";

// The number that letters of base 58 make, if it has no more bytes.
template <std::size_t kBytes>
std::optional<std::array<unsigned char, kBytes>> base58(string_view address, string_view letters) {
  std::array<unsigned char, kBytes> bytes{};
  for (const char c : address) {
    const std::size_t value = letters.find(c);
    if (value == string_view::npos) return {};
    std::size_t carry = value;
    for (std::size_t k = bytes.size(); k-- > 0;) {
      carry += bytes[k] * std::size_t{58};
      bytes[k] = static_cast<unsigned char>(carry & 255);
      carry >>= 8;
    }
    if (carry != 0) return {};
  }
  return bytes;
}

// The first byte of an address with Bitcoin's check, -1 if the check is wrong.
int version_of(string_view address, string_view letters) {
  const auto bytes = base58<25>(address, letters);
  if (!bytes) return -1;
  const Digest once = sha256(string_view(reinterpret_cast<const char*>(bytes->data()), 21));
  const Digest twice = sha256(std::span<const std::byte>(once.bytes));
  for (std::size_t k = 0; k < 4; ++k) {
    if (std::to_integer<unsigned char>(twice.bytes[k]) != (*bytes)[21 + k]) return -1;
  }
  return (*bytes)[0];
}

// Of which chain an address with such a check is, by how it begins: Bitcoin, Litecoin, Dogecoin, Tron, Dash, Zcash.
bool is_checked(string_view address) {
  switch (address[0]) {
    case '1':
    case '3':
    case 'L':
    case 'M':
    case 'D':
    case 'A':
    case '9':
    case 'T':
    case 'X':
    case '7': {
      const int version = version_of(address, kBitcoin58);
      switch (version) {
        case 0x00:  // Bitcoin
        case 0x05:
        case 0x30:  // Litecoin
        case 0x32:
        case 0x1E:  // Dogecoin
        case 0x16:
        case 0x41:  // Tron
        case 0x4C:  // Dash
        case 0x10:
          return true;
        default:
          return false;
      }
    }
    case 'r':
      return version_of(address, kRipple58) == 0x00;
    default:
      return false;
  }
}

// BIP 173 and BIP 350.
bool is_bech32(string_view address, std::size_t separator) {
  static constexpr string_view kLetters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
  static constexpr std::uint32_t kGenerator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
  std::uint32_t check = 1;
  auto step = [&](std::uint32_t value) {
    const std::uint32_t top = check >> 25;
    check = (check & 0x1ffffff) << 5 ^ value;
    for (unsigned bit = 0; bit < 5; ++bit) check ^= (top >> bit & 1) != 0 ? kGenerator[bit] : 0;
  };
  const string_view chain = address.substr(0, separator);
  for (const char c : chain) step(static_cast<unsigned char>(c | 0x20) >> 5);
  step(0);
  for (const char c : chain) step(static_cast<unsigned char>(c | 0x20) & 31);
  for (const char c : address.substr(separator + 1)) {
    const std::size_t value = kLetters.find(static_cast<char>(c | 0x20));
    if (value == string_view::npos) return false;
    step(static_cast<std::uint32_t>(value));
  }
  return check == 1 || check == 0x2bc830a3;
}

// Chains whose addresses are written so: Bitcoin, Litecoin, Cardano, Cosmos, Binance and others.
std::size_t bech32_separator(string_view word) {
  static constexpr string_view kChains[] = {"bc", "tb", "ltc", "addr", "stake", "cosmos", "bnb", "osmo", "vtc", "dgb"};
  const std::size_t at = word.find('1');
  for (const string_view chain : kChains) {
    if (at != chain.size()) continue;
    bool same = true;
    for (std::size_t k = 0; k < at && same; ++k) same = (word[k] | 0x20) == chain[k];
    if (same) return at;
  }
  return 0;
}

// Solana's are 32 bytes of any kind: only a word tells them. Capitals, small letters and digits are among them.
bool is_solana(string_view word) {
  if (word.size() < 32 || word.size() > 44 || !base58<32>(word, kBitcoin58)) return false;
  bool upper = false, lower = false, digit = false;
  for (const char c : word) {
    upper = upper || (c >= 'A' && c <= 'Z');
    lower = lower || (c >= 'a' && c <= 'z');
    digit = digit || c <= '9';
  }
  return upper && lower && digit && (word.size() >= 42 || base58<32>(word, kBitcoin58)->front() != 0);
}

// Monero's: 69 bytes in blocks, 95 letters, or 106 with the number of a payment.
bool is_monero(string_view word) {
  if ((word.size() != 95 && word.size() != 106) || (word[0] != '4' && word[0] != '8')) return false;
  return word.find_first_not_of(kBitcoin58) == string_view::npos && word[1] != 'x';
}

}  // namespace

Match match_wallet(const Text& text, std::size_t i, const Context& context) {
  static constexpr auto kFirst = [] {
    std::array<bool, 256> out{};
    for (const char c : string_view("1309478LMDATXrbBtlacosSvd")) out[static_cast<unsigned char>(c)] = true;
    return out;
  }();
  const unsigned char first = text[i];
  const bool named = context.near(Cue::wallet, 4);
  if (!kFirst[first] && !named) return {};
  constexpr std::size_t kLongest = 112;
  std::size_t end = i;
  while (end < i + kLongest && is_alphanumeric(text[end])) ++end;
  const string_view word = text.part(i, end);
  if (word.size() < kShortestWallet || text[end] == '_' || text[end] == '-') return {};
  if (word.size() == 42 && first == '0' && word[1] == 'x') {
    for (const char c : word.substr(2)) {
      if (!is_hex(static_cast<unsigned char>(c))) return {};
    }
    return {Kind::crypto_wallet, i, end, context.near(Cue::wallet) ? 90 : context.near(Cue::order, 3) ? 30 : 70};
  }
  if (const std::size_t separator = word.size() >= 38 ? bech32_separator(word) : 0; separator != 0) {
    if (is_bech32(word, separator)) return {Kind::crypto_wallet, i, end, 95};
  }
  if (word.size() <= 35 && is_checked(word)) return {Kind::crypto_wallet, i, end, 95};
  if (is_monero(word)) return {Kind::crypto_wallet, i, end, named ? 92 : 80};
  if (named && is_solana(word)) return {Kind::crypto_wallet, i, end, 85};
  return {};
}

}  // namespace freehold::pii
