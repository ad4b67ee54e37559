// main() of every GoogleTest program. Exit code 0 also when everything was skipped, with a line by which ctest can
// tell.
#include <gtest/gtest.h>

#include <cstdio>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  int result = RUN_ALL_TESTS();
  const auto& unit = *testing::UnitTest::GetInstance();
  if (result == 0 && unit.skipped_test_count() > 0 && unit.successful_test_count() == 0) std::puts("ALL TESTS SKIPPED");
  return result;
}
