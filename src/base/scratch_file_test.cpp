// Scratch files: what is forgotten is still there, nothing is left behind, a full or missing folder is an error.
#include "base/scratch_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace freehold {
namespace {

namespace fs = std::filesystem;

struct ScratchFileTest : testing::Test {
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/freehold-scratch-test-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    const char* old = ::getenv("TMPDIR");
    before = old != nullptr ? old : "";
    ::setenv("TMPDIR", folder.c_str(), 1);
  }
  void TearDown() override {
    before.empty() ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", before.c_str(), 1);
    fs::remove_all(folder);
  }
  fs::path folder;
  std::string before;
};

std::size_t resident_pages(std::span<const std::byte> memory) {
  std::size_t count = 0;
  std::vector<std::uint64_t> entries(memory.size() / 4096);
  std::ifstream pagemap("/proc/self/pagemap", std::ios::binary);
  pagemap.seekg(static_cast<std::streamoff>(reinterpret_cast<std::uintptr_t>(memory.data()) / 4096 * 8));
  pagemap.read(reinterpret_cast<char*>(entries.data()), static_cast<std::streamsize>(entries.size() * 8));
  for (const std::uint64_t e : entries) count += e >> 63;
  return count;
}

TEST_F(ScratchFileTest, ForgottenPagesKeepTheirContent) {
  constexpr std::size_t kBytes = std::size_t{4} << 20;
  auto file = ScratchFile::create(kBytes);
  ASSERT_TRUE(file.has_value()) << file.error().what;
  ASSERT_EQ(file->span().size(), kBytes);
  EXPECT_TRUE(fs::is_empty(folder));  // it has no name
  for (std::size_t i = 0; i < kBytes; ++i) file->span()[i] = static_cast<std::byte>(i * 7 / 3);
  EXPECT_EQ(resident_pages(file->span()), kBytes / 4096);
  file->forget(file->span());
  EXPECT_EQ(resident_pages(file->span()), 0u);
  for (std::size_t i = 0; i < kBytes; ++i) ASSERT_EQ(file->span()[i], static_cast<std::byte>(i * 7 / 3)) << i;
  const std::vector<std::byte> other(8192);
  file->forget(other);  // somebody else's bytes: nothing
  EXPECT_EQ(other[100], std::byte{0});
}

TEST_F(ScratchFileTest, WithoutRoomOrFolderIsAnError) {
  EXPECT_FALSE(ScratchFile::create(std::size_t{1} << 60).has_value());
  ::setenv("TMPDIR", (folder / "missing").c_str(), 1);
  const auto file = ScratchFile::create(4096);
  ASSERT_FALSE(file.has_value());
  EXPECT_EQ(file.error().code, Errc::io);
}

}  // namespace
}  // namespace freehold
