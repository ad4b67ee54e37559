#include "store/synth/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/utf8.h"

namespace freehold::store {
namespace {

using format::Metadata;
using format::Value;

// tokenizer.ggml.token_type
enum TokenType : std::int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kByte = 6 };

// A piece and the two earlier pieces it is merged from.
struct Piece {
  std::string text;
  std::string left;
  std::string right;
};

// The first `count` of: _a.._z, aa.._zz, _aa.._zz, aaa.., _aaa.., aaaa.. where _ is the mark of a space. Each is its
// predecessor without the last letter, plus that letter.
std::vector<Piece> letter_pieces(const std::string& space, std::size_t count) {
  std::vector<Piece> out;
  out.reserve(count);
  auto add_all = [&](const std::string& mark, int letters) {
    std::string word(static_cast<std::size_t>(letters), 'a');
    while (out.size() < count) {
      std::string left = mark + word.substr(0, word.size() - 1);
      out.push_back({mark + word, left, word.substr(word.size() - 1)});
      int at = letters - 1;
      while (at >= 0 && word[static_cast<std::size_t>(at)] == 'z') word[static_cast<std::size_t>(at--)] = 'a';
      if (at < 0) return;
      ++word[static_cast<std::size_t>(at)];
    }
  };
  add_all(space, 1);
  for (int letters = 2; letters <= 4; ++letters) {
    add_all("", letters);
    add_all(space, letters);
  }
  FH_CHECK(out.size() == count, "a shape's vocabulary is below 950,000");
  return out;
}

constexpr std::string_view kSpmTemplate =
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}";
constexpr std::string_view kGemmaTemplate =
    "{{ bos_token }}{% for message in messages %}{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' "
    "else "
    "message['role']) + '\n' + message['content'] + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}";
constexpr std::string_view kLlama3Template =
    "{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' "
    "+ "
    "message['content'] + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}";
constexpr std::string_view kQwenTemplate =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

// The SentencePiece way: a score orders the merges, characters that occur in no piece fall back to byte tokens.
void add_spm(const Shape& shape, Metadata& m) {
  const bool gemma = shape.vocabulary == Vocabulary::spm_gemma;
  std::vector<std::string> tokens;
  std::vector<float> scores;
  std::vector<std::int32_t> types;
  auto add = [&](std::string text, float score, TokenType type) {
    tokens.push_back(std::move(text));
    scores.push_back(score);
    types.push_back(type);
  };
  if (gemma) {
    add("<pad>", 0, kControl);
    add("<eos>", 0, kControl);
    add("<bos>", 0, kControl);
    add("<unk>", 0, kUnknown);
    add("<start_of_turn>", 0, kControl);
    add("<end_of_turn>", 0, kControl);
  } else {
    add("<unk>", 0, kUnknown);
    add("<s>", 0, kControl);
    add("</s>", 0, kControl);
  }
  for (int byte = 0; byte < 256; ++byte) add(fmt::format("<0x{:02X}>", byte), 0, kByte);
  constexpr std::string_view kSpace = "\u2581";
  constexpr std::size_t kSingles = 95;  // the mark of a space and the printable ASCII characters
  float score = 0;
  for (Piece& piece : letter_pieces(std::string(kSpace), shape.V - tokens.size() - kSingles)) {
    add(std::move(piece.text), score, kNormal);
    score -= 1;
  }
  add(std::string(kSpace), score, kNormal);
  for (char c = '!'; c <= '~'; ++c) add(std::string(1, c), score -= 1, kNormal);
  m.set("tokenizer.ggml.model", Value::string("llama"));
  m.set("tokenizer.ggml.pre", Value::string("default"));
  m.set("tokenizer.ggml.tokens", Value::strings(tokens));
  m.set("tokenizer.ggml.scores", Value::f32s(scores));
  m.set("tokenizer.ggml.token_type", Value::i32s(types));
  m.set("tokenizer.ggml.bos_token_id", Value::u32(gemma ? 2 : 1));
  m.set("tokenizer.ggml.eos_token_id", Value::u32(gemma ? 1 : 2));
  if (gemma) m.set("tokenizer.ggml.eot_token_id", Value::u32(5));
  m.set("tokenizer.ggml.unknown_token_id", Value::u32(gemma ? 3 : 0));
  m.set("tokenizer.ggml.add_bos_token", Value::boolean(true));
  m.set("tokenizer.ggml.add_eos_token", Value::boolean(false));
  m.set("tokenizer.ggml.add_space_prefix", Value::boolean(!gemma));
  m.set("tokenizer.chat_template", Value::string(std::string(gemma ? kGemmaTemplate : kSpmTemplate)));
}

// The 256 characters that stand for bytes in byte-level BPE, printable bytes first as themselves. Source: GPT-2's
// bytes_to_unicode.
std::vector<std::string> byte_characters() {
  auto printable_byte = [](int b) { return (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE; };
  std::vector<std::string> out;
  for (int b = 0; b < 256; ++b) {
    if (printable_byte(b)) append_utf8(out.emplace_back(), static_cast<std::uint32_t>(b));
  }
  std::uint32_t next = 256;
  for (int b = 0; b < 256; ++b) {
    if (!printable_byte(b)) append_utf8(out.emplace_back(), next++);
  }
  return out;
}

void add_bpe(const Shape& shape, Metadata& m) {
  const bool qwen = shape.vocabulary == Vocabulary::bpe_qwen2;
  std::vector<std::string> special;
  if (qwen) {
    special = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
  } else {
    special = {"<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"};
  }
  // The real vocabularies keep 256 to 420 places for special tokens.
  const std::size_t reserved = shape.V >= 100'000 ? (qwen ? shape.V - 151'643 : 256) : 8;
  for (std::size_t i = 0; special.size() < reserved; ++i) {
    special.push_back(fmt::format("<|reserved_special_token_{}|>", i));
  }
  std::vector<std::string> tokens = byte_characters();
  std::vector<std::string> merges;
  for (Piece& piece : letter_pieces("\u0120", shape.V - tokens.size() - special.size())) {
    merges.push_back(piece.left + " " + piece.right);
    tokens.push_back(std::move(piece.text));
  }
  const auto first_special = static_cast<std::uint32_t>(tokens.size());
  std::vector<std::int32_t> types(tokens.size(), kNormal);
  for (std::string& text : special) {
    tokens.push_back(std::move(text));
    types.push_back(kControl);
  }
  m.set("tokenizer.ggml.model", Value::string("gpt2"));
  m.set("tokenizer.ggml.pre", Value::string(qwen ? "qwen2" : "llama-bpe"));
  m.set("tokenizer.ggml.tokens", Value::strings(tokens));
  m.set("tokenizer.ggml.token_type", Value::i32s(types));
  m.set("tokenizer.ggml.merges", Value::strings(merges));
  m.set("tokenizer.ggml.bos_token_id", Value::u32(first_special));
  m.set("tokenizer.ggml.eos_token_id", Value::u32(first_special + (qwen ? 2 : 4)));
  if (qwen) m.set("tokenizer.ggml.padding_token_id", Value::u32(first_special));
  m.set("tokenizer.ggml.add_bos_token", Value::boolean(!qwen));
  m.set("tokenizer.chat_template", Value::string(std::string(qwen ? kQwenTemplate : kLlama3Template)));
}

}  // namespace

void add_vocabulary(const Shape& shape, Metadata& metadata) {
  FH_CHECK(shape.V >= 400, "every shape of the table has room for byte tokens and pieces");
  if (shape.vocabulary == Vocabulary::spm || shape.vocabulary == Vocabulary::spm_gemma) {
    add_spm(shape, metadata);
  } else {
    add_bpe(shape, metadata);
  }
}

}  // namespace freehold::store
