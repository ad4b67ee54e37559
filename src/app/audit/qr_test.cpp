#include "app/audit/qr.h"

#include <gtest/gtest.h>

#include <vector>

namespace freehold::app {
namespace {

// Rows of modules, '#' for dark, as a camera sees the text.
std::vector<std::string> modules(std::string_view text) {
  std::vector<std::string> rows;
  while (!text.empty()) {
    std::string upper, lower;
    for (; text.front() != '\n';) {
      const bool block = text.front() == '\xE2';
      const std::string_view glyph = text.substr(0, block ? 3 : 1);
      upper += glyph == "\u2588" || glyph == "\u2580" ? '#' : '.';
      lower += glyph == "\u2588" || glyph == "\u2584" ? '#' : '.';
      text.remove_prefix(glyph.size());
    }
    text.remove_prefix(1);
    rows.push_back(upper);
    rows.push_back(lower);
  }
  return rows;
}

TEST(Qr, HasItsPatternsAndItsQuietZone) {
  const auto text = qr_text("HELLO", false);
  ASSERT_TRUE(text);
  const auto rows = modules(*text);
  ASSERT_GE(rows.size(), 29U);
  EXPECT_EQ(rows[0].size(), 29U) << "version 1: 21 modules and 4 on each side";
  constexpr std::string_view kFinder[] = {"#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"};
  for (std::size_t y = 0; y < 7; ++y) {
    EXPECT_EQ(rows[4 + y].substr(4, 7), kFinder[y]);
    EXPECT_EQ(rows[4 + y].substr(18, 7), kFinder[y]);
    EXPECT_EQ(rows[18 + y].substr(4, 7), kFinder[y]);
  }
  for (std::size_t y = 0; y < 4; ++y) EXPECT_EQ(rows[y], std::string(29, '.'));
  for (std::size_t x = 12; x < 17; ++x) EXPECT_EQ(rows[10][x], x % 2 == 0 ? '#' : '.') << "timing";
  // Byte mode (0100) begins at the lower right corner, under one of eight masks; the dark module is always there.
  EXPECT_EQ(rows[4 + 13][4 + 8], '#');
}

TEST(Qr, WhatItHolds) {
  EXPECT_TRUE(qr_text(std::string(2953, 'x'), false));
  EXPECT_EQ(qr_text(std::string(2954, 'x'), false).error().code, Errc::invalid);
  const auto coloured = qr_text("HELLO", true);
  EXPECT_TRUE(coloured->starts_with("\x1b[30;107m"));
  EXPECT_TRUE(coloured->ends_with("\x1b[0m\n"));
}

}  // namespace
}  // namespace freehold::app
