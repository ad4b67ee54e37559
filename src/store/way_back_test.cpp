#include "store/way_back.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/temporary_folder_testing.h"
#include "store/blob.h"

namespace freehold::store {
namespace {

Manifest from(const std::string& source) {
  Manifest out;
  out.from.source = source;
  return out;
}

std::string back(const Manifest& manifest) {
  return way_back(*ModelName::parse_given("mine:v1"), manifest);
}

TEST(WayBack, IsWhatIsToBeTyped) {
  EXPECT_EQ(back(from("built into freehold")), "freehold models import starter --name mine:v1");
  EXPECT_EQ(back(from("/models/a.gguf")), "freehold models import /models/a.gguf --name mine:v1");
  EXPECT_EQ(back(from("/my models/it's.gguf")), "freehold models import '/my models/it'\\''s.gguf' --name mine:v1");
  EXPECT_EQ(back(from("/a.gguf quantized to Q4_K")), "make it again (/a.gguf quantized to Q4_K), under this name");
  EXPECT_EQ(back(from("synthetic tiny F16 with seed 1")),
            "make it again (synthetic tiny F16 with seed 1), under this name");
  Manifest pulled = from("r.example/library/x");
  pulled.from.pulled = Pulled{"https://r.example", "library/x:8b", "sha256:00", "", "", {}};
  pulled.model.defaults.system = "Be brief.";  // which comes with it
  EXPECT_EQ(back(pulled), "freehold models pull library/x:8b --from https://r.example --name mine:v1");
  const std::pair<const char*, const char*> of_a_hub[] = {
      {"Org/Repo:q4_k_m", "Org/Repo:q4_k_m"},
      {"Org/Repo@v2:q4_k_m", "Org/Repo@v2:q4_k_m"},
      {"Org/Repo/x.gguf", "Org/Repo/resolve/main/x.gguf"},
      {"Org/Repo@v2/deep/x.gguf", "Org/Repo/resolve/v2/deep/x.gguf"},
      {"Repo", "Repo"},
      {"", "''"}};
  for (const auto& [reference, typed] : of_a_hub) {
    pulled.from.pulled = Pulled{"https://r.example", reference, "0123abcd", "", "", {}};
    EXPECT_EQ(back(pulled), fmt::format("freehold models pull {} --from https://r.example --name mine:v1", typed));
  }
}

TEST(WayBack, MovesNoNameToAnotherModel) {
  Manifest tuned = from("built into freehold");
  tuned.model.adapter = AdapterTuple{};
  EXPECT_EQ(back(tuned), "freehold models import starter");
  Manifest prompted = from("/models/a.gguf");
  prompted.model.defaults.system = "Be brief.";
  EXPECT_EQ(back(prompted), "freehold models import /models/a.gguf");
}

TEST(WayBack, LooksForEachFile) {
  const TemporaryFolder home;
  const Digest there = sha256(std::string_view("there")), gone = sha256(std::string_view("gone"));
  std::filesystem::create_directories(blob_path(home.path(), there).parent_path());
  ASSERT_TRUE(write_file_atomically(blob_path(home.path(), there), "there"));
  const auto file = [](const std::string& name, const Digest& digest) {
    StoredFile out;
    out.name = name;
    out.digest = digest;
    return out;
  };
  ModelTuple model;
  model.files = {file("config.json", there), file("model.gguf", there)};
  EXPECT_EQ(missing_file(home.path(), model), "");
  model.adapter = AdapterTuple{Kind::gguf_adapter, {file("adapter.gguf", gone)}};
  EXPECT_EQ(missing_file(home.path(), model), "adapter.gguf");
  model.files[1].digest = gone;
  EXPECT_EQ(missing_file(home.path(), model), "model.gguf");
}

}  // namespace
}  // namespace freehold::store
