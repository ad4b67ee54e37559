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

// What steers an example and is no text of anybody's: who speaks, and what kind of a part it is. Everything else beside
// such a name is looked at, wherever it stands: an address under "from" of a tool's arguments is an address.
bool is_structure(std::string_view name, const Value& value) {
  static constexpr std::array<std::string_view, 3> kNames = {"role", "from", "type"};
  static constexpr std::array<std::string_view, 13> kWords = {"system", "user",     "assistant", "tool", "developer",
                                                              "human",  "gpt",      "model",     "bot",  "observation",
                                                              "text",   "function", "image_url"};
  const auto text = value.as_string();
  return text && std::find(kNames.begin(), kNames.end(), name) != kNames.end() &&
         std::find(kWords.begin(), kWords.end(), *text) != kWords.end();
}

// Names that say nothing of what stands beside them.
bool is_text(std::string_view name) {
  static constexpr std::array<std::string_view, 14> kNames = {
      "text",   "content",    "value",    "instruction", "input",  "output", "prompt",
      "system", "completion", "response", "question",    "answer", "chosen", "rejected"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// A name below the columns may be learned, too. Those that come to the same stay apart.
std::string veiled_name(Veil& veil, const std::string& name, const std::vector<Member>& before) {
  std::string out = veil.changed(name).value_or(name);
  const auto is_taken = [&] {
    return std::any_of(before.begin(), before.end(), [&](const Member& m) { return m.key == out; });
  };
  while (is_taken()) out += "_";
  return out;
}

// No deeper than JSON is read (format/json.h).
Value veiled(Veil& veil, const Value& value, std::string_view name, int depth) {
  if (value.is_object()) {
    std::vector<Member> members;
    for (const Member& m : value.members()) {
      Value other = is_structure(m.key, m.value) ? m.value : veiled(veil, m.value, m.key, depth + 1);
      members.push_back({depth > 0 ? veiled_name(veil, m.key, members) : m.key, std::move(other)});
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
