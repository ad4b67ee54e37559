// oracle/models: every case that holds the same model as a Hugging Face folder and as a GGUF. The folder made into a
// GGUF by us has the reference's tensors, bit for bit, its hyper-parameters and its tokenizer, and gives its logits.
#include <cmath>

#include "base/file.h"
#include "kernel/blocks/dequantise.h"
#include "model/gguf_plan.h"
#include "oracle.h"
#include "runner.h"
#include "store/quantize.h"

namespace freehold::golden::convert_cases {
namespace {

namespace fs = std::filesystem;
using format::Checkpoint;

Result<> convert(const fs::path& folder, const char* type, const fs::path& out) {
  FH_TRY(Checkpoint source, format::open_checkpoint(folder));
  FH_TRY(format::GgufPlan plan, model::plan_gguf(source, folder.parent_path().filename().string()));
  FH_TRY(kernel::Mix mix, store::weight_type_from_name(type));
  FH_TRY(AtomicFile file, AtomicFile::create(out));
  ThreadPool pool(2);
  FH_TRY_VOID(store::quantize(plan, {mix}, pool, [&](Bytes b) { return file.write(b); }));
  return file.commit();
}

void compare_tensors(const Checkpoint& ours, const Checkpoint& reference, const fs::path& where) {
  EXPECT_EQ(ours.tensors().size(), reference.tensors().size()) << where;
  for (const tensor::View& theirs : reference.tensors()) {
    const tensor::View* t = ours.find(theirs.name);
    ASSERT_NE(t, nullptr) << where << " " << theirs.name;
    ASSERT_EQ(t->shape, theirs.shape) << where << " " << theirs.name;
    std::vector<float> a(t->elems()), b(t->elems());
    kernel::dequantise(t->type, t->bytes.data(), a.data(), a.size());
    kernel::dequantise(theirs.type, theirs.bytes.data(), b.data(), b.size());
    std::size_t differ = 0;
    for (std::size_t i = 0; i < a.size(); ++i) differ += a[i] != b[i] ? 1 : 0;
    EXPECT_EQ(differ, 0u) << where << " " << theirs.name;
  }
}

// What the reference states, we state alike. Numbers may have another width; scores need only the same order.
void compare_metadata(const format::Metadata& ours, const format::Metadata& reference, const fs::path& where) {
  for (const format::Member& m : reference.entries()) {
    if (m.key == "general.file_type" || m.key == "tokenizer.ggml.scores") continue;
    const format::Value* value = ours.find(m.key);
    // Of an unused bos the folder's tokenizer says nothing, only its generation_config.json.
    if (value == nullptr && m.key == "tokenizer.ggml.bos_token_id") continue;
    ASSERT_NE(value, nullptr) << where << " " << m.key;
    if (m.value.as_f64()) {
      EXPECT_EQ(value->as_f64(), m.value.as_f64()) << where << " " << m.key;
    } else if (m.value.as_strings()) {
      EXPECT_TRUE(value->as_strings() == m.value.as_strings()) << where << " " << m.key;
    } else if (m.value.as_i64s()) {
      EXPECT_TRUE(value->as_i64s() == m.value.as_i64s()) << where << " " << m.key;
    } else {
      EXPECT_EQ(value->describe(), m.value.describe()) << where << " " << m.key;
    }
  }
}

void compare_logits(const fs::path& ours, const fs::path& reference) {
  auto a = golden::Runner::open(ours), b = golden::Runner::open(reference);
  ASSERT_TRUE(a && b);
  std::vector<std::int32_t> ids;
  for (std::int32_t i = 0; i < 40; ++i) ids.push_back((i * 37 + 5) % static_cast<std::int32_t>(a->vocab()));
  // The same floats in the same order.
  EXPECT_TRUE(a->logits(ids) == b->logits(ids)) << ours;
}

TEST(Convert, AFolderBecomesTheReferencesGguf) {
  GOLDEN_KIND("models");
  std::string pattern = (fs::temp_directory_path() / "freehold-convert-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const fs::path out = fs::path(pattern) / "out.gguf";
  std::size_t cases = 0;
  for (const fs::path& path : golden::entries(golden::oracle() / "models")) {
    if (!fs::is_directory(path / "hf") || !fs::exists(path / "model.gguf")) continue;
    ++cases;
    auto converted = convert(path / "hf", "f32", out);
    if (!converted) {
      ADD_FAILURE() << path << ": " << converted.error().what;
      continue;
    }
    auto ours = format::open_checkpoint(out), reference = format::open_checkpoint(path / "model.gguf");
    ASSERT_TRUE(ours && reference) << path;
    compare_tensors(*ours, *reference, path);
    compare_metadata(ours->metadata(), reference->metadata(), path);
    compare_logits(out, path / "model.gguf");
  }
  if (cases == 0) std::printf("no case has both forms\n");
  fs::remove_all(pattern);
}

}  // namespace
}  // namespace freehold::golden::convert_cases
