#include "text/jinja/value.h"

#include <cmath>
#include <functional>

#include "base/utf8.h"

namespace freehold::text::jinja {
namespace {

// The objects of this thread that wait to be deleted.
thread_local Object* dead = nullptr;
thread_local bool deleting = false;

std::size_t count_code_points(std::string_view text) {
  std::size_t n = 0;
  for (char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

std::uint64_t mix(std::uint64_t h) {
  h ^= h >> 32;
  h *= 0xd6e8feb86659fd93u;
  h ^= h >> 32;
  return h;
}

constexpr int kKeyNodes =
    256;  // how many values a key may consist of: keeps nested tuples from costing more than they show

// The hash of a key, or nothing for a value that cannot be one. `fuel` counts the values looked at.
bool hash_key(const Value& key, int& fuel, int depth, std::uint64_t& out) {
  if (--fuel < 0 || depth > 8) return false;
  switch (key.type()) {
    case Type::none:
      out = mix(1);
      return true;
    case Type::boolean:
      out = mix(static_cast<std::uint64_t>(key.as_bool()) + 16);
      return true;
    case Type::integer:
      out = mix(static_cast<std::uint64_t>(key.as_integer()) + 16);
      return true;
    case Type::real: {
      double d = key.as_real();
      if (d == std::floor(d) && std::fabs(d) < 9e18)
        out = mix(static_cast<std::uint64_t>(static_cast<std::int64_t>(d)) + 16);
      else
        out = mix(std::hash<double>{}(d));
      return true;
    }
    case Type::big_integer:
    case Type::string:
      out = mix(std::hash<std::string_view>{}(key.as_text()));
      return true;
    case Type::tuple: {
      std::uint64_t h = 3;
      for (const Value& item : key.as_sequence().items) {
        std::uint64_t part = 0;
        if (!hash_key(item, fuel, depth + 1, part)) return false;
        h = mix(h * 31 + part);
      }
      out = h;
      return true;
    }
    case Type::list:
    case Type::dict:
    case Type::view:
    case Type::missing:
      return false;
    case Type::undefined:
      out = mix(2);
      return true;
    default:
      out = mix(std::hash<const void*>{}(key.object()));
      return true;
  }
}

bool number_of(const Value& v, double& real, std::int64_t& integer, bool& is_real) {
  is_real = false;
  if (v.is(Type::boolean))
    integer = v.as_bool();
  else if (v.is(Type::integer))
    integer = v.as_integer();
  else if (v.is(Type::real))
    is_real = true, real = v.as_real();
  else
    return false;
  return true;
}

}  // namespace

void destroy(Object* object) noexcept {
  object->next_dead = dead;
  dead = object;
  if (deleting) return;
  deleting = true;
  while (dead != nullptr) {
    Object* next = dead;
    dead = next->next_dead;
    delete next;
  }
  deleting = false;
}

String::String(std::string text_in, bool markup_in)
    : text(std::move(text_in)), length(count_code_points(text)), markup(markup_in) {}

Value Value::boolean(bool value) {
  Value v(Type::boolean);
  v.bits_.boolean = value;
  return v;
}
Value Value::integer(std::int64_t value) {
  Value v(Type::integer);
  v.bits_.integer = value;
  return v;
}
Value Value::real(double value) {
  Value v(Type::real);
  v.bits_.real = value;
  return v;
}
Value Value::of(Type type, Object* object) {
  Value v(type);
  v.bits_.object = object;
  retain(object);
  return v;
}
Value Value::big_integer(std::string digits) {
  return of(Type::big_integer, new String(std::move(digits), false));
}
Value Value::string(std::string text) {
  if (!is_utf8(text)) text = replace_invalid_utf8(text);
  return of(Type::string, new String(std::move(text), false));
}
Value Value::list(std::vector<Value> items) {
  auto* object = new Sequence;
  object->items = std::move(items);
  return of(Type::list, object);
}
Value Value::dict(std::vector<std::pair<std::string, Value>> entries) {
  auto* object = new Dict;
  Value out = of(Type::dict, object);
  for (auto& [key, value] : entries) object->set(string(std::move(key)), std::move(value));
  return out;
}

std::string_view Value::as_text() const {
  return as_string().text;
}
const String& Value::as_string() const {
  return *static_cast<const String*>(bits_.object);
}
const Sequence& Value::as_sequence() const {
  return *static_cast<const Sequence*>(bits_.object);
}
const Dict& Value::as_dict() const {
  return *static_cast<const Dict*>(bits_.object);
}

bool is_hashable(const Value& key) {
  int fuel = kKeyNodes;
  std::uint64_t hash = 0;
  return hash_key(key, fuel, 0, hash);
}

bool equal_keys(const Value& a, const Value& b) {
  double ra = 0;
  double rb = 0;
  std::int64_t ia = 0;
  std::int64_t ib = 0;
  bool a_real = false;
  bool b_real = false;
  if (number_of(a, ra, ia, a_real) && number_of(b, rb, ib, b_real)) {
    if (!a_real && !b_real) return ia == ib;
    return (a_real ? ra : static_cast<double>(ia)) == (b_real ? rb : static_cast<double>(ib));
  }
  if (a.type() != b.type()) return false;
  switch (a.type()) {
    case Type::none:
    case Type::undefined:
      return true;
    case Type::string:
    case Type::big_integer:
      return a.as_text() == b.as_text();
    case Type::tuple: {
      const auto& x = a.as_sequence().items;
      const auto& y = b.as_sequence().items;
      if (x.size() != y.size()) return false;
      for (std::size_t i = 0; i < x.size(); ++i)
        if (!equal_keys(x[i], y[i])) return false;
      return true;
    }
    default:
      return a.object() == b.object();
  }
}

template <typename Equal>
std::uint32_t Dict::lookup(std::uint64_t hash, Equal equal) const {
  if (slots_.empty()) {
    for (std::uint32_t i = 0; i < entries_.size(); ++i)
      if (hashes_[i] == hash && equal(entries_[i].key)) return i;
    return kNone;
  }
  std::size_t mask = slots_.size() - 1;
  for (std::size_t s = hash & mask; slots_[s] != kNone; s = (s + 1) & mask) {
    std::uint32_t i = slots_[s];
    if (hashes_[i] == hash && equal(entries_[i].key)) return i;
  }
  return kNone;
}

void Dict::index(std::uint32_t entry) {
  std::size_t mask = slots_.size() - 1;
  std::size_t s = hashes_[entry] & mask;
  while (slots_[s] != kNone) s = (s + 1) & mask;
  slots_[s] = entry;
}

bool Dict::set(Value key, Value value) {
  int fuel = kKeyNodes;
  std::uint64_t hash = 0;
  if (!hash_key(key, fuel, 0, hash)) return false;
  std::uint32_t at = lookup(hash, [&](const Value& k) { return equal_keys(k, key); });
  if (at != kNone) {
    entries_[at].value = std::move(value);
    return true;
  }
  entries_.push_back({std::move(key), std::move(value)});
  hashes_.push_back(hash);
  if (entries_.size() > 8 && entries_.size() * 2 > slots_.size()) {
    slots_.assign(slots_.empty() ? 32 : slots_.size() * 2, kNone);
    for (std::uint32_t i = 0; i < entries_.size(); ++i) index(i);
  } else if (!slots_.empty()) {
    index(static_cast<std::uint32_t>(entries_.size() - 1));
  }
  return true;
}

const Value* Dict::find(const Value& key) const {
  int fuel = kKeyNodes;
  std::uint64_t hash = 0;
  if (!hash_key(key, fuel, 0, hash)) return nullptr;
  std::uint32_t at = lookup(hash, [&](const Value& k) { return equal_keys(k, key); });
  return at == kNone ? nullptr : &entries_[at].value;
}

const Value* Dict::find(std::string_view key) const {
  std::uint64_t hash = mix(std::hash<std::string_view>{}(key));
  std::uint32_t at = lookup(hash, [&](const Value& k) { return k.is(Type::string) && k.as_text() == key; });
  return at == kNone ? nullptr : &entries_[at].value;
}

}  // namespace freehold::text::jinja
