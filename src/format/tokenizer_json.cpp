#include "format/tokenizer_json.h"

#include <fmt/format.h>

#include <functional>
#include <utility>

#include "base/utf8.h"
#include "format/json.h"
#include "format/json_fields.h"

namespace freehold::format {
namespace {

constexpr int kMaxSequenceDepth = 8;

Result<std::string> type_of(const Value& part, std::string_view role) {
  const Value* type = part.member("type");
  auto name = type != nullptr ? type->as_string() : std::nullopt;
  if (!name) return fail(Errc::corrupt, fmt::format("{}: a component without 'type'", role));
  return std::string(*name);
}

Unexpected unknown(std::string_view role, std::string_view type) {
  return fail(Errc::unsupported, fmt::format("{} '{}'", role, printable(type, 60)));
}

// Calls `read` for every component of a possibly nested Sequence, in order.
Result<> each(const Value& part, std::string_view role, std::string_view list, int depth,
              const std::function<Result<>(const Value&, const std::string&)>& read) {
  FH_TRY(std::string type, type_of(part, role));
  if (type != "Sequence") return read(part, type);
  if (depth >= kMaxSequenceDepth) return fail(Errc::unsupported, fmt::format("{}: sequences too deep", role));
  JsonFields fields(part, fmt::format("{} 'Sequence'", role));
  fields.ignore("type");
  const Value* items = fields.find(list);
  if (items == nullptr || !items->is_array()) {
    return fail(Errc::corrupt, fmt::format("{}: a sequence without the list '{}'", role, list));
  }
  FH_TRY_VOID(fields.finish());
  for (const Value& item : items->items()) FH_TRY_VOID(each(item, role, list, depth + 1, read));
  return {};
}

// {"String": "…"} or {"Regex": "…"}, as the tokenizers library reads it; the string itself is nothing that it knows.
Result<std::pair<std::string, bool>> read_pattern(JsonFields& fields) {
  const Value* pattern = fields.find("pattern");
  if (pattern != nullptr) {
    if (const Value* s = pattern->member("String"); s != nullptr && s->is_string() && pattern->size() == 1) {
      return std::pair(std::string(*s->as_string()), false);
    }
    if (const Value* r = pattern->member("Regex"); r != nullptr && r->is_string() && pattern->size() == 1) {
      return std::pair(std::string(*r->as_string()), true);
    }
  }
  return fail(Errc::corrupt,
              fmt::format("{}: 'pattern' is neither {{\"String\": …}} nor {{\"Regex\": …}}", fields.where()));
}

Result<SplitBehaviour> read_behaviour(JsonFields& fields) {
  FH_TRY(std::string name, fields.string("behavior"));
  if (name == "Isolated") return SplitBehaviour::isolated;
  if (name == "Removed") return SplitBehaviour::removed;
  if (name == "MergedWithPrevious") return SplitBehaviour::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehaviour::merged_with_next;
  if (name == "Contiguous") return SplitBehaviour::contiguous;
  return fail(Errc::unsupported, fmt::format("{}: behavior '{}'", fields.where(), printable(name, 60)));
}

Result<PrependScheme> read_prepend_scheme(JsonFields& fields) {
  // Files from before `prepend_scheme` say only whether there is a prefix.
  FH_TRY(bool prefix, fields.boolean_or("add_prefix_space", true));
  FH_TRY(std::string name, fields.string_or("prepend_scheme", prefix ? "always" : "never"));
  if (name == "always") return PrependScheme::always;
  if (name == "first") return PrependScheme::first;
  if (name == "never") return PrependScheme::never;
  return fail(Errc::unsupported, fmt::format("{}: prepend_scheme '{}'", fields.where(), printable(name, 60)));
}

Result<> read_normalizer(const Value& part, const std::string& type, std::vector<NormalizerPart>& out) {
  using Kind = NormalizerPart::Kind;
  JsonFields fields(part, fmt::format("normalizer '{}'", printable(type, 60)));
  fields.ignore("type");
  NormalizerPart n;
  if (type == "Prepend") {
    n.kind = Kind::prepend;
    FH_TRY(n.content, fields.string("prepend"));
  } else if (type == "Replace") {
    n.kind = Kind::replace;
    FH_TRY(auto pattern, read_pattern(fields));
    if (pattern.second) return fail(Errc::unsupported, "normalizer 'Replace' with a regular expression");
    n.pattern = std::move(pattern.first);
    if (n.pattern.empty()) return fail(Errc::corrupt, "normalizer 'Replace' of an empty string");
    FH_TRY(n.content, fields.string("content"));
  } else if (type == "NFC") {
    n.kind = Kind::nfc;
  } else if (type == "NFD") {
    n.kind = Kind::nfd;
  } else if (type == "NFKC") {
    n.kind = Kind::nfkc;
  } else if (type == "NFKD") {
    n.kind = Kind::nfkd;
  } else {
    return unknown("normalizer", type);
  }
  FH_TRY_VOID(fields.finish());
  if (out.size() >= 32) return fail(Errc::unsupported, "more than 32 normalizers");
  out.push_back(std::move(n));
  return {};
}

Result<> read_pre_tokenizer(const Value& part, const std::string& type, std::vector<PreTokenizerPart>& out) {
  using Kind = PreTokenizerPart::Kind;
  JsonFields fields(part, fmt::format("pre_tokenizer '{}'", printable(type, 60)));
  fields.ignore("type");
  PreTokenizerPart p;
  if (type == "Split") {
    p.kind = Kind::split;
    FH_TRY(auto pattern, read_pattern(fields));
    p.pattern = std::move(pattern.first);
    p.is_regex = pattern.second;
    if (p.pattern.empty()) return fail(Errc::corrupt, "pre_tokenizer 'Split' at an empty pattern");
    FH_TRY(p.behaviour, read_behaviour(fields));
    FH_TRY(p.invert, fields.boolean_or("invert", false));
  } else if (type == "ByteLevel") {
    p.kind = Kind::byte_level;
    FH_TRY(p.add_prefix_space, fields.boolean_or("add_prefix_space", true));
    FH_TRY(p.use_regex, fields.boolean_or("use_regex", true));
    FH_TRY_VOID(fields.boolean_or("trim_offsets", true));  // without effect on tokens
  } else if (type == "Metaspace") {
    p.kind = Kind::metaspace;
    FH_TRY(p.replacement, fields.string("replacement"));
    FH_TRY(p.prepend, read_prepend_scheme(fields));
    FH_TRY(p.split, fields.boolean_or("split", true));
    fields.ignore("str_rep");
  } else if (type == "Digits") {
    p.kind = Kind::digits;
    FH_TRY(p.individual_digits, fields.boolean_or("individual_digits", false));
  } else if (type == "Punctuation") {
    p.kind = Kind::punctuation;
    if (fields.find("behavior") != nullptr) {
      FH_TRY(p.behaviour, read_behaviour(fields));
    }
  } else if (type == "WhitespaceSplit") {
    p.kind = Kind::white_space_split;
  } else {
    return unknown("pre_tokenizer", type);
  }
  FH_TRY_VOID(fields.finish());
  if (out.size() >= 32) return fail(Errc::unsupported, "more than 32 pre_tokenizers");
  out.push_back(std::move(p));
  return {};
}

Result<> read_decoder(const Value& part, const std::string& type, std::vector<DecoderPart>& out) {
  using Kind = DecoderPart::Kind;
  JsonFields fields(part, fmt::format("decoder '{}'", printable(type, 60)));
  fields.ignore("type");
  DecoderPart d;
  if (type == "ByteLevel") {
    d.kind = Kind::byte_level;
    // Without effect on decoding.
    for (auto key : {"add_prefix_space", "trim_offsets", "use_regex"}) FH_TRY_VOID(fields.boolean_or(key, true));
  } else if (type == "ByteFallback") {
    d.kind = Kind::byte_fallback;
  } else if (type == "Fuse") {
    d.kind = Kind::fuse;
  } else if (type == "Replace") {
    d.kind = Kind::replace;
    FH_TRY(auto pattern, read_pattern(fields));
    if (pattern.second) return fail(Errc::unsupported, "decoder 'Replace' with a regular expression");
    d.pattern = std::move(pattern.first);
    FH_TRY(d.content, fields.string("content"));
  } else if (type == "Strip") {
    d.kind = Kind::strip;
    FH_TRY(d.pattern, fields.string("content"));
    FH_TRY(d.start, fields.u32("start"));
    FH_TRY(d.stop, fields.u32("stop"));
  } else if (type == "Metaspace") {
    d.kind = Kind::metaspace;
    FH_TRY(d.pattern, fields.string("replacement"));
    FH_TRY(PrependScheme scheme, read_prepend_scheme(fields));
    d.drop_prefix = scheme != PrependScheme::never;
    fields.ignore("split");
    fields.ignore("str_rep");
  } else {
    return unknown("decoder", type);
  }
  FH_TRY_VOID(fields.finish());
  if (out.size() >= 32) return fail(Errc::unsupported, "more than 32 decoders");
  out.push_back(std::move(d));
  return {};
}

// TemplateProcessing: special tokens before and after the one sequence "A".
Result<> read_template(const Value& part, TokenizerJson& t) {
  JsonFields fields(part, "post_processor 'TemplateProcessing'");
  for (auto key : {"type", "pair"}) fields.ignore(key);
  const Value* single = fields.find("single");
  const Value* tokens = fields.find("special_tokens");
  FH_TRY_VOID(fields.finish());
  if (single == nullptr || !single->is_array()) return fail(Errc::corrupt, fields.where() + ": no list 'single'");
  bool sequence_seen = false;
  for (const Value& item : single->items()) {
    if (const Value* sequence = item.member("Sequence")) {
      const Value* id = sequence->member("id");
      if (id == nullptr || id->as_string() != "A" || sequence_seen) {
        return fail(Errc::unsupported, fields.where() + ": not exactly one sequence 'A'");
      }
      sequence_seen = true;
      continue;
    }
    const Value* special = item.member("SpecialToken");
    const Value* name = special != nullptr ? special->member("id") : nullptr;
    const Value* entry =
        name != nullptr && name->is_string() && tokens != nullptr ? tokens->member(*name->as_string()) : nullptr;
    const Value* ids = entry != nullptr ? entry->member("ids") : nullptr;
    auto numbers = ids != nullptr ? ids->as_i64s() : std::nullopt;
    if (!numbers) return fail(Errc::corrupt, fields.where() + ": a special token without its ids");
    for (std::int64_t n : *numbers) {
      if (n < 0 || n > 0x7FFFFFFF) return fail(Errc::corrupt, fmt::format("{}: token id {}", fields.where(), n));
      (sequence_seen ? t.suffix : t.prefix).push_back(static_cast<std::uint32_t>(n));
    }
  }
  if (!sequence_seen) return fail(Errc::corrupt, fields.where() + ": no sequence 'A'");
  return {};
}

Result<> read_post_processor(const Value& part, const std::string& type, TokenizerJson& t) {
  if (type == "ByteLevel") return {};  // only trims offsets
  if (type == "TemplateProcessing") return read_template(part, t);
  return unknown("post_processor", type);
}

Result<AddedToken> read_added_token(const Value& value, std::string_view where) {
  if (!value.is_object())
    return fail(Errc::corrupt, fmt::format("{}: expected an object, found {}", where, value.describe()));
  JsonFields fields(value, std::string(where));
  AddedToken a;
  FH_TRY(a.content, fields.string("content"));
  FH_TRY(a.single_word, fields.boolean_or("single_word", false));
  FH_TRY(a.lstrip, fields.boolean_or("lstrip", false));
  FH_TRY(a.rstrip, fields.boolean_or("rstrip", false));
  FH_TRY(a.normalized, fields.boolean_or("normalized", false));
  FH_TRY(a.special, fields.boolean_or("special", false));
  if (fields.find("id") != nullptr) {
    FH_TRY(a.id, fields.u32("id"));
  }
  fields.ignore("__type");
  FH_TRY_VOID(fields.finish());
  return a;
}

Result<> read_vocabulary(const Value& vocab, TokenizerJson& t) {
  if (!vocab.is_object()) return fail(Errc::corrupt, "model: 'vocab' is no object");
  t.vocabulary.reserve(vocab.size());
  for (const Member& m : vocab.members()) {
    auto id = m.value.as_u64();
    if (!id || *id > 0x7FFFFFFF) {
      return fail(Errc::corrupt, fmt::format("model: the id of '{}' is {}", printable(m.key, 60), m.value.describe()));
    }
    t.vocabulary.push_back({m.key, static_cast<std::uint32_t>(*id)});
  }
  return {};
}

// "a b", or ["a", "b"] in files since 2024.
Result<BpeMerge> read_merge(const Value& value, std::size_t index) {
  auto bad = [&] {
    return fail(Errc::corrupt, fmt::format("model: merge {} ({}) is not two parts", index, value.describe()));
  };
  if (auto text = value.as_string()) {
    std::size_t space = text->find(' ');
    if (space == std::string_view::npos || space == 0 || space + 1 == text->size() ||
        text->find(' ', space + 1) != std::string_view::npos) {
      return bad();
    }
    return BpeMerge{std::string(text->substr(0, space)), std::string(text->substr(space + 1))};
  }
  auto parts = value.as_strings();
  if (!parts || parts->size() != 2 || (*parts)[0].empty() || (*parts)[1].empty()) return bad();
  return BpeMerge{std::string((*parts)[0]), std::string((*parts)[1])};
}

Result<> read_model(const Value& model, TokenizerJson& t) {
  if (!model.is_object()) return fail(Errc::corrupt, "'model' is no object");
  JsonFields fields(model, "model");
  const Value* vocab = fields.find("vocab");
  const Value* merges = fields.find("merges");
  FH_TRY(std::string type, fields.string_or("type", "BPE"));
  if (type != "BPE") return unknown("model", type);
  const Value* dropout = fields.find("dropout");
  if (dropout != nullptr && dropout->as_f64() != 0.0) return fail(Errc::unsupported, "model: dropout");
  for (auto key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    FH_TRY(std::string affix, fields.string_or(key, ""));
    if (!affix.empty()) return fail(Errc::unsupported, fmt::format("model: {} '{}'", key, printable(affix, 60)));
  }
  if (fields.find("unk_token") != nullptr) {
    FH_TRY(t.unknown_token, fields.string("unk_token"));
  }
  FH_TRY(t.fuse_unknown, fields.boolean_or("fuse_unk", false));
  FH_TRY(t.byte_fallback, fields.boolean_or("byte_fallback", false));
  FH_TRY(t.ignore_merges, fields.boolean_or("ignore_merges", false));
  FH_TRY_VOID(fields.finish());
  if (vocab == nullptr || merges == nullptr || !merges->is_array()) {
    return fail(Errc::corrupt, "model: 'vocab' or the list 'merges' is missing");
  }
  FH_TRY_VOID(read_vocabulary(*vocab, t));
  t.merges.reserve(merges->size());
  std::size_t index = 0;
  for (const Value& merge : merges->items()) {
    FH_TRY(BpeMerge m, read_merge(merge, index++));
    t.merges.push_back(std::move(m));
  }
  return {};
}

}  // namespace

Result<TokenizerJson> parse_tokenizer_json(std::string_view text) {
  FH_TRY(Value root, parse_json(text));
  if (!root.is_object()) return fail(Errc::corrupt, fmt::format("expected an object, found {}", root.describe()));
  JsonFields fields(root, "the file");
  // Truncation and padding are a training set's settings; we never cut.
  for (auto key : {"version", "truncation", "padding"}) fields.ignore(key);
  TokenizerJson t;
  if (const Value* added = fields.find("added_tokens")) {
    if (!added->is_array()) return fail(Errc::corrupt, "'added_tokens' is no list");
    for (const Value& item : added->items()) {
      std::string where = fmt::format("added token {}", t.added_tokens.size());
      FH_TRY(AddedToken a, read_added_token(item, where));
      if (item.member("id") == nullptr) return fail(Errc::corrupt, where + ": no id");
      t.added_tokens.push_back(std::move(a));
    }
  }
  if (const Value* part = fields.find("normalizer")) {
    FH_TRY_VOID(each(*part, "normalizer", "normalizers", 0,
                     [&](const Value& v, const std::string& type) { return read_normalizer(v, type, t.normalizer); }));
  }
  if (const Value* part = fields.find("pre_tokenizer")) {
    FH_TRY_VOID(each(*part, "pre_tokenizer", "pretokenizers", 0, [&](const Value& v, const std::string& type) {
      return read_pre_tokenizer(v, type, t.pre_tokenizer);
    }));
  }
  if (const Value* part = fields.find("decoder")) {
    FH_TRY_VOID(each(*part, "decoder", "decoders", 0,
                     [&](const Value& v, const std::string& type) { return read_decoder(v, type, t.decoder); }));
  }
  if (const Value* part = fields.find("post_processor")) {
    FH_TRY_VOID(each(*part, "post_processor", "processors", 0,
                     [&](const Value& v, const std::string& type) { return read_post_processor(v, type, t); }));
  }
  const Value* model = fields.find("model");
  FH_TRY_VOID(fields.finish());
  if (model == nullptr) return fail(Errc::corrupt, "no 'model'");
  FH_TRY_VOID(read_model(*model, t));
  return t;
}

namespace {

// A special token is its text, or an object with the text under "content".
Result<std::optional<std::string>> read_special(const Value& root, std::string_view key) {
  const Value* v = root.member(key);
  if (v == nullptr || v->is_null()) return std::optional<std::string>();
  if (const Value* content = v->member("content")) v = content;
  auto text = v->as_string();
  if (!text) return fail(Errc::corrupt, fmt::format("'{}': expected a string, found {}", key, v->describe()));
  return std::optional<std::string>(*text);
}

Result<std::optional<bool>> read_flag(const Value& root, std::string_view key) {
  const Value* v = root.member(key);
  if (v == nullptr || v->is_null()) return std::optional<bool>();
  auto flag = v->as_bool();
  if (!flag) return fail(Errc::corrupt, fmt::format("'{}': expected true or false, found {}", key, v->describe()));
  return std::optional<bool>(*flag);
}

Result<> read_templates(const Value& root, TokenizerConfig& c) {
  const Value* v = root.member("chat_template");
  if (v == nullptr || v->is_null()) return {};
  if (auto source = v->as_string()) {
    c.chat_templates.push_back({"default", std::string(*source)});
    return {};
  }
  if (!v->is_array()) return fail(Errc::corrupt, fmt::format("'chat_template': found {}", v->describe()));
  for (const Value& item : v->items()) {
    const Value* name = item.member("name");
    const Value* source = item.member("template");
    if (name == nullptr || !name->is_string() || source == nullptr || !source->is_string()) {
      return fail(Errc::corrupt, "'chat_template': an entry without name or template");
    }
    c.chat_templates.push_back({std::string(*name->as_string()), std::string(*source->as_string())});
  }
  return {};
}

}  // namespace

Result<TokenizerConfig> parse_tokenizer_config(std::string_view text) {
  FH_TRY(Value root, parse_json(text));
  if (!root.is_object()) return fail(Errc::corrupt, fmt::format("expected an object, found {}", root.describe()));
  TokenizerConfig c;
  FH_TRY(c.tokenizer_class, read_special(root, "tokenizer_class"));
  FH_TRY(c.bos_token, read_special(root, "bos_token"));
  FH_TRY(c.eos_token, read_special(root, "eos_token"));
  FH_TRY(c.unk_token, read_special(root, "unk_token"));
  FH_TRY(c.pad_token, read_special(root, "pad_token"));
  FH_TRY(c.add_bos_token, read_flag(root, "add_bos_token"));
  FH_TRY(c.add_eos_token, read_flag(root, "add_eos_token"));
  FH_TRY(c.clean_up_tokenization_spaces, read_flag(root, "clean_up_tokenization_spaces"));
  FH_TRY_VOID(read_templates(root, c));
  const Value* added = root.member("added_tokens_decoder");
  if (added == nullptr || added->is_null()) return c;
  if (!added->is_object()) return fail(Errc::corrupt, "'added_tokens_decoder' is no object");
  for (const Member& m : added->members()) {
    std::uint64_t id = 0;
    for (char digit : m.key) {
      if (digit < '0' || digit > '9' || m.key.size() > 9) {
        return fail(Errc::corrupt, fmt::format("'added_tokens_decoder': '{}' is no token id", printable(m.key, 60)));
      }
      id = id * 10 + static_cast<std::uint64_t>(digit - '0');
    }
    FH_TRY(AddedToken a, read_added_token(m.value, fmt::format("added token {}", id)));
    a.id = static_cast<std::uint32_t>(id);
    c.added_tokens.push_back(std::move(a));
  }
  return c;
}

}  // namespace freehold::format
