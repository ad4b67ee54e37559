#include "pull/registry.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace freehold::pull {
namespace {

std::string layer(std::string_view kind, std::uint64_t size = 10) {
  return fmt::format(R"({{"mediaType":"application/vnd.ollama.image.{}","digest":"{}","size":{}}})", kind,
                     sha256(kind).name(), size);
}

std::string manifest(std::string_view layers, std::string_view schema = "2") {
  return fmt::format(R"({{"schemaVersion":{},"config":{{}},"layers":[{}]}})", schema, layers);
}

TEST(RegistryManifest, SaysWhatItsLayersAre) {
  auto layers = parse_registry_manifest(manifest(layer("model", 1 << 30) + "," + layer("params") + "," +
                                                 layer("license") + "," + layer("license") + "," + layer("newer")));
  ASSERT_TRUE(layers) << layers.error().what;
  ASSERT_EQ(layers->size(), 5u);
  EXPECT_EQ((*layers)[0].kind, LayerKind::model);
  EXPECT_EQ((*layers)[0].digest, sha256("model"));
  EXPECT_EQ((*layers)[0].size, std::uint64_t{1} << 30);
  EXPECT_EQ((*layers)[1].kind, LayerKind::parameters);
  EXPECT_EQ((*layers)[4].kind, LayerKind::other);
}

TEST(RegistryManifest, AbsurdOnesAreErrorsThatSayWhy) {
  const std::string m = layer("model");
  std::string many = m;
  for (int i = 0; i < 64; ++i) many += "," + layer("license");
  const std::pair<std::string, std::string> broken[] = {
      {"", "JSON"},
      {"[]", "object"},
      {"<html>", "JSON"},
      {"{}", "schemaVersion"},
      {manifest(m, "1"), "schemaVersion"},
      {R"({"schemaVersion":2,"manifests":[]})", "index"},
      {R"({"schemaVersion":2,"layers":{}})", "array"},
      {manifest(""), "no layer"},
      {manifest("7"), "object"},
      {manifest(m + "," + m), "several models"},
      {manifest(m + "," + layer("adapter")), "adapter"},
      {manifest(m + "," + layer("system") + "," + layer("system")), "several layers"},
      {manifest(m + "," + layer("system", kMaxTextLayer + 1)), "at most"},
      {manifest(layer("model", 0)), "no bytes"},
      {manifest(layer("model", std::uint64_t{1} << 51)), "size"},
      {manifest(many), "at most"},
      {manifest(R"({"mediaType":"application/vnd.ollama.image.model","digest":"sha256:../../x","size":1})"), "digest"},
      {manifest(R"({"mediaType":"application/vnd.ollama.image.model","digest":"x","size":-1})"), "digest"},
      {manifest(R"({"digest":"x","size":1})"), "mediaType"},
  };
  for (const auto& [json, names] : broken) {
    const auto layers = parse_registry_manifest(json);
    ASSERT_FALSE(layers) << json;
    EXPECT_NE(layers.error().what.find(names), std::string::npos) << json << ": " << layers.error().what;
    EXPECT_TRUE(layers.error().code == Errc::corrupt || layers.error().code == Errc::unsupported);
  }
}

}  // namespace
}  // namespace freehold::pull
