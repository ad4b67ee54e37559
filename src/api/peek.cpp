#include "api/peek.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/utf8.h"

namespace freehold::api {
namespace {

using PeekedJson = nlohmann::json;

// Looks at the first level alone.
class Reader : public nlohmann::json_sax<PeekedJson> {
 public:
  std::string model, name;

  bool key(string_t& text) override {
    target_ = depth_ != 1 ? nullptr : text == "model" ? &model : text == "name" ? &name : nullptr;
    return true;
  }
  bool string(string_t& text) override {
    if (target_ != nullptr && depth_ == 1) *target_ = std::move(text);
    return other();
  }
  bool start_object(std::size_t) override { return deeper(); }
  bool end_object() override { return --depth_, true; }
  // An array at the top holds nothing that we look for: its elements lie at the second level.
  bool start_array(std::size_t) override { return deeper() && ++depth_ > 0; }
  bool end_array() override { return depth_ -= 2, true; }
  bool null() override { return other(); }
  bool boolean(bool) override { return other(); }
  bool number_integer(number_integer_t) override { return other(); }
  bool number_unsigned(number_unsigned_t) override { return other(); }
  bool number_float(number_float_t, const string_t&) override { return other(); }
  bool binary(binary_t&) override { return other(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    model.clear(), name.clear();
    return false;
  }

 private:
  bool other() {
    if (target_ != nullptr && depth_ == 1) target_ = nullptr;
    return true;
  }
  bool deeper() {
    target_ = nullptr;
    ++depth_;
    return true;
  }
  int depth_ = 0;
  std::string* target_ = nullptr;
};

// Keeps the strings of the first level, and those of objects there as "OBJECT.NAME", of the names that are wanted.
class Strings : public nlohmann::json_sax<PeekedJson> {
 public:
  explicit Strings(std::vector<std::string_view> wanted) : wanted_(std::move(wanted)), found_(wanted_.size()) {}
  const std::string& operator[](std::size_t i) const { return found_[i]; }
  std::vector<std::string> take() { return std::move(found_); }

  bool key(string_t& text) override {
    if (depth_ == 1) name_ = text;
    if (depth_ == 2) name_ = object_ + "." + text;
    return true;
  }
  bool string(string_t& text) override {
    if (depth_ != 1 && depth_ != 2) return true;
    const auto place = std::find(wanted_.begin(), wanted_.end(), name_);
    if (place != wanted_.end()) found_[static_cast<std::size_t>(place - wanted_.begin())] = std::move(text);
    return true;
  }
  bool start_object(std::size_t) override {
    if (depth_ == 1) object_ = name_;
    return ++depth_ > 0;
  }
  bool end_object() override { return --depth_, true; }
  bool start_array(std::size_t) override { return (depth_ += 2) > 0; }  // as the reader above
  bool end_array() override { return depth_ -= 2, true; }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  std::vector<std::string_view> wanted_;
  std::vector<std::string> found_;
  std::string name_, object_;
  int depth_ = 0;
};

}  // namespace

std::string user_in(std::string_view body, bool metadata) {
  Strings strings({"user", "safety_identifier", "metadata.user_id"});
  if (!PeekedJson::sax_parse(body, &strings)) return {};
  if (metadata) return strings[2];
  return strings[0].empty() ? strings[1] : strings[0];
}

std::string string_in(std::string_view body, std::string_view name) {
  Strings strings({name});
  return PeekedJson::sax_parse(body, &strings) ? strings[0] : std::string();
}

std::vector<std::string> strings_in(std::string_view text, std::vector<std::string_view> names) {
  Strings strings(std::move(names));
  // Whether it is whole does not matter here.
  (void)PeekedJson::sax_parse(is_utf8(text) ? std::string(text) : replace_invalid_utf8(text), &strings);
  return strings.take();
}

std::string model_in(std::string_view body) {
  Reader reader;
  if (!PeekedJson::sax_parse(body, &reader)) return {};
  return reader.model.empty() ? std::move(reader.name) : std::move(reader.model);
}

}  // namespace freehold::api
