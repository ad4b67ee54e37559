#include "train/tokenizer_training.h"

#include <fmt/format.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "base/file.h"
#include "base/utf8.h"

namespace freehold::train {
namespace {

// SentencePiece drops sentences that are longer, silently: longer lines are handed over in parts.
constexpr std::size_t kLongestSentence = 4096;

// Lines of all files, in order.
class Sentences final : public sentencepiece::SentenceIterator {
 public:
  explicit Sentences(const std::vector<std::string_view>& texts) : texts_(texts) { step(); }
  bool done() const override { return done_; }
  void Next() override { step(); }
  const std::string& value() const override { return value_; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  void step() {
    for (; file_ < texts_.size(); ++file_, at_ = 0) {
      const std::string_view text = texts_[file_];
      while (at_ < text.size()) {
        std::size_t end = std::min(text.find('\n', at_), text.size());
        if (end - at_ > kLongestSentence) {
          std::size_t cut = text.rfind(' ', at_ + kLongestSentence);
          if (cut == std::string_view::npos || cut <= at_)
            cut = at_ + complete_utf8_prefix(text.substr(at_, kLongestSentence));
          end = cut;
        }
        value_ = text.substr(at_, end - at_);
        at_ = end < text.size() && text[end] == '\n' ? end + 1 : end;
        if (value_.ends_with('\r')) value_.pop_back();
        if (!value_.empty()) return;
      }
    }
    done_ = true;
  }

  const std::vector<std::string_view>& texts_;  // owner: train_tokenizer
  std::size_t file_ = 0, at_ = 0;
  std::string value_;
  bool done_ = false;
};

Result<> check_text(const std::filesystem::path& path, std::string_view text) {
  if (is_utf8(text)) return {};
  std::size_t line = 1;
  for (std::size_t at = 0; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (!is_utf8(text.substr(at, end - at))) break;
    at = end + 1;
  }
  return fail(Errc::corrupt, fmt::format("{}: line {}: not UTF-8", printable(path.string()), line));
}

// What SentencePiece says names its source's lines; the limits in it are what helps.
std::string explained(std::uint32_t wanted, std::string_view message) {
  for (const auto& [words, meaning] :
       {std::pair<std::string_view, std::string_view>{"value <= ", "the text gives at most {} tokens"},
        {"larger than required_chars. ", "the characters and control tokens need more than {} tokens"}}) {
    const std::size_t at = message.find(words);
    if (at == std::string_view::npos) continue;
    std::string_view number = message.substr(at + words.size());
    number = number.substr(0, number.find_first_not_of("0123456789"));
    return fmt::format("a vocabulary of {} cannot be: {}", wanted,
                       fmt::format(fmt::runtime(meaning), number.empty() ? std::to_string(wanted) : number));
  }
  return fmt::format("a vocabulary of {} cannot be: {}", wanted, printable(message));
}

}  // namespace

Result<std::string> train_tokenizer(const TokenizerTraining& options) {
  std::vector<MappedFile> files;
  std::vector<std::string_view> texts;
  std::uint64_t left = options.most_bytes != 0 ? options.most_bytes : ~std::uint64_t{0};
  for (const std::filesystem::path& path : options.inputs) {
    FH_TRY(MappedFile file, MappedFile::open(path));
    std::string_view text = freehold::as_text(file.bytes());
    if (text.size() > left) text = text.substr(0, complete_utf8_prefix(text.substr(0, left)));
    FH_TRY_VOID(check_text(path, text));
    left -= text.size();
    texts.push_back(text);
    files.push_back(std::move(file));
  }
  if (std::all_of(texts.begin(), texts.end(), [](std::string_view t) { return t.empty(); })) {
    return fail(Errc::invalid, "there is no text to learn from");
  }
  for (const std::string& token : options.control) {
    if (token.empty() || token.find(',') != std::string::npos || !is_utf8(token)) {
      return fail(Errc::invalid, fmt::format("'{}' cannot be a control token", printable(token)));
    }
  }
  const std::unordered_map<std::string, std::string> how = {
      {"model_type", "bpe"},
      {"vocab_size", std::to_string(options.vocab_size)},
      {"character_coverage", fmt::format("{}", options.character_coverage)},
      {"byte_fallback", "true"},
      {"split_digits", "true"},
      {"allow_whitespace_only_pieces", "true"},
      {"remove_extra_whitespaces", "false"},
      {"normalization_rule_name", "identity"},
      {"control_symbols", fmt::format("{}", fmt::join(options.control, ","))},
      {"max_sentence_length", std::to_string(2 * kLongestSentence)},
      {"num_threads", "1"},
      {"minloglevel", "3"},
  };
  Sentences sentences(texts);
  std::string model;
  try {
    const auto status = sentencepiece::SentencePieceTrainer::Train(how, &sentences, &model);
    if (!status.ok()) return fail(Errc::invalid, explained(options.vocab_size, status.message()));
  } catch (const std::exception& e) {
    return fail(Errc::internal, printable(e.what()));
  }
  return model;
}

}  // namespace freehold::train
