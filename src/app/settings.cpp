#include "app/settings.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <charconv>
#include <chrono>

#include "app/parse.h"
#include "base/nearest.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

using engine::LogitBias;

double real(std::string_view text) {
  double x = 0;
  std::from_chars(text.data(), text.data() + text.size(), x);  // checked before
  return x;
}

std::uint64_t whole(std::string_view text) {
  std::uint64_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

// "15043=-2.5"; the bias may be -inf, which forbids the token.
Result<LogitBias> parse_bias(std::string_view text) {
  std::size_t equals = text.find('=');
  auto wrong = [&] {
    return fail(Errc::invalid,
                fmt::format("--logit-bias needs ID=BIAS, such as 42=-1.5 or 42=-inf, not '{}'", printable(text)));
  };
  if (equals == std::string_view::npos) return wrong();
  std::string_view id = text.substr(0, equals), bias = text.substr(equals + 1);
  LogitBias out;
  auto [id_end, id_error] = std::from_chars(id.data(), id.data() + id.size(), out.token);
  auto [end, error] = std::from_chars(bias.data(), bias.data() + bias.size(), out.bias);
  if (id_error != std::errc() || id_end != id.data() + id.size() || id.empty() || out.token < 0) return wrong();
  if (error != std::errc() || end != bias.data() + bias.size() || bias.empty()) return wrong();
  if (!(out.bias < 1e6)) return wrong();  // NaN and +inf too
  return out;
}

// One row for each option that sets one number.
struct NumberField {
  std::string_view name;
  void (*set)(Settings&, std::string_view);
  std::string (*get)(const Settings&);
};
constexpr NumberField kNumbers[] = {
    {"temperature", [](Settings& s, std::string_view v) { s.sampling.temperature = real(v); },
     [](const Settings& s) { return fmt::format("{}", s.sampling.temperature); }},
    {"top-k", [](Settings& s, std::string_view v) { s.sampling.top_k = static_cast<std::uint32_t>(whole(v)); },
     [](const Settings& s) { return fmt::format("{}", s.sampling.top_k); }},
    {"top-p", [](Settings& s, std::string_view v) { s.sampling.top_p = real(v); },
     [](const Settings& s) { return fmt::format("{}", s.sampling.top_p); }},
    {"min-p", [](Settings& s, std::string_view v) { s.sampling.min_p = real(v); },
     [](const Settings& s) { return fmt::format("{}", s.sampling.min_p); }},
    {"typical", [](Settings& s, std::string_view v) { s.sampling.typical_p = real(v); },
     [](const Settings& s) { return fmt::format("{}", s.sampling.typical_p); }},
    {"repetition-penalty", [](Settings& s, std::string_view v) { s.sampling.repetition_penalty = real(v); },
     [](const Settings& s) { return fmt::format("{}", s.sampling.repetition_penalty); }},
    {"frequency-penalty", [](Settings& s, std::string_view v) { s.sampling.frequency_penalty = real(v); },
     [](const Settings& s) { return fmt::format("{}", s.sampling.frequency_penalty); }},
    {"presence-penalty", [](Settings& s, std::string_view v) { s.sampling.presence_penalty = real(v); },
     [](const Settings& s) { return fmt::format("{}", s.sampling.presence_penalty); }},
    {"penalty-last",
     [](Settings& s, std::string_view v) { s.sampling.penalty_last = static_cast<std::uint32_t>(whole(v)); },
     [](const Settings& s) { return fmt::format("{}", s.sampling.penalty_last); }},
    {"max-tokens", [](Settings& s, std::string_view v) { s.max_tokens = static_cast<std::uint32_t>(whole(v)); },
     [](const Settings& s) { return s.max_tokens > 0 ? fmt::format("{}", s.max_tokens) : std::string("no limit"); }},
};

Result<> assign(Settings& s, const Option& option, std::string_view value) {
  for (const auto& field : kNumbers) {
    if (field.name == option.name) {
      field.set(s, value);
      return {};
    }
  }
  if (option.name == "seed") {
    s.seed = whole(value);
  } else if (option.name == "stop") {
    s.stop.emplace_back(value);
  } else if (option.name == "logit-bias") {
    FH_TRY(auto bias, parse_bias(value));
    s.sampling.logit_bias.push_back(bias);
  }
  return {};
}

void reset(Settings& s, const Option& option) {
  if (option.name == "seed") {
    s.seed.reset();
  } else if (option.name == "stop") {
    s.stop.clear();
  } else if (option.name == "logit-bias") {
    s.sampling.logit_bias.clear();
  } else if (option.name == "max-tokens") {
    s.max_tokens = 0;
  } else {
    (void)assign(s, option, option.fallback);
  }
}

}  // namespace

const std::vector<Option>& settings_options() {
  static const std::vector<Option> options = {
      {.name = "temperature",
       .type = OptionType::real,
       .value = "X",
       .fallback = "0.7",
       .least = 0,
       .most = 100,
       .help = "How freely tokens are drawn; 0 takes the likeliest one."},
      {.name = "top-p",
       .type = OptionType::real,
       .value = "P",
       .fallback = "0.95",
       .least = 1e-6,
       .most = 1,
       .help = "Draw from the fewest tokens that have this probability together; 1 is off."},
      {.name = "min-p",
       .type = OptionType::real,
       .value = "P",
       .fallback = "0.05",
       .least = 0,
       .most = 1,
       .help = "Drop tokens less likely than P times the likeliest; 0 is off."},
      {.name = "top-k",
       .type = OptionType::integer,
       .value = "K",
       .fallback = "0",
       .least = 0,
       .most = 1e9,
       .help = "Draw from the K likeliest tokens; 0 is off."},
      {.name = "typical",
       .type = OptionType::real,
       .value = "P",
       .fallback = "1",
       .least = 1e-6,
       .most = 1,
       .help = "Locally typical sampling; 1 is off."},
      {.name = "repetition-penalty",
       .type = OptionType::real,
       .value = "R",
       .fallback = "1",
       .least = 0.01,
       .most = 100,
       .help = "Divide the logits of tokens that occurred; 1 is off."},
      {.name = "frequency-penalty",
       .type = OptionType::real,
       .value = "F",
       .fallback = "0",
       .least = -100,
       .most = 100,
       .help = "Subtract F for each time a token occurred."},
      {.name = "presence-penalty",
       .type = OptionType::real,
       .value = "F",
       .fallback = "0",
       .least = -100,
       .most = 100,
       .help = "Subtract F if a token occurred."},
      {.name = "penalty-last",
       .type = OptionType::integer,
       .value = "N",
       .fallback = "0",
       .least = 0,
       .most = 1e9,
       .help = "Penalties count the last N tokens only; 0 counts all."},
      {.name = "seed",
       .type = OptionType::integer,
       .value = "N",
       .least = 0,
       .most = 9007199254740991.0,
       .help = "The same seed gives the same answer; random unless given (--json prints it)."},
      {.name = "max-tokens",
       .type = OptionType::integer,
       .value = "N",
       .least = 1,
       .most = 1e9,
       .help = "Longest answer in tokens; unless given, as long as the context allows.",
       .letter = 'n'},
      {.name = "stop",
       .type = OptionType::text,
       .value = "TEXT",
       .help = "End the answer before this text.",
       .repeatable = true},
      {.name = "logit-bias",
       .type = OptionType::text,
       .value = "ID=BIAS",
       .help = "Add BIAS to a token's logit; -inf forbids the token.",
       .repeatable = true},
  };
  return options;
}

Result<Settings> settings_from(const Arguments& arguments) {
  Settings s;
  for (const auto& option : settings_options()) {
    for (const auto& value : arguments.list(option.name)) FH_TRY_VOID(assign(s, option, value));
  }
  return s;
}

Result<> set_option(Settings& settings, std::string_view name, std::string_view value) {
  std::vector<std::string> names;
  for (const auto& option : settings_options()) {
    names.emplace_back(option.name);
    if (option.name != name) continue;
    if (value.empty()) {
      reset(settings, option);
      return {};
    }
    FH_TRY_VOID(check_value(option, value));
    return assign(settings, option, value);
  }
  auto near = nearest(name, names);
  return fail(Errc::invalid, fmt::format("there is no setting '{}'{}", printable(name),
                                         near ? fmt::format("; did you mean {}?", *near) : ""));
}

std::vector<std::pair<std::string, std::string>> describe(const Settings& s) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& field : kNumbers) rows.emplace_back(field.name, field.get(s));
  rows.emplace_back("seed", s.seed ? fmt::format("{}", *s.seed) : "random");
  for (const auto& text : s.stop) rows.emplace_back("stop", text);
  for (const auto& bias : s.sampling.logit_bias)
    rows.emplace_back("logit-bias", fmt::format("{}={}", bias.token, bias.bias));
  return rows;
}

std::uint64_t random_seed() {
  std::uint64_t bits = 0;
  if (::getrandom(&bits, sizeof(bits), 0) != static_cast<ssize_t>(sizeof(bits))) {
    bits = static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  }
  return bits >> 11;
}

}  // namespace freehold::app
