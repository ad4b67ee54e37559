// Opening models by path: Hugging Face folders with and without shards, GGUF by content, and what else people name by
// mistake.
#include "format/checkpoint.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/temporary_folder_testing.h"
#include "base/utf8.h"
#include "format/gguf_test_builder.h"

namespace freehold::format {
namespace {

namespace fs = std::filesystem;
using testing::raw;

// One F32 tensor of one element a name.
std::string shard(const std::vector<std::string>& names, const std::string& dtype = "F32") {
  std::string header = "{";
  for (std::size_t i = 0; i < names.size(); ++i) {
    header += (i > 0 ? ",\"" : "\"") + names[i] + R"(":{"dtype":")" + dtype + R"(","shape":[1],"data_offsets":[)" +
              std::to_string(4 * i) + "," + std::to_string(4 * i + 4) + "]}";
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  return raw(std::uint64_t{header.size()}) + header + std::string(4 * names.size(), '\1');
}

std::string index_of(const std::vector<std::pair<std::string, std::string>>& map) {
  std::string out = R"({"metadata":{"total_size":12},"weight_map":{)";
  for (std::size_t i = 0; i < map.size(); ++i)
    out += (i > 0 ? ",\"" : "\"") + map[i].first + "\":\"" + map[i].second + "\"";
  return out + "}}";
}

const std::string kConfig =
    R"({"model_type":"llama","hidden_size":8,"rope_scaling":{"factor":8.0},"sliding_window":null})";

std::string error_of(const fs::path& path) {
  auto c = open_checkpoint(path);
  return c ? "" : c.error().what;
}

TEST(HfFolder, OpensOneFile) {
  TemporaryFolder folder;
  folder.write("config.json", kConfig);
  folder.write("generation_config.json", R"({"eos_token_id":[1,2]})");
  folder.write("tokenizer.json", "{}");
  folder.write("model.safetensors", shard({"a", "b"}));
  auto c = open_checkpoint(folder.path());
  ASSERT_TRUE(c) << c.error().what;
  EXPECT_EQ(c->kind(), Checkpoint::Kind::hugging_face);
  EXPECT_EQ(*c->metadata().f64("rope_scaling.factor"), 8.0);
  EXPECT_EQ(c->tensors().size(), 2u);
  ASSERT_NE(c->find("b"), nullptr);
  EXPECT_EQ(c->find("b")->bytes.size(), 4u);
  EXPECT_EQ(c->find("c"), nullptr);
  EXPECT_EQ(c->hf()->generation_config->i64s("eos_token_id")->size(), 2u);
  EXPECT_EQ(as_text(c->hf()->tokenizer_json->bytes()), "{}");
  EXPECT_FALSE(c->hf()->tokenizer_model);
  EXPECT_EQ(c->gguf(), nullptr);
}

TEST(HfFolder, OpensShards) {
  TemporaryFolder folder;
  folder.write("config.json", kConfig);
  folder.write("model-1.safetensors", shard({"a", "b"}));
  folder.write("model-2.safetensors", shard({"c"}));
  folder.write("model.safetensors.index.json",
               index_of({{"c", "model-2.safetensors"}, {"a", "model-1.safetensors"}, {"b", "model-1.safetensors"}}));
  auto c = open_checkpoint(folder.path());
  ASSERT_TRUE(c) << c.error().what;
  Checkpoint moved = std::move(*c);
  EXPECT_EQ(moved.tensors().size(), 3u);
  EXPECT_NE(moved.find("c"), nullptr);
}

TEST(HfFolder, FollowsTheLinksOfACacheAndNoOthers) {
  TemporaryFolder root;
  fs::create_directories(root.path() / "blobs");
  fs::path snapshot = root.path() / "snapshots" / "0123";
  fs::create_directories(snapshot);
  root.write("blobs/aa", kConfig);
  root.write("blobs/bb", shard({"a"}));
  fs::create_symlink("../../blobs/aa", snapshot / "config.json");
  fs::create_symlink("../../blobs/bb", snapshot / "model.safetensors");
  EXPECT_EQ(error_of(snapshot), "");
  TemporaryFolder outside;
  fs::path secret = outside.write("secret", "{}");
  for (const char* name : {"tokenizer.json", "generation_config.json", "chat_template.jinja", "tokenizer.model"}) {
    fs::create_symlink(secret, snapshot / name);
    EXPECT_NE(error_of(snapshot).find("leaves the model's folder"), std::string::npos) << name;
    fs::remove(snapshot / name);
  }
}

TEST(HfFolderHostile, IndexAndShards) {
  TemporaryFolder outside;
  fs::path secret = outside.write("x.safetensors", shard({"a"}));
  struct Case {
    std::string index;
    const char* says;
  };
  std::string up = "../" + outside.path().filename().string() + "/x.safetensors";
  std::vector<Case> cases = {
      {"", "not valid JSON"},
      {"[]", "weight_map"},
      {"{}", "weight_map"},
      {R"({"weight_map":[]})", "weight_map"},
      {R"({"weight_map":{"a":1}})", "expected a file name, found u64 1"},
      {R"({"weight_map":{"a":"one.safetensors","a":"one.safetensors"}})", "'a' occurs twice"},
      {index_of({{"a", up}}), "not a plain file name"},
      {index_of({{"a", secret.string()}}), "not a plain file name"},
      {index_of({{"a", "/etc/passwd"}}), "only .safetensors"},
      {index_of({{"a", ".."}}), "only .safetensors"},
      {index_of({{"a", ""}}), "only .safetensors"},
      {index_of({{"a", "sub/../one.safetensors"}}), "not a plain file name"},
      {index_of({{"a", "one.safetensors\\u0000"}}), "only .safetensors"},
      {index_of({{"a", "x\\u0000.safetensors"}}), "not a plain file name"},
      {index_of({{"a", "weights.bin"}}), "pickled weights never are"},
      {index_of({{"a", "absent.safetensors"}}), "absent.safetensors"},
      {index_of({{"a", "link.safetensors"}}), "leaves the model's folder"},
      {index_of({{"a", "fifo.safetensors"}}), "not a regular file"},
      {index_of({{"a", "folder.safetensors"}}), "folder.safetensors"},
      {index_of({{"a", "one.safetensors"}}), "tensor 'b' is in this file, but not according to the index"},
      {index_of({{"a", "one.safetensors"}, {"b", "one.safetensors"}, {"c", "one.safetensors"}}),
       "tensor 'c' should be in this file"},
      {index_of({{"a", "one.safetensors"}, {"b", "two.safetensors"}}), "tensor 'b' is in this file"},
      {index_of({{"a", "broken.safetensors"}}), "broken.safetensors: "},
      {index_of({{"a", "\\u001b[2J.safetensors"}}), "\\x1b[2J"},
  };
  for (const Case& c : cases) {
    TemporaryFolder folder;
    folder.write("config.json", kConfig);
    folder.write("one.safetensors", shard({"a", "b"}));
    folder.write("two.safetensors", shard({"b"}));
    folder.write("broken.safetensors", "{}");
    folder.write("weights.bin", "\x80\x02");
    fs::create_symlink(secret, folder.path() / "link.safetensors");
    fs::create_directory(folder.path() / "folder.safetensors");
    ASSERT_EQ(::mkfifo((folder.path() / "fifo.safetensors").c_str(), 0600), 0);
    folder.write("model.safetensors.index.json", c.index);
    std::string error = error_of(folder.path());
    EXPECT_NE(error.find(c.says), std::string::npos) << c.index << ": " << error;
    EXPECT_EQ(error, printable(error, 2000));
  }
}

TEST(HfFolderHostile, ConfigAndWeights) {
  auto with = [](const std::string& config, const std::string& weights) {
    TemporaryFolder folder;
    folder.write("config.json", config);
    if (!weights.empty()) folder.write("model.safetensors", weights);
    return error_of(folder.path());
  };
  EXPECT_EQ(with(kConfig, shard({"a"})), "");
  EXPECT_NE(with("", shard({"a"})).find("config.json"), std::string::npos);
  EXPECT_NE(with("[]", shard({"a"})).find("expected an object"), std::string::npos);
  EXPECT_NE(with(R"({"a":1,"a":2})", shard({"a"})).find("occurs twice"), std::string::npos);
  EXPECT_NE(with("{\"a\":" + std::string(100000, '['), shard({"a"})).find("nested deeper"), std::string::npos);
  EXPECT_NE(with("{\"a\":\"" + std::string(2 << 20, 'x') + "\"}", shard({"a"})).find("config.json has"),
            std::string::npos);
  EXPECT_NE(with(kConfig, "").find("neither model.safetensors"), std::string::npos);
  EXPECT_NE(with(kConfig, shard({"a"}, "I32")).find("tensor 'a' has type I32, which is unsupported"),
            std::string::npos);
  TemporaryFolder pickled;
  pickled.write("config.json", kConfig);
  pickled.write("pytorch_model.bin", "\x80\x02");
  EXPECT_NE(error_of(pickled.path()).find("pickled"), std::string::npos);
}

TEST(HfFolderHostile, IndexIsReadAsStrictlyAsATree) {
  TemporaryFolder folder;
  folder.write("config.json", kConfig);
  folder.write("s.safetensors", shard({"a"}));
  const std::pair<std::string, std::string> broken[] = {
      {R"({"weight_map":{"a":"s.safetensors","a":"s.safetensors"}})", "key 'a' occurs twice"},
      {R"({"weight_map":{"a":"s.safetensors"},"weight_map":{}})", "key 'weight_map' occurs twice"},
      {R"({"metadata":{"weight_map":{"a":"s.safetensors"}}})", "expected an object 'weight_map'"},
      {R"([{"weight_map":{"a":"s.safetensors"}}])", "expected an object 'weight_map'"},
      {R"({"weight_map":{"a":{"b":"s.safetensors"}}})", "expected a file name"},
      {R"({"weight_map":{"a":["s.safetensors"]}})", "expected a file name"},
      {R"({"weight_map":"s.safetensors"})", "expected an object 'weight_map'"},
      {"7", "expected an object 'weight_map'"},
  };
  for (const auto& [text, expected] : broken) {
    folder.write("model.safetensors.index.json", text);
    EXPECT_NE(error_of(folder.path()).find(expected), std::string::npos) << text << ": " << error_of(folder.path());
  }
  std::string many = R"({"weight_map":{"a":"s.safetensors")";
  for (int i = 0; i < (1 << 17); ++i) many += ",\"" + std::to_string(i) + R"(":"s.safetensors")";
  folder.write("model.safetensors.index.json", many + "}}");
  EXPECT_NE(error_of(folder.path()).find("more than 131072 tensors"), std::string::npos);
  folder.write("model.safetensors.index.json", R"({"a":[{"weight_map":1}],"weight_map":{"a":"s.safetensors"},"b":{}})");
  EXPECT_EQ(error_of(folder.path()), "");
}

TEST(Checkpoint, ErrorsNameTheFileOnce) {
  TemporaryFolder folder;
  auto occurrences = [](const std::string& text, const std::string& what) {
    int n = 0;
    for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
    return n;
  };
  folder.write("x.gguf", "GGUF\1");
  fs::create_directories(folder.path() / "hf");
  fs::create_directories(folder.path() / "dangling");
  folder.write("hf/config.json", "{");
  folder.write("dangling/config.json", kConfig);
  fs::create_symlink("none", folder.path() / "dangling" / "model.safetensors");
  for (const auto& [path, name] : {std::pair{folder.path() / "x.gguf", "x.gguf"},
                                   {folder.path() / "hf", "config.json"},
                                   {folder.path() / "dangling", "model.safetensors"},
                                   {folder.path() / "none.gguf", "none.gguf"}}) {
    EXPECT_EQ(occurrences(error_of(path), name), 1) << error_of(path);
    EXPECT_EQ(occurrences(error_of(path), path.string()), 1) << error_of(path);
  }
}

TEST(Checkpoint, KnowsAGgufByItsFirstBytes) {
  TemporaryFolder folder;
  fs::path path = folder.write("no-extension", testing::sample().build());
  auto c = open_checkpoint(path);
  ASSERT_TRUE(c) << c.error().what;
  EXPECT_EQ(c->kind(), Checkpoint::Kind::gguf);
  EXPECT_NE(c->find("token_embd.weight"), nullptr);
  EXPECT_EQ(c->total_bytes(), fs::file_size(path));
}

TEST(Checkpoint, ExplainsWhatIsNoModel) {
  TemporaryFolder folder;
  auto says = [&](const std::string& name, const std::string& content, const char* what) {
    std::string error = error_of(folder.write(name, content));
    EXPECT_NE(error.find(what), std::string::npos) << name << ": " << error;
  };
  says("empty.gguf", "", "is empty");
  says("text.gguf", "hello world", "it begins with 'hell'");
  says("model.safetensors", shard({"a"}), "name the folder");
  says("pytorch_model.bin", "PK\x03\x04zip", "pickled");
  says("pointer.gguf", "version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer");
  says("\x1b[31mred.gguf", "GGUF", "\\x1b[31mred.gguf");
  EXPECT_NE(error_of(folder.path()).find("name the file in it"), std::string::npos);
  EXPECT_NE(error_of(folder.path() / "absent").find("No such file"), std::string::npos);
  TemporaryFolder nothing;
  EXPECT_NE(error_of(nothing.path()).find("holds no model"), std::string::npos);
  EXPECT_NE(error_of("/dev/null").find("not a regular file"), std::string::npos);
  EXPECT_NE(error_of(""), "");
}

}  // namespace
}  // namespace freehold::format
