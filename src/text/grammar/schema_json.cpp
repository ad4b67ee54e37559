#include "text/grammar/schema_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "base/utf8.h"
#include "text/grammar/decimal.h"
#include "text/grammar/ir.h"

namespace freehold::text::grammar {

class TreeBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  TreeBuilder(JsonTree& tree, const Limits& limits) : tree_(tree), limits_(limits) {}

  bool null() override { return put(Json::Kind::null) != nullptr; }
  bool boolean(bool value) override {
    Json* v = put(Json::Kind::boolean);
    v->truth = value;
    return true;
  }
  bool number_integer(number_integer_t value) override { return number(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return number(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return number(text); }
  bool string(string_t& value) override {
    put(Json::Kind::string)->text = std::move(value);
    return true;
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::Kind::object); }
  bool start_array(std::size_t) override { return open(Json::Kind::array); }
  bool key(string_t& value) override {
    Json* object = stack_.back();
    if (!seen_.back().emplace(value, 0).second) {
      error_ = {Errc::invalid,
                pointer_of(*object) + ": the key " + printable(json_quoted(value)) + " stands there twice"};
      return false;
    }
    object->keys.push_back(std::move(value));
    return true;
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) override {
    if (error_.what.empty()) {
      std::string what = e.what();
      std::size_t end = what.find("] ");
      error_ = {Errc::invalid, "byte " + std::to_string(position) + ": " +
                                   printable(end == std::string::npos ? what : what.substr(end + 2))};
    }
    return false;
  }
  const Error& error() const { return error_; }

 private:
  bool number(std::string text) {
    put(Json::Kind::number)->text = std::move(text);
    return true;
  }
  Json* put(Json::Kind kind) {
    Json* v = tree_.add();
    v->kind = kind;
    if (stack_.empty()) {
      tree_.root_ = v;
    } else {
      v->parent = stack_.back();
      v->place = stack_.back()->items.size();
      stack_.back()->items.push_back(v);
    }
    return v;
  }
  bool open(Json::Kind kind) {
    if (stack_.size() >= limits_.depth) {
      error_ = {Errc::exhausted, "nested deeper than " + std::to_string(limits_.depth) + " levels"};
      return false;
    }
    stack_.push_back(put(kind));
    seen_.emplace_back();
    return true;
  }
  bool close() {
    Json* v = stack_.back();
    if (v->is(Json::Kind::object) && v->keys.size() > 8) {
      for (std::size_t i = 0; i < v->keys.size(); ++i) v->index.emplace(v->keys[i], i);
    }
    stack_.pop_back();
    seen_.pop_back();
    return true;
  }

  JsonTree& tree_;
  const Limits& limits_;
  std::vector<Json*> stack_;
  std::vector<std::map<std::string, int, std::less<>>> seen_;
  Error error_{Errc::invalid, ""};
};

Result<JsonTree> JsonTree::parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.source_bytes)
    return fail(Errc::exhausted, "the schema has more than " + std::to_string(limits.source_bytes) + " bytes");
  JsonTree tree;
  TreeBuilder builder(tree, limits);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder) || tree.root_ == nullptr)
    return tl::unexpected(builder.error());
  return tree;
}

const Json* Json::find(std::string_view key) const {
  if (!index.empty()) {
    auto it = index.find(key);
    return it == index.end() ? nullptr : items[it->second];
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] == key) return items[i];
  }
  return nullptr;
}

bool has_list(const Json& value, std::string_view key) {
  const Json* list = value.is(Json::Kind::object) ? value.find(key) : nullptr;
  return list != nullptr && list->is(Json::Kind::array);
}

std::string pointer_of(const Json& value) {
  std::vector<std::string> parts;
  for (const Json* v = &value; v->parent != nullptr; v = v->parent) {
    std::string part;
    if (v->parent->is(Json::Kind::object)) {
      for (char c : v->parent->keys[v->place]) {
        if (c == '~') {
          part += "~0";
        } else if (c == '/') {
          part += "~1";
        } else {
          part += c;
        }
      }
    } else {
      part = std::to_string(v->place);
    }
    parts.push_back(printable(part, 80));
  }
  std::string out = "#";
  for (auto it = parts.rbegin(); it != parts.rend(); ++it) out += "/" + *it;
  return out;
}

const Json* resolve(const Json& root, std::string_view reference) {
  if (!reference.starts_with('#')) return nullptr;
  std::string decoded;
  for (std::size_t i = 1; i < reference.size(); ++i) {
    bool escape = reference[i] == '%' && i + 2 < reference.size() && hex_digit(reference[i + 1]) >= 0 &&
                  hex_digit(reference[i + 2]) >= 0;
    if (escape) {
      decoded += static_cast<char>(hex_digit(reference[i + 1]) * 16 + hex_digit(reference[i + 2]));
      i += 2;
    } else {
      decoded += reference[i];
    }
  }
  const Json* at = &root;
  std::string_view rest = decoded;
  while (!rest.empty()) {
    if (rest.front() != '/') return nullptr;
    rest.remove_prefix(1);
    std::size_t end = std::min(rest.find('/'), rest.size());
    std::string part;
    for (std::size_t i = 0; i < end; ++i) {
      bool tilde = rest[i] == '~' && i + 1 < end && (rest[i + 1] == '0' || rest[i + 1] == '1');
      part += tilde ? (rest[++i] == '0' ? '~' : '/') : rest[i];
    }
    rest.remove_prefix(end);
    if (at->is(Json::Kind::object)) {
      at = at->find(part);
    } else if (at->is(Json::Kind::array)) {
      bool number = !part.empty() && part.size() < 7 && part.find_first_not_of("0123456789") == std::string::npos;
      std::size_t i = number ? std::stoul(part) : at->items.size();
      at = i < at->items.size() ? at->items[i] : nullptr;
    } else {
      at = nullptr;
    }
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    CodePoint c = decode_utf8(text);
    if (c.length == 0) break;  // the reader let only UTF-8 through
    append_encoded(out, c.value, Encoding::json);
    text.remove_prefix(c.length);
  }
  return out + '"';
}

std::string to_compact(const Json& v) {
  switch (v.kind) {
    case Json::Kind::null:
      return "null";
    case Json::Kind::boolean:
      return v.truth ? "true" : "false";
    case Json::Kind::number:
      return v.text;
    case Json::Kind::string:
      return json_quoted(v.text);
    case Json::Kind::array:
    case Json::Kind::object:
      break;
  }
  bool object = v.is(Json::Kind::object);
  std::string out(1, object ? '{' : '[');
  for (std::size_t i = 0; i < v.items.size(); ++i) {
    if (i > 0) out += ',';
    if (object) out += json_quoted(v.keys[i]) + ':';
    out += to_compact(*v.items[i]);
  }
  return out + (object ? '}' : ']');
}

bool equal(const Json& a, const Json& b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Json::Kind::null:
      return true;
    case Json::Kind::boolean:
      return a.truth == b.truth;
    case Json::Kind::string:
      return a.text == b.text;
    case Json::Kind::number: {
      auto x = Decimal::of_json(a.text);
      auto y = Decimal::of_json(b.text);
      return x && y ? compare(*x, *y) == 0 : a.text == b.text;
    }
    case Json::Kind::array:
      return std::ranges::equal(a.items, b.items, [](const Json* x, const Json* y) { return equal(*x, *y); });
    case Json::Kind::object:
      break;
  }
  if (a.keys.size() != b.keys.size()) return false;
  for (std::size_t i = 0; i < a.keys.size(); ++i) {
    const Json* other = b.find(a.keys[i]);
    if (other == nullptr || !equal(*a.items[i], *other)) return false;
  }
  return true;
}

}  // namespace freehold::text::grammar
