#include "format/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <set>
#include <sstream>

#include "base/utf8.h"

namespace freehold::format {
namespace {

constexpr int kDeepest = 64;

std::size_t line_of(const YAML::Mark& mark) {
  return mark.is_null() ? 0 : static_cast<std::size_t>(mark.line) + 1;
}

Unexpected wrong(std::size_t line, std::string_view what) {
  return fail(Errc::corrupt, line != 0 ? fmt::format("line {}: {}", line, what) : std::string(what));
}

// Where the documents of a text begin; what they say is of no interest.
class Documents final : public YAML::EventHandler {
 public:
  YAML::Mark last;

  void OnDocumentStart(const YAML::Mark& mark) override { last = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// The text's one document. Not by YAML::LoadAll: a ',' where a document begins is a document that takes nothing in
// for yaml-cpp, of which it would make one after the other for ever.
Result<YAML::Node> only_document(const std::string& text) {
  try {
    std::istringstream in(text);
    YAML::Parser parser(in);
    Documents documents;
    if (parser.HandleNextDocument(documents) && parser.HandleNextDocument(documents)) {
      return wrong(line_of(documents.last), "a second document");
    }
    return YAML::Load(text);
  } catch (const YAML::Exception& e) {
    return wrong(line_of(e.mark), printable(e.msg));
  } catch (const std::exception& e) {
    return fail(Errc::corrupt, printable(e.what()));
  }
}

// Anchors make yaml-cpp's tree a graph, of which every use is copied: what is left counts copies.
struct Left {
  std::size_t nodes;
  std::size_t bytes;

  Result<> take(std::string_view text) {
    if (text.size() > bytes) return fail(Errc::exhausted, "its anchors are used for more text than the file justifies");
    bytes -= text.size();
    return {};
  }
};

Result<YamlNode> copy(const YAML::Node& from, Left& left, int depth) {
  YamlNode to;
  to.line = line_of(from.Mark());
  if (depth > kDeepest) return wrong(to.line, fmt::format("nested deeper than {} levels", kDeepest));
  if (left.nodes-- == 0) return fail(Errc::exhausted, fmt::format("more than {} values", kMaxYamlNodes));
  switch (from.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
      return to;
    case YAML::NodeType::Scalar:
      to.kind = YamlNode::Kind::scalar;
      FH_TRY_VOID(left.take(from.Scalar()));
      to.text = from.Scalar();
      to.quoted = from.Tag() == "!";  // yaml-cpp's tag of what stands in quotes
      if (!to.quoted && from.Tag() != "?" && !from.Tag().empty()) {
        return wrong(to.line, fmt::format("the tag {} is not supported", printable(from.Tag())));
      }
      return to;
    case YAML::NodeType::Sequence:
      to.kind = YamlNode::Kind::list;
      for (const auto& item : from) {
        FH_TRY(YamlNode one, copy(item, left, depth + 1));
        to.items.push_back(std::move(one));
      }
      return to;
    case YAML::NodeType::Map:
      break;
  }
  to.kind = YamlNode::Kind::map;
  std::set<std::string, std::less<>> seen;
  for (const auto& member : from) {
    const std::size_t line = line_of(member.first.Mark());
    if (!member.first.IsScalar()) return wrong(line, "a key that is not a word");
    std::string key = member.first.Scalar();
    FH_TRY_VOID(left.take(key));
    if (key == "<<") return wrong(line, "merge keys ('<<') are not supported: write the members out");
    if (!seen.insert(key).second) return wrong(line, fmt::format("'{}' occurs twice", printable(key)));
    FH_TRY(YamlNode value, copy(member.second, left, depth + 1));
    if (value.line == 0) value.line = line;
    to.members.push_back({std::move(key), std::move(value)});
  }
  return to;
}

}  // namespace

std::optional<bool> YamlNode::as_bool() const {
  if (!is_scalar() || quoted) return std::nullopt;
  for (const std::string_view word : {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"}) {
    if (text == word) return true;
  }
  for (const std::string_view word : {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"}) {
    if (text == word) return false;
  }
  return std::nullopt;
}

std::optional<std::int64_t> YamlNode::as_integer() const {
  if (!is_scalar() || quoted) return std::nullopt;
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

std::optional<double> YamlNode::as_number() const {
  if (!is_scalar() || quoted) return std::nullopt;
  double x = 0;
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), x);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(x)) return std::nullopt;
  return x;
}

const YamlNode* YamlNode::member(std::string_view key) const {
  const auto found = std::find_if(members.begin(), members.end(), [&](const auto& m) { return m.key == key; });
  return found != members.end() ? &found->value : nullptr;
}

Result<YamlNode> parse_yaml(std::string_view text) {
  if (text.size() > kMaxYamlBytes) {
    return fail(Errc::exhausted,
                fmt::format("{} bytes are more than the {} that are read", text.size(), kMaxYamlBytes));
  }
  if (!is_utf8(text)) return fail(Errc::corrupt, "not UTF-8");
  FH_TRY(const YAML::Node document, only_document(std::string(text)));
  Left left{kMaxYamlNodes, 4 * text.size() + (std::size_t{1} << 20)};
  return copy(document, left, 0);
}

}  // namespace freehold::format
