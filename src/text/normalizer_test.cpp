#include "text/normalizer.h"

#include <gtest/gtest.h>

#include "base/thread_time.h"
#include "text/space_cleanup.h"

namespace freehold::text {
namespace {

using Kind = NormalizerStep::Kind;

std::string run(std::vector<NormalizerStep> steps, std::string_view text, bool at_start = true) {
  NormalizedText out;
  auto done = normalize(steps, text, at_start, false, out);
  return done ? out.text : "error: " + done.error().what;
}

TEST(Normalizer, Composes) {
  EXPECT_EQ(run({{.kind = Kind::nfc}}, "cafe\u0301 x"), "caf\u00E9 x");
  EXPECT_EQ(run({{.kind = Kind::nfc}}, "q\u0307\u0323"), "q\u0323\u0307");            // ordered by class
  EXPECT_EQ(run({{.kind = Kind::nfc}}, "\u1112\u1161\u11AB"), "\uD55C");              // Hangul
  EXPECT_EQ(run({{.kind = Kind::nfc}}, "\u2126"), "\u03A9");                          // a singleton
  EXPECT_EQ(run({{.kind = Kind::nfc}}, "\u05E9\u05C1\u05B8"), "\u05E9\u05B8\u05C1");  // excluded from composition
  EXPECT_EQ(run({{.kind = Kind::nfd}}, "\u00E9"), "e\u0301");
  EXPECT_EQ(run({{.kind = Kind::nfkc}}, "\uFB01\uFF21"), "fiA");
  EXPECT_EQ(run({{.kind = Kind::nfc}}, "\uFB01\uFF21"), "\uFB01\uFF21");
  EXPECT_EQ(run({{.kind = Kind::nfc}}, std::string_view("a\0b", 3)), std::string("a\0b", 3));
}

// utf8proc's own ordering would take a minute.
TEST(Normalizer, LongRunsOfMarksAreNotQuadratic) {
  std::string text = "a";
  for (int i = 0; i < 200000; ++i) text += "\u0301\u0323";
  const auto before = thread_time();
  std::string out = run({{.kind = Kind::nfc}}, text);
  EXPECT_LT(thread_seconds_since(before), 10);
  EXPECT_TRUE(out.starts_with("\u1EA1\u0323"));  // a with dot below takes the first of the dots, which now come first
}

TEST(Normalizer, PrependsAndReplaces) {
  std::string mark(kSpaceMark);
  std::vector<NormalizerStep> llama = {{.kind = Kind::prepend, .to = mark},
                                       {.kind = Kind::replace, .from = " ", .to = mark}};
  EXPECT_EQ(run(llama, " a b"), mark + mark + "a" + mark + "b");
  EXPECT_EQ(run(llama, ""), "");
  std::vector<NormalizerStep> first = {{.kind = Kind::prepend_if_absent, .to = mark, .only_at_start = true}};
  EXPECT_EQ(run(first, "a", true), mark + "a");
  EXPECT_EQ(run(first, "a", false), "a");
  EXPECT_EQ(run(first, mark + "a", true), mark + "a");
  EXPECT_EQ(run({{.kind = Kind::collapse_spaces}}, "  a   b  "), "a b");
  EXPECT_EQ(run({{.kind = Kind::collapse_spaces}}, "   "), "");
}

TEST(Normalizer, StepsCannotBlowATextUp) {
  std::vector<NormalizerStep> steps(32, {.kind = Kind::replace, .from = "a", .to = std::string(16, 'a')});
  EXPECT_TRUE(run(steps, "a").starts_with("error: "));
}

TEST(Normalizer, RemembersOrigins) {
  NormalizedText out;
  std::vector<NormalizerStep> steps = {
      {.kind = Kind::nfc}, {.kind = Kind::prepend, .to = "__"}, {.kind = Kind::replace, .from = " ", .to = "<>"}};
  ASSERT_TRUE(normalize(steps, "a e\u0301", true, true, out));
  EXPECT_EQ(out.text, "__a<>\u00E9");
  // "e" and the mark behind it are one chunk; the space before them is not part of it.
  EXPECT_EQ(out.origin, (std::vector<std::size_t>{0, 0, 0, 1, 1, 2, 2, 5}));
}

std::string clean(SpaceCleanup cleanup, std::string_view text, std::size_t step) {
  SpaceCleaner cleaner(cleanup);
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += step) cleaner.push(text.substr(i, step), false, out);
  cleaner.push({}, true, out);
  EXPECT_EQ(cleaner.pending(), 0u);
  return out;
}

TEST(SpaceCleaner, DropsWhatItShouldHoweverTheTextArrives) {
  for (std::size_t step : {1, 2, 3, 7, 1000}) {
    auto llama = [&](std::string_view t) { return clean(SpaceCleanup::llama_cpp, t, step); };
    EXPECT_EQ(llama("a . b ? c ! d , e"), "a. b? c! d, e");
    EXPECT_EQ(llama("'s 't 're 've 'm 'll 'd"), "'s 't're've'm 'll 'd");
    EXPECT_EQ(llama("if x != y"), "if x!= y");
    EXPECT_EQ(llama("a ' b"), "a'b");
    EXPECT_EQ(llama("a  ' s"), "a's");  // the second pass makes what the third one takes
    EXPECT_EQ(llama("  ..."), " ...");
    EXPECT_EQ(llama("do n't "), "do n't ");
    EXPECT_EQ(clean(SpaceCleanup::hugging_face, "do n't ", step), "don't ");
    EXPECT_EQ(clean(SpaceCleanup::none, "a . b", step), "a . b");
    EXPECT_EQ(llama(" ' ' ' '"), "''''");
  }
}

}  // namespace
}  // namespace freehold::text
