// Every case in oracle/tokenizers: X.jsonl and X's .inp/.out pair against ggml-vocab-X.gguf(.gz), and the tiny-* files
// against the tokenizers inside oracle/models whose golden.json names them, as GGUF and as Hugging Face folder.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/utf8.h"
#include "format/checkpoint.h"
#include "model/tokenizer_loader.h"
#include "oracle.h"
#include "text/detokenizer.h"

namespace freehold::golden::tokenizers_cases {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Ids = std::vector<text::TokenId>;

constexpr const char* kVocabPrefix = "ggml-vocab-";

// Where a tokenizer comes from, and how to open it.
struct Source {
  std::string label;
  fs::path path;
  bool hugging_face = false;
  bool only_model_file = false;  // tokenizer.model instead of tokenizer.json
};

std::string gunzip(const fs::path& path) {
  std::string out;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return out;
  std::vector<char> buffer(1 << 20);
  for (int n = 0; (n = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0;) {
    out.append(buffer.data(), static_cast<std::size_t>(n));
  }
  gzclose(file);
  return out;
}

Result<model::LoadedTokenizer> open(const Source& source) {
  if (source.path.extension() == ".gz") {
    std::string bytes = gunzip(source.path);
    std::vector<std::uint64_t> aligned((bytes.size() + 7) / 8);
    if (!bytes.empty()) std::memcpy(aligned.data(), bytes.data(), bytes.size());
    FH_TRY(format::Gguf gguf, format::parse_gguf({reinterpret_cast<const std::byte*>(aligned.data()), bytes.size()}));
    return model::load_tokenizer(format::Checkpoint(std::move(gguf)));
  }
  if (source.hugging_face) {
    FH_TRY(format::HfFolder folder, format::open_hf_folder(source.path));
    if (source.only_model_file) folder.tokenizer_json.reset();
    return model::load_tokenizer(format::Checkpoint(std::move(folder)));
  }
  FH_TRY(format::Checkpoint checkpoint, format::open_checkpoint(source.path));
  return model::load_tokenizer(checkpoint);
}

using Sources = std::map<std::string, std::vector<Source>>;

// Tokenizer name -> its sources below one oracle.
Sources find_sources(const fs::path& oracle) {
  Sources sources;
  if (!fs::is_directory(oracle / "tokenizers")) return sources;
  for (const fs::path& path : golden::entries(oracle / "tokenizers")) {
    std::string name = path.filename().string();
    if (!name.starts_with(kVocabPrefix)) continue;
    std::string stem = name.substr(std::strlen(kVocabPrefix));
    for (const char* ending : {".gguf", ".gguf.gz"}) {
      if (stem.ends_with(ending)) {
        stem.resize(stem.size() - std::strlen(ending));
        sources[stem].push_back({name, path});
        break;
      }
    }
  }
  fs::path models = oracle / "models";
  if (!fs::is_directory(models)) return sources;
  for (const fs::path& folder : golden::entries(models)) {
    if (!fs::exists(folder / "golden.json")) continue;
    json spec = json::parse(golden::slurp(folder / "golden.json"), nullptr, false);
    if (!spec.contains("spec") || !spec["spec"].contains("tok")) continue;
    std::string tok = spec["spec"]["tok"];
    std::string name = fs::exists(oracle / "tokenizers" / (tok + ".jsonl")) ? tok : "tiny-" + tok;
    std::string model = folder.filename().string();
    if (fs::exists(folder / "model.gguf")) sources[name].push_back({model + "/model.gguf", folder / "model.gguf"});
    if (fs::exists(folder / "hf" / "tokenizer.json")) {
      sources[name].push_back({model + "/hf/tokenizer.json", folder / "hf", true});
    }
    if (fs::exists(folder / "hf" / "tokenizer.model")) {
      sources[name].push_back({model + "/hf/tokenizer.model", folder / "hf", true, true});
    }
  }
  return sources;
}

std::string show(const Ids& ids) {
  std::ostringstream out;
  for (auto id : ids) out << id << ' ';
  return out.str();
}

std::string from_hex(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return out;
}

// The expected ids: the field itself or any of the alternatives that the oracle's README allows.
bool expected(const json& line, const Ids& ids, std::initializer_list<const char*> fields) {
  for (const char* field : fields) {
    if (line.contains(field) && line[field].get<Ids>() == ids) return true;
  }
  return false;
}

std::string stream(const text::Tokenizer& tokenizer, const Ids& ids, text::DecodeOptions options) {
  text::Detokenizer detokenizer(tokenizer, options);
  std::string out;
  for (auto id : ids) {
    auto part = detokenizer.push(id);
    if (!part) return "error: " + part.error().what;
    EXPECT_TRUE(is_utf8(*part)) << printable(*part);
    out += *part;
  }
  return out + detokenizer.finish();
}

class Checker {
 public:
  Checker(const Source& source, const text::Tokenizer& tokenizer) : source_(source), tokenizer_(tokenizer) {}

  void check(const json& line) {
    std::string text = line["text"];
    Ids ids = encode(text, {});
    report(text, "ids", ids, line, expected(line, ids, {"ids", "ref_ids", "sentencepiece_ids", "ids_with_nfc"}));
    // With the alternative of NFC, the special forms are those of the composed text, which the oracle gives only
    // without special tokens; where the text holds none, all three agree but for bos.
    bool nfc = line.contains("ids_with_nfc") && ids == line["ids_with_nfc"].get<Ids>() && ids != line["ids"].get<Ids>();
    Ids special = encode(text, {.parse_special = true});
    report(text, "ids_special", special, line,
           expected(line, special, {"ids_special", "ref_ids_special"}) || (nfc && special == ids));
    Ids all = encode(text, {.parse_special = true, .add_special = true});
    report(text, "ids_bos_special", all, line,
           expected(line, all, {"ids_bos_special", "ref_ids_bos_special"}) || (nfc && all == with_prefix(ids)));
    decode(line, text, nfc);
    offsets(text);
    ++cases_;
  }

  void check_pair(const std::string& text, const Ids& want) {
    Ids ids = encode(text, {});
    if (ids != want) fail(text, "ids (.out)", show(ids) + "instead of " + show(want));
    ++cases_;
  }

  std::size_t cases() const { return cases_; }
  std::size_t failures() const { return failures_; }

 private:
  Ids encode(const std::string& text, text::EncodeOptions options) {
    auto ids = tokenizer_.encode(text, options);
    if (!ids) fail(text, "encode", ids.error().what);
    return ids ? *ids : Ids{-1};
  }
  Ids with_prefix(Ids ids) const {
    const auto& prefix = tokenizer_.vocabulary().prefix;
    ids.insert(ids.begin(), prefix.begin(), prefix.end());
    return ids;
  }
  void decode(const json& line, const std::string& text, bool nfc) {
    Ids ids = line["ids"].get<Ids>();
    std::string want = line.contains("detok_hex") ? from_hex(line["detok_hex"]) : text;
    text::DecodeOptions options{.render_special = true, .clean_up_spaces = true};
    auto got = tokenizer_.decode(ids, options);
    // A folder's own setting of clean_up_tokenization_spaces decides; the oracle's file had it on.
    bool ok = got && (*got == want || (source_.hugging_face && *got == text));
    if (!ok) fail(text, "decode", got ? printable(*got) : got.error().what);
    if (got && stream(tokenizer_, ids, options) != replace_invalid_utf8(*got))
      fail(text, "streaming decode", "differs");
    // What we encode ourselves comes back as well, but for what cleaning and composition change.
    options.clean_up_spaces = false;
    auto back = tokenizer_.decode(encode(text, {}), options);
    bool lossy = line.contains("detok_hex") || nfc;
    if (!back || (!lossy && *back != text)) fail(text, "round trip", back ? printable(*back) : back.error().what);
  }
  void offsets(const std::string& text) {
    auto encoding = tokenizer_.encode_with_offsets(text);
    if (!encoding || encoding->ids != encode(text, {}) || encoding->spans.size() != encoding->ids.size()) {
      return fail(text, "offsets", "other ids than without");
    }
    std::size_t covered = 0;
    for (const text::TokenSpan& span : encoding->spans) {
      bool bad = span.begin > span.end || span.end > text.size() || span.begin > covered;
      if (bad && encoding->dropped_bytes == 0) return fail(text, "offsets", "a gap or a span outside the text");
      covered = std::max(covered, span.end);
    }
    if (covered != text.size() && encoding->dropped_bytes == 0) fail(text, "offsets", "the end is not covered");
  }
  void report(const std::string& text, const char* field, const Ids& ids, const json& line, bool ok) {
    if (!ok) fail(text, field, show(ids) + "instead of " + show(line[field].get<Ids>()));
  }
  void fail(const std::string& text, const char* what, const std::string& how) {
    ++failures_;
    if (failures_ <= 20) {
      ADD_FAILURE() << source_.label << ": " << what << " of '" << printable(text, 120) << "': " << how;
    }
  }

  const Source& source_;
  const text::Tokenizer& tokenizer_;
  std::size_t cases_ = 0;
  std::size_t failures_ = 0;
};

// llama.cpp's own test: inputs with a separator line between, one line of ids for each but the last, empty one.
void check_inp_out(const fs::path& inp, const fs::path& out, Checker& checker) {
  constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
  std::string texts = golden::slurp(inp);
  std::istringstream lines(golden::slurp(out));
  std::string line;
  std::size_t at = 0;
  while (std::getline(lines, line)) {
    std::size_t end = texts.find(kSeparator, at);
    if (end == std::string::npos) {
      // Some files end without the last separator.
      if (at > texts.size()) break;
      end = texts.size();
    }
    std::istringstream numbers(line);
    Ids want;
    for (text::TokenId id = 0; numbers >> id;) want.push_back(id);
    checker.check_pair(texts.substr(at, end - at), want);
    at = end + kSeparator.size();
  }
}

TEST(Golden, Tokenizers) {
  GOLDEN_KIND("tokenizers");
  // Cases may come without their vocabularies: then those of the usual oracle serve.
  Sources sources = find_sources(golden::oracle());
  sources.merge(find_sources(fs::path(FREEHOLD_SOURCE_DIR) / ".." / "shared" / "oracle"));
  std::size_t cases = 0;
  std::size_t files = 0;
  for (const fs::path& path : golden::entries(golden::oracle() / "tokenizers")) {
    std::string name = path.filename().string();
    bool jsonl = path.extension() == ".jsonl";
    bool pair = name.ends_with(".gguf.inp");
    if (!jsonl && !pair) continue;
    std::string stem = jsonl ? path.stem().string()
                             : name.substr(std::strlen(kVocabPrefix),
                                           name.size() - std::strlen(kVocabPrefix) - std::strlen(".gguf.inp"));
    auto found = sources.find(stem);
    if (found == sources.end()) {
      ADD_FAILURE() << name << ": no vocabulary to go with it";
      continue;
    }
    ++files;
    for (const Source& source : found->second) {
      auto loaded = open(source);
      if (!loaded) {
        ADD_FAILURE() << source.label << ": " << loaded.error().what;
        continue;
      }
      Checker checker(source, loaded->tokenizer);
      if (jsonl) {
        std::istringstream lines(golden::slurp(path));
        for (std::string line; std::getline(lines, line);) {
          if (!line.empty()) checker.check(json::parse(line));
        }
      } else {
        fs::path out = path;
        check_inp_out(path, out.replace_extension(".out"), checker);
      }
      EXPECT_GT(checker.cases(), 0u) << name;
      std::cout << name << " with " << source.label << ": " << checker.cases() << " cases, " << checker.failures()
                << " failures\n";
      cases += checker.cases();
    }
  }
  golden::require_cases(cases, "tokenizers");
  std::cout << "tokenizers: " << cases << " cases of " << files << " files\n";
}

}  // namespace
}  // namespace freehold::golden::tokenizers_cases
