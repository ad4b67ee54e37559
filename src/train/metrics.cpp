#include "train/metrics.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/utf8.h"
#include "format/json.h"

namespace freehold::train {
namespace {

using format::Value;
using Json = nlohmann::ordered_json;

double real(const Value& object, const char* name) {
  const Value* v = object.member(name);
  return v != nullptr ? v->as_f64().value_or(0) : 0;
}

std::uint64_t whole(const Value& object, const char* name) {
  const Value* v = object.member(name);
  return v != nullptr ? v->as_u64().value_or(0) : 0;
}

std::optional<double> optional_real(const Value& object, const char* name) {
  const Value* v = object.member(name);
  return v != nullptr ? v->as_f64() : std::nullopt;
}

}  // namespace

std::string as_line(const StepMetrics& m) {
  Json j = {{"step", m.step},
            {"epoch", m.epoch},
            {"loss", m.loss},
            {"learning_rate", m.learning_rate},
            {"gradient_norm", m.gradient_norm}};
  if (m.accuracy) j["accuracy"] = *m.accuracy;
  j["tokens"] = m.tokens;
  j["scored"] = m.scored;
  j["seconds"] = m.seconds;
  j["tokens_per_second"] = m.seconds > 0 ? static_cast<double>(m.tokens) / m.seconds : 0.0;
  return j.dump() + "\n";
}

std::string as_line(const EvaluationMetrics& m) {
  Json j = {{"step", m.step}, {"epoch", m.epoch}, {"eval_loss", m.loss}};
  if (m.accuracy) j["accuracy"] = *m.accuracy;
  j["seconds"] = m.seconds;
  return j.dump() + "\n";
}

Result<Metrics> read_metrics(const std::filesystem::path& path) {
  Metrics out;
  auto text = read_file(path, std::uint64_t{1} << 30);
  if (!text) {
    if (text.error().code == Errc::not_found) return out;
    return Unexpected(std::move(text).error());
  }
  std::string_view rest = *text;
  for (std::size_t line = 1; !rest.empty(); ++line) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) break;
    const auto json = format::parse_json(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    if (!json || !json->is_object()) {
      return fail(Errc::corrupt, fmt::format("{} line {}: not a measurement", printable(path.string()), line));
    }
    if (json->member("eval_loss") != nullptr) {
      out.evaluations.push_back({whole(*json, "step"), real(*json, "epoch"), real(*json, "eval_loss"),
                                 optional_real(*json, "accuracy"), real(*json, "seconds")});
    } else {
      out.steps.push_back({whole(*json, "step"), real(*json, "epoch"), real(*json, "loss"),
                           real(*json, "learning_rate"), real(*json, "gradient_norm"), optional_real(*json, "accuracy"),
                           whole(*json, "tokens"), whole(*json, "scored"), real(*json, "seconds")});
    }
  }
  return out;
}

}  // namespace freehold::train
