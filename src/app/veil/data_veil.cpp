#include "app/veil/data_veil.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "app/veil/owner_veil.h"

namespace freehold::app {
namespace {

using format::Member;
using format::Value;

// As deep as JSON is read (format/json.h).
constexpr int kDeepest = 64;

// What steers an example and is no text of anybody's.
bool is_structure(std::string_view name) {
  static constexpr std::array<std::string_view, 5> kNames = {"role", "from", "type", "id", "tool_call_id"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// Names that say nothing of what stands beside them.
bool is_text(std::string_view name) {
  static constexpr std::array<std::string_view, 14> kNames = {
      "text",   "content",    "value",    "instruction", "input",  "output", "prompt",
      "system", "completion", "response", "question",    "answer", "chosen", "rejected"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

Value veiled(Veil& veil, const Value& value, std::string_view name, int depth) {
  if (depth > kDeepest) return value;
  if (value.is_object()) {
    std::vector<Member> members;
    for (const Member& m : value.members()) {
      members.push_back({m.key, depth > 0 && is_structure(m.key) ? m.value : veiled(veil, m.value, m.key, depth + 1)});
    }
    return Value::object(std::move(members));
  }
  if (value.is_array()) {
    std::vector<Value> items;
    for (const Value& item : value.items()) items.push_back(veiled(veil, item, name, depth + 1));
    return Value::array(std::move(items));
  }
  if (const auto text = value.as_string()) {
    auto other = is_text(name) ? veil.changed(*text) : veil.changed_beside(name, *text);
    return other ? Value::string(std::move(*other)) : value;
  }
  // A number is learned as it is written, so that what stands for it is text.
  if (const auto number = value.as_u64()) {
    if (auto other = veil.changed_beside(is_text(name) ? std::string_view() : name, std::to_string(*number))) {
      return Value::string(std::move(*other));
    }
  }
  return value;
}

}  // namespace

format::Value veiled_row(Veil& veil, const format::Value& row) {
  return veiled(veil, row, {}, 0);
}

train::RowChange DataVeil::change() {
  if (!veil_.active()) return {};
  return [this](train::Row& row) { row.object = veiled_row(veil_, row.object); };
}

Result<> DataVeil::check() const {
  if (!veil_.blocked()) return {};
  return fail(Errc::invalid, veil_.refusal().message);
}

std::string DataVeil::identity() const {
  return veil_.active() ? identity_of(veil_.treatments()) : std::string();
}

}  // namespace freehold::app
