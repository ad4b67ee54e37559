#include "text/grammar/decimal.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>
#include <vector>

namespace freehold::text::grammar {
namespace {

constexpr std::size_t kMaxDigits = 60;
constexpr std::uint32_t kMaxStep = 1'000'000;

// Digits with an exponent, as fmt and JSON write them.
std::optional<Decimal> parse(std::string_view text) {
  Decimal d;
  if (text.starts_with('-')) {
    d.negative = true;
    text.remove_prefix(1);
  }
  std::size_t e = text.find_first_of("eE");
  long exponent = 0;
  if (e != std::string_view::npos) {
    std::string_view digits = text.substr(e + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (parsed.ec != std::errc() || exponent > 400 || exponent < -400) return std::nullopt;
    text = text.substr(0, e);
  }
  std::size_t point = std::min(text.find('.'), text.size());
  std::string digits(text.substr(0, point));
  if (point < text.size()) digits += text.substr(point + 1);
  long at = static_cast<long>(point) + exponent;  // where the point goes in `digits`
  if (at <= 0) {
    digits.insert(0, static_cast<std::size_t>(1 - at), '0');
    at = 1;
  }
  if (at > static_cast<long>(digits.size())) digits.append(static_cast<std::size_t>(at) - digits.size(), '0');
  d.whole = digits.substr(0, static_cast<std::size_t>(at));
  d.fraction = digits.substr(static_cast<std::size_t>(at));
  d.whole.erase(0, std::min(d.whole.find_first_not_of('0'), d.whole.size() - 1));
  while (d.fraction.ends_with('0')) d.fraction.pop_back();
  if (d.whole.size() > kMaxDigits || d.fraction.size() > kMaxDigits) return std::nullopt;
  if (d.is_zero()) d.negative = false;
  return d;
}

int compare_size(const Decimal& a, const Decimal& b) {
  if (a.whole.size() != b.whole.size()) return a.whole.size() < b.whole.size() ? -1 : 1;
  if (int c = a.whole.compare(b.whole); c != 0) return c;
  return a.fraction.compare(b.fraction);  // without trailing zeros this is the order
}

std::optional<std::uint32_t> scaled(const Decimal& d, std::size_t places) {
  if (d.fraction.size() > places) return std::nullopt;
  std::uint64_t value = 0;
  std::string digits = d.whole + d.fraction + std::string(places - d.fraction.size(), '0');
  for (char c : digits) {
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
    if (value > kMaxStep) return std::nullopt;
  }
  return static_cast<std::uint32_t>(value);
}

// One sign's numbers: sizes from low to high.
struct Side {
  std::optional<Decimal> low, high;
  bool low_open = false;
  bool high_open = false;
};

struct Place {
  enum Phase : std::uint8_t { sign, first, whole, zero, point, fraction };
  bool negative = false;
  Phase phase = sign;
  std::size_t n = 0;  // digits before the point
  std::size_t f = 0;  // and behind it
  int low = 0;        // the digits so far against the bound's: -1, 0, 1
  int high = 0;
  std::uint32_t rest = 0;  // the digits so far modulo the step
  auto key() const { return std::tuple(negative, phase, n, f, low, high, rest); }
};

class RangeBuilder {
 public:
  RangeBuilder(const NumberRange& range, std::size_t max_states) : range_(range), max_states_(max_states) {}

  Result<CodeDfa> build() {
    if (range_.step) {
      places_ = range_.step->fraction.size();
      auto step = scaled(*range_.step, places_);
      if (!step || *step == 0)
        return fail(Errc::unsupported, "multipleOf is too large or has too many digits to enforce");
      step_ = *step;
      for (std::size_t i = 0; i <= places_; ++i) powers_.push_back(i == 0 ? 1 % step_ : powers_.back() * 10 % step_);
    }
    const auto& low = range_.low;
    const auto& high = range_.high;
    auto size_of = [](Decimal d) {
      d.negative = false;
      return d;
    };
    bool below_zero = !low || low->negative;
    bool above_zero = !high || !high->negative;
    // Sizes of the positive numbers and zero; of the negative ones without zero ("-0" is not written).
    if (low && !low->negative) sides_[0].low = *low, sides_[0].low_open = range_.low_open;
    if (high) sides_[0].high = *high, sides_[0].high_open = range_.high_open;
    if (low) sides_[1].high = size_of(*low), sides_[1].high_open = range_.low_open;
    sides_[1].low = Decimal{};
    sides_[1].low_open = true;
    if (high && high->negative) sides_[1].low = size_of(*high), sides_[1].low_open = range_.high_open;
    digits_ = range_.whole ? 18 : 15;
    for (const auto* bound : {&low, &high}) {
      if (!*bound) continue;
      digits_ = std::max(digits_, (*bound)->whole.size());
      fraction_ = std::max(fraction_, (*bound)->fraction.size());
    }

    state_of({});
    for (std::size_t i = 0; i < places_of_.size(); ++i) {
      if (places_of_.size() > max_states_)
        return fail(Errc::unsupported, "multipleOf takes too many states to enforce");
      Place p = places_of_[i];
      dfa_.states[i].accepts = accepts(p);
      if (p.phase == Place::sign) {
        if (below_zero) edge(i, '-', {.negative = true, .phase = Place::first});
        if (above_zero) digits(i, {.phase = Place::first});
      } else {
        digits(i, p);
      }
    }
    for (auto& s : dfa_.states) std::sort(s.edges.begin(), s.edges.end(), [](auto& a, auto& b) { return a.lo < b.lo; });
    return std::move(dfa_);
  }

 private:
  const Side& side(const Place& p) const { return sides_[p.negative ? 1 : 0]; }

  std::uint32_t state_of(const Place& p) {
    auto [it, added] = known_.emplace(p.key(), static_cast<std::uint32_t>(places_of_.size()));
    if (added) {
      places_of_.push_back(p);
      dfa_.states.emplace_back();
    }
    return it->second;
  }
  void edge(std::size_t from, char c, const Place& to) {
    std::uint32_t id = state_of(to);
    auto byte = static_cast<std::uint32_t>(c);
    dfa_.states[from].edges.push_back({byte, byte, id});
  }

  static int order(char a, char b) { return a < b ? -1 : a > b ? 1 : 0; }

  // The bounds' verdict once all digits before the point are known; nothing if it is against the number already.
  std::optional<std::pair<int, int>> at_point(const Place& p) const {
    const Side& s = side(p);
    int low = 1;
    int high = -1;
    if (s.low) low = p.n < s.low->whole.size() ? -1 : p.n == s.low->whole.size() ? p.low : 1;
    if (s.high) high = p.n < s.high->whole.size() ? -1 : p.n == s.high->whole.size() ? p.high : 1;
    if (low < 0 || high > 0) return std::nullopt;
    return std::pair(low, high);
  }

  bool in_bounds(const Place& p, int low, int high) const {
    const Side& s = side(p);
    if (low == 0 && (p.f < s.low->fraction.size() || s.low_open)) return false;
    return high < 0 || p.f < s.high->fraction.size() || !s.high_open;
  }

  bool accepts(const Place& p) const {
    if (p.phase != Place::whole && p.phase != Place::zero && p.phase != Place::fraction) return false;
    if (step_ != 0) {
      std::uint64_t rest = p.rest;
      rest = rest * powers_[places_ - p.f] % step_;
      if (rest != 0) return false;
    }
    if (p.phase == Place::fraction) return in_bounds(p, p.low, p.high);
    auto verdict = at_point(p);
    return verdict && in_bounds(p, verdict->first, verdict->second);
  }

  void digits(std::size_t from, const Place& p) {
    const Side& s = side(p);
    bool behind = p.phase == Place::point || p.phase == Place::fraction;
    std::size_t most_fraction = step_ != 0 ? places_ : std::max(fraction_, 15 - std::min<std::size_t>(p.n, 15));
    if (range_.whole) most_fraction = 0;
    bool more = behind ? p.f < most_fraction : p.phase != Place::zero && p.n < digits_;
    for (char c = '0'; more && c <= '9'; ++c) {
      Place to = p;
      if (step_ != 0)
        to.rest =
            static_cast<std::uint32_t>((std::uint64_t{p.rest} * 10 + static_cast<std::uint64_t>(c - '0')) % step_);
      if (behind) {
        to.phase = Place::fraction;
        if (s.low && p.low == 0) to.low = order(c, p.f < s.low->fraction.size() ? s.low->fraction[p.f] : '0');
        if (s.high && p.high == 0) to.high = order(c, p.f < s.high->fraction.size() ? s.high->fraction[p.f] : '0');
        ++to.f;
        if (to.low < 0 || to.high > 0) continue;
      } else {
        to.phase = c == '0' && p.n == 0 ? Place::zero : Place::whole;
        if (s.low && p.low == 0) to.low = p.n < s.low->whole.size() ? order(c, s.low->whole[p.n]) : 1;
        if (s.high && p.high == 0) to.high = p.n < s.high->whole.size() ? order(c, s.high->whole[p.n]) : 1;
        ++to.n;
        if (s.high && to.n > s.high->whole.size()) continue;
        // A number with more digits is larger, whatever they are.
        if (s.low && to.n > s.low->whole.size()) to.low = 1;
      }
      edge(from, c, to);
    }
    if ((p.phase == Place::whole || p.phase == Place::zero) && most_fraction > 0) {
      auto verdict = at_point(p);
      if (!verdict) return;
      Place to = p;
      to.phase = Place::point;
      std::tie(to.low, to.high) = *verdict;
      edge(from, '.', to);
    }
  }

  const NumberRange& range_;
  std::size_t max_states_;
  Side sides_[2];
  std::size_t digits_ = 0;
  std::size_t fraction_ = 0;  // digits that a bound has behind the point
  std::size_t places_ = 0;    // digits that a step has there
  std::uint32_t step_ = 0;    // scaled by 10^places
  std::vector<std::uint64_t> powers_;
  std::map<decltype(Place{}.key()), std::uint32_t> known_;
  std::vector<Place> places_of_;
  CodeDfa dfa_;
};

}  // namespace

std::optional<Decimal> Decimal::of_json(std::string_view text) {
  if (text.find_first_of(".eE") == std::string_view::npos) return parse(text);
  double value = 0;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec == std::errc::result_out_of_range) return std::nullopt;
  return parse(fmt::format("{}", value));
}

int compare(const Decimal& a, const Decimal& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  int c = compare_size(a, b);
  return a.negative ? -c : c;
}

bool is_multiple(const Decimal& a, const Decimal& b) {
  std::size_t places = std::max(a.fraction.size(), b.fraction.size());
  std::string step = b.whole + b.fraction + std::string(places - b.fraction.size(), '0');
  std::uint64_t divisor = 0;
  for (char c : step) {
    if (divisor > UINT64_MAX / 1000) return false;
    divisor = divisor * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (divisor == 0) return false;
  __extension__ unsigned __int128 rest = 0;
  for (char c : a.whole + a.fraction + std::string(places - a.fraction.size(), '0')) {
    rest = (rest * 10 + static_cast<unsigned>(c - '0')) % divisor;
  }
  return rest == 0;
}

Result<CodeDfa> dfa_of_range(const NumberRange& range, std::size_t max_states) {
  return RangeBuilder(range, max_states).build();
}

}  // namespace freehold::text::grammar
