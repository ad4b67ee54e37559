// For the engine's tests: a small deterministic decoder over the real paged cache, a tokenizer to go with it, and a
// recorder of events.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "engine/decoder.h"
#include "engine/engine.h"
#include "text/tokenizer.h"

namespace freehold::engine::testing {

inline constexpr std::int32_t kUnknown = 0, kBos = 1, kEos = 2, kByte = 3, kLetter = 259, kWord = 285;
inline const char* const kWords[] = {"▁the", "▁cat", "▁sat", "▁END", "ing", "▁", "é", "."};
inline constexpr std::uint32_t kVocab = kWord + 8;
inline constexpr std::uint32_t kWidth = 12;  // of the fake's hidden states

// <unk> <s> </s>, 256 byte tokens, a … z, some words.
inline text::Tokenizer small_tokenizer() {
  text::Vocabulary v;
  auto add = [&](std::string_view text, text::TokenType type) {
    v.tokens.add(text);
    v.types.push_back(type);
    v.scores.push_back(-static_cast<float>(v.types.size()));
  };
  add("<unk>", text::TokenType::unknown);
  add("<s>", text::TokenType::control);
  add("</s>", text::TokenType::control);
  const char* hex = "0123456789ABCDEF";
  for (int b = 0; b < 256; ++b) add(std::string("<0x") + hex[b >> 4] + hex[b & 15] + ">", text::TokenType::byte);
  for (char c = 'a'; c <= 'z'; ++c) add(std::string(1, c), text::TokenType::normal);
  for (const char* word : kWords) add(word, text::TokenType::normal);
  v.unknown = kUnknown;
  v.bos = kBos;
  v.eos = kEos;
  v.end_of_generation = {kEos};
  auto tokenizer = text::Tokenizer::create(std::move(v));
  if (!tokenizer) ADD_FAILURE() << tokenizer.error().what;
  return std::move(*tokenizer);
}

// Keeps every token id in the cache as a key, and makes logits of what it reads back there: a wrong block, a wrong fork
// or a position lost to a window changes everything that follows.
class FakeDecoder final : public Decoder {
 public:
  struct Size {
    std::uint32_t context = 512;
    std::uint32_t sequences = 8;
    std::uint32_t chunk = 512;
    std::uint64_t cache_tokens = 8 * 512;
    std::uint32_t window = 0;  // of a second layer
    std::uint32_t drafted = 0;
  };

  explicit FakeDecoder(Size size) : size_(size), layout_(spec_of(size)) {
    auto cache = model::KvCache::create(layout_, size.cache_tokens, size.sequences, size.chunk, size.context);
    if (!cache) ADD_FAILURE() << cache.error().what;
    cache_ = std::move(*cache);
    ids_.reserve(size.context);
  }
  FakeDecoder() : FakeDecoder(Size{}) {}

  std::uint32_t vocab() const override { return kVocab; }
  std::uint32_t context() const override { return size_.context; }
  std::uint32_t max_batch_tokens() const override { return size_.chunk + size_.sequences; }
  std::uint32_t max_logit_rows() const override { return size_.sequences + size_.drafted; }
  std::uint32_t width() const override { return kWidth; }
  model::Pooling pooling() const override { return pooled; }
  model::KvCache& cache() override { return *cache_; }

  Result<> forward(std::span<const model::BatchItem> items, std::span<float> logits) override {
    if (fail_next) {
      fail_next = false;
      return fail(Errc::internal, "the fake was told to fail");
    }
    batches.push_back(0);
    std::size_t row = 0;
    for (const model::BatchItem& item : items) {
      std::uint32_t start = item.sequence->length();
      for (std::size_t i = 0; i < item.tokens.size(); ++i)
        write(*item.sequence, start + static_cast<std::uint32_t>(i), item.tokens[i]);
      batches.back() += static_cast<std::uint32_t>(item.tokens.size());
      for (std::size_t i = 0; i < item.tokens.size(); ++i) {
        const bool last = i + 1 == item.tokens.size();
        const std::size_t first_hidden = item.tokens.size() - item.hidden.size() / kWidth;
        if (i >= first_hidden) {
          read(*item.sequence, start + static_cast<std::uint32_t>(i) + 1);
          fill_hidden(item.hidden.subspan((i - first_hidden) * kWidth, kWidth));
        }
        if (item.logits == model::LogitsWanted::none || (item.logits == model::LogitsWanted::last && !last)) continue;
        read(*item.sequence, start + static_cast<std::uint32_t>(i) + 1);
        fill(logits.subspan(row++ * kVocab, kVocab));
      }
      item.sequence->advance(static_cast<std::uint32_t>(item.tokens.size()));
    }
    EXPECT_EQ(row * kVocab, logits.size());
    return {};
  }

  void logits_of(std::span<const float> hidden, const model::Adapter*, std::span<float> logits) override {
    EXPECT_LE(hidden.size(), std::size_t{max_logit_rows()} * kWidth);
    for (std::size_t r = 0; r * kWidth < hidden.size(); ++r) {
      const auto row = hidden.subspan(r * kWidth, kWidth);
      const auto known = hidden_of_.find(std::vector<float>(row.begin(), row.end()));
      ASSERT_NE(known, hidden_of_.end()) << "a hidden state that was never given out";
      ids_ = known->second;
      fill(logits.subspan(r * kVocab, kVocab));
    }
  }

  // The token to make all but certain after these ids (-1 = none): a script.
  std::function<std::int32_t(std::span<const std::int32_t>)> favourite;
  std::function<bool(std::span<const std::int32_t>)> broken;  // NaN after these ids?
  std::function<void(std::span<float>)> change;               // what becomes of a row
  model::Pooling pooled = model::Pooling::last;
  bool fail_next = false;
  std::vector<std::uint32_t> batches;  // tokens of each
  double eos_logit = -20;

  bool all_free() const {
    for (std::size_t g = 0; g < layout_.groups.size(); ++g) {
      if (cache_->free_blocks(g) != cache_->total_blocks(g)) return false;
    }
    return true;
  }

 private:
  static model::KvLayout spec_of(const Size& size) {
    model::Spec spec;
    spec.kv_heads = 1;
    spec.head_size = 2;
    spec.blocks.resize(size.window == 0 ? 1 : 2);
    spec.blocks.back().window = size.window;
    return model::KvLayout(spec);
  }
  float* slot(const model::KvSequence& s, std::size_t group, std::uint32_t position) const {
    return reinterpret_cast<float*>(s.blocks(group)[position / model::kKvBlock]) + position % model::kKvBlock * 2;
  }
  void write(const model::KvSequence& s, std::uint32_t position, std::int32_t id) {
    for (std::size_t g = 0; g < layout_.groups.size(); ++g) {
      slot(s, g, position)[0] = static_cast<float>(id);
      slot(s, g, position)[1] = static_cast<float>(position);
    }
  }
  void read(const model::KvSequence& s, std::uint32_t length) {
    ids_.clear();
    for (std::uint32_t p = 0; p < length; ++p) {
      ids_.push_back(static_cast<std::int32_t>(slot(s, 0, p)[0]));
      for (std::size_t g = 0; g < layout_.groups.size(); ++g) {
        std::uint32_t window = layout_.groups[g].window;
        if (window != 0 && length - 1 - p >= window) continue;
        EXPECT_EQ(slot(s, g, p)[0], static_cast<float>(ids_.back()));
        EXPECT_EQ(slot(s, g, p)[1], static_cast<float>(p));
      }
    }
  }
  std::uint64_t hash_of_ids() const {
    std::uint64_t hash = 1469598103934665603u;
    for (std::int32_t id : ids_) hash = (hash ^ static_cast<std::uint64_t>(id)) * 1099511628211u;
    return hash;
  }
  void fill_hidden(std::span<float> row) {
    const std::uint64_t hash = hash_of_ids();
    for (std::uint32_t c = 0; c < kWidth; ++c) row[c] = static_cast<float>(2 * uniform_draw(hash, 1, c) - 1);
    hidden_of_.insert_or_assign(std::vector<float>(row.begin(), row.end()), ids_);
    if (broken && broken(ids_)) row[7] = std::numeric_limits<float>::quiet_NaN();
  }
  void fill(std::span<float> row) const {
    const std::uint64_t hash = hash_of_ids();
    for (std::uint32_t v = 0; v < kVocab; ++v) {
      row[v] = static_cast<float>(8 * uniform_draw(hash, 0, v) - 4);
      if (v < static_cast<std::uint32_t>(kLetter)) row[v] -= 5;  // mostly text, some lone bytes
    }
    row[kEos] = static_cast<float>(eos_logit);
    if (std::int32_t token = favourite ? favourite(ids_) : -1; token >= 0) row[static_cast<std::size_t>(token)] = 100;
    if (broken && broken(ids_)) row[7] = std::numeric_limits<float>::quiet_NaN();
    if (change) change(row);
  }

  Size size_;
  model::KvLayout layout_;
  std::unique_ptr<model::KvCache> cache_;
  std::vector<std::int32_t> ids_;
  std::map<std::vector<float>, std::vector<std::int32_t>> hidden_of_;  // what was given out, and for which ids
};

// Everything that must not depend on the surroundings, one line an event; and what a test asks about directly.
struct Recorder {
  std::vector<std::string> events;
  std::vector<std::string> text;  // by choice
  std::vector<FinishReason> reasons;
  std::vector<Finished> finished;  // views in it are gone
  std::vector<std::string> stop_strings;
  std::string error;
  Started started;
  std::vector<float> vector;  // of an embedding
  Usage embedded;

  EventSink sink() {
    return [this](const Event& e) { std::visit([this](const auto& event) { on(event); }, e); };
  }
  std::string& text_of(std::uint32_t choice) {
    if (text.size() <= choice) text.resize(choice + 1);
    return text[choice];
  }
  void on(const Started& e) {
    started = e;
    events.push_back("started " + std::to_string(e.prompt_tokens));
  }
  void on(const TextDelta& e) {
    EXPECT_FALSE(e.text.empty());
    text_of(e.choice) += e.text;
    events.push_back(std::to_string(e.choice) + " text " + std::string(e.text));
  }
  void on(const TokenLogprobs& e) {
    std::string line = std::to_string(e.choice) + " token";
    auto add = [&](const TokenLogprob& t) {
      line += " " + std::to_string(t.token) + ":" + std::to_string(std::bit_cast<std::uint64_t>(t.logprob)) + ":" +
              std::string(t.bytes);
    };
    add(e.sampled);
    for (const TokenLogprob& t : e.top) add(t);
    events.push_back(line);
  }
  void on(const Finished& e) {
    EXPECT_EQ(e.tokens.size(), e.usage.prompt_tokens + e.usage.completion_tokens);
    text_of(e.choice);
    reasons.push_back(e.reason);
    stop_strings.emplace_back(e.stop_string);
    finished.push_back(e);
    events.push_back(std::to_string(e.choice) + " finished " + std::string(name_of(e.reason)) + " " +
                     std::string(e.stop_string) + " " + std::to_string(e.stop_token) + " " +
                     std::to_string(e.usage.completion_tokens));
  }
  void on(const PromptLogprobs& e) {
    std::string line = "prompt " + std::to_string(e.position);
    auto add = [&](const TokenLogprob& t) {
      line += " " + std::to_string(t.token) + ":" + std::to_string(std::bit_cast<std::uint64_t>(t.logprob)) + ":" +
              std::string(t.bytes);
    };
    add(e.token);
    for (const TokenLogprob& t : e.top) add(t);
    events.push_back(line);
  }
  void on(const Embedded& e) {
    vector.assign(e.vector.begin(), e.vector.end());
    embedded = e.usage;
    std::string line = "embedded";
    for (float v : vector) line += " " + std::to_string(std::bit_cast<std::uint32_t>(v));
    events.push_back(line);
  }
  void on(const Failed& e) {
    error = e.error.what;
    events.push_back("failed " + e.error.what);
  }
};

inline Request sampled_request(std::uint64_t seed, std::size_t prompt_tokens, std::uint32_t max_tokens) {
  Request r;
  r.prompt.push_back(kBos);
  for (std::size_t i = 1; i < prompt_tokens; ++i) {
    r.prompt.push_back(kLetter + static_cast<std::int32_t>(uniform_draw(seed, 77, i) * 26));
  }
  r.seed = seed;
  r.max_tokens = max_tokens;
  r.logprobs = 3;
  r.sampling.temperature = 0.9;
  r.sampling.top_p = 0.95;
  r.sampling.repetition_penalty = 1.1;
  return r;
}

}  // namespace freehold::engine::testing
