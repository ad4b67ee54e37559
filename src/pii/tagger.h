// Names of people and of places among words with capitals: a linear model over what stands there and on both sides,
// trained by tools/pii/train.cpp on sentences of templates (averaged perceptron: Collins, "Discriminative Training
// Methods", EMNLP 2002), its weights rounded to bytes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "pii/context.h"

namespace freehold::pii {

// What stands between two words.
enum class Gap : std::uint8_t { blank, hyphen, comma, stop, quote, line, colon, number, genitive, other, end };

// A word, what came before, and what follows.
struct Window {
  const Context* context = nullptr;
  const Text* text = nullptr;  // from which the words were read
  Word word;
  Gap left = Gap::blank, right = Gap::blank;
  Word next;  // no letters: there is none close by
  Gap after_next = Gap::blank;
};
Window window_at(const Text& text, const Context& context, const Word& word);

// Whoever decides: the shipped model, or the trainer.
class Chooser {
 public:
  virtual ~Chooser() = default;
  // `least` as in Context: the lower, the rather a name.
  virtual Tag choose(const Window& window) = 0;
};

inline constexpr std::size_t kFeatures = 29;
inline constexpr std::size_t kBuckets = std::size_t{1} << 16;
inline constexpr std::size_t kTags = 2;  // person, place; none is what is left: its score is 0

using Features = std::array<std::uint32_t, kFeatures>;  // buckets
void features_of(const Window& window, Features& out);

class Tagger : public Chooser {
 public:
  // kBuckets x kTags weights.
  explicit Tagger(std::span<const signed char> weights);
  Tag choose(const Window& window) override;  // any threads at once

 private:
  std::vector<std::int32_t> weights_;  // of a bucket: kPlaceUnit x place + person, which add up without mixing
};

}  // namespace freehold::pii
