#include "audit/entry.h"

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <chrono>

#include "audit/note.h"
#include "base/utf8.h"
#include "format/json.h"

namespace freehold::audit {
namespace {

// As RFC 8785 writes strings: control characters escaped the short way where there is one, everything else as it is.
std::string json_text(std::string_view text) {
  std::string clean;
  if (!is_utf8(text)) {
    clean = replace_invalid_utf8(text);
    text = clean;
  }
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  return out += '"';
}

void add_who(Object& out, const Who& who) {
  out.add("key", who.key).add("name", who.name).add("role", who.role);
}

Object begun(std::string_view kind, std::string_view id, std::int64_t time) {
  Object out;
  out.add("id", id).add("kind", kind).add("time", utc_text_us(time));
  return out;
}

std::string shown(const format::Value& value) {
  if (const auto text = value.as_string()) return std::string(*text);
  if (const auto number = value.as_u64()) return std::to_string(*number);
  if (const auto truth = value.as_bool()) return *truth ? "true" : "false";
  return value.describe();
}

}  // namespace

Object& Object::add(std::string_view name, std::string_view value) {
  if (!value.empty()) members_[std::string(name)] = json_text(value);
  return *this;
}
Object& Object::add(std::string_view name, std::uint64_t value) {
  members_[std::string(name)] = std::to_string(value);
  return *this;
}
Object& Object::add(std::string_view name, bool value) {
  members_[std::string(name)] = value ? "true" : "false";
  return *this;
}
Object& Object::add(std::string_view name, const Object& value) {
  if (!value.empty()) members_[std::string(name)] = value.text();
  return *this;
}

std::string Object::text() const {
  std::string out = "{";
  for (const auto& [name, value] : members_) {
    if (out.size() > 1) out += ',';
    out += json_text(name) + ':' + value;
  }
  return out += '}';
}

std::string entry_of(const RequestEntry& r) {
  Object out = begun("request", r.id, r.time);
  add_who(out, r.who);
  out.add("dialect", r.dialect).add("endpoint", r.endpoint);
  out.add("model", r.model).add("model_digest", r.model_digest).add("adapter", r.adapter);
  out.add("template_digest", r.template_digest).add("sampling", r.sampling).add("numerics", std::uint64_t{1});
  // As text: JSON's readers keep 53 bits.
  if (r.seed) out.add("seed", std::to_string(*r.seed));
  if (r.context > 0) out.add("context", r.context);
  out.add("kv_cache", r.kv_cache).add("clock", r.clock);
  out.add("prompt_tokens", r.prompt_tokens).add("cached_tokens", r.cached_tokens);
  out.add("completion_tokens", r.completion_tokens);
  out.add("request_digest", r.request_digest).add("prompt_digest", r.prompt_digest);
  out.add("label", r.label).add("break_glass", r.break_glass).add("personal_data", r.personal_data);
  out.add("answer_digest", r.answer_digest).add("outcome", r.outcome).add("finish", r.finish);
  out.add("subject", r.subject).add("content", r.content).add("content_digest", r.content_digest);
  if (!r.seal.empty()) out.add("sealed", true).add("seal", r.seal);
  out.add("status", r.status);
  if (r.usage) out.add("usage", r.id);
  return out.text();
}

std::string entry_of(const AdminEntry& a) {
  Object out = begun("admin", a.id, a.time);
  add_who(out, a.who);
  return out.add("act", a.act).add("subject", a.subject).add("details", a.details).text();
}

std::string entry_of(const RefusalEntry& r) {
  Object out = begun("refusal", r.id, r.time);
  add_who(out, r.who);
  out.add("method", r.method).add("endpoint", r.endpoint).add("dialect", r.dialect).add("address", r.address);
  out.add("reason", r.reason).add("status", r.status);
  out.add("rule", r.rule).add("label", r.label).add("ceiling", r.ceiling).add("kinds", r.kinds);
  if (r.more > 0) out.add("more", r.more);
  return out.text();
}

Result<EntryFacts> facts_of(std::string_view entry) {
  auto value = format::parse_json(entry);
  if (!value || !value->is_object()) return fail(Errc::corrupt, "the entry is no JSON object");
  const auto text = [&](std::string_view name) {
    const format::Value* member = value->member(name);
    return std::string(member != nullptr ? member->as_string().value_or("") : "");
  };
  EntryFacts out{text("id"),      text("kind"),  text("key"),
                 text("name"),    text("model"), text("label"),
                 text("subject"), text("act"),   0};
  const std::string time = text("time");
  if (const auto seconds = utc_from_text(time.substr(0, 19) + "Z")) out.time = *seconds * 1'000'000;
  return out;
}

Result<std::map<std::string, std::string>> members_of(std::string_view entry) {
  FH_TRY(const format::Metadata all, format::parse_json_flattened(entry));
  std::map<std::string, std::string> out;
  for (const format::Member& member : all.entries()) out[member.key] = shown(member.value);
  return out;
}

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace freehold::audit
