#include "text/jinja/json_value.h"

#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace freehold::text::jinja {
namespace {

// Builds the value while the text is read, so that a deep text is refused before it costs anything.
class Builder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return put(Value::none()); }
  bool boolean(bool value) override { return put(Value::boolean(value)); }
  bool number_integer(number_integer_t value) override { return put(Value::integer(value)); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(INT64_MAX)) return put(Value::big_integer(std::to_string(value)));
    return put(Value::integer(static_cast<std::int64_t>(value)));
  }
  bool number_float(number_float_t value, const string_t& text) override {
    bool integral = text.find_first_of(".eE") == std::string::npos;
    return put(integral ? Value::big_integer(text) : Value::real(value));
  }
  bool string(string_t& value) override { return put(Value::string(std::move(value))); }
  bool binary(binary_t&) override { return refuse("binary data"); }
  bool start_object(std::size_t) override { return open(true); }
  bool start_array(std::size_t) override { return open(false); }
  bool key(string_t& value) override {
    if (stack_.back().dict->find(value) != nullptr) return refuse("key '" + printable(value, 100) + "' occurs twice");
    stack_.back().key = Value::string(std::move(value));
    return true;
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) override {
    if (error_.empty()) {
      std::string what = e.what();  // "[json.exception.parse_error.101] parse error at line 1, column 2: …"
      std::size_t end = what.find("] ");
      error_ =
          "byte " + std::to_string(position) + ": " + printable(end == std::string::npos ? what : what.substr(end + 2));
    }
    return false;
  }

  Value take() { return std::move(root_); }
  const std::string& error() const { return error_; }

 private:
  struct Level {
    bool object = false;
    Value key;
    Ref<Dict> dict;
    std::vector<Value> items;
  };

  bool refuse(std::string what) {
    error_ = std::move(what);
    return false;
  }
  bool open(bool object) {
    if (stack_.size() >= kMaxJsonDepth)
      return refuse("nested deeper than " + std::to_string(kMaxJsonDepth) + " levels");
    stack_.emplace_back();
    stack_.back().object = object;
    if (object) stack_.back().dict = Ref<Dict>(new Dict);
    return true;
  }
  bool close() {
    Level level = std::move(stack_.back());
    stack_.pop_back();
    return put(level.object ? Value::of(Type::dict, level.dict.get()) : Value::list(std::move(level.items)));
  }
  bool put(Value value) {
    if (stack_.empty()) {
      root_ = std::move(value);
    } else if (stack_.back().object) {
      stack_.back().dict->set(std::move(stack_.back().key), std::move(value));
    } else {
      stack_.back().items.push_back(std::move(value));
    }
    return true;
  }

  std::vector<Level> stack_;
  Value root_;
  std::string error_;
};

}  // namespace

Result<Value> value_from_json(std::string_view text) {
  Builder builder;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder))
    return fail(Errc::invalid, "JSON: " + builder.error());
  return builder.take();
}

}  // namespace freehold::text::jinja
