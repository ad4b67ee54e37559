#include "ledger/energy_meter.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/temporary_folder_testing.h"

namespace freehold::ledger {
namespace {

class Meter : public ::testing::Test {
 protected:
  void put(const std::string& zone, const std::string& name, const std::string& value,
           const std::string& range = "1000") {
    std::filesystem::create_directories(folder_.path() / zone);
    std::ofstream(folder_.path() / zone / "name") << name << '\n';
    std::ofstream(folder_.path() / zone / "energy_uj") << value << '\n';
    std::ofstream(folder_.path() / zone / "max_energy_range_uj") << range << '\n';
  }
  TemporaryFolder folder_;
};

TEST_F(Meter, PackagesAndMemoryAreAddedUp) {
  put("intel-rapl:0", "package-0", "100");
  put("intel-rapl:0:0", "core", "50");
  put("intel-rapl:0:1", "dram", "10");
  put("intel-rapl:1", "package-1", "7");
  put("intel-rapl:2", "psys", "1");
  put("dtpm", "package-9", "1");
  auto meter = EnergyMeter::open(folder_.path());
  ASSERT_TRUE(meter);
  EXPECT_EQ(meter->counters(), 3u);
  EXPECT_EQ(meter->read(), 0u);
  put("intel-rapl:0", "package-0", "118");
  put("intel-rapl:0:0", "core", "900");
  EXPECT_EQ(meter->read(), 5u) << "18 microjoules";
  put("intel-rapl:0:1", "dram", "19");
  put("intel-rapl:1", "package-1", "16");
  EXPECT_EQ(meter->read(), 10u);
}

TEST_F(Meter, CountersWrap) {
  put("intel-rapl:0", "package-0", "990");
  auto meter = EnergyMeter::open(folder_.path());
  put("intel-rapl:0", "package-0", "26");
  EXPECT_EQ(meter->read(), 10u) << "10 to the end of the range, 26 more";
}

TEST_F(Meter, SmallAmountsAreNotLost) {
  put("intel-rapl:0", "package-0", "0");
  auto meter = EnergyMeter::open(folder_.path());
  std::uint64_t last = 0;
  for (int i = 1; i <= 360; ++i) {
    put("intel-rapl:0", "package-0", std::to_string(i));
    const std::uint64_t now = meter->read();
    EXPECT_GE(now, last);
    last = now;
  }
  EXPECT_EQ(last, 100u);
}

TEST_F(Meter, ThereMayBeNone) {
  EXPECT_FALSE(EnergyMeter::open(folder_.path() / "nothing"));
  put("intel-rapl:0", "package-0", "not a number");
  EXPECT_FALSE(EnergyMeter::open(folder_.path()));
}

}  // namespace
}  // namespace freehold::ledger
