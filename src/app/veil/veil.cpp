#include "app/veil/veil.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "pii/masker.h"

namespace freehold::app {
namespace {

using guard::Treatment;

constexpr std::size_t kShortestNumber = 6;  // digits of a number in JSON that is looked at

// What has been done, in the words of the header.
constexpr std::array<std::string_view, guard::kTreatments> kDone = {"allowed", "masked", "pseudonymised",
                                                                    "blocked", "local",  "reported"};

std::size_t index_of(pii::Kind kind) {
  return static_cast<std::size_t>(kind);
}

}  // namespace

std::string_view mark_at(std::string_view text) {
  if (const std::string_view token = audit::token_at(text); !token.empty()) return text.substr(0, token.size() + 2);
  if (text.empty() || text.front() != '[') return {};
  const std::size_t end = text.substr(0, audit::Vault::kLongestToken).find(']');
  if (end == std::string_view::npos || !pii::kind_from_name(text.substr(1, end - 1))) return {};
  return text.substr(0, end + 1);
}

bool may_begin_mark(std::string_view text) {
  return text.size() < audit::Vault::kLongestToken && text.starts_with('[') &&
         std::all_of(text.begin() + 1, text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

std::optional<std::string> Veil::replacement(pii::Kind kind, std::string_view value) {
  const Treatment treatment = treatments_.at(kind);
  if (treatment == Treatment::allow) return std::nullopt;
  ++counts_[index_of(kind)];
  switch (treatment) {
    case Treatment::pseudonymise: {
      std::string token = token_(pii::info(kind).name, value);
      std::string out = fmt::format("[{}]", token);
      pseudonyms_.emplace(std::move(token), value);
      return out;
    }
    case Treatment::report:
      return std::nullopt;
    case Treatment::local_only:
      if (!refuses(treatment)) return std::nullopt;
      [[fallthrough]];
    case Treatment::block:
      blocked_ = true;
      break;
    default:
      break;
  }
  return pii::mask_of(kind, value, pii::MaskStyle::kind);
}

std::optional<std::string> Veil::changed(std::string_view text) {
  return changed_beside({}, text);
}

std::optional<std::string> Veil::changed_beside(std::string_view name, std::string_view text) {
  if (!active_ || text.empty()) return std::nullopt;
  // Of a name its end tells enough; a long one would be scanned again with each value of a list.
  constexpr std::size_t kLongestName = 64;
  if (name.size() > kLongestName) {
    name.remove_prefix(name.size() - kLongestName);
    while (!name.empty() && (static_cast<unsigned char>(name.front()) & 0xC0) == 0x80) name.remove_prefix(1);
  }
  std::string before;
  if (!name.empty()) before = fmt::format("{}: ", name);
  bool changed = false;
  std::string out;
  std::size_t at = before.size();
  const std::string whole = before + std::string(text);
  std::string scanned = whole;
  std::vector<bool> marked(whole.size(), false);
  for (std::size_t i = whole.find('[', at); i != std::string::npos; i = whole.find('[', i + 1)) {
    const std::size_t length = mark_at(std::string_view(whole).substr(i)).size();
    std::fill_n(scanned.begin() + static_cast<std::ptrdiff_t>(i), length, '-');
    std::fill_n(marked.begin() + static_cast<std::ptrdiff_t>(i), length, true);
  }
  for (const pii::Finding& finding : pii::scan(scanned, treatments_.profile)) {
    if (std::find(marked.begin() + static_cast<std::ptrdiff_t>(finding.begin),
                  marked.begin() + static_cast<std::ptrdiff_t>(finding.end),
                  true) != marked.begin() + static_cast<std::ptrdiff_t>(finding.end)) {
      continue;
    }
    // What begins in the name is the text's from where that begins.
    const std::size_t begin = std::max<std::size_t>(finding.begin, before.size()), end = finding.end;
    if (end <= begin) continue;
    const std::string_view value = std::string_view(whole).substr(begin, end - begin);
    const auto other = replacement(finding.kind, value);
    if (!other) continue;
    out.append(whole, at, begin - at);
    out += *other;
    at = end;
    changed = true;
  }
  if (!changed) return std::nullopt;
  return out.append(whole, at);
}

std::optional<std::string> Veil::changed_number(std::string_view name, std::string_view number) {
  const auto digits = std::count_if(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (static_cast<std::size_t>(digits) < kShortestNumber) return std::nullopt;
  return changed_beside(name, number) ? std::optional<std::string>("0") : std::nullopt;
}

void Veil::add(const Veil& other) {
  for (std::size_t kind = 0; kind < pii::kKinds; ++kind) counts_[kind] += other.counts_[kind];
}

std::uint64_t Veil::found() const {
  std::uint64_t out = 0;
  for (const std::uint64_t count : counts_) out += count;
  return out;
}

std::uint64_t Veil::count(Treatment treatment) const {
  std::uint64_t out = 0;
  for (std::size_t kind = 0; kind < pii::kKinds; ++kind) {
    if (treatments_.of[kind] == treatment) out += counts_[kind];
  }
  return out;
}

audit::Object Veil::entry() const {
  audit::Object out;
  for (std::size_t t = 0; t < guard::kTreatments; ++t) {
    audit::Object kinds;
    for (const pii::KindInfo& row : pii::all_kinds()) {
      const std::size_t kind = index_of(row.kind);
      if (counts_[kind] > 0 && treatments_.of[kind] == static_cast<Treatment>(t)) kinds.add(row.name, counts_[kind]);
    }
    out.add(guard::name_of(static_cast<Treatment>(t)), kinds);
  }
  return out;
}

std::string Veil::summary() const {
  std::string out;
  for (std::size_t t = 0; t < guard::kTreatments; ++t) {
    if (const std::uint64_t n = count(static_cast<Treatment>(t))) out += fmt::format("{}={} ", kDone[t], n);
  }
  if (out.empty()) return out;
  std::vector<std::string_view> kinds;
  for (const pii::KindInfo& row : pii::all_kinds()) {
    if (counts_[index_of(row.kind)] > 0) kinds.push_back(row.name);
  }
  std::sort(kinds.begin(), kinds.end());
  return out + fmt::format("kinds={}", fmt::join(kinds, ","));
}

bool Veil::refuses(Treatment treatment) const {
  return treatment == Treatment::block || (treatment == Treatment::local_only && way_ == guard::Way::vendor);
}

std::string Veil::refused_kinds() const {
  std::string out;
  for (const pii::KindInfo& row : pii::all_kinds()) {
    const std::size_t kind = index_of(row.kind);
    if (counts_[kind] == 0 || !refuses(treatments_.of[kind])) continue;
    out += fmt::format("{}{} ({})", out.empty() ? "" : ", ", row.name, counts_[kind]);
  }
  return out;
}

api::Failure Veil::refusal() const {
  const char* what = way_ == guard::Way::answer     ? "the answer holds personal data that may not be given"
                     : way_ == guard::Way::vendor   ? "this holds personal data that may not go to a vendor"
                     : way_ == guard::Way::training ? "the data hold personal data that no model may learn here"
                                                    : "the request holds personal data that may not be asked here";
  return {api::Problem::forbidden, fmt::format("{}: {}", what, refused_kinds()), {}, "personal_data"};
}

std::string Veil::rule() const {
  std::uint16_t first = UINT16_MAX;
  for (std::size_t kind = 0; kind < pii::kKinds; ++kind) {
    if (counts_[kind] > 0 && refuses(treatments_.of[kind])) first = std::min(first, treatments_.rule[kind]);
  }
  return fmt::format("personal_data.{}", first);
}

void VeilCounters::add(guard::Way way, const Veil& veil) {
  for (std::size_t t = 0; t < guard::kTreatments; ++t) {
    counts_[static_cast<std::size_t>(way)][t] += veil.count(static_cast<Treatment>(t));
  }
}

std::uint64_t VeilCounters::of(guard::Way way, Treatment treatment) const {
  return counts_[static_cast<std::size_t>(way)][static_cast<std::size_t>(treatment)];
}

}  // namespace freehold::app
