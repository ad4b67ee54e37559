#include "store/manifest.h"

#include <gtest/gtest.h>

#include <string>

namespace freehold::store {
namespace {

Manifest sample() {
  Manifest m;
  m.model.files = {{"model.gguf", 123, sha256("a"), sha256("b"), true}};
  m.model.chat_template = sha256("t");
  m.from = {"/x/y \xff.gguf", "2025-01-31T12:00:00Z", "llama", "Name", "mit", "Q4_0", 42, std::nullopt, {}};
  return m;
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

TEST(Manifest, IsReadAsItWasWritten) {
  const Manifest m = sample();
  auto back = parse_manifest(to_json(m));
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(back->model, m.model);
  EXPECT_EQ(back->model.id(), m.model.id());
  EXPECT_EQ(back->from.parameters, 42u);
  EXPECT_EQ(to_json(*back), to_json(m));
}

TEST(Manifest, KeepsWhatWasPulledAndWithIt) {
  Manifest m = sample();
  const std::string plain = to_json(m);
  EXPECT_NE(plain.find("\"freehold\": 1"), std::string::npos) << "earlier programs read what they understand";
  const Digest id = m.model.id();
  m.from.pulled = Pulled{"https://r.example", "library/x:y", sha256("m").name(),
                         "{{ .Prompt }}",     "mine",        {{"model", 123, sha256("a"), "sha256"}}};
  EXPECT_EQ(m.model.id(), id) << "where it came from is no part of it";
  m.model.defaults = {"Be brief.", R"({"temperature":0.1})", R"([{"role":"user","content":"x"}])"};
  EXPECT_NE(m.model.id(), id) << "what it is asked with is";
  auto back = parse_manifest(to_json(m));
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(back->model, m.model);
  EXPECT_EQ(back->from.pulled, m.from.pulled);
  EXPECT_EQ(to_json(*back), to_json(m));
  EXPECT_NE(to_json(m).find("\"freehold\": 2"), std::string::npos);
  EXPECT_FALSE(parse_manifest(replaced(to_json(m), "\"parts\": [", "\"parts\": [7,")));
  EXPECT_FALSE(parse_manifest(replaced(to_json(m), "\"system\"", "\"sistem\"")));
}

TEST(Manifest, KeepsWhatItLearnedFrom) {
  Manifest m = sample();
  const Digest id = m.model.id();
  m.from.learned_from = {{"/data/a.jsonl", std::string(64, 'a')}, {"/data/b \xff.jsonl", std::string(64, 'b')}};
  EXPECT_EQ(m.model.id(), id);
  auto back = parse_manifest(to_json(m));
  ASSERT_TRUE(back) << back.error().what;
  ASSERT_EQ(back->from.learned_from.size(), 2U);
  EXPECT_EQ(back->from.learned_from[0], m.from.learned_from[0]);
  EXPECT_EQ(to_json(*back), to_json(m));
  EXPECT_NE(to_json(m).find("\"freehold\": 2"), std::string::npos);
  EXPECT_FALSE(parse_manifest(replaced(to_json(m), "\"learned_from\": [", "\"learned_from\": [7,")));
  EXPECT_FALSE(parse_manifest(replaced(to_json(m), "\"sha256\"", "\"sha\"")));
}

TEST(Manifest, IdentityIsTheTupleAndNotWhereItCameFrom) {
  Manifest a = sample(), b = sample();
  b.from.source = "elsewhere";
  EXPECT_EQ(a.model.id(), b.model.id());
  b.model.chat_template = sha256("u");
  EXPECT_NE(a.model.id(), b.model.id());
  EXPECT_EQ(a.model.weights(), sha256("a")) << "one file: its own digest";
  EXPECT_FALSE(a.model.needs_tree());
  a.model.files.push_back({"model-2.gguf", 1, sha256("c"), sha256("d"), true});
  EXPECT_NE(a.model.weights(), sha256("a"));
  EXPECT_TRUE(a.model.needs_tree());
}

TEST(Manifest, AnAdapterIsPartOfTheTuple) {
  Manifest m = sample();
  const Digest base = m.model.id();
  m.model.adapter = AdapterTuple{Kind::gguf_adapter, {{"adapter.gguf", 7, sha256("x"), sha256("y"), true}}};
  EXPECT_NE(m.model.id(), base);
  EXPECT_EQ(m.model.base().id(), base) << "of names that differ in their adapter alone there is one base";
  EXPECT_EQ(m.model.weights(), sample().model.weights());
  EXPECT_EQ(m.model.total_bytes(), 130u);
  auto back = parse_manifest(to_json(m));
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(back->model, m.model);
  EXPECT_FALSE(back->model.adapter_alone().needs_tree());
  const std::string good = to_json(m);
  for (const auto& [broken, part] : {std::pair{replaced(good, "gguf_adapter", "gguf"), "adapter.kind"},
                                     {replaced(good, "adapter.gguf", "other.gguf"), "one adapter.gguf"},
                                     {replaced(good, "gguf_adapter", "peft_adapter"), "adapter_config.json"}}) {
    auto read = parse_manifest(broken);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().what.find(part), std::string::npos) << read.error().what;
  }
}

TEST(Manifest, HostileOnesAreErrorsThatNameTheField) {
  const std::string good = to_json(sample());
  const std::string digest = sha256("a").name();
  const std::pair<std::string, std::string> broken[] = {
      {"", "JSON"},
      {"[]", "version"},
      {"{}", "version"},
      {replaced(good, "\"freehold\": 1", "\"freehold\": \"1\""), "version"},
      {replaced(good, "\"freehold\": 1", "\"freehold\": 3"), "later Freehold"},
      {replaced(good, digest, "sha256:../../../../etc/passwd"), "files.digest"},
      {replaced(good, digest, digest + "0"), "files.digest"},
      {replaced(good, digest, "SHA256" + digest.substr(6)), "files.digest"},
      {replaced(good, "model.gguf", "../model.gguf"), "plain file name"},
      {replaced(good, "model.gguf", "/etc/passwd"), "plain file name"},
      {replaced(good, "model.gguf", "other.gguf"), "instead of 'model.gguf'"},
      {replaced(good, "\"kind\": \"gguf\"", "\"kind\": \"hugging_face\""), "without config.json"},
      {replaced(good, "model.gguf", ".."), "plain file name"},
      {replaced(good, "model.gguf", "a\\u0000b"), "plain file name"},
      {replaced(good, "model.gguf", "a\\u001b[31m"), "plain file name"},
      {replaced(good, "\"size\": 123", "\"size\": -1"), "files.size"},
      {replaced(good, "\"size\": 123", "\"size\": 1e30"), "files.size"},
      {replaced(good, "\"weights\": true", "\"weights\": false"), "weights"},
      {replaced(good, "\"weights\": true", "\"weights\": 1"), "files.weights"},
      {replaced(good, "\"kind\": \"gguf\"", "\"kind\": \"pickle\""), "model.kind"},
      {replaced(good, "\"defaults\": {}", "\"defaults\": {\"x\": 1}"), "unknown field"},
      {replaced(good, "\"adapter\": null", "\"adapter\": 7"), "model.adapter"},
      {replaced(good, "\"model\"", "\"modle\""), "unknown field"},
      {good + "x", "byte"},
      {std::string(200'000, '['), "deep"},
  };
  for (const auto& [text, expected] : broken) {
    auto parsed = parse_manifest(text);
    ASSERT_FALSE(parsed) << text.substr(0, 200);
    EXPECT_NE(parsed.error().what.find(expected), std::string::npos) << parsed.error().what;
    EXPECT_EQ(parsed.error().what.find('\x1b'), std::string::npos);
  }
  for (std::size_t n = 0; n + 2 < good.size(); ++n) EXPECT_FALSE(parse_manifest(good.substr(0, n)));
}

TEST(Manifest, TwoFilesOfOneNameAreRefused) {
  Manifest m = sample();
  m.model.files.push_back(m.model.files.front());
  EXPECT_FALSE(parse_manifest(to_json(m)));
  m.model.files.back().name = "other.gguf";
  m.model.files.back().size = ~std::uint64_t{0};
  EXPECT_FALSE(parse_manifest(to_json(m))) << "the sizes' sum overflows";
}

}  // namespace
}  // namespace freehold::store
