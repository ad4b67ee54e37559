// Every model of the oracle behind the engine: the greedy text is the golden one, and what a request gets is bit for
// bit the same alone, among others, in any chunks, after a kept prefix and on any number of threads.
#include "engine/engine.h"

#include <nlohmann/json.hpp>

#include "base/thread_pool.h"
#include "engine/count_allocations.h"
#include "engine/model_decoder.h"
#include "engine/test_support.h"
#include "format/checkpoint.h"
#include "kernel/kernels.h"
#include "model/tokenizer_loader.h"
#include "oracle.h"
#include "text/prompt.h"

namespace freehold::engine {
namespace {

using nlohmann::json;
using testing::Recorder;
namespace fs = std::filesystem;

struct Surroundings {
  int threads = 2;
  std::uint32_t chunk = 128;
  bool prefix_cache = false;
};

class Loaded {
 public:
  // `exact`: no matrix whose arithmetic rounds activations, so that the golden text is to be met token by token.
  static std::shared_ptr<const model::Model> load(const fs::path& path, bool& exact) {
    auto checkpoint = format::open_checkpoint(path);
    if (!checkpoint) {
      ADD_FAILURE() << path << ": " << checkpoint.error().what;
      return nullptr;
    }
    exact = true;
    for (const tensor::View& t : checkpoint->tensors()) {
      bool rounds = t.type == tensor::DType::bf16 || tensor::info(t.type).quantised;
      exact = exact && !(rounds && t.shape.size() > 1);
    }
    ThreadPool pool(1);
    auto model = model::Model::load(std::make_shared<format::Checkpoint>(std::move(*checkpoint)), pool);
    if (!model) ADD_FAILURE() << path << ": " << model.error().what;
    return model ? *model : nullptr;
  }

  Loaded(std::shared_ptr<const model::Model> model, Surroundings s) : pool(s.threads) {
    DecoderSize size;
    size.chunk = s.chunk;
    size.cache_tokens = 8 * model->spec().context;
    auto made = ModelDecoder::create(std::move(model), pool, kernel::table_up_to(kernel::detect_level()), size);
    EXPECT_TRUE(made) << made.error().what;
    decoder = std::move(*made);
    EngineOptions options;
    options.chunk = s.chunk;
    options.prefix_cache = s.prefix_cache;
    auto started = Engine::create(*decoder, tokenizer, options);
    EXPECT_TRUE(started) << started.error().what;
    engine = std::move(*started);
  }

  text::Tokenizer tokenizer = testing::small_tokenizer();  // its texts are beside the point
  ThreadPool pool;
  std::unique_ptr<ModelDecoder> decoder;
  std::unique_ptr<Engine> engine;
};

std::vector<std::int32_t> greedy(Engine& engine, std::vector<std::int32_t> prompt, std::size_t count) {
  Request request;
  request.prompt = std::move(prompt);
  request.max_tokens = static_cast<std::uint32_t>(count);
  request.sampling.temperature = 0;
  request.logprobs = 0;
  request.stop_at_end_of_generation = false;
  std::vector<std::int32_t> ids;
  auto done = engine.run(request, [&](const Event& e) {
    if (const auto* token = std::get_if<TokenLogprobs>(&e)) ids.push_back(token->sampled.token);
  });
  EXPECT_TRUE(done) << done.error().what;
  return ids;
}

// Eight requests over the golden prompts, some with the same beginning, with many kinds of sampling.
std::vector<Request> requests_of(const json& golden, std::uint32_t context) {
  std::vector<std::int32_t> longest;
  for (const json& p : golden.at("prompts")) {
    auto ids = p.at("ids").get<std::vector<std::int32_t>>();
    if (ids.size() > longest.size() && ids.size() + 100 < context) longest = std::move(ids);
  }
  std::vector<Request> requests;
  for (std::uint32_t i = 0; i < 8; ++i) {
    Request r;
    r.prompt.assign(longest.begin(),
                    longest.begin() + static_cast<std::ptrdiff_t>(1 + (longest.size() - 1) * (i + 1) / 8));
    if (i % 3 == 0) std::reverse(r.prompt.begin(), r.prompt.end());
    r.seed = i;
    r.max_tokens = 12 + i;
    r.logprobs = 2;
    r.stop_at_end_of_generation = false;
    r.sampling.temperature = i == 4 ? 0 : 0.5 + 0.2 * i;
    r.sampling.top_p = i % 2 == 0 ? 0.9 : 1;
    r.sampling.top_k = i % 4 == 1 ? 50 : 0;
    r.sampling.presence_penalty = i == 5 ? 0.5 : 0;
    requests.push_back(std::move(r));
  }
  return requests;
}

using Events = std::vector<std::vector<std::string>>;

Events together(Engine& engine, const std::vector<Request>& requests) {
  std::vector<Recorder> recorders(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    auto id = engine.submit(requests[i], recorders[i].sink());
    EXPECT_TRUE(id) << id.error().what;
    if (i == 3) engine.step();  // the rest arrives while others decode
  }
  while (engine.step()) {
  }
  Events events;
  for (Recorder& r : recorders) {
    EXPECT_EQ(r.error, "");
    events.push_back(std::move(r.events));
  }
  return events;
}

Events one_by_one(Engine& engine, const std::vector<Request>& requests) {
  Events events;
  for (const Request& request : requests) {
    Recorder r;
    auto done = engine.run(request, r.sink());
    EXPECT_TRUE(done) << done.error().what;
    events.push_back(std::move(r.events));
  }
  return events;
}

void check_bits(const std::shared_ptr<const model::Model>& model, const json& golden) {
  auto requests = requests_of(golden, model->spec().context);
  Loaded alone(model, {.threads = 1});
  Events expected = one_by_one(*alone.engine, requests);
  EXPECT_EQ(together(*Loaded(model, {}).engine, requests), expected) << "in one batch, 2 threads";
  EXPECT_EQ(together(*Loaded(model, {.chunk = 13}).engine, requests), expected) << "in one batch, chunks of 13";
  Loaded kept(model, {.prefix_cache = true});
  EXPECT_EQ(one_by_one(*kept.engine, requests), expected) << "continuing what is kept";
  EXPECT_EQ(one_by_one(*kept.engine, requests), expected) << "continuing what is kept, again";
  EXPECT_GT(kept.engine->counters().reused_tokens, 0u);
}

void check_allocations(const std::shared_ptr<const model::Model>& model, const json& golden) {
  Loaded loaded(model, {});
  auto requests = requests_of(golden, model->spec().context);
  std::size_t finished = 0;
  for (Request& r : requests) {
    r.max_tokens = 90;
    r.logprobs.reset();
    ASSERT_TRUE(loaded.engine->submit(r, [&](const Event& e) { finished += std::holds_alternative<Finished>(e); }));
  }
  while (loaded.engine->counters().sampled_tokens < 120) loaded.engine->step();
  std::size_t before = testing::allocations;
  for (int i = 0; i < 20; ++i) loaded.engine->step();
  EXPECT_EQ(testing::allocations - before, 0u) << "while decoding steadily";
  EXPECT_EQ(finished, 0u);
}

TEST(Golden, Engine) {
  GOLDEN_KIND("models");
  std::size_t cases = 0;
  for (const fs::path& folder : golden::entries(golden::oracle() / "models")) {
    if (!fs::exists(folder / "golden.json")) continue;
    SCOPED_TRACE(folder.string());
    ++cases;
    const json golden = json::parse(golden::slurp(folder / "golden.json"));
    bool exact = false;
    auto model = Loaded::load(folder / golden.value("file", "model.gguf"), exact);
    if (!model) continue;
    Loaded loaded(model, {});
    for (const json& g : golden.value("greedy", json::array())) {
      if (!exact) break;  // tests/golden/models_test.cpp judges those by margin
      auto expected = g.at("ids").get<std::vector<std::int32_t>>();
      EXPECT_EQ(greedy(*loaded.engine, g.at("prompt").get<std::vector<std::int32_t>>(), expected.size()), expected);
    }
    check_bits(model, golden);
    check_allocations(model, golden);
  }
  golden::require_cases(cases, "models");
}

// Real checkpoints, from text to text: the prompt with what the engine says after it is what the reference program
// prints.
void check_text(const fs::path& path, const json& golden) {
  SCOPED_TRACE(path.string());
  bool exact = false;
  auto model = Loaded::load(path, exact);
  if (!model || !exact) return;
  auto checkpoint = format::open_checkpoint(path);
  ASSERT_TRUE(checkpoint);
  auto vocabulary = model::load_tokenizer(*checkpoint);
  ASSERT_TRUE(vocabulary) << vocabulary.error().what;
  const text::Tokenizer& tokenizer = vocabulary->tokenizer;
  Loaded loaded(model, {});
  auto engine = Engine::create(*loaded.decoder, tokenizer, {.chunk = 16});
  ASSERT_TRUE(engine) << engine.error().what;
  for (const json& g : golden.value("greedy", json::array())) {
    if (!g.contains("text_run_c") || g.value("min_margin", 0.0) < 1e-4)
      continue;  // a tie in the last bit may go either way
    auto prompt = prompt_from_text(tokenizer, g.at("prompt").get<std::string>());
    ASSERT_TRUE(prompt) << prompt.error().what;
    Request request;
    request.prompt = prompt->tokens;
    // That many positions are run, the last of which gives one token more.
    request.max_tokens =
        g.at("n_positions").get<std::uint32_t>() + 1 - static_cast<std::uint32_t>(prompt->tokens.size());
    request.sampling.temperature = 0;
    request.stop_tokens = {tokenizer.vocabulary().bos};  // where these texts end
    request.text_starts = prompt->text_starts;
    Recorder recorder;
    auto done = (*engine)->run(request, recorder.sink());
    ASSERT_TRUE(done) << done.error().what;
    EXPECT_EQ(prompt->text + recorder.text.at(0), g.at("text_run_c").get<std::string>());
  }
}

TEST(Golden, EngineText) {
  GOLDEN_KIND("real");
  std::size_t cases = 0;
  for (const fs::path& folder : golden::entries(golden::oracle() / "real")) {
    if (!fs::exists(folder / "golden.json")) continue;
    const json golden = json::parse(golden::slurp(folder / "golden.json"));
    for (const fs::path& path : golden::entries(folder)) {
      if (path.extension() != ".gguf") continue;
      ++cases;
      check_text(path, golden);
    }
  }
  golden::require_cases(cases, "real");
}

}  // namespace
}  // namespace freehold::engine
