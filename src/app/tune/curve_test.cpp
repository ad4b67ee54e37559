#include "app/tune/curve.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

namespace freehold::app {
namespace {

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

std::size_t count(const std::string& text, const std::string& mark) {
  std::size_t n = 0;
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + mark.size())) ++n;
  return n;
}

TEST(LossCurve, FallsFromTheFirstRowToTheLast) {
  train::Metrics m;
  for (std::uint64_t step = 1; step <= 100; ++step) {
    train::StepMetrics s;
    s.step = step;
    s.loss = 5.0 - 0.04 * static_cast<double>(step);
    m.steps.push_back(s);
  }
  train::EvaluationMetrics e;
  e.step = 100;
  e.loss = 2.0;
  m.evaluations.push_back(e);
  const std::string curve = loss_curve(m, 100, 50, 8);
  const auto rows = lines(curve);
  ASSERT_EQ(rows.size(), 8u + 3u);
  EXPECT_NE(rows[0].find("·"), std::string::npos);
  EXPECT_LT(rows[0].find("·"), rows[7].find("·"));
  EXPECT_EQ(count(curve, "◆"), 2u) << "one evaluation, and what the mark means";
  EXPECT_EQ(count(curve, "·"), 50u + 1u) << "a mark a column; the explanation has one more";
  EXPECT_NE(rows[9].find("100"), std::string::npos);
}

TEST(LossCurve, OfNothingOfOneOfWhatIsNotFinite) {
  train::Metrics m;
  EXPECT_EQ(loss_curve(m, 10, 40, 8), "");
  train::StepMetrics s;
  s.step = 1;
  s.loss = NAN;
  m.steps.push_back(s);
  EXPECT_EQ(loss_curve(m, 10, 40, 8), "");
  s.step = 99;  // behind the end: a run that was planned shorter than what is there
  s.loss = 3;
  m.steps.push_back(s);
  EXPECT_NE(loss_curve(m, 10, 40, 8), "");
  EXPECT_NE(loss_curve(m, 0, 0, 0), "");
}

}  // namespace
}  // namespace freehold::app
