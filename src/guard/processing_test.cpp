#include "guard/processing.h"

#include <gtest/gtest.h>

#include "format/yaml.h"
#include "guard/policy.h"

namespace freehold::guard {
namespace {

Result<Processing> read(std::string_view yaml) {
  const auto node = format::parse_yaml(yaml);
  if (!node) return tl::unexpected(node.error());
  return read_processing(*node, [](std::string_view label) { return label == "health"; });
}

TEST(Processing, WhatIsSaidAndWhatIsNot) {
  const auto p = read(
      "controller: Practice Dr. Weber\n"
      "contact: 1 Main Street\n"
      "purposes:\n"
      "  - {purpose: letters, people: patients, data: findings, label: health}\n"
      "  - {purpose: translation}\n");
  ASSERT_TRUE(p) << p.error().what;
  EXPECT_EQ(p->controller, "Practice Dr. Weber");
  EXPECT_EQ(p->representative, "") << "nothing is made up";
  ASSERT_EQ(p->purposes.size(), 2U);
  EXPECT_EQ(p->purposes[0].subjects, "patients");
  EXPECT_EQ(p->purposes[1].basis, "");
  EXPECT_TRUE(read("{transfers: }")) << "said to be empty";
}

TEST(Processing, BadInputIsTold) {
  const std::pair<std::string, std::string> kBad[] = {
      {"[a]", "must be a map"},
      {"controler: x", "did you mean 'controller'"},
      {"controller: [a]", "line 1: 'controller' must be a text"},
      {"purposes: all", "must be a list"},
      {"purposes: [all]", "must be a map"},
      {"purposes: [{people: x}]", "needs 'purpose'"},
      {"purposes: [{purpose: x, label: secret}]", "'secret' is no label"},
      {"controller: " + std::string(3000, 'x'), "at most"}};
  for (const auto& [yaml, words] : kBad) {
    const auto p = read(yaml);
    ASSERT_FALSE(p) << yaml;
    EXPECT_EQ(p.error().code, Errc::invalid);
    EXPECT_NE(p.error().what.find(words), std::string::npos) << p.error().what;
  }
}

TEST(Processing, IsASectionOfThePolicy) {
  EXPECT_TRUE(parse_policy("version: 1\nprocessing: {controller: x}\n", "p.yaml"));
  const auto bad = parse_policy("version: 1\nprocessing:\n  contoller: x\n", "p.yaml");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().what.find("p.yaml: line 3"), std::string::npos) << bad.error().what;
}

}  // namespace
}  // namespace freehold::guard
