// `freehold batch`: a file of prompts in, a file of answers out, as fast as the machine goes.
//
// The output is only ever appended to, in the order of the input, and says of each line which input it answers. So the
// program may be killed at any instant: started again it checks what is there, cuts a torn last line, and goes on. What
// it writes depends on the input and the options alone.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "api/openai/openai.h"
#include "app/batch/line.h"
#include "app/batch/standing.h"
#include "app/commands.h"
#include "app/constraint.h"
#include "app/interrupt.h"
#include "app/progress.h"
#include "app/sealing.h"
#include "app/serve/collected.h"
#include "app/serve/generation.h"
#include "app/serve/reply.h"
#include "app/serve/served_model.h"
#include "app/serve/site.h"
#include "app/veil/owner_veil.h"
#include "base/append_file.h"
#include "base/hash.h"
#include "base/line_reader.h"
#include "base/utf8.h"
#include "engine/allowed_tokens.h"
#include "store/store.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kUsualContext = 8192;

// Enough to tell models apart without reading all of their weights.
std::string digest_of(const CheckedModel& checked) {
  Sha256 hash;
  const auto add = [&](std::string_view text) { hash.update(as_bytes(text)); };
  for (const tensor::View& t : checked.opened.checkpoint->tensors()) {
    add(fmt::format("{}:{}:", t.name, t.bytes.size()));
    hash.update(t.bytes.first(std::min<std::size_t>(t.bytes.size(), 64)));
  }
  if (!checked.tokenizer.chat_templates.empty()) add(checked.tokenizer.chat_templates.front().source);
  return hash.finish().hex();
}

// An answer that could not be complete is refused: nobody is there to read a warning.
api::Parsed<void> must_fit(const AnswerPlan& plan, const std::vector<engine::Request>& requests,
                           const engine::RequestLimits& limits) {
  if (!plan.constraint || plan.constraint_start) return {};
  const auto fewest = engine::fewest_tokens(plan.constraint);
  if (!fewest) return api::refuse(api::Problem::invalid, fewest.error().what);
  std::uint32_t most = UINT32_MAX;
  for (const engine::Request& r : requests) most = std::min(most, engine::answer_limit(r, limits));
  if (*fewest <= most) return {};
  return api::refuse(
      api::Problem::invalid,
      fmt::format("the shortest valid answer has {} tokens, but at most {} may be written", *fewest, most),
      "max_tokens");
}

class BatchProgram {
 public:
  BatchProgram(ServedModel& model, const BatchOptions& options, const OwnerVeil& veil, std::size_t sequences,
               Console& console)
      : model_(model), options_(options), veil_(veil), sequences_(sequences), bar_(console, "answering", false) {}

  Result<> run(const fs::path& in, const fs::path& out, Standing& standing);
  // Tokens so far.
  std::uint64_t read() const;
  std::uint64_t written() const;

 private:
  struct Line {
    BatchJob job;
    std::shared_ptr<Collected> answer;
    std::vector<engine::Service::Ticket> tickets;
    std::optional<http::Response> response;
  };

  void start(Line& line);
  api::Parsed<void> submit(Line& line);
  api::Parsed<void> submit_embeddings(Line& line);
  Result<> fill(LineReader& lines, std::uint64_t skip);
  Result<> write_answered(AppendFile& output, Standing& standing);
  void show(const Standing& standing);
  void cancel();
  std::size_t running() const;

  ServedModel& model_;           // owner: the caller
  const BatchOptions& options_;  // the same
  const OwnerVeil& veil_;        // the same
  const std::size_t sequences_;
  ProgressBar bar_;
  const Clock::time_point begun_ = Clock::now();
  std::deque<Line> window_;  // under way, or answered behind one that is
  std::uint64_t seen_ = 0;   // lines of the input
  bool ended_ = false;       // the input
  // What the engine's thread tells us; it may do so a little longer than we are there.
  struct Told {
    std::mutex mutex;  // guards what follows
    std::condition_variable answered;
    std::uint64_t answers = 0, read = 0, written = 0;
  };
  const std::shared_ptr<Told> told_ = std::make_shared<Told>();
};

std::uint64_t BatchProgram::read() const {
  const std::lock_guard lock(told_->mutex);
  return told_->read;
}

std::uint64_t BatchProgram::written() const {
  const std::lock_guard lock(told_->mutex);
  return told_->written;
}

api::Parsed<void> BatchProgram::submit(Line& line) {
  FH_TRY_VOID(line.job.call.map([](auto&&) {}));
  if (line.job.embed) return submit_embeddings(line);
  api::Call& call = *line.job.call;
  FH_TRY(ExchangeVeil veiled, veil_.use(call, [this](const auto& ids) { return model_.spelled(ids); }));
  FH_TRY(const AnswerPlan plan, model_.plan(call, {}));
  if (!plan.ignored.empty()) {  // an answer here has no header that could say so
    return api::refuse(api::Problem::invalid, fmt::format("'{}' cannot be enforced", plan.ignored.front()),
                       plan.ignored.front());
  }
  FH_TRY(auto requests, model_.requests(call, plan, {}));
  FH_TRY_VOID(must_fit(plan, requests, model_.service().limits()));
  std::vector<std::string> texts(plan.prompts.size());
  for (std::size_t i = 0; call.echo && i < texts.size(); ++i) texts[i] = model_.text_of(plan.prompts[i]);
  auto generation =
      std::make_shared<Generation>(line.answer, batch_encoder(line.job, std::move(texts)), call, plan,
                                   [&model = model_](std::string_view text) { return model.count(text); });
  generation->veil(std::move(veiled), {});
  const auto firsts = first_choices(requests, call.request.n);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const std::uint32_t first = firsts[i];
    auto ticket =
        model_.service().submit(std::move(requests[i]), [told = told_, generation, first](const engine::Event& event) {
          // What came from the cache depends on the neighbours, and no answer may.
          if (const auto* started = std::get_if<engine::Started>(&event)) {
            return generation->on(first, engine::Started{started->prompt_tokens, 0});
          }
          if (const auto* finished = std::get_if<engine::Finished>(&event)) {
            engine::Finished same = *finished;
            same.usage.cached_tokens = 0;
            {
              const std::lock_guard lock(told->mutex);
              told->read += same.choice == 0 ? same.usage.prompt_tokens : 0;
              told->written += same.usage.completion_tokens;
            }
            return generation->on(first, same);
          }
          generation->on(first, event);
        });
    if (!ticket) return tl::unexpected(failure_of(ticket.error()));
    line.tickets.push_back(*ticket);
  }
  return {};
}

api::Parsed<void> BatchProgram::submit_embeddings(Line& line) {
  struct Vectors {
    std::vector<std::vector<float>> vectors;
    std::size_t open = 0;
    std::uint64_t tokens = 0;
  };
  api::EmbedCall& call = *line.job.embed;
  FH_TRY_VOID(veil_.use(call, [this](const auto& ids) { return model_.spelled(ids); }));
  FH_TRY(auto prompts, model_.prompts(call.inputs, "input"));
  auto made = std::make_shared<Vectors>();
  made->vectors.resize(prompts.size());
  made->open = prompts.size();
  std::vector<engine::EmbedRequest> requests;
  for (text::Prompt& prompt : prompts) {
    engine::EmbedRequest request;
    request.tokens = std::move(prompt.tokens);
    request.dimensions = call.dimensions;
    request.adapter = model_.loaded().adapter;
    if (auto valid = engine::validate(request, model_.service().limits()); !valid) {
      api::Failure failure = failure_of(valid.error());
      failure.param = valid.error().what.starts_with("dimensions") ? "dimensions" : "input";
      return tl::unexpected(std::move(failure));
    }
    requests.push_back(std::move(request));
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    auto ticket = model_.service().submit(
        std::move(requests[i]), [told = told_, made, call, i, answer = line.answer](const engine::Event& event) {
          if (const auto* broken = std::get_if<engine::Failed>(&event)) {
            const api::Failure failure = failure_of(broken->error);
            answer->respond({api::status_of(failure.problem), {}, api::openai::error_json(failure)});
          }
          const auto* embedded = std::get_if<engine::Embedded>(&event);
          if (embedded == nullptr) return;
          made->vectors[i].assign(embedded->vector.begin(), embedded->vector.end());
          made->tokens += embedded->usage.prompt_tokens;
          {
            const std::lock_guard lock(told->mutex);
            told->read += embedded->usage.prompt_tokens;
          }
          if (--made->open == 0)
            answer->respond(json_response(200, api::openai::embeddings_json(call, made->vectors, made->tokens)));
        });
    if (!ticket) return tl::unexpected(failure_of(ticket.error()));
    line.tickets.push_back(*ticket);
  }
  return {};
}

void BatchProgram::start(Line& line) {
  line.answer = std::make_shared<Collected>(http::Request(), [told = told_] {
    const std::lock_guard lock(told->mutex);
    ++told->answers;
    told->answered.notify_one();
  });
  auto submitted = submit(line);
  if (submitted) return;
  for (auto ticket : line.tickets) model_.service().cancel(ticket);
  const api::Failure& failure = submitted.error();
  line.answer->respond({api::status_of(failure.problem), {}, api::openai::error_json(failure)});
}

std::size_t BatchProgram::running() const {
  return static_cast<std::size_t>(
      std::count_if(window_.begin(), window_.end(), [](const Line& line) { return !line.response; }));
}

// As many more as there is room for: twice the sequences, so that the engine never waits for us, and of those that are
// answered behind a slow one a bounded number.
Result<> BatchProgram::fill(LineReader& lines, std::uint64_t skip) {
  std::size_t open = running();
  while (!ended_ && open < 2 * sequences_ && window_.size() < 64 * sequences_) {
    FH_TRY(const auto line, lines.next());
    if (!line) {
      ended_ = true;
      break;
    }
    if (is_blank(line->text) || ++seen_ <= skip) continue;
    window_.push_back({parse_batch_job(options_, line->number, line->text), nullptr, {}, {}});
    start(window_.back());
    ++open;
  }
  return {};
}

Result<> BatchProgram::write_answered(AppendFile& output, Standing& standing) {
  for (Line& line : window_) {
    if (!line.response) line.response = line.answer->take();
  }
  std::string text;
  while (!window_.empty() && window_.front().response) {
    const Line& line = window_.front();
    const bool failed = line.response->status >= 400;
    text += batch_output_line(line.job, line.response->status, line.response->body);
    ++standing.done;
    standing.failed += failed ? 1 : 0;
    window_.pop_front();
  }
  return text.empty() ? Result<>() : output.append(text);
}

void BatchProgram::show(const Standing& standing) {
  const double seconds = std::chrono::duration<double>(Clock::now() - begun_).count();
  const auto counters = model_.service().status().counters;
  bar_.rename(fmt::format("answering, {:.0f} tokens/s",
                          static_cast<double>(counters.prefilled_tokens + counters.sampled_tokens) / seconds));
  bar_.update(standing.done, standing.lines);
}

// When this returns, nothing runs any more.
void BatchProgram::cancel() {
  for (Line& line : window_) {
    for (auto ticket : line.tickets) model_.service().cancel(ticket);
  }
  for (Line& line : window_) {
    while (!line.response && !(line.response = line.answer->take())) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
}

Result<> BatchProgram::run(const fs::path& in, const fs::path& out, Standing& standing) {
  FH_TRY(InputFile input, InputFile::open(in));
  LineReader lines(std::move(input));
  FH_TRY(AppendFile output, AppendFile::open(out, standing.keep));
  const std::uint64_t skip = standing.done;
  auto synced = Clock::now();
  const auto steps = [&]() -> Result<> {
    while (true) {
      std::uint64_t answers = 0;
      {
        const std::lock_guard lock(told_->mutex);
        answers = told_->answers;
      }
      if (interrupted()) return fail(Errc::cancelled, "interrupted");
      FH_TRY_VOID(write_answered(output, standing));
      if (Clock::now() - synced > std::chrono::seconds(1)) {
        FH_TRY_VOID(output.sync());
        synced = Clock::now();
      }
      FH_TRY_VOID(fill(lines, skip));
      if (window_.empty() && ended_) return output.sync();
      show(standing);
      std::unique_lock lock(told_->mutex);
      told_->answered.wait_for(lock, std::chrono::milliseconds(100), [&] { return told_->answers != answers; });
    }
  };
  auto result = steps();
  bar_.clear();
  cancel();
  return result;
}

Result<> run(const Arguments& arguments, Console& console) {
  catch_interrupts();
  const fs::path in(arguments.text("IN")), out(arguments.text("OUT"));
  FH_TRY(Sealing sealing, Sealing::begin(arguments));
  sealing.reads_model(arguments, "model");
  sealing.reads(in);
  sealing.reads(arguments, "schema");
  sealing.writes_file(out);
  FH_TRY_VOID(sealing.enter(console));
  BatchOptions options;
  FH_TRY(options.settings, settings_from(arguments));
  FH_TRY_VOID(InputFile::open(in).map([](auto&&) {}));  // before the model is loaded
  FH_TRY(CheckedModel checked, open_and_check(arguments.text("model"), console));
  options.model = arguments.text("model");
  options.system = arguments.text("system");
  FH_TRY(options.schema, schema_from(arguments));
  options.templated = !arguments.flag("raw") && !checked.tokenizer.chat_templates.empty();
  if (!options.system.empty() && !options.templated) {
    return fail(Errc::invalid, "--system needs a chat template, and there is none (or --raw)");
  }
  const std::string digest = digest_of(checked);
  // What the memory of the moment allows would decide where answers end, so that is not asked.
  const std::uint32_t context = arguments.given("context") ? static_cast<std::uint32_t>(arguments.integer("context"))
                                                           : std::min(checked.plan.spec.context, kUsualContext);
  const auto sequences = static_cast<std::uint32_t>(arguments.integer("sequences"));
  const Guessing guessing = guessing_from(arguments);
  FH_TRY(Loaded loaded, load(std::move(checked), arguments, console, context,
                             {.sequences = sequences, .whole = kWholeSequences, .drafted = guessing.a_step()}));
  options.identity =
      batch_identity(options, fmt::format("{} {}", digest, static_cast<int>(loaded.memory.cache_type)), context);
  FH_TRY(const fs::path home, store::default_home());
  FH_TRY(const OwnerVeil veil, OwnerVeil::open(home, options.model));
  options.identity += veil.identity();
  FH_TRY(Standing standing, compare(in, out, options));
  const Standing before = standing;
  // The window bounds what is pending.
  FH_TRY(auto model,
         ServedModel::start(options.model, std::move(loaded), {.max_pending = SIZE_MAX, .guessing = guessing}));

  const auto begun = Clock::now();
  BatchProgram program(*model, options, veil, sequences, console);
  auto result = program.run(in, out, standing);
  const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  if (!result && result.error().code != Errc::cancelled) return result;
  if (standing.lines == 0) console.note("note: there are no lines to answer");
  const std::uint64_t tokens = program.read() + program.written();
  console.note(fmt::format("{} of {} lines done{}: {} tokens read and {} written in {} ({:.0f} tokens/s)",
                           grouped(standing.done), grouped(standing.lines),
                           before.done > 0 ? fmt::format(" ({} before)", grouped(before.done)) : "",
                           grouped(program.read()), grouped(program.written()), human_seconds(seconds),
                           seconds > 0 ? static_cast<double>(tokens) / seconds : 0.0));
  if (!result) {
    console.hint("the same command goes on where this one ended");
    return result;
  }
  // Exit code 1: nothing is wrong with the command or its files.
  if (standing.failed > 0) {
    return fail(Errc::internal, fmt::format("{} of {} lines failed; their errors are in {}", grouped(standing.failed),
                                            grouped(standing.lines), printable(out.string())));
  }
  return {};
}

std::vector<Option> context_options() {
  std::vector<Option> options = run_options_with_context();
  for (Option& option : options) {
    if (option.name == "context")
      option.help = "Longest prompt and answer together; the model's own, at most 8192, unless given.";
  }
  return options;
}

// Without a seed of its own each line's follows from this one, so it is not drawn at random.
std::vector<Option> settings_with_seed() {
  std::vector<Option> options = settings_options();
  for (Option& option : options) {
    if (option.name != "seed") continue;
    option.fallback = "0";
    option.help = "Each line's seed is made of this one and the line's number, unless the line has one.";
  }
  return options;
}

}  // namespace

Command batch_command() {
  return {
      .name = "batch",
      .summary = "Answer a file of prompts, line by line, at full throughput.",
      .details =
          "Every line of IN is JSON: a string or {\"prompt\": …}, which goes through the model's chat template as "
          "with run (unless --raw); {\"messages\": […]}; or a line of OpenAI's batch format, {\"custom_id\", "
          "\"method\": \"POST\", \"url\", \"body\"}, whose url is /v1/chat/completions, /v1/completions, "
          "/v1/responses or /v1/embeddings. Blank lines are "
          "passed over. A plain line may have the fields of a request beside its prompt (temperature, max_tokens, "
          "stop, seed …); the options below stand for those it leaves out. OpenAI's lines have OpenAI's defaults.\n\n"
          "OUT gets one line for each, in the order of IN: {\"id\", \"text\", \"finish_reason\", \"usage\", "
          "\"seed\"}, or OpenAI's form for OpenAI's lines (whose created is 0). A line that fails has its error "
          "there, and the others go on; the exit code is 1 then. With --schema, or a response_format in a line, an "
          "answer is complete and valid even when its token limit runs short.\n\n"
          "The command may be interrupted or killed at any time: the same command checks what OUT holds, cuts a torn "
          "last line, and goes on. The same IN, model and options give the same bytes, interrupted or not, "
          "on every machine. An OUT that belongs to something else is not touched.",
      .positionals = {{.name = "IN", .help = "A file of JSON lines."},
                      {.name = "OUT", .help = "The file of the answers; made, or gone on with."}},
      .options =
          join(join({{.name = "model",
                      .type = OptionType::file,
                      .value = "MODEL",
                      .help = "A path, or the name of an imported model.",
                      .letter = 'm',
                      .required = true},
                     {.name = "sequences",
                      .type = OptionType::integer,
                      .value = "N",
                      .fallback = "16",
                      .least = 1,
                      .most = 256,
                      .help = "Answers that run at the same time; the number changes nothing in them."},
                     {.name = "system",
                      .type = OptionType::text,
                      .value = "TEXT",
                      .help = "The system message of plain lines that have none.",
                      .letter = 's'},
                     {.name = "schema",
                      .type = OptionType::file,
                      .value = "FILE|JSON",
                      .help = "The answers of plain lines are JSON that this JSON Schema accepts (a file, or the "
                              "schema itself)."},
                     {.name = "raw", .help = "Plain prompts go to the model without a chat template."},
                     sealed_option()},
                    join(guessing_options(), settings_with_seed())),
               context_options()),
      .examples = {{"freehold batch prompts.jsonl answers.jsonl --model llama:8b", "Answer every line:"},
                   {"freehold batch in.jsonl out.jsonl -m model.gguf --temperature 0 -n 200 --sequences 32",
                    "Greedily, at most 200 tokens each, 32 at once:"},
                   {"jq -R . questions.txt > in.jsonl; freehold batch in.jsonl out.jsonl -m llama:8b",
                    "From a file of plain text, a question a line:"}},
      .run = run,
  };
}

}  // namespace freehold::app
