#include "format/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "base/utf8.h"

namespace freehold::format {
namespace {

using Json = nlohmann::json;

// Forwards nlohmann's events (its parser keeps its own stack, so depth costs no recursion) and keeps the first error.
class Bridge final : public nlohmann::json_sax<Json> {
 public:
  Bridge(JsonEvents& events, std::size_t depth) : events_(events), limit_(depth) {}

  bool null() override { return keep(events_.scalar(Value::null())); }
  bool boolean(bool b) override { return keep(events_.scalar(Value::boolean(b))); }
  bool number_integer(number_integer_t n) override { return keep(events_.scalar(Value::i64(n))); }
  bool number_unsigned(number_unsigned_t n) override { return keep(events_.scalar(Value::u64(n))); }
  bool number_float(number_float_t x, const string_t& /*text*/) override { return keep(events_.scalar(Value::f64(x))); }
  bool string(string_t& text) override { return keep(events_.scalar(Value::string(std::move(text)))); }
  bool binary(binary_t& /*bytes*/) override { return false; }
  bool start_object(std::size_t /*count*/) override { return deeper() && keep(events_.begin_object()); }
  bool key(string_t& name) override { return keep(events_.key(name)); }
  bool end_object() override { return --depth_, keep(events_.end_object()); }
  bool start_array(std::size_t /*count*/) override { return deeper() && keep(events_.begin_array()); }
  bool end_array() override { return --depth_, keep(events_.end_array()); }
  bool parse_error(std::size_t position, const std::string& near, const nlohmann::detail::exception& e) override {
    // nlohmann's id 406: a number beyond double's range.
    std::string_view what = e.id == 406 ? "a number is out of range" : "not valid JSON";
    error_ = Error{Errc::corrupt, fmt::format("byte {}: {} near '{}'", position, what, printable(near, 40))};
    return false;
  }

  std::optional<Error> take_error() { return std::move(error_); }

 private:
  bool keep(Result<> result) {
    if (result) return true;
    error_ = std::move(result).error();
    return false;
  }
  bool deeper() {
    if (++depth_ <= limit_) return true;
    error_ = Error{Errc::corrupt, fmt::format("nested deeper than {} levels", limit_)};
    return false;
  }

  JsonEvents& events_;
  std::size_t limit_;
  std::size_t depth_ = 0;
  std::optional<Error> error_;
};

// Builds the tree, counting what it takes.
class TreeBuilder final : public JsonEvents {
 public:
  explicit TreeBuilder(std::uint64_t memory) : left_(memory) {}

  Result<> scalar(Value value) override { return put(std::move(value)); }
  Result<> begin_object() override { return open(true); }
  Result<> key(std::string_view key) override {
    FH_TRY_VOID(spend(key.size() > 15 ? key.size() : 0));
    open_.back().key = key;
    return {};
  }
  Result<> end_object() override {
    std::vector<Member> members = std::move(open_.back().members);
    open_.pop_back();
    FH_TRY_VOID(unique(members));
    return put(Value::object(std::move(members)));
  }
  Result<> begin_array() override { return open(false); }
  Result<> end_array() override {
    std::vector<Value> items = std::move(open_.back().items);
    open_.pop_back();
    return put(Value::array(std::move(items)));
  }

  Value take() { return std::move(root_); }

 private:
  struct Open {
    bool object = false;
    std::string key;
    std::vector<Member> members;
    std::vector<Value> items;
  };

  Result<> spend(std::uint64_t bytes) {
    if (bytes > left_) return fail(Errc::exhausted, "the JSON text has too many values for its size");
    left_ -= bytes;
    return {};
  }
  Result<> open(bool object) {
    open_.emplace_back();
    open_.back().object = object;
    return {};
  }
  Result<> put(Value value) {
    auto text = value.as_string();
    std::uint64_t heap = text && text->size() > 15 ? text->size() : 0;
    FH_TRY_VOID(spend(heap + (!open_.empty() && open_.back().object ? sizeof(Member) : sizeof(Value))));
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().object) {
      open_.back().members.push_back({std::move(open_.back().key), std::move(value)});
    } else {
      open_.back().items.push_back(std::move(value));
    }
    return {};
  }
  static Result<> unique(const std::vector<Member>& members) {
    std::vector<std::uint32_t> order(members.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return members[a].key < members[b].key; });
    auto twice = std::adjacent_find(order.begin(), order.end(),
                                    [&](auto a, auto b) { return members[a].key == members[b].key; });
    if (twice == order.end()) return {};
    return fail(Errc::corrupt, fmt::format("key '{}' occurs twice", printable(members[*twice].key)));
  }

  std::uint64_t left_;
  std::vector<Open> open_;
  Value root_;
};

// A long key over a wide object would be repeated for every member, so what flattening writes is bounded too.
constexpr std::size_t kMaxFlatKey = 1024;
constexpr std::size_t kMaxFlatKeys = std::size_t{8} << 20;

// Depth is bounded by the parser's. `keys` counts the bytes of all keys written.
Result<> flatten(const std::string& key, const Value& value, std::vector<Member>& out, std::size_t& keys) {
  if (key.size() > kMaxFlatKey || key.size() > kMaxFlatKeys - keys) {
    return fail(Errc::corrupt, fmt::format("key '{}': the names of nested keys are too long", printable(key, 60)));
  }
  if (!value.is_object() || value.size() == 0) {
    keys += key.size();
    out.push_back({key, value});
    return {};
  }
  for (const Member& m : value.members()) FH_TRY_VOID(flatten(key + "." + m.key, m.value, out, keys));
  return {};
}

// Refuses a string, a number or a run of blanks that is longer than `limit`: the parser would copy it.
Result<> check_tokens(std::string_view text, std::size_t limit) {
  enum class Kind { string, blank, punctuation, word };
  Kind kind = Kind::punctuation;
  std::size_t run = 0;  // bytes of this kind so far
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (kind == Kind::string) {
      if (c == '\\') ++i, ++run;
      if (c == '"') kind = Kind::punctuation;
    } else {
      Kind next = c == ' ' || c == '\n' || c == '\r' || c == '\t'                        ? Kind::blank
                  : c == ',' || c == ':' || c == '[' || c == ']' || c == '{' || c == '}' ? Kind::punctuation
                  : c == '"'                                                             ? Kind::string
                                                                                         : Kind::word;
      if (next != kind || next == Kind::punctuation) run = 0;
      kind = next;
    }
    if (++run > limit) {
      return fail(Errc::exhausted,
                  fmt::format("byte {}: a string, a number or blanks of more than {} bytes", i + 1, limit));
    }
  }
  return {};
}

}  // namespace

Result<> scan_json(std::string_view text, JsonEvents& events, JsonLimits limits) {
  // nlohmann's lexer takes a NUL for the end of the text and would ignore whatever stands behind it.
  if (auto nul = text.find('\0'); nul != text.npos) {
    return fail(Errc::corrupt, fmt::format("byte {}: not valid JSON: a NUL byte", nul + 1));
  }
  FH_TRY_VOID(check_tokens(text, limits.token));
  Bridge bridge(events, limits.depth);
  if (Json::sax_parse(text.begin(), text.end(), &bridge)) return {};
  auto error = bridge.take_error();
  if (error) return Unexpected(std::move(*error));
  return fail(Errc::corrupt, "not valid JSON");
}

Result<Value> parse_json(std::string_view text, JsonLimits limits) {
  std::uint64_t memory =
      limits.memory != 0 ? limits.memory : (std::uint64_t{48} << 20) + 8 * std::uint64_t{text.size()};
  TreeBuilder builder(memory);
  FH_TRY_VOID(scan_json(text, builder, limits));
  return builder.take();
}

Result<Metadata> parse_json_flattened(std::string_view text, JsonLimits limits) {
  FH_TRY(Value root, parse_json(text, limits));
  if (!root.is_object()) return fail(Errc::corrupt, fmt::format("expected an object, found {}", root.describe()));
  std::vector<Member> entries;
  std::size_t keys = 0;
  for (const Member& m : root.members()) FH_TRY_VOID(flatten(m.key, m.value, entries, keys));
  return Metadata::make(std::move(entries));
}

}  // namespace freehold::format
