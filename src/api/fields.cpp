#include "api/fields.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/utf8.h"

namespace freehold::api {
namespace {

constexpr int kDeepest = 64;
constexpr std::size_t kMostValues = 1'000'000;

// Builds the value while nlohmann's parser runs, so that what is refused is never built whole; and without the linear
// search that ordered_json makes for every key it is given.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Json root;
  std::string problem;

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override {
    return std::isfinite(value) ? put(value) : stop("a number is too large");
  }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override {
    keys_.emplace_back();
    return open(Json::object());
  }
  bool key(string_t& key) override {
    if (!keys_.back().insert(key).second) return stop(fmt::format("the key '{}' occurs twice", printable(key)));
    key_ = std::move(key);
    return true;
  }
  bool end_object() override {
    keys_.pop_back();
    open_.pop_back();
    return true;
  }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_array() override {
    open_.pop_back();
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
    return stop(fmt::format("the body is not JSON (at byte {})", position));
  }

 private:
  // Where the value now is; nothing if there are too many.
  Json* place(Json value) {
    if (++values_ > kMostValues) {
      stop(fmt::format("the JSON has more than {} values", kMostValues));
      return nullptr;
    }
    if (open_.empty()) return &(root = std::move(value));
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    auto& members = parent.get_ref<Json::object_t&>();
    members.emplace_back(std::move(key_), std::move(value));
    return &members.back().second;
  }
  bool put(Json value) { return place(std::move(value)) != nullptr; }
  bool open(Json value) {
    Json* placed = place(std::move(value));
    if (placed == nullptr) return false;
    open_.push_back(placed);
    return open_.size() <= kDeepest || stop(fmt::format("the JSON nests deeper than {}", kDeepest));
  }
  bool stop(std::string what) {
    if (problem.empty()) problem = std::move(what);
    return false;
  }
  std::vector<Json*> open_;                  // the last child of each is the next: nothing moves while it is open
  std::vector<std::set<std::string>> keys_;  // ordered: no hash that a stranger could aim at
  std::string key_;
  std::size_t values_ = 0;
};

}  // namespace

Parsed<Json> parse_json(std::string_view text) {
  // The parser takes a NUL for the end.
  if (text.find('\0') != std::string_view::npos)
    return refuse(Problem::invalid, "the body is not JSON: it holds a NUL");
  Builder builder;
  if (!Json::sax_parse(text, &builder)) {
    return refuse(Problem::invalid, builder.problem.empty() ? "the body is not JSON" : builder.problem);
  }
  return std::move(builder.root);
}

Parsed<Json> parse_object(std::string_view text) {
  FH_TRY(Json root, parse_json(text));
  if (!root.is_object()) return refuse(Problem::invalid, "the body must be a JSON object");
  return root;
}

std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string Fields::name(std::string_view key) const {
  return where_.empty() ? std::string(key) : fmt::format("{}.{}", where_, key);
}

tl::unexpected<Failure> Fields::wrong(std::string_view key, std::string_view expected) const {
  return refuse(Problem::invalid, fmt::format("'{}' must be {}", name(key), expected), name(key));
}

const Json* Fields::find(std::string_view key) {
  known_.emplace(key);
  auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

Parsed<std::optional<std::string>> Fields::string(std::string_view key) {
  const Json* v = find(key);
  if (v == nullptr) return std::optional<std::string>();
  if (!v->is_string()) return wrong(key, "a string");
  return std::optional(v->get<std::string>());
}

Parsed<std::optional<bool>> Fields::boolean(std::string_view key) {
  const Json* v = find(key);
  if (v == nullptr) return std::optional<bool>();
  if (!v->is_boolean()) return wrong(key, "true or false");
  return std::optional(v->get<bool>());
}

Parsed<std::optional<double>> Fields::number(std::string_view key, double least, double most) {
  const Json* v = find(key);
  if (v == nullptr) return std::optional<double>();
  const double x = v->is_number() ? v->get<double>() : std::nan("");
  if (!(x >= least && x <= most)) return wrong(key, fmt::format("a number from {} to {}", least, most));
  return std::optional(x);
}

Parsed<std::optional<std::int64_t>> Fields::integer(std::string_view key, std::int64_t least, std::int64_t most) {
  const Json* v = find(key);
  if (v == nullptr) return std::optional<std::int64_t>();
  const auto expected = [&] { return wrong(key, fmt::format("an integer from {} to {}", least, most)); };
  if (!v->is_number_integer()) return expected();
  if (v->is_number_unsigned() && v->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) return expected();
  const auto x = v->get<std::int64_t>();
  if (x < least || x > most) return expected();
  return std::optional(x);
}

Parsed<std::vector<std::string>> Fields::strings(std::string_view key, std::size_t most) {
  std::vector<std::string> out;
  const Json* v = find(key);
  if (v == nullptr) return out;
  if (v->is_string()) {
    out.push_back(v->get<std::string>());
    return out;
  }
  const auto expected = [&] { return wrong(key, fmt::format("a string or an array of at most {} strings", most)); };
  if (!v->is_array() || v->size() > most) return expected();
  for (const Json& item : *v) {
    if (!item.is_string()) return expected();
    out.push_back(item.get<std::string>());
  }
  return out;
}

Parsed<std::vector<std::string>> Fields::string_list(std::string_view key, std::size_t most) {
  if (const Json* v = find(key); v != nullptr && !v->is_array())
    return wrong(key, fmt::format("an array of at most {} strings", most));
  return strings(key, most);
}

std::vector<std::string> Fields::left_over() const {
  constexpr std::size_t kMostNames = 32;
  std::vector<std::string> out;
  for (const auto& item : object_.items()) {
    if (known_.contains(item.key())) continue;
    if (out.size() == kMostNames) break;
    out.push_back(printable(name(item.key()), 80));
  }
  return out;
}

void Fields::add_left_over(std::vector<std::string>& names) const {
  constexpr std::size_t kMostNames = 32;
  for (std::string& left : left_over()) {
    if (names.size() >= kMostNames) return;
    names.push_back(std::move(left));
  }
}

}  // namespace freehold::api
