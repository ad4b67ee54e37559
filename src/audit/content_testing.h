// A home for tests of what is kept: words put into it, and a look through every byte of every file.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <optional>
#include <string_view>
#include <utility>

#include "audit/content.h"
#include "base/file.h"
#include "base/temporary_folder_testing.h"

namespace freehold::audit {

class HomeTest : public ::testing::Test {
 protected:
  ~HomeTest() override { set_disk_fault_for_tests({}); }

  static std::optional<ContentPlace> keep(ContentLog& log, Content content) {
    std::promise<std::optional<ContentPlace>> kept;
    log.append(std::move(content), [&](std::optional<ContentPlace> place) { kept.set_value(std::move(place)); });
    return kept.get_future().get();
  }
  // In the name of a file or in its bytes.
  bool anywhere(std::string_view text) const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(home())) {
      if (entry.path().string().find(text) != std::string::npos) return true;
      if (!entry.is_regular_file()) continue;
      const auto content = read_file(entry.path());
      if (content && content->find(text) != std::string::npos) return true;
    }
    return false;
  }
  std::filesystem::path home() const { return folder_.path(); }

  TemporaryFolder folder_;
};

}  // namespace freehold::audit
