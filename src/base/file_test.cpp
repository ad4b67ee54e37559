#include "base/file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/hash.h"

namespace freehold {
namespace {

namespace fs = std::filesystem;

class File : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "freehold-file-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    set_disk_fault_for_tests(nullptr);
    fs::remove_all(folder_);
  }
  fs::path put(const std::string& name, std::string_view text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  fs::path folder_;
};

TEST_F(File, ForgottenPagesReadTheSameAgain) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::string text(5 * page + 7, ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i / 100 % 26);
  auto map = MappedFile::open(put("a", text));
  ASSERT_TRUE(map.has_value()) << map.error().what;
  auto resident = [&] {
    std::size_t pages = 0;
    std::ifstream statm("/proc/self/smaps");
    for (std::string line; std::getline(statm, line);) {
      if (line.find((folder_ / "a").string()) == std::string::npos) continue;
      while (std::getline(statm, line) && !line.starts_with("Rss:")) {
      }
      pages += std::stoul(line.substr(4)) * 1024 / page;
    }
    return pages;
  };
  ASSERT_EQ(as_text(map->bytes()), text);
  ASSERT_EQ(resident(), 6u);
  map->forget(map->bytes().subspan(page / 2, 3 * page));  // whole pages inside: 1 and 2
  EXPECT_EQ(resident(), 4u);
  map->forget(map->bytes().subspan(1, 10));
  map->forget(as_bytes(text));  // not of this map
  map->forget({});
  EXPECT_EQ(resident(), 4u);
  EXPECT_EQ(as_text(map->bytes()), text);
}

TEST_F(File, IsMappedAndRead) {
  fs::path path = put("a", "hello");
  auto map = MappedFile::open(path);
  ASSERT_TRUE(map.has_value()) << map.error().what;
  EXPECT_EQ(as_text(map->bytes()), "hello");
  map->will_need();
  MappedFile moved = std::move(*map);
  EXPECT_EQ(as_text(moved.bytes()), "hello");
  moved = *MappedFile::open(put("b", "other"));
  EXPECT_EQ(as_text(moved.bytes()), "other");
  EXPECT_EQ(read_file(path).value(), "hello");
}

TEST_F(File, AnEmptyOneIsFine) {
  auto map = MappedFile::open(put("empty", ""));
  ASSERT_TRUE(map.has_value());
  EXPECT_EQ(map->size(), 0u);
  EXPECT_EQ(read_file(folder_ / "empty").value(), "");
}

TEST_F(File, WhatIsNotARegularFileIsRefusedAtOnce) {
  fs::path fifo = folder_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  for (const fs::path& path : {fifo, folder_, fs::path("/dev/zero")}) {
    auto map = MappedFile::open(path);
    ASSERT_FALSE(map.has_value()) << path;
    EXPECT_EQ(map.error().code, Errc::invalid);
    EXPECT_EQ(read_file(path).error().code, Errc::invalid);
  }
  EXPECT_EQ(MappedFile::open(folder_ / "none").error().code, Errc::not_found);
  EXPECT_EQ(read_file(put("f", "x") / "below").error().code, Errc::not_found);
}

TEST_F(File, NamesInErrorsAreMadePrintable) {
  auto map = MappedFile::open(folder_ / "\x1B[31mred");
  ASSERT_FALSE(map.has_value());
  EXPECT_EQ(map.error().what.find('\x1B'), std::string::npos);
}

TEST_F(File, ReadingRefusesWhatIsLongerThanTheLimit) {
  fs::path path = put("a", "12345");
  EXPECT_EQ(read_file(path, 5).value(), "12345");
  EXPECT_EQ(read_file(path, 4).error().code, Errc::exhausted);
}

TEST_F(File, NamesFromAnIndexStayInTheirFolder) {
  fs::path model = folder_ / "model";
  fs::create_directory(model);
  std::ofstream(model / "shard") << "inside";
  put("secret", "outside");
  EXPECT_EQ(as_text(MappedFile::open_in(model, "shard")->bytes()), "inside");
  for (const char* name : {"", ".", "..", "../secret", "/etc/passwd", "sub/shard"}) {
    EXPECT_FALSE(MappedFile::open_in(model, name).has_value()) << name;
  }
  EXPECT_FALSE(MappedFile::open_in(model, std::string("shard\0x", 7)).has_value());
  fs::create_symlink("../secret", model / "link");
  EXPECT_EQ(MappedFile::open_in(model, "link").error().code, Errc::invalid);
  fs::create_symlink((folder_ / "secret").string(), model / "absolute");
  EXPECT_EQ(MappedFile::open_in(model, "absolute").error().code, Errc::invalid);
  fs::create_symlink("shard", model / "alias");
  EXPECT_TRUE(MappedFile::open_in(model, "alias").has_value());
  fs::create_symlink("loop", model / "loop");
  EXPECT_FALSE(MappedFile::open_in(model, "loop").has_value());
  EXPECT_EQ(MappedFile::open_in(model, "none").error().code, Errc::not_found);
}

// models--x/snapshots/COMMIT/file -> ../../blobs/HASH is how the Hugging Face cache lays out a model.
TEST_F(File, LinksOfAHuggingFaceCacheAreFollowedAndNoOthers) {
  fs::path snapshot = folder_ / "models--x" / "snapshots" / "c0ffee";
  fs::create_directories(snapshot);
  fs::create_directories(folder_ / "models--x" / "blobs");
  std::ofstream(folder_ / "models--x" / "blobs" / "abc") << "blob";
  fs::create_symlink("../../blobs/abc", snapshot / "model.safetensors");
  auto map = MappedFile::open_in(snapshot, "model.safetensors");
  ASSERT_TRUE(map.has_value()) << map.error().what;
  EXPECT_EQ(as_text(map->bytes()), "blob");
  put("elsewhere", "x");
  fs::create_symlink("../../../elsewhere", snapshot / "config.json");
  EXPECT_FALSE(MappedFile::open_in(snapshot, "config.json").has_value());
}

TEST_F(File, AppearsUnderItsNameOnlyWhenCommitted) {
  fs::path path = folder_ / "f";
  {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE(file->write("0000 body").has_value());
    ASSERT_TRUE(file->write_at(0, as_bytes("head")).has_value());
    EXPECT_EQ(file->position(), 9u);
    EXPECT_FALSE(fs::exists(path));
    ASSERT_TRUE(file->commit().has_value());
  }
  EXPECT_EQ(read_file(path).value(), "head body");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(File, WithoutCommitNothingIsLeft) {
  {
    auto file = AtomicFile::create(folder_ / "f");
    ASSERT_TRUE(file->write("x").has_value());
    auto other = AtomicFile::create(folder_ / "g");
    *file = std::move(*other);  // the first one's temporary file goes
  }
  EXPECT_EQ(entries(), 0u);
  EXPECT_EQ(AtomicFile::create(folder_ / "none" / "f").error().code, Errc::not_found);
}

// As root a rename over /dev/null succeeds, and the machine has none any more.
TEST_F(File, ReplacesNothingButRegularFiles) {
  fs::path fifo = folder_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(AtomicFile::create(fifo).error().code, Errc::invalid);
  fs::create_symlink(fifo, folder_ / "to-fifo");
  EXPECT_EQ(AtomicFile::create(folder_ / "to-fifo").error().code, Errc::invalid);
  fs::create_directory(folder_ / "folder");
  EXPECT_EQ(AtomicFile::create(folder_ / "folder").error().code, Errc::invalid);
  auto late = AtomicFile::create(folder_ / "late");
  ASSERT_TRUE(late && late->write("x"));
  ASSERT_EQ(::mkfifo((folder_ / "late").c_str(), 0600), 0);  // it appeared meanwhile
  EXPECT_EQ(late->commit().error().code, Errc::invalid);
  EXPECT_TRUE(fs::is_fifo(fifo));
  EXPECT_TRUE(fs::is_symlink(folder_ / "to-fifo"));
  EXPECT_TRUE(fs::is_fifo(folder_ / "late"));
}

TEST_F(File, IsWrittenWhereALinkLeads) {
  put("target", "old");
  fs::create_symlink("target", folder_ / "link");
  ASSERT_TRUE(write_file_atomically(folder_ / "link", "new").has_value());
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read_file(folder_ / "target").value(), "new");
}

TEST_F(File, MayBeNamedLast) {
  auto file = AtomicFile::create(folder_ / "unnamed");
  ASSERT_TRUE(file->write("content").has_value());
  ASSERT_TRUE(file->commit_as(folder_ / "sha256-x").has_value());
  EXPECT_EQ(read_file(folder_ / "sha256-x").value(), "content");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(File, IsReadInPiecesOfAnySize) {
  fs::path path = folder_ / "pieces";
  ASSERT_TRUE(write_file_atomically(path, "0123456789"));
  auto file = InputFile::open_in(folder_, "pieces");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size(), 10u);
  std::array<std::byte, 7> part;
  EXPECT_EQ(file->read(part).value(), 7u);
  EXPECT_EQ(as_text(part), "0123456");
  EXPECT_EQ(file->read(part).value(), 3u);
  EXPECT_EQ(file->read(part).value(), 0u);
  EXPECT_FALSE(InputFile::open(folder_));
  EXPECT_FALSE(InputFile::open_in(folder_, "../x"));
}

TEST_F(File, IsDeletedAndMayBeGoneAlready) {
  fs::path path = folder_ / "gone";
  ASSERT_TRUE(write_file_atomically(path, "x"));
  EXPECT_TRUE(remove_file(path));
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(remove_file(path));
  EXPECT_FALSE(remove_file(folder_)) << "a folder is not a file";
}

TEST_F(File, FoldersAreMadeOrTheErrorNamesThem) {
  EXPECT_TRUE(make_directories(folder_ / "a" / "b").has_value());
  EXPECT_TRUE(make_directories(folder_ / "a" / "b").has_value());
  put("f", "x");
  auto bad = make_directories(folder_ / "f" / "b");
  ASSERT_FALSE(bad.has_value());
  EXPECT_NE(bad.error().what.find("/f/b"), std::string::npos);
}

// Disk operation number 1, 2, 3 … fails until the whole succeeds. After each: the old content or, once the rename has
// happened, the new; never a mixture, never a leftover.
TEST_F(File, TheNthFailureLeavesTheOldStateOrTheNew) {
  fs::path path = put("f", "old");
  const std::string content(300'000, 'n');
  for (int error : {EIO, ENOSPC}) {
    bool succeeded = false;
    int failures = 0;
    for (int n = 1; !succeeded; ++n) {
      ASSERT_LT(n, 100);
      std::ofstream(path, std::ios::trunc) << "old";
      int operation = 0;
      bool renamed = false;
      set_disk_fault_for_tests([&](const char* what) {
        if (++operation == n) return error;
        renamed = renamed || std::string_view(what) == "rename";
        return 0;
      });
      auto written = write_file_atomically(path, content);
      set_disk_fault_for_tests(nullptr);
      succeeded = written.has_value();
      if (!succeeded) {
        ++failures;
        EXPECT_EQ(written.error().code, error == ENOSPC ? Errc::exhausted : Errc::io);
        EXPECT_FALSE(written.error().what.empty());
      }
      std::string now = read_file(path).value();
      if (succeeded || renamed) {
        EXPECT_EQ(now, content);
      } else {
        EXPECT_EQ(now, "old");
      }
      EXPECT_EQ(entries(), 1u) << "operation " << n << " left something behind";
    }
    EXPECT_GE(failures, 5) << "create, write, sync, rename and the folder's sync can each fail";
  }
}

// A child writes version after version, each with its own digest inside, and is killed at a random instant: what is
// there afterwards is one whole version, and not older than the last one whose commit was reported.
TEST_F(File, KilledAtAnyInstantOneWholeVersionIsThere) {
  fs::path path = folder_ / "f";
  for (int round = 0; round < 25; ++round) {
    int pipe_ends[2] = {-1, -1};
    ASSERT_EQ(::pipe(pipe_ends), 0);
    pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (int version = round * 100'000;; ++version) {
        std::string body = std::to_string(version) + "\n" + std::string(20'000, static_cast<char>('a' + version % 26));
        if (!write_file_atomically(path, sha256(body).hex() + body)) ::_exit(1);
        if (::write(pipe_ends[1], &version, sizeof version) != sizeof version) ::_exit(1);
      }
    }
    ::close(pipe_ends[1]);
    int acknowledged = -1;
    ASSERT_EQ(::read(pipe_ends[0], &acknowledged, sizeof acknowledged), static_cast<ssize_t>(sizeof acknowledged));
    std::this_thread::sleep_for(std::chrono::microseconds(std::rand() % 4000));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed by itself";
    for (int version = 0; ::read(pipe_ends[0], &version, sizeof version) == static_cast<ssize_t>(sizeof version);) {
      acknowledged = version;
    }
    ::close(pipe_ends[0]);
    std::string text = read_file(path).value();
    ASSERT_GT(text.size(), 64u);
    ASSERT_EQ(text.substr(0, 64), sha256(text.substr(64)).hex()) << "torn";
    ASSERT_GE(std::stoi(text.substr(64)), acknowledged) << "an acknowledged version is gone";
  }
}

}  // namespace
}  // namespace freehold
