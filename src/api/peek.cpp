#include "api/peek.h"

#include <nlohmann/json.hpp>

namespace freehold::api {
namespace {

using Json = nlohmann::json;

// Looks at the first level alone.
class Reader : public nlohmann::json_sax<Json> {
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

}  // namespace

std::string model_in(std::string_view body) {
  Reader reader;
  if (!Json::sax_parse(body, &reader)) return {};
  return reader.model.empty() ? std::move(reader.name) : std::move(reader.model);
}

}  // namespace freehold::api
