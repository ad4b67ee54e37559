#include "pull/hub.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace freehold::pull {
namespace {

std::string sibling(std::string_view name, bool lfs = true) {
  if (!lfs) return fmt::format(R"({{"rfilename":"{}","size":5,"blobId":"{}"}})", name, std::string(40, 'b'));
  return fmt::format(R"({{"rfilename":"{}","size":7,"blobId":"x","lfs":{{"sha256":"{}","size":7,"pointerSize":1}}}})",
                     name, sha256(name).hex());
}

HubListing listing(std::initializer_list<std::string_view> names) {
  std::string list;
  for (auto name : names) list += (list.empty() ? "" : ",") + sibling(name, !name.ends_with(".json"));
  auto parsed = parse_hub_listing(fmt::format(R"({{"sha":"{}","siblings":[{}]}})", std::string(40, 'c'), list));
  EXPECT_TRUE(parsed);
  return parsed ? *parsed : HubListing{};
}

std::vector<std::string> names(const Result<Choice>& choice) {
  std::vector<std::string> out;
  EXPECT_TRUE(choice) << (choice ? "" : choice.error().what);
  if (choice) {
    for (const ChosenFile& f : choice->files) out.push_back(f.file.name + " " + f.stored);
  }
  return out;
}

using Names = std::vector<std::string>;

TEST(HubListing, SaysWhatItsFilesAre) {
  const HubListing l = listing({"a/x-Q4_0.gguf", "config.json"});
  EXPECT_EQ(l.commit, std::string(40, 'c'));
  ASSERT_EQ(l.files.size(), 2u);
  EXPECT_EQ(l.files[0].sha256, sha256("a/x-Q4_0.gguf"));
  EXPECT_EQ(l.files[0].size, 7u);
  EXPECT_FALSE(l.files[1].sha256);
  EXPECT_EQ(l.files[1].git_sha1, std::string(40, 'b'));
}

TEST(HubListing, HostileNamesAreNobodysAndAbsurdListsAreRefused) {
  EXPECT_TRUE(listing({"../x.gguf", "/etc/x.gguf", "a/../b.gguf", "a//b.gguf", "a/", "x\\\\y.gguf"}).files.empty());
  for (const std::string& json :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"siblings":{}})"),
        std::string(R"({"siblings":[1]})"), R"({"siblings":[)" + sibling("a") + "," + sibling("a") + "]}",
        std::string(R"({"siblings":[{"rfilename":"a","lfs":{"sha256":"zz"}}]})"),
        std::string(R"({"siblings":[{"rfilename":"a","size":9223372036854775807}]})")}) {
    EXPECT_FALSE(parse_hub_listing(json)) << json;
  }
}

TEST(HubChoice, ByQuantisation) {
  const auto l = listing({"m-Q4_K_M.gguf", "m-Q4_K_S.gguf", "m-q8_0.gguf", "mmproj-m-Q8_0.gguf", "m.imatrix.gguf"});
  EXPECT_EQ(names(choose(l, "q4_k_m", "")), Names{"m-Q4_K_M.gguf model.gguf"});
  EXPECT_EQ(names(choose(l, "Q8_0", "")), Names{"m-q8_0.gguf model.gguf"});
  const auto none = choose(l, "Q4_K", "");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::not_found);
  EXPECT_NE(none.error().what.find("Q4_K_M, Q4_K_S, q8_0"), std::string::npos) << none.error().what;
  EXPECT_EQ(choose(l, "", "").error().code, Errc::invalid) << "several: it is not ours to pick";
  EXPECT_EQ(names(choose(l, "", "m-Q4_K_S.gguf")), Names{"m-Q4_K_S.gguf model.gguf"});
  EXPECT_EQ(choose(l, "", "other.gguf").error().code, Errc::not_found);
  EXPECT_EQ(names(choose(listing({"only.gguf", "README.json"}), "", "")), Names{"only.gguf model.gguf"});
}

TEST(HubChoice, SplitFilesAreWholeOrRefused) {
  const Names all = {"Q8_0/m-Q8_0-00001-of-00002.gguf model-00001-of-00002.gguf",
                     "Q8_0/m-Q8_0-00002-of-00002.gguf model-00002-of-00002.gguf"};
  const auto l = listing({"Q8_0/m-Q8_0-00002-of-00002.gguf", "Q8_0/m-Q8_0-00001-of-00002.gguf", "m-Q4_0.gguf"});
  EXPECT_EQ(names(choose(l, "q8_0", "")), all);
  EXPECT_EQ(names(choose(l, "", "Q8_0/m-Q8_0-00001-of-00002.gguf")), all);
  EXPECT_EQ(choose(listing({"m-Q8_0-00002-of-00002.gguf"}), "", "").error().code, Errc::corrupt);
  EXPECT_FALSE(choose(listing({"m-00001-of-99999.gguf"}), "", ""));
  EXPECT_FALSE(choose(listing({"m-00000-of-00000.gguf"}), "", ""));
}

TEST(HubChoice, AFolderOfSafetensors) {
  const auto one =
      listing({"config.json", "model.safetensors", "tokenizer.json", "pytorch_model.bin", "x/config.json"});
  EXPECT_EQ(names(choose(one, "", "")),
            (Names{"config.json config.json", "tokenizer.json tokenizer.json", "model.safetensors model.safetensors"}));
  const auto both = listing({"config.json", "model.safetensors", "m-Q8_0.gguf"});
  EXPECT_EQ(choose(both, "", "").error().code, Errc::invalid);
  EXPECT_EQ(choose(both, "safetensors", "")->kind, store::Kind::hugging_face);
  const auto parts = listing({"config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors",
                              "model-00002-of-00002.safetensors"});
  EXPECT_EQ(choose(parts, "", "")->files.size(), 4u);
  EXPECT_EQ(choose(listing({"config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors"}), "", "")
                .error()
                .code,
            Errc::corrupt);
  EXPECT_EQ(choose(listing({"README.json"}), "", "").error().code, Errc::not_found);
}

}  // namespace
}  // namespace freehold::pull
