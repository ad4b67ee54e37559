// What a client asks of a fine-tuning job.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/fields.h"
#include "api/openai/common.h"
#include "api/openai/fine_tuning.h"
#include "base/utf8.h"

namespace freehold::api::openai {
namespace {

constexpr std::size_t kMostSuffix = 64;

// Fields that nobody asked for: a setting that is left out changes what comes of hours of work.
Parsed<void> nothing_else(const Fields& fields) {
  const auto left = fields.left_over();
  if (left.empty()) return {};
  return refuse(Problem::invalid, fmt::format("'{}' is not supported: it would not be honoured", left.front()),
                left.front(), "unknown_parameter");
}

bool is_auto(const Json& value) {
  return value.is_string() && value.get_ref<const std::string&>() == "auto";
}

template <typename T>
Parsed<void> read_whole(Fields& f, std::string_view key, std::int64_t most, std::optional<T>& to) {
  const Json* value = f.find(key);
  if (value == nullptr || is_auto(*value)) return {};
  const auto number = f.integer(key, 1, most);
  if (!number) return f.wrong(key, fmt::format("\"auto\" or an integer from 1 to {}", most));
  to = static_cast<T>(**number);
  return {};
}

Parsed<void> read_number(Fields& f, std::string_view key, double most, std::optional<double>& to) {
  const Json* value = f.find(key);
  if (value == nullptr || is_auto(*value)) return {};
  const double x = value->is_number() ? value->get<double>() : 0;
  if (!(x > 0 && x <= most)) return f.wrong(key, fmt::format("\"auto\" or a number above 0, at most {}", most));
  to = x;
  return {};
}

Parsed<void> read_hyperparameters(const Json& object, const std::string& where, TuningMethod method,
                                  Hyperparameters& to) {
  Fields f(object, where);
  FH_TRY_VOID(read_whole(f, "n_epochs", 50, to.n_epochs));
  FH_TRY_VOID(read_whole(f, "batch_size", 256, to.batch_size));
  FH_TRY_VOID(read_number(f, "learning_rate_multiplier", 1000, to.learning_rate_multiplier));
  if (method == TuningMethod::dpo) FH_TRY_VOID(read_number(f, "beta", 2, to.beta));
  return nothing_else(f);
}

Parsed<void> read_method(const Json& object, NewJob& job) {
  if (!object.is_object()) return refuse(Problem::invalid, "'method' must be an object", "method");
  Fields f(object, "method");
  FH_TRY(const auto type, f.string("type"));
  if (!type) return refuse(Problem::invalid, "'method.type' is required", "method.type");
  if (*type != "supervised" && *type != "dpo") {
    return refuse(Problem::invalid,
                  fmt::format("'method.type' must be supervised or dpo: '{}' is not done here", printable(*type)),
                  "method.type", "unsupported_value");
  }
  job.method = *type == "dpo" ? TuningMethod::dpo : TuningMethod::supervised;
  if (const Json* own = f.find(*type); own != nullptr) {
    if (!own->is_object()) return f.wrong(*type, "an object");
    Fields inner(*own, "method." + *type);
    if (const Json* h = inner.find("hyperparameters"); h != nullptr) {
      if (!h->is_object()) return inner.wrong("hyperparameters", "an object");
      FH_TRY_VOID(read_hyperparameters(*h, inner.name("hyperparameters"), job.method, job.hyperparameters));
    }
    FH_TRY_VOID(nothing_else(inner));
  }
  return nothing_else(f);
}

}  // namespace

Parsed<NewJob> parse_job(std::string_view body) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  NewJob job;
  for (const auto& [key, to] : {std::pair("model", &job.model), std::pair("training_file", &job.training_file)}) {
    FH_TRY(auto text, f.string(key));
    if (!text || text->empty()) return refuse(Problem::invalid, fmt::format("'{}' is required", key), key);
    *to = std::move(*text);
  }
  FH_TRY(auto validation, f.string("validation_file"));
  job.validation_file = validation.value_or("");
  if (const Json* method = f.find("method"); method != nullptr) FH_TRY_VOID(read_method(*method, job));
  if (const Json* h = f.find("hyperparameters"); h != nullptr) {
    if (!h->is_object()) return f.wrong("hyperparameters", "an object");
    if (job.hyperparameters != Hyperparameters{}) {
      return refuse(Problem::invalid,
                    "'hyperparameters' and those of 'method' contradict each other: give them in 'method' alone",
                    "hyperparameters");
    }
    FH_TRY_VOID(read_hyperparameters(*h, "hyperparameters", job.method, job.hyperparameters));
  }
  FH_TRY(auto suffix, f.string("suffix"));
  job.suffix = suffix.value_or("");
  const bool plain = std::all_of(job.suffix.begin(), job.suffix.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
  });
  if (!plain || job.suffix.size() > kMostSuffix) {
    return f.wrong("suffix", fmt::format("at most {} letters, digits, '-', '_' and '.'", kMostSuffix));
  }
  FH_TRY(const auto seed, f.integer("seed", 0, 2'147'483'647));
  if (seed) job.seed = static_cast<std::uint32_t>(*seed);
  FH_TRY(job.metadata, parse_metadata(f));
  if (const Json* integrations = f.find("integrations"); integrations != nullptr) {
    if (!integrations->is_array()) return f.wrong("integrations", "a list");
    if (!integrations->empty()) {
      return refuse(
          Problem::invalid,
          "'integrations' is not supported: nothing of a job is sent to another service. Its measurements are in "
          "its events and its result file",
          "integrations", "unsupported_parameter");
    }
  }
  FH_TRY_VOID(nothing_else(f));
  return job;
}

Parsed<JobPage> parse_job_page(const Query& query) {
  JobPage out;
  FH_TRY(out.page, parse_page(query, 20, 100));
  for (const auto& [name, value] : query) {
    if (name == "metadata") {
      if (value != "null")
        return refuse(Problem::invalid, "'metadata' must be null, or metadata[KEY]=VALUE", "metadata");
      out.without_metadata = true;
    } else if (name.starts_with("metadata[") && name.ends_with("]")) {
      out.metadata.emplace_back(name.substr(9, name.size() - 10), value);
    }
  }
  return out;
}

bool fits(const JobPage& page, const FineTuningJob& job) {
  if (page.without_metadata) return job.metadata == "null" || job.metadata == "{}";
  if (page.metadata.empty()) return true;
  const auto has = parse_json(job.metadata);
  return has && has->is_object() && std::all_of(page.metadata.begin(), page.metadata.end(), [&](const auto& wanted) {
           const auto found = has->find(wanted.first);
           return found != has->end() && found->is_string() &&
                  found->template get_ref<const std::string&>() == wanted.second;
         });
}

}  // namespace freehold::api::openai
