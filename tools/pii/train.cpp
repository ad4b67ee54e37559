// Trains the tagger of names (pii/tagger.h) and writes its weights.
//
// usage: pii_train SENTENCES WEIGHTS
// SENTENCES: one a line, names marked «P:John Smith» and places «L:Paris». They go through the scanner itself, so that
// what is learnt is what is asked for later. What the lexicon knows of names is forgotten in three sentences of ten, so
// that names that no list holds are found by what stands around them. Averaged perceptron; whole numbers only, so that
// the bytes are reproducible.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "base/random.h"
#include "pii/scanner.h"
#include "pii/tagger.h"

namespace {

using namespace freehold;
using namespace freehold::pii;

constexpr int kEpochs = 6;
constexpr std::size_t kWeights = kBuckets * kTags;

struct Sentence {
  std::string text;
  std::vector<Tag> tags;  // by byte
};

Sentence parse(const std::string& line) {
  Sentence out;
  Tag tag = Tag::none;
  for (std::size_t i = 0; i < line.size();) {
    if (line.compare(i, 2, "\xC2\xAB") == 0) {  // «
      tag = line[i + 2] == 'P' ? Tag::person : Tag::place;
      i += 4;
    } else if (line.compare(i, 2, "\xC2\xBB") == 0) {  // »
      tag = Tag::none;
      i += 2;
    } else if (const bool end = line.compare(i, 3, "\xE2\x8F\x8E") == 0;  // ⏎ and ⇥
               end || line.compare(i, 3, "\xE2\x87\xA5") == 0) {
      out.text += end ? '\n' : '\t';
      out.tags.push_back(tag);
      i += 3;
    } else {
      out.text += line[i++];
      out.tags.push_back(tag);
    }
  }
  return out;
}

class Trainer : public Chooser {
 public:
  Trainer() : weights_(kWeights), sums_(kWeights), last_(kWeights) {}

  void begin(const Sentence& sentence, std::uint64_t number) {
    sentence_ = &sentence;
    number_ = number;
  }

  Tag choose(const Window& window) override {
    Window seen = window;
    constexpr unsigned kNames = kGiven | kSurname | kPlace | kPlacePart;
    auto forget = [&](Word& word) {
      if (uniform_draw(4, number_, 0) < 0.3 || uniform_draw(1, number_, word.begin) < 0.1)
        word.flags &= static_cast<std::uint16_t>(~kNames);
    };
    const Tag truth = sentence_->tags[window.word.begin];
    forget(seen.word);
    if (seen.next.letters != 0) forget(seen.next);
    Features features;
    features_of(seen, features);
    long scores[3] = {0, 0, 0};
    for (const std::uint32_t bucket : features) {
      scores[1] += weights_[bucket * kTags];
      scores[2] += weights_[bucket * kTags + 1];
    }
    ++step_;
    ++seen_;
    int best = scores[1] > 0 && scores[1] >= scores[2] ? 1 : scores[2] > 0 ? 2 : 0;
    const int wanted = static_cast<int>(truth);
    if (best != wanted) {
      ++wrong_;
      for (const std::uint32_t bucket : features) {
        if (best != 0) change(bucket * kTags + static_cast<std::size_t>(best - 1), -1);
        if (wanted != 0) change(bucket * kTags + static_cast<std::size_t>(wanted - 1), +1);
        // Against none, which has no weights: the others move.
      }
    }
    // Half of the time what was said before is what it should have been.
    return uniform_draw(2, number_, window.word.begin) < 0.5 ? truth : static_cast<Tag>(best);
  }

  void report(int epoch) {
    std::cerr << "epoch " << epoch << ": " << wrong_ << " of " << seen_ << " wrong\n";
    wrong_ = seen_ = 0;
  }

  std::vector<signed char> finish() {
    std::vector<signed char> out(kWeights);
    long most = 1;
    std::vector<long> mean(kWeights);
    for (std::size_t i = 0; i < kWeights; ++i) {
      const long sum = sums_[i] + weights_[i] * (step_ - last_[i]);
      mean[i] = sum * 64 / std::max(step_, 1L);
      most = std::max(most, std::abs(mean[i]));
    }
    for (std::size_t i = 0; i < kWeights; ++i) out[i] = static_cast<signed char>(mean[i] * 127 / most);
    std::cerr << "largest weight " << most / 64.0 << "\n";
    return out;
  }

 private:
  void change(std::size_t i, int by) {
    sums_[i] += weights_[i] * (step_ - last_[i]);
    last_[i] = step_;
    weights_[i] += by;
  }

  std::vector<long> weights_, sums_, last_;
  long step_ = 0, wrong_ = 0, seen_ = 0;
  const Sentence* sentence_ = nullptr;
  std::uint64_t number_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: pii_train SENTENCES WEIGHTS\n";
    return 2;
  }
  std::vector<Sentence> sentences;
  std::ifstream in(argv[1]);
  for (std::string line; std::getline(in, line);) sentences.push_back(parse(line));
  Trainer trainer;
  std::vector<std::size_t> order(sentences.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::uint64_t number = 0;
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    for (std::size_t i = order.size(); i > 1; --i) {
      const auto j =
          static_cast<std::size_t>(uniform_draw(3, static_cast<std::uint64_t>(epoch), i) * static_cast<double>(i));
      std::swap(order[i - 1], order[j]);
    }
    for (const std::size_t i : order) {
      trainer.begin(sentences[i], ++number);
      Scanner scanner(Profile::gdpr, &trainer);
      std::vector<Finding> ignored;
      scanner.feed(sentences[i].text, ignored);
      scanner.finish(ignored);
    }
    trainer.report(epoch);
  }
  const std::vector<signed char> weights = trainer.finish();
  std::ofstream out(argv[2], std::ios::binary);
  out.write(reinterpret_cast<const char*>(weights.data()), static_cast<std::streamsize>(weights.size()));
  return out ? 0 : 1;
}
