#include "store/name.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"

namespace freehold::store {
namespace {

constexpr std::size_t kMaxPart = 100;
constexpr std::size_t kMaxName = 200;
constexpr std::size_t kMinPrefix = 8;
constexpr std::string_view kDigestPrefix = "sha256";  // "sha256:…" is a digest, never a name

bool lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// What is wrong with a part; empty if nothing.
std::string_view fault_of(std::string_view part) {
  if (part.empty()) return "a part is empty";
  if (part.size() > kMaxPart) return "a part is longer than 100 bytes";
  if (!lower_or_digit(part.front())) return "each part begins with a lower-case letter or a digit";
  for (char c : part) {
    if (!lower_or_digit(c) && c != '.' && c != '_' && c != '-') {
      return "only lower-case letters, digits, '.', '_', '-' and, between parts, '/' are allowed";
    }
  }
  if (part.ends_with(".json")) return "no part may end in .json";
  return "";
}

std::string_view fault_of_name(std::string_view name) {
  if (name.size() > kMaxName) return "it is longer than 200 bytes";
  if (name == kDigestPrefix) return "'sha256:' begins a digest";
  while (true) {
    const std::size_t slash = name.find('/');
    if (auto fault = fault_of(name.substr(0, slash)); !fault.empty()) return fault;
    if (slash == name.npos) return "";
    name.remove_prefix(slash + 1);
  }
}

// The nearest valid part, or nothing.
std::string repaired(std::string_view part) {
  std::string out;
  for (char c : part) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!lower_or_digit(c) && c != '.' && c != '_') c = '-';
    if (out.empty() && !lower_or_digit(c)) continue;
    if (c == '-' && out.ends_with('-')) continue;
    out += c;
  }
  while (out.ends_with('-') || out.ends_with('.')) out.pop_back();
  if (out.ends_with(".json")) out.resize(out.size() - 5);
  return out.substr(0, kMaxPart);
}

}  // namespace

std::filesystem::path ModelName::path() const {
  return std::filesystem::path("models") / name / (tag + ".json");
}

Result<ModelName> ModelName::parse(std::string_view text) {
  ModelName out;
  const std::size_t colon = text.find(':');
  out.name = text.substr(0, colon);
  if (colon != text.npos) out.tag = text.substr(colon + 1);
  std::string_view fault = fault_of_name(out.name);
  if (fault.empty()) fault = fault_of(out.tag);
  if (fault.empty()) return out;
  std::string message = fmt::format("'{}' is not a model name: {}", printable(text), fault);
  const std::string name = repaired(out.name), tag = repaired(out.tag);
  if (!name.empty() && name != kDigestPrefix && !tag.empty() && text.size() <= kMaxName) {
    message += fmt::format(" ('{}' would do)", colon == text.npos ? name : name + ":" + tag);
  }
  return fail(Errc::invalid, std::move(message));
}

Result<ModelName> ModelName::parse_given(std::string_view text) {
  FH_TRY(ModelName out, parse(text));
  for (const std::string_view ending : {kPrevious, kPending}) {
    if (out.tag.ends_with(ending)) {
      return fail(Errc::invalid, fmt::format("'{}' is a name that only models promote gives: no other tag ends in {}",
                                             printable(text), ending));
    }
  }
  return out;
}

Result<ModelName> name_from_path(const std::filesystem::path& path) {
  std::filesystem::path base = path.filename();
  if (base.empty()) base = path.parent_path().filename();  // "folder/"
  if (base == "." || base == "..") {
    std::error_code ec;
    base = std::filesystem::weakly_canonical(path, ec).filename();
  }
  std::string text = base.string();
  if (text.ends_with(".gguf") || text.ends_with(".GGUF")) text.resize(text.size() - 5);
  // "…-00001-of-00003"
  constexpr std::size_t kSplit = std::string_view("-00001-of-00003").size();
  if (text.size() > kSplit && text.substr(text.size() - kSplit).starts_with("-00001-of-")) {
    text.resize(text.size() - kSplit);
  }
  std::string name = repaired(text);
  if (name.empty() || name == kDigestPrefix) {
    return fail(Errc::invalid,
                fmt::format("no model name can be made of '{}'; say one with --name", printable(path.string())));
  }
  return ModelName{.name = std::move(name)};
}

Result<Reference> parse_reference(std::string_view text) {
  if (text.empty()) return fail(Errc::invalid, "an empty word names no model");
  if (text.find('\0') != text.npos) return fail(Errc::invalid, "a model's name or path holds no zero byte");
  if (text.starts_with("sha256:")) {
    const std::string_view hex = text.substr(7);
    const bool digits =
        std::all_of(hex.begin(), hex.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    if (!digits || hex.size() < kMinPrefix || hex.size() > 64) {
      return fail(Errc::invalid, fmt::format("'{}' is not a digest: after sha256: stand {} to 64 digits of 0-9a-f",
                                             printable(text), kMinPrefix));
    }
    return Reference(DigestPrefix{std::string(hex)});
  }
  if (auto name = ModelName::parse(text)) return Reference(std::move(*name));
  return Reference(PathReference{std::filesystem::path(text)});
}

}  // namespace freehold::store
