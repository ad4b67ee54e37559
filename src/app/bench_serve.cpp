// `bench --suite serve`: what stands between the engine and a client. The engine runs in this process, the server is a
// process of its own, asked over loopback; the two take turns, so that what disturbs one disturbs the other. Both get
// the same requests: kStreams answers at once, of kAnswer tokens after a prompt of kShort, likeliest tokens.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "app/bench.h"
#include "app/bench_child.h"
#include "app/bench_client.h"
#include "app/bench_file.h"
#include "app/peaks_crew.h"
#include "base/random.h"
#include "base/utf8.h"
#include "engine/drafting/ngram.h"
#include "engine/engine.h"
#include "engine/model_decoder.h"
#include "kernel/kernels.h"
#include "store/identity.h"
#include "store/weight_type.h"
#include "text/grammar/grammar.h"
#include "text/grammar/matcher.h"

namespace freehold::app {
namespace {

constexpr std::uint32_t kStreams = 16;
constexpr std::uint32_t kAnswer = 64;
constexpr std::uint32_t kShort = 8;    // of each stream's prompt; too short to be cached
constexpr std::uint32_t kLong = 2000;  // whose first token is waited for
constexpr std::uint32_t kTail = 8;     // after it, new every time

// Long enough that an answer of kAnswer tokens does not end early, short enough that it fits.
constexpr std::string_view kAnswerSchema =
    R"({"type":"object","properties":{"kind":{"enum":["note","letter"]},"score":{"type":"number","minimum":0,"maximum":1},)"
    R"("text":{"type":"string","minLength":250,"maxLength":4000}},"required":["kind","score","text"],)"
    R"("additionalProperties":false})";

std::vector<std::int32_t> tokens_of(std::uint64_t stream, std::size_t count, std::uint32_t vocab) {
  std::vector<std::int32_t> ids(count);
  for (std::size_t i = 0; i < count; ++i) ids[i] = static_cast<std::int32_t>(uniform_draw(2, stream, i) * vocab);
  return ids;
}

// A folder that is removed with this object.
class Folder {
 public:
  static Result<Folder> create() {
    std::string path = temporary_name();
    if (::mkdtemp(path.data()) == nullptr) {
      return fail(Errc::io, fmt::format("make a folder like {}: {}", printable(path), std::strerror(errno)));
    }
    Folder folder;
    folder.path_ = path;
    return folder;
  }
  Folder(Folder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Folder& operator=(Folder&&) = delete;
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  Folder() = default;
  std::string path_;
};

struct Ask {
  std::vector<std::int32_t> prompt;
  std::uint32_t most = kAnswer;
  double temperature = 0;
  std::uint64_t seed = 0;
  bool schema = false;

  std::string body() const {
    std::string text =
        fmt::format(R"({{"model":"m","prompt":[{}],"max_tokens":{},"temperature":{},"seed":{},"stream":true,)"
                    R"("stream_options":{{"include_usage":true}})",
                    fmt::join(prompt, ","), most, temperature, seed);
    if (schema) {
      text += fmt::format(R"(,"response_format":{{"type":"json_schema","json_schema":{{"name":"x","schema":{}}}}})",
                          kAnswerSchema);
    } else {
      text += R"(,"ignore_eos":true)";
    }
    return text + "}";
  }
};

std::vector<Ask> streams_of(std::uint64_t run, std::uint32_t vocab, double temperature, bool schema) {
  std::vector<Ask> asks(kStreams);
  for (std::uint64_t i = 0; i < asks.size(); ++i) {
    asks[i] = {tokens_of(run * kStreams + i, kShort, vocab), kAnswer, temperature, i, schema};
  }
  return asks;
}

// From when all have their first token to when all have ended; from when they were asked if a model is so small that
// the last one's first token is the end of all.
double tokens_per_second(std::span<const StreamTimes> times) {
  double asked = times[0].asked, begin = 0, end = 0, tokens = 0;
  for (const StreamTimes& t : times) {
    asked = std::min(asked, t.asked);
    begin = std::max(begin, t.first);
    end = std::max(end, t.end);
    tokens += static_cast<double>(t.tokens) - 1;
  }
  return tokens / (end - (begin < end ? begin : asked));
}

class ServeBench {
 public:
  static Result<std::unique_ptr<ServeBench>> create(const Bench& bench, const Loaded& loaded, std::uint32_t context) {
    auto b = std::unique_ptr<ServeBench>(new ServeBench(bench, loaded));
    // As much cache as `freehold serve` sets aside for as many sequences.
    const std::uint64_t cache = std::uint64_t{4} * context + std::uint64_t{kStreams} * kChunk;
    FH_TRY(b->decoder_, engine::ModelDecoder::create(loaded.model, *loaded.pool, kernel::table_up_to(loaded.level),
                                                     {.context = context,
                                                      .sequences = kStreams,
                                                      .chunk = kChunk,
                                                      .drafted = kUsualGuessing.a_step(),
                                                      .cache_tokens = cache,
                                                      .cache_type = loaded.cache}));
    FH_TRY(b->engine_, engine::Engine::create(*b->decoder_, loaded.tokenizer.tokenizer,
                                              {.max_sequences = kStreams,
                                               .chunk = kChunk,
                                               .drafting = {&b->drafter_, kUsualGuessing.most, kUsualGuessing.adaptive},
                                               .pool = loaded.pool.get()}));
    FH_TRY(auto grammar, text::grammar::compile_json_schema(kAnswerSchema));
    b->masks_ = std::make_shared<text::grammar::MaskCache>(
        std::move(grammar), text::grammar::VocabularyIndex::create(loaded.tokenizer.tokenizer));
    return b;
  }

  // The engine alone.
  Result<std::vector<StreamTimes>> in_engine(std::span<const Ask> asks) {
    std::vector<StreamTimes> times(asks.size());
    std::optional<Error> wrong;
    answers_.resize(asks.size());
    for (std::size_t i = 0; i < asks.size(); ++i) {
      engine::Request request;
      request.prompt = asks[i].prompt;
      request.max_tokens = asks[i].most;
      request.sampling.temperature = asks[i].temperature;
      request.seed = asks[i].seed;
      request.stop_at_end_of_generation = asks[i].schema;
      if (asks[i].schema) request.constraint = masks_;
      times[i].asked = wall_seconds();
      FH_TRY_VOID(engine_->submit(std::move(request), [&, i](const engine::Event& event) {
        if (const auto* failed = std::get_if<engine::Failed>(&event)) wrong = failed->error;
        if (std::holds_alternative<engine::TextDelta>(event) && times[i].first == 0) times[i].first = wall_seconds();
        const auto* finished = std::get_if<engine::Finished>(&event);
        if (finished == nullptr) return;
        times[i].end = wall_seconds();
        times[i].tokens = finished->usage.completion_tokens;
        answers_[i].assign(finished->tokens.begin() + static_cast<std::ptrdiff_t>(asks[i].prompt.size()),
                           finished->tokens.end());
      }));
    }
    while (engine_->step()) FH_TRY_VOID(check_interrupt());
    if (wrong) return tl::unexpected(std::move(*wrong));
    return times;
  }

  static Result<std::vector<StreamTimes>> in_server(const ServerProcess& server, std::span<const Ask> asks) {
    std::vector<std::string> bodies;
    for (const Ask& ask : asks) bodies.push_back(ask.body());
    return ask_streams(server.port(), "/v1/completions", bodies);
  }

  // Sixteen answers of the engine and of the server, in turns.
  Result<> streams(const ServerProcess& server, double temperature, bool schema) {
    bench_.report.progress(schema ? "writing sixteen at a time as JSON" : "writing sixteen at a time");
    Samples engine, served, ratio;
    double waited = waited_seconds(), begin = wall_seconds();
    // One that does not count, then few of what is only asked for comparison.
    const bool first = next_run_ == 0;
    const int runs = (first ? bench_.repeat : std::min(bench_.repeat, 3)) + (first ? 1 : 0);
    for (int i = 0; i < runs; ++i) {
      FH_TRY_VOID(check_interrupt());
      const auto asks = streams_of(next_run_++, vocab(), temperature, schema);
      double speeds[2] = {};
      for (int turn = 0; turn < 2; ++turn) {
        const bool at_server = (turn + i) % 2 == 1;  // whoever is first sees the machine in another state
        FH_TRY(const auto times, at_server ? in_server(server, asks) : in_engine(asks));
        speeds[at_server ? 1 : 0] = tokens_per_second(times);
      }
      if (first && i == 0) continue;
      engine.values.push_back(speeds[0]);
      served.values.push_back(speeds[1]);
      ratio.values.push_back(100 * speeds[1] / speeds[0]);
    }
    const double lost = (waited_seconds() - waited) / ((wall_seconds() - begin) * bench_.threads);
    for (auto [name, unit, samples] :
         {std::tuple("engine-decode", "tokens/s", &engine), std::tuple("serve-decode", "tokens/s", &served),
          std::tuple("serve-of-engine", "%", &ratio)}) {
      BenchLine line = line_of(name, unit, *samples);
      line.detail = {{"streams", std::to_string(kStreams)},
                     {"as", schema             ? "json"
                            : temperature == 0 ? "greedy"
                                               : "sampled"}};
      line.lost = std::min(1.0, lost);
      bench_.report.line(line);
    }
    return {};
  }

  // The first token after a long prompt that is new, and after one whose beginning is known.
  Result<> first_token(const ServerProcess& server, std::uint32_t prompt) {
    Samples cold, warm, ratio;
    for (int i = 0; i < std::min(bench_.repeat, 3) + 1; ++i) {
      bench_.report.progress(fmt::format("reading {} tokens", prompt));
      Ask ask{tokens_of(next_run_++ * kStreams, prompt + kTail, vocab()), 2, 0, 0, false};
      double seconds[2] = {};
      for (double& s : seconds) {
        FH_TRY_VOID(check_interrupt());
        FH_TRY(const auto times, in_server(server, {&ask, 1}));
        s = (times[0].first > 0 ? times[0].first : times[0].end) - times[0].asked;
        const auto tail = tokens_of(next_run_++ * kStreams, kTail, vocab());
        std::copy(tail.begin(), tail.end(), ask.prompt.end() - kTail);
      }
      if (i == 0) continue;
      cold.values.push_back(seconds[0]);
      warm.values.push_back(seconds[1]);
      ratio.values.push_back(100 * seconds[1] / seconds[0]);
    }
    for (auto [name, unit, cache, samples] :
         {std::tuple("first-token", "s", "cold", &cold), std::tuple("first-token", "s", "warm", &warm),
          std::tuple("first-token-ratio", "%", "", &ratio)}) {
      BenchLine line = line_of(name, unit, *samples);
      line.smaller_is_better = true;
      line.detail = {{"prompt", std::to_string(prompt)}};
      if (*cache != '\0') line.detail.emplace_back("cache", cache);
      bench_.report.line(line);
    }
    return {};
  }

  // What masks cost a token, measured alone: the answers of the last constrained run are walked again.
  Result<> masks() {
    bench_.report.progress("masks");
    FH_TRY_VOID(in_engine(streams_of(next_run_++, vocab(), 1, true)));
    std::vector<std::uint64_t> bits(masks_->vocabulary().mask_words());
    Samples microseconds;
    for (int i = 0; i <= bench_.repeat; ++i) {
      double seconds = 0;
      std::size_t count = 0;
      for (const auto& answer : answers_) {
        text::grammar::Matcher matcher(masks_);
        const double begin = wall_seconds();
        for (std::size_t t = 0; t < answer.size(); ++t) {
          FH_TRY_VOID(matcher.fill_mask(bits, static_cast<std::uint32_t>(answer.size() - t)));
          if (!matcher.accept(answer[t])) break;
          ++count;
        }
        seconds += wall_seconds() - begin;
      }
      if (i > 0 && count > 0) microseconds.values.push_back(seconds * 1e6 / static_cast<double>(count));
    }
    BenchLine line = line_of("mask-cost", "us/token", microseconds);
    line.smaller_is_better = true;
    line.detail = {{"vocabulary", std::to_string(vocab())}};
    bench_.report.line(line);
    return {};
  }

 private:
  ServeBench(const Bench& bench, const Loaded& loaded) : bench_(bench), loaded_(loaded) {}
  std::uint32_t vocab() const { return static_cast<std::uint32_t>(loaded_.tokenizer.tokenizer.size()); }

  const Bench& bench_;
  const Loaded& loaded_;
  engine::NgramDrafter drafter_;  // as the server guesses
  std::unique_ptr<engine::ModelDecoder> decoder_;
  std::unique_ptr<engine::Engine> engine_;
  std::shared_ptr<text::grammar::MaskCache> masks_;
  std::vector<std::vector<std::int32_t>> answers_;  // of the engine's last run
  std::uint64_t next_run_ = 0;
};

Result<> bench_served(const Bench& bench, const std::string& path) {
  FH_TRY(CheckedModel checked, open_and_check(path, bench.console));
  const std::string file = checked.opened.path.string();
  const std::uint32_t most = kLong + kTail + kShort;
  const std::uint32_t context = std::min(most, checked.plan.spec.context);
  if (context < kShort + kAnswer) {
    return fail(Errc::exhausted, fmt::format("the model's context of {} tokens is too short for answers of {}",
                                             checked.plan.spec.context, kAnswer));
  }
  const std::uint32_t prompt = context - kTail - kShort;
  if (context < most)
    bench.report.note(fmt::format("note: no prompt of {}: the model's context is {}", kLong, context));
  FH_TRY(const Loaded loaded, load(std::move(checked), bench.arguments, bench.console, context));
  FH_TRY(auto served, ServeBench::create(bench, loaded, context));
  FH_TRY(const Folder home, Folder::create());
  std::vector<std::string> words = {file, "--alias", "m", "--no-keys"};
  words.insert(words.end(), {"--sequences", std::to_string(kStreams), "--context", std::to_string(context)});
  words.insert(words.end(), {"--threads", std::to_string(bench.threads)});
  words.insert(words.end(), {"--kv-cache", std::string(bench.arguments.text("kv-cache"))});
  bench.report.progress("starting the server");
  FH_TRY(const ServerProcess server, ServerProcess::start(words, home.path()));
  FH_TRY_VOID(served->streams(server, 0, false));
  FH_TRY_VOID(served->streams(server, 1, false));
  FH_TRY_VOID(served->streams(server, 1, true));
  FH_TRY_VOID(served->first_token(server, prompt));
  return served->masks();
}

}  // namespace

Result<> bench_serve(const Bench& bench) {
  const Arguments& arguments = bench.arguments;
  bench.report.plan(8);
  if (arguments.given("MODEL")) {
    const std::string path(arguments.text("MODEL"));
    {
      FH_TRY(const CheckedModel checked, open_and_check(path, bench.console));
      bench.report.model(path, store::facts_of(*checked.opened.checkpoint).weight_type);
    }
    return bench_served(bench, path);
  }
  const std::string type = arguments.given("types") ? std::string(arguments.text("types")) : "q4_k_m";
  FH_TRY_VOID(store::weight_type_from_name(type));
  FH_TRY(const store::Shape* shape, shape_of(bench));
  FH_TRY(const NamelessFile file, synthesised(bench, *shape, type));
  bench.report.model(std::string(shape->name), type);
  return bench_served(bench, file.path());
}

}  // namespace freehold::app
