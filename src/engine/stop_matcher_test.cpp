#include "engine/stop_matcher.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace freehold::engine {
namespace {

struct Matched {
  std::string text;
  std::size_t found = StopMatcher::kNone;
  bool operator==(const Matched&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Matched& o) {
  return out << '"' << o.text << "\" stop " << o.found;
}

// The definition: look at every beginning of the text, from the shortest.
Matched plain(const std::vector<std::string>& stops, const std::string& text) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    std::size_t found = StopMatcher::kNone;
    for (std::size_t i = 0; i < stops.size(); ++i) {
      bool here = end >= stops[i].size() && text.compare(end - stops[i].size(), stops[i].size(), stops[i]) == 0;
      if (here && (found == StopMatcher::kNone || stops[i].size() > stops[found].size())) found = i;
    }
    if (found != StopMatcher::kNone) return {text.substr(0, end - stops[found].size()), found};
  }
  return {text, StopMatcher::kNone};
}

Matched in_pieces(const std::vector<std::string>& stops, const std::string& text, std::uint64_t seed) {
  StopMatcher matcher(stops);
  Matched o;
  for (std::size_t at = 0, i = 0; at < text.size(); ++i) {
    auto size = static_cast<std::size_t>(uniform_draw(seed, 1, i) * 5);
    o.found = matcher.push(std::string_view(text).substr(at, size), o.text);
    if (o.found != StopMatcher::kNone) return o;
    at += size;
  }
  matcher.finish(o.text);
  return o;
}

TEST(StopMatcher, AnyCutGivesWhatTheDefinitionGives) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    std::uint64_t draw = 0;
    auto random_text = [&](double longest) {
      std::string s;
      auto size = 1 + static_cast<std::size_t>(uniform_draw(seed, 0, draw++) * longest);
      for (std::size_t i = 0; i < size; ++i)
        s.push_back("abc"[static_cast<int>(uniform_draw(seed, 0, draw++) * (seed % 3 + 1))]);
      return s;
    };
    std::vector<std::string> stops;
    auto count = static_cast<std::size_t>(uniform_draw(seed, 2, 0) * 4);
    for (std::size_t i = 0; i < count; ++i) stops.push_back(random_text(7));
    std::string text = random_text(40);
    ASSERT_EQ(in_pieces(stops, text, seed), plain(stops, text)) << seed << " " << text;
  }
}

TEST(StopMatcher, HoldsBackNoMoreThanItMust) {
  StopMatcher matcher({"STOP", "TOPAZ"});
  std::string out;
  EXPECT_EQ(matcher.push("a S", out), StopMatcher::kNone);
  EXPECT_EQ(out, "a ");
  matcher.push("TO", out);
  EXPECT_EQ(out, "a ");
  matcher.push("X ", out);
  EXPECT_EQ(out, "a STOX ");
  matcher.push("TOPA", out);
  matcher.finish(out);
  EXPECT_EQ(out, "a STOX TOPA");
}

}  // namespace
}  // namespace freehold::engine
