#include "store/store.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "format/safetensors_writer.h"
#include "store/blob.h"
#include "store/identity.h"
#include "store/testing.h"

namespace freehold::store {
namespace {

namespace fs = std::filesystem;
using testing::name;
using testing::put;
using testing::tiny_gguf;

class StoreTest : public ::testing::Test {
 protected:
  fs::path home() const { return folder_.path() / "home"; }
  Store store() const { return Store::open(home()).value(); }
  fs::path source(std::uint64_t seed = 0) const {
    fs::path path = folder_.path() / ("tiny" + std::to_string(seed) + ".gguf");
    if (!fs::exists(path)) put(path, tiny_gguf(seed));
    return path;
  }
  std::size_t blobs() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(home() / "blobs"), {}));
  }
  TemporaryFolder folder_;
};

TEST_F(StoreTest, ReadingCreatesNothing) {
  EXPECT_TRUE(store().list()->empty());
  EXPECT_FALSE(store().resolve("x"));
  EXPECT_TRUE(store().verify_all());
  EXPECT_FALSE(fs::exists(home()));
  put(folder_.path() / "file", "");
  EXPECT_FALSE(Store::open(folder_.path() / "file"));
}

TEST_F(StoreTest, AHomeThatCannotBeIsNoEmptyStore) {
  put(folder_.path() / "file", "");
  for (const char* below : {"file/x", "file/x/y/z"}) {
    auto opened = Store::open(folder_.path() / below);
    ASSERT_FALSE(opened) << below;
    EXPECT_NE(opened.error().what.find((folder_.path() / "file is none").string()), std::string::npos)
        << opened.error().what;
  }
  EXPECT_FALSE(Store::open("/dev/full/x"));
  EXPECT_FALSE(Store::open(folder_.path() / std::string(300, 'x'))) << "too long a name";
  EXPECT_TRUE(Store::open(folder_.path() / "not/yet/there"));
  put(home() / "models", "a file where the folder of the names should be");
  EXPECT_EQ(store().list().error().code, Errc::io);
  EXPECT_EQ(store().verify_all().error().code, Errc::io);
}

TEST_F(StoreTest, KeepsWhatWasPreparedOnceForAllNames) {
  WriteOptions options;
  options.prepare = testing::fake_preparation();
  auto first = store().import(source(), name("a"), options);
  ASSERT_TRUE(first) << first.error().what;
  ASSERT_TRUE(first->manifest.prepared);
  EXPECT_TRUE(read_file(store().resolve("a")->prepared).value().starts_with("prepared"));
  EXPECT_EQ(first->manifest.model.files.size(), 1u) << "it is no part of the model's identity";

  // Another name, by import or alias, shares it; without a preparation an import writes none, but keeps what is there.
  options.prepare.write = [](const format::Checkpoint&, const format::Sink&, const Progress&) -> Result<> {
    return fail(Errc::internal, "prepared twice");
  };
  EXPECT_EQ(store().import(source(), name("b"), options)->manifest.prepared, first->manifest.prepared);
  EXPECT_EQ(store().alias("a", name("c"))->manifest.prepared, first->manifest.prepared);
  ASSERT_TRUE(store().remove("a"));
  ASSERT_TRUE(store().remove("b"));
  EXPECT_TRUE(fs::exists(store().resolve("c")->prepared));
  EXPECT_TRUE(store().verify("c")->damages.empty());

  // Of an older layout: made anew by the next import.
  options.prepare = testing::fake_preparation("later");
  auto anew = store().import(source(), name("c"), options);
  ASSERT_TRUE(anew) << anew.error().what;
  EXPECT_TRUE(anew->already);
  const fs::path prepared = store().resolve("c")->prepared;
  EXPECT_TRUE(read_file(prepared).value().starts_with("later"));

  // Damage is found, and --force mends it.
  put(prepared, "later, but damaged");
  auto damaged = store().verify("c");
  ASSERT_EQ(damaged->damages.size(), 1u);
  EXPECT_EQ(damaged->damages[0].file, kPreparedName);
  options.replace = true;
  ASSERT_TRUE(store().import(source(), name("c"), options));
  EXPECT_TRUE(store().verify("c")->damages.empty());
  fs::remove(prepared);
  EXPECT_TRUE(store().resolve("c")->prepared.empty()) << "missing: the model still runs";
  EXPECT_EQ(store().verify("c")->damages.size(), 1u);
  ASSERT_TRUE(store().remove("c"));
  EXPECT_TRUE(fs::is_empty(home() / "blobs"));
}

TEST_F(StoreTest, AdaptersAreKeptByTheNamesThatPutThemOnAModel) {
  const fs::path peft = folder_.path() / "peft";
  const std::vector<float> numbers(8, 0.5f);
  const format::F32Tensor tensor{"base_model.model.x.lora_A.weight", {2, 4}, numbers};
  put(peft / "adapter_config.json", R"({"peft_type":"LORA","base_model_name_or_path":"some/base"})");
  ASSERT_TRUE(format::write_safetensors(peft / "adapter_model.safetensors", {&tensor, 1}));
  put(peft / "README.md", "not part of it");
  WriteOptions options;
  options.prepare = testing::fake_preparation();
  ASSERT_TRUE(store().import(source(), name("base"), options));
  const auto imported = store().import(peft, name("lora"), options);
  ASSERT_TRUE(imported) << imported.error().what;
  EXPECT_EQ(imported->manifest.model.kind, Kind::peft_adapter);
  EXPECT_EQ(imported->manifest.from.architecture, "adapter");
  EXPECT_EQ(imported->manifest.from.title, "some/base");
  EXPECT_EQ(imported->manifest.from.parameters, 8u);
  EXPECT_FALSE(imported->manifest.prepared);
  EXPECT_TRUE(store().import(peft, name("lora"), options)->already);

  int checked = 0;
  options.validate_adapter = [&](const format::Checkpoint* base, const fs::path& adapter) -> Result<> {
    ++checked;
    EXPECT_EQ(base->tensors().size(), 21u);
    EXPECT_TRUE(fs::exists(adapter / "adapter_config.json"));
    if (checked > 1) return fail(Errc::corrupt, "does not fit");
    return {};
  };
  const auto bot = store().alias("base", name("bot:1"), options, "lora");
  ASSERT_TRUE(bot) << bot.error().what;
  EXPECT_EQ(bot->manifest.prepared, store().resolve("base")->manifest->prepared) << "the weights are the base's";
  EXPECT_FALSE(store().alias("base", name("bot:2"), options, "lora")) << "what does not fit gets no name";
  EXPECT_FALSE(store().alias("bot:1", name("bot:2"), {}, "lora"));
  EXPECT_FALSE(store().alias("base", name("bot:2"), {}, "base"));
  EXPECT_FALSE(store().alias("lora", name("bot:2"), {}, "lora"));
  // A digest of weights is the base's.
  EXPECT_EQ(store().resolve(bot->manifest.model.weights().name())->names.front().text(), "base:latest");
  EXPECT_EQ(store().resolve(bot->manifest.model.id().name())->names.front().text(), "bot:1");
  // The digest by which the audit log knows an adapter is that of all its files.
  const std::string files = bot->manifest.model.adapter_alone().tree().name();
  EXPECT_NE(files, imported->manifest.model.id().name());
  EXPECT_EQ(store().resolve(files)->names.front().text(), "lora:latest");

  ASSERT_TRUE(store().remove("lora"));
  ASSERT_TRUE(store().remove("base"));
  const auto resolved = store().resolve("bot:1");
  ASSERT_TRUE(resolved) << resolved.error().what;
  EXPECT_TRUE(fs::exists(resolved->path));
  EXPECT_EQ(as_text(MappedFile::open(resolved->adapter / "adapter_model.safetensors")->bytes()),
            read_file(peft / "adapter_model.safetensors").value());
  EXPECT_FALSE(resolved->prepared.empty());
  EXPECT_TRUE(store().verify_all()->damages.empty());
  fs::resize_file(fs::canonical(resolved->adapter / "adapter_model.safetensors"), 20);
  EXPECT_EQ(store().resolve("bot:1").error().code, Errc::corrupt);
  EXPECT_FALSE(store().verify_all()->damages.empty());
  ASSERT_TRUE(store().remove("bot:1"));
  EXPECT_TRUE(fs::is_empty(home() / "blobs"));
  EXPECT_TRUE(fs::is_empty(home() / "trees"));
}

TEST_F(StoreTest, ImportsAGgufAndFindsItAgain) {
  std::uint64_t last = 0, calls = 0;
  WriteOptions options;
  int validated = 0;
  options.validate = [&](const format::Checkpoint& c) -> Result<> {
    ++validated;
    EXPECT_EQ(c.tensors().size(), 21u);
    return {};
  };
  options.progress = [&](std::string_view step, std::uint64_t done, std::uint64_t total) {
    if (step == "check") return true;  // of the weights, once they are copied
    EXPECT_EQ(step, "import");
    EXPECT_GT(done, last);
    EXPECT_EQ(total, tiny_gguf().size());
    last = done;
    ++calls;
    return true;
  };
  auto imported = store().import(source(), name("tiny:a"), options);
  ASSERT_TRUE(imported) << imported.error().what;
  EXPECT_GE(calls, 1u);
  EXPECT_EQ(last, tiny_gguf().size());
  EXPECT_EQ(validated, 2) << "the source, then what was stored";
  const Manifest& m = imported->manifest;
  EXPECT_EQ(m.model.weights(), sha256(tiny_gguf()));
  EXPECT_EQ(m.from.architecture, "llama");
  EXPECT_EQ(m.from.licence, "cc0-1.0");
  EXPECT_TRUE(m.model.chat_template);
  EXPECT_TRUE(m.model.tokenizer);
  for (std::string reference : {std::string("tiny:a"), m.model.weights().name(), m.model.id().name(),
                                m.model.weights().name().substr(0, 7 + 8)}) {
    auto resolved = store().resolve(reference);
    ASSERT_TRUE(resolved) << reference << ": " << resolved.error().what;
    EXPECT_TRUE(read_file(resolved->path).value() == tiny_gguf());
    EXPECT_EQ(resolved->names, std::vector{name("tiny:a")});
  }
  auto listed = store().list().value();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].name.text(), "tiny:a");
  EXPECT_EQ(listed[0].manifest->model, m.model);
  EXPECT_TRUE(store().verify("tiny:a")->damages.empty());
  EXPECT_EQ(fs::status(home()).permissions(), fs::perms::owner_all);
}

TEST_F(StoreTest, TheSameModelHasTheSameIdentityUnderAnyName) {
  auto a = store().import(source(), name("a")).value();
  fs::copy_file(source(), folder_.path() / "other name.gguf");
  auto b = store().import(folder_.path() / "other name.gguf", name("b/c:d")).value();
  EXPECT_EQ(a.manifest.model.id(), b.manifest.model.id());
  EXPECT_EQ(blobs(), 2u) << "one model and its checks";
  EXPECT_EQ(store().resolve(a.manifest.model.id().name())->names.size(), 2u);
  EXPECT_TRUE(store().import(source(), name("a"))->already);
}

TEST_F(StoreTest, ANameIsNotMovedSilently) {
  ASSERT_TRUE(store().import(source(0), name("a")));
  auto refused = store().import(source(1), name("a"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid);
  EXPECT_TRUE(read_file(store().resolve("a")->path).value() == tiny_gguf(0));
  EXPECT_EQ(blobs(), 2u) << "the refused model's blob is gone";
  WriteOptions replace;
  replace.replace = true;
  auto moved = store().import(source(1), name("a"), replace);
  ASSERT_TRUE(moved);
  EXPECT_TRUE(moved->replaced);
  EXPECT_TRUE(read_file(store().resolve("a")->path).value() == tiny_gguf(1));
}

TEST_F(StoreTest, WhatTheValidatorRefusesNeverBecomesVisible) {
  WriteOptions options;
  options.validate = [](const format::Checkpoint&) -> Result<> { return fail(Errc::unsupported, "no such family"); };
  auto refused = store().import(source(), name("a"), options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unsupported);
  EXPECT_FALSE(fs::exists(home()));
  // The stored copy is what counts: a source that changes after the first look.
  int looks = 0;
  options.validate = [&](const format::Checkpoint&) -> Result<> {
    return ++looks == 2 ? Result<>(fail(Errc::corrupt, "changed")) : Result<>();
  };
  EXPECT_FALSE(store().import(source(), name("a"), options));
  EXPECT_EQ(blobs(), 0u);
  EXPECT_TRUE(store().list()->empty());
  put(folder_.path() / "bad.gguf", tiny_gguf().substr(0, 5000));
  EXPECT_EQ(store().import(folder_.path() / "bad.gguf", name("a")).error().code, Errc::corrupt);
  EXPECT_EQ(store().import(folder_.path() / "none.gguf", name("a")).error().code, Errc::not_found);
}

TEST_F(StoreTest, AWeightThatIsNoNumberNeverBecomesVisible) {
  std::string bytes = testing::safetensors("a", 4000);
  bytes.replace(bytes.size() - 8, 4, std::string("\0\0\x80\x7f", 4));  // an infinity, the last but one
  testing::put_hf_folder(folder_.path() / "hf");
  put(folder_.path() / "hf" / "model-00001-of-00002.safetensors", bytes);
  auto refused = store().import(folder_.path() / "hf", name("a"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::corrupt);
  EXPECT_NE(refused.error().what.find("tensor 'a', element 3998"), std::string::npos) << refused.error().what;
  EXPECT_EQ(blobs(), 0u);
  EXPECT_TRUE(store().list()->empty());
}

TEST_F(StoreTest, ABlobOfAnotherSizeIsNotRun) {
  ASSERT_TRUE(store().import(source(), name("a")));
  const fs::path blob = store().resolve("a")->path;
  put(blob, tiny_gguf().substr(0, tiny_gguf().size() - 1));
  auto refused = store().resolve("a");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::corrupt);
  EXPECT_NE(refused.error().what.find("model.gguf has"), std::string::npos) << refused.error().what;
  // A manifest that lies about the size is found although the digest is right.
  put(blob, tiny_gguf());
  const fs::path path = home() / name("a").path();
  std::string manifest = read_file(path).value();
  const std::string size = "\"size\": " + std::to_string(tiny_gguf().size());
  ASSERT_NE(manifest.find(size), std::string::npos);
  put(path, manifest.replace(manifest.find(size), size.size(), "\"size\": 9223372036854775808"));
  EXPECT_FALSE(store().resolve("a"));
  auto verified = store().verify("a");
  ASSERT_TRUE(verified);
  ASSERT_EQ(verified->damages.size(), 1u);
  EXPECT_NE(verified->damages[0].what.find("manifest says 9223372036854775808"), std::string::npos);
}

TEST_F(StoreTest, CancellingLeavesNothing) {
  WriteOptions options;
  options.progress = [](auto, auto, auto) { return false; };
  EXPECT_EQ(store().import(source(), name("a"), options).error().code, Errc::cancelled);
  EXPECT_EQ(blobs(), 0u);
}

TEST_F(StoreTest, AFolderIsPresentedAsItWas) {
  const fs::path folder = folder_.path() / "hf";
  testing::put_hf_folder(folder);
  auto imported = store().import(folder, name("hf"));
  ASSERT_TRUE(imported) << imported.error().what;
  EXPECT_EQ(imported->manifest.model.kind, Kind::hugging_face);
  EXPECT_EQ(imported->manifest.model.files.size(), 6u);
  EXPECT_EQ(imported->manifest.model.chat_template, sha256("{{ messages }}"));
  auto resolved = store().resolve("hf");
  ASSERT_TRUE(resolved) << resolved.error().what;
  auto opened = format::open_checkpoint(resolved->path);
  ASSERT_TRUE(opened) << opened.error().what;
  EXPECT_EQ(opened->tensors().size(), 2u);
  EXPECT_FALSE(fs::exists(resolved->path / "unrelated.bin"));
  EXPECT_TRUE(store().verify("hf")->damages.empty());
  // Its home may move: links are relative.
  fs::rename(home(), folder_.path() / "moved");
  auto moved = Store::open(folder_.path() / "moved")->resolve("hf");
  ASSERT_TRUE(moved);
  EXPECT_TRUE(format::open_checkpoint(moved->path));
  auto again = Store::open(folder_.path() / "moved")->remove("hf");
  ASSERT_TRUE(again);
  EXPECT_TRUE(testing::snapshot(folder_.path() / "moved").empty());
}

TEST_F(StoreTest, SharesBlobsAndDeletesThemWithTheirLastName) {
  ASSERT_TRUE(store().import(source(0), name("a")));
  ASSERT_TRUE(store().alias("a", name("b:x")));
  ASSERT_TRUE(store().import(source(1), name("c")));
  EXPECT_EQ(blobs(), 4u);
  EXPECT_EQ(store().remove("a")->freed, 0u);
  EXPECT_EQ(blobs(), 4u);
  EXPECT_FALSE(store().resolve("a"));
  EXPECT_GE(store().remove("b:x")->freed, tiny_gguf().size());
  EXPECT_EQ(blobs(), 2u);
  EXPECT_FALSE(fs::exists(home() / "models" / "b")) << "empty folders go";
  EXPECT_TRUE(read_file(store().resolve("c")->path).value() == tiny_gguf(1));
  EXPECT_EQ(store().remove("b:x").error().code, Errc::not_found);
  EXPECT_EQ(store().remove("/etc/passwd").error().code, Errc::invalid);
  EXPECT_EQ(store().remove("sha256:00000000").error().code, Errc::not_found);
  const std::string digest = sha256(tiny_gguf(1)).name();
  ASSERT_TRUE(store().alias("c", name("d")));
  EXPECT_EQ(store().remove(digest).error().code, Errc::invalid) << "two names";
  ASSERT_TRUE(store().remove("d"));
  ASSERT_TRUE(store().remove(digest));
  EXPECT_TRUE(testing::snapshot(home()).empty());
}

TEST_F(StoreTest, AFlippedByteIsFoundAndNamed) {
  auto imported = store().import(source(), name("a")).value();
  ASSERT_TRUE(store().import(source(1), name("b")));
  const fs::path blob = blob_path(home(), imported.manifest.model.weights());
  const std::string good = read_file(blob).value();
  auto gguf = format::parse_gguf(as_bytes(good)).value();
  for (const char* tensor : {"token_embd.weight", "blk.1.ffn_up.weight", "output.weight"}) {
    const tensor::View* view = gguf.find(tensor);
    const auto at = static_cast<std::size_t>(view->bytes.data() - as_bytes(good).data()) + view->bytes.size() / 2;
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    put(blob, bad);
    auto found = store().verify_all();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->models, 2u);
    ASSERT_EQ(found->damages.size(), 1u);
    const Damage& damage = found->damages.front();
    EXPECT_EQ(damage.blob, blob);
    EXPECT_EQ(damage.names, std::vector{name("a")});
    ASSERT_EQ(damage.places.size(), 1u);
    EXPECT_LE(damage.places[0].bytes.begin, at);
    EXPECT_GT(damage.places[0].bytes.end, at);
    EXPECT_EQ(damage.places[0].holds, std::string("tensor ") + tensor);
  }
  std::string bad = good;
  bad[10] = static_cast<char>(bad[10] ^ 1);
  put(blob, bad);
  EXPECT_NE(store().verify("a")->damages.at(0).places.at(0).holds.find("header"), std::string::npos);
  put(blob, good.substr(0, good.size() / 2));
  EXPECT_NE(store().verify("a")->damages.at(0).what.find("instead of"), std::string::npos);
  fs::remove(blob);
  EXPECT_EQ(store().verify("a")->damages.at(0).what, "it is missing");
  EXPECT_EQ(store().resolve("a").error().code, Errc::corrupt);
  // Importing it again repairs it.
  EXPECT_TRUE(store().import(source(), name("a"))->already);
  EXPECT_TRUE(store().verify_all()->damages.empty());
  put(blob_path(home(), imported.manifest.model.files[0].checks), "rubbish");
  EXPECT_EQ(store().verify("a")->damages.size(), 1u);
  EXPECT_FALSE(store().verify(source().string())) << "nothing is known of a file outside";
}

TEST_F(StoreTest, HostileManifestsHideNothingElse) {
  ASSERT_TRUE(store().import(source(), name("good")));
  put(home() / "models/bad/latest.json", "{\"freehold\": 1");
  put(home() / "models/evil/x.json",
      R"({"freehold":1,"model":{"kind":"gguf","files":[{"name":"../../x","size":1,"digest":"sha256:aa"}]}})");
  put(home() / "models/.hidden/latest.json", "not ours");
  put(home() / "models/Upper/latest.json", "not ours");
  fs::create_directory_symlink(folder_.path(), home() / "models/link");
  put(home() / "blobs/sha256-" / "x", "a folder of a strange name");
  auto listed = store().list().value();
  ASSERT_EQ(listed.size(), 3u);
  EXPECT_FALSE(listed[0].manifest);
  EXPECT_FALSE(listed[1].manifest);
  EXPECT_TRUE(listed[2].manifest);
  EXPECT_EQ(store().resolve("bad").error().code, Errc::corrupt);
  EXPECT_TRUE(store().resolve("good"));
  EXPECT_EQ(store().verify_all()->damages.size(), 2u);
  // Nothing is cleared away while the damaged ones might need it.
  ASSERT_TRUE(store().remove("good"));
  EXPECT_EQ(blobs(), 3u);
  ASSERT_TRUE(store().remove("bad")) << "a damaged one can be removed";
  ASSERT_TRUE(store().remove("evil:x"));
  EXPECT_EQ(blobs(), 1u);
}

TEST_F(StoreTest, AmbiguousAndUnknownReferencesSaySo) {
  ASSERT_TRUE(store().import(source(), name("stories:q4")));
  EXPECT_NE(store().resolve("stories").error().what.find("stories:q4"), std::string::npos);
  EXPECT_EQ(store().resolve("./none").error().code, Errc::not_found);
  EXPECT_EQ(store().resolve(source().string())->path, source());
  EXPECT_FALSE(store().resolve(source().string())->manifest);
}

TEST_F(StoreTest, ConcurrentImportersTakeTurns) {
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (std::uint64_t i = 0; i < 4; ++i) source(i);
  for (std::uint64_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 3; ++round) {
        WriteOptions options;
        options.replace = true;
        if (!store().import(source((i + static_cast<std::uint64_t>(round)) % 4), name("m" + std::to_string(i)),
                            options))
          ++failures;
        if (round == 1 && !store().remove("m" + std::to_string(i))) ++failures;
        if (!store().list()) ++failures;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(failures, 0);
  auto verified = store().verify_all().value();
  EXPECT_EQ(verified.models, 4u);
  EXPECT_TRUE(verified.damages.empty());
  EXPECT_EQ(blobs(), 8u);
}

TEST_F(StoreTest, WhoWaitsIsTold) {
  WriteOptions slow;
  slow.validate = [](const format::Checkpoint&) -> Result<> {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    return {};
  };
  source(0);
  source(1);
  std::thread first([&] { EXPECT_TRUE(store().import(source(0), name("a"), slow)); });
  while (!fs::exists(home() / "lock")) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  int told = -1;
  WriteOptions options;
  options.waiting = [&](int pid) { told = pid; };
  EXPECT_TRUE(store().import(source(1), name("b"), options));
  first.join();
  EXPECT_EQ(told, ::getpid());
}

}  // namespace
}  // namespace freehold::store
