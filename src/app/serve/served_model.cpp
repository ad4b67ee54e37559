#include "app/serve/served_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/serve/reply.h"
#include "app/starter.h"
#include "app/version.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "engine/block_budget.h"
#include "kernel/kernels.h"
#include "ledger/energy_meter.h"

namespace freehold::app {

namespace {

constexpr std::size_t kMostRequests = 128;  // of one call

tl::unexpected<api::Failure> refused(const Error& error, std::string field, std::uint32_t context) {
  const bool long_one =
      error.code == Errc::exhausted && error.what.starts_with("the prompt");  // else a template's limit
  if (!long_one) return api::refuse(api::Problem::invalid, error.what, std::move(field));
  api::Failure failure{api::Problem::context_length, error.what, std::move(field), {}};
  failure.excess = api::Excess{0, context};  // it was not read to its end
  return tl::unexpected(std::move(failure));
}

// The field that the engine refuses, in the words of OpenAI's clients; empty if it is none of theirs.
std::string field_of(const Error& error, std::string_view word, const api::Call& call) {
  if (error.code == Errc::exhausted || word == "prompt") return call.input_field;
  if (word == "stop_tokens") return "stop_token_ids";
  constexpr std::string_view kSame[] = {"logit_bias", "min_tokens", "max_tokens", "temperature", "top_p",   "min_p",
                                        "stop",       "logprobs",   "typical_p",  "n",           "priority"};
  return std::find(std::begin(kSame), std::end(kSame), word) != std::end(kSame) ? std::string(word) : std::string();
}

api::Failure refusal_of(const Error& error, const api::Call& call) {
  const std::string_view what = error.what;
  const std::string_view word = what.substr(0, what.find_first_of(" [."));
  api::Failure failure = failure_of(error);
  failure.param = field_of(error, word, call);
  // "stop_tokens[0] is 9, must be …" begins with the engine's name for it.
  if (error.code == Errc::invalid && !failure.param.empty() && failure.param != call.input_field) {
    const std::size_t name = what.find(' ');
    failure.message = fmt::format("'{}{}'{}", failure.param, what.substr(word.size(), name - word.size()),
                                  what.substr(std::min(name, what.size())));
  }
  return failure;
}

// The control tokens among the marks of calls and thoughts.
std::vector<std::int32_t> shown_tokens(const text::Tokenizer& tokenizer, const text::tools::TemplateSupport& support) {
  std::vector<std::string> marks = text::tools::markers_of(*support.format);
  if (support.thinking)
    marks.insert(marks.end(), {std::string(support.thinking->open), std::string(support.thinking->close)});
  std::vector<std::int32_t> out;
  for (const std::string& mark : marks) {
    const text::TokenId id = tokenizer.find_token(mark);
    if (id != text::kNoToken && tokenizer.token_type(id) == text::TokenType::control) out.push_back(id);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::tm local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm civil{};
  ::localtime_r(&now, &civil);
  return civil;
}

std::string civil_text(const std::tm& t) {
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
                     t.tm_min, t.tm_sec);
}

bool is_constrained(const api::Call& call) {
  return call.format.kind != api::Format::Kind::text ||
         choice_of(call.tool_use).mode != text::tools::ToolChoice::Mode::none;
}

}  // namespace

Result<std::unique_ptr<ServedModel>> ServedModel::start(std::string name, Loaded loaded, const Options& options) {
  auto served = std::unique_ptr<ServedModel>(new ServedModel(std::move(name), std::move(loaded)));
  Loaded& l = served->loaded_;
  if (l.opened.manifest) served->digest_ = l.opened.manifest->model.weights().name();
  if (is_starter(l.opened)) served->digest_ = sha256(starter_bytes()).name();
  served->fingerprint_ = served->fingerprint(nullptr);
  served->turns_ = options.turns;
  served->facts_ = options.facts;
  if (!l.tokenizer.chat_templates.empty()) {
    auto parsed = text::ChatTemplate::parse(l.tokenizer.chat_templates.front().source);
    if (!parsed) return in_context(parsed.error(), "chat template");
    served->template_ = std::move(*parsed);
    served->support_ = text::tools::inspect_template(*served->template_);
  } else {
    served->support_.format = &text::tools::generic_tool_format();
  }
  served->shown_ = shown_tokens(l.tokenizer.tokenizer, served->support_);
  served->constraints_ =
      std::make_unique<engine::ConstraintCache>(l.tokenizer.tokenizer, engine::ConstraintLimits{}, served->shown_);
  FH_TRY(served->decoder_, engine::ModelDecoder::create(l.model, *l.pool, kernel::table_up_to(l.level),
                                                        {.context = l.memory.context,
                                                         .sequences = l.memory.sequences,
                                                         .chunk = kChunk,
                                                         .max_rank = std::max(options.max_rank, max_rank(l)),
                                                         .drafted = l.memory.drafted,
                                                         .cache_tokens = l.memory.cache_tokens,
                                                         .cache_type = l.cache}));
  engine::EngineOptions engine_options{
      .max_sequences = l.memory.sequences, .chunk = kChunk, .drafting = {}, .pool = l.pool.get()};
  if (l.memory.drafted > 0) {
    engine_options.drafting = {&served->drafter_, options.guessing.most, options.guessing.adaptive};
  }
  if (auto meter = ledger::EnergyMeter::open()) {
    engine_options.energy = [m = std::make_shared<ledger::EnergyMeter>(std::move(*meter))] { return m->read(); };
  }
  FH_TRY(auto engine, engine::Engine::create(*served->decoder_, l.tokenizer.tokenizer, std::move(engine_options)));
  served->service_ = std::make_unique<engine::Service>(
      std::move(engine), engine::ServiceOptions{.max_pending = options.max_pending,
                                                .max_pending_of_tenant = options.max_pending / 2,
                                                .turns = options.turns});
  served->at_end_ = options.at_end;
  served->clock_ = options.clock;
  return served;
}

std::string ServedModel::fingerprint(const AdapterFile* adapter) const {
  std::string of = fmt::format("{}\n{}", version_line(), digest_.empty() ? name_ : digest_);
  if (adapter != nullptr) of += "\n" + adapter->id.name();
  return "fp_" + sha256(of).hex().substr(0, 10);
}

ServedModel::~ServedModel() {
  if (at_end_) at_end_(*this);
  service_.reset();
  // The decoder waits until no thread is left in a loop of its own, which would take long beside others' loops.
  const Turn turn(turns_.get());
  decoder_.reset();
}

api::Parsed<text::Prompt> ServedModel::prompt(const api::Call& call, const api::Conversation& chat,
                                              std::string* clock) const {
  if (!template_) {
    return api::refuse(api::Problem::invalid,
                       fmt::format("model '{}' has no chat template: use the completions endpoint", call.model),
                       "model");
  }
  text::ChatInput input;
  auto messages = text::messages_from_json(chat.messages);
  if (!messages) return api::refuse(api::Problem::invalid, messages.error().what, call.input_field);
  input.messages = std::move(*messages);
  // Read once, so that a template sees one moment, and what it saw can be told.
  input.clock = [now = clock_ ? clock_() : local_time(), clock] {
    if (clock != nullptr) *clock = civil_text(now);
    return now;
  };
  input.bos_token = loaded_.tokenizer.bos_token;
  input.eos_token = loaded_.tokenizer.eos_token;
  if (!chat.extras.empty()) {
    // An object with at least one member, none of them "messages".
    auto extras = text::chat_input_from_json(R"({"messages":[],)" + chat.extras.substr(1));
    if (!extras) return api::refuse(api::Problem::invalid, extras.error().what, "chat_template_kwargs");
    input.extras = std::move(extras->extras);
  }
  if (call.thinking && support_.thinking) {
    input.extras.emplace_back("enable_thinking", text::jinja::Value::boolean(*call.thinking));
  }
  const auto tools = tools_of(call.tool_use);
  const auto choice = choice_of(call.tool_use);
  const bool parallel = call.tool_use.parallel && support_.parallel;
  if (auto fit = text::tools::fit_conversation(support_, tools, choice, parallel, input); !fit) {
    return api::refuse(api::Problem::invalid, fit.error().what, call.input_field);
  }
  auto prompt = text::prompt_from_messages(loaded_.tokenizer.tokenizer, *template_, std::move(input), context(),
                                           chat.continue_last);
  if (!prompt) return refused(prompt.error(), call.input_field, context());
  return std::move(*prompt);
}

api::Parsed<void> ServedModel::constrain(const api::Call& call, const std::string& tenant, AnswerPlan& plan) const {
  if (!is_constrained(call)) return {};
  const bool parallel = call.tool_use.parallel && support_.parallel, starts_thinking = plan.starts_thinking;
  api::Failure failure;
  auto made = constraints_->get(
      tenant, constraint_key(call, parallel, starts_thinking), [&]() -> Result<text::tools::Constraint> {
        auto compiled = constraint_of(call, *support_.format, parallel, support_.thinking, starts_thinking);
        if (compiled) return std::move(*compiled);
        failure = compiled.error();
        return fail(Errc::invalid, failure.message);
      });
  if (!made) return tl::unexpected(std::move(failure));
  plan.ignored = left_out_of(call, made->left_out);
  plan.constraint = std::move(made->masks);
  plan.constraint_start = std::move(made->start);
  return {};
}

// As many as there are places, and as the cache holds to their longest.
std::uint32_t ServedModel::choices_at_once(const engine::Request& request) const {
  const engine::RequestLimits& limits = service_->limits();
  std::uint32_t most = std::max<std::uint32_t>(limits.max_choices, 1);
  const std::size_t prompt = request.prompt.size();
  if (prompt >= limits.context) return most;  // refused for that
  const engine::BlockBudget budget(decoder_->cache(), kChunk);
  const auto tokens = static_cast<std::uint32_t>(prompt);
  const std::uint32_t positions = tokens + engine::answer_limit(request, limits);
  while (most > 1 && !budget.fits_at_all(budget.needed(tokens, positions, most))) --most;
  return most;
}

bool ServedModel::constrain_at_once(const api::Call& call, const std::string& tenant, AnswerPlan& plan) const {
  if (!is_constrained(call)) return true;
  const bool parallel = call.tool_use.parallel && support_.parallel;
  auto kept = constraints_->find(tenant, constraint_key(call, parallel, plan.starts_thinking));
  if (!kept) return false;
  plan.ignored = left_out_of(call, kept->left_out);
  plan.constraint = std::move(kept->masks);
  plan.constraint_start = std::move(kept->start);
  return true;
}

api::Parsed<std::vector<engine::Request>> ServedModel::requests(const api::Call& call, const AnswerPlan& plan,
                                                                const std::string& tenant) const {
  std::vector<engine::Request> out;
  for (const text::Prompt& p : plan.prompts) {
    engine::Request request = call.request;
    request.constraint = plan.constraint;
    request.constraint_start = plan.constraint_start;
    request.shown_tokens = plan.shown_tokens;
    request.prompt = p.tokens;
    request.text_starts = p.text_starts;
    request.expected = plan.expected;
    request.tenant = tenant;
    request.adapter = loaded_.adapter;
    // As near to it as numbers come; the engine refuses what it cannot divide by.
    if (request.sampling.temperature < 1e-100) request.sampling.temperature = 0;
    if (p.tokens.size() + (request.score_only ? 0 : 1) > context()) {
      return tl::unexpected(too_long(p.tokens.size(), context(), !request.score_only, call.input_field));
    }
    request.max_tokens = std::min(request.max_tokens, context() - static_cast<std::uint32_t>(p.tokens.size()));
    const std::uint32_t at_once = choices_at_once(request);
    for (std::uint32_t first = 0; first < call.request.n; first += at_once) {
      request.first_choice = first;
      request.n = std::min(at_once, call.request.n - first);
      if (auto valid = engine::validate(request, service_->limits()); !valid) {
        return tl::unexpected(refusal_of(valid.error(), call));
      }
      out.push_back(request);
    }
    // A queue that one call could fill would hold up the others.
    if (out.size() > kMostRequests) {
      return api::refuse(
          api::Problem::invalid,
          fmt::format("prompts and answers would make more than {} requests to the model: send fewer at once",
                      kMostRequests),
          "n");
    }
  }
  return out;
}

api::Parsed<std::vector<text::Prompt>> ServedModel::prompts(const api::Call& call, std::string* clock) const {
  std::vector<text::Prompt> out;
  if (const auto* chat = std::get_if<api::Conversation>(&call.input)) {
    FH_TRY(text::Prompt one, prompt(call, *chat, clock));
    out.push_back(std::move(one));
  } else {
    const auto& plain = std::get<std::vector<api::PlainPrompt>>(call.input);
    FH_TRY(out, prompts(plain, "prompt", call.control_tokens, plain.size() > 1));
  }
  if (call.earlier.empty()) return out;
  const text::Tokenizer& tokenizer = loaded_.tokenizer.tokenizer;
  for (std::int32_t id : call.earlier) {
    if (tokenizer.contains(id)) continue;
    return api::refuse(api::Problem::invalid, fmt::format("'context': there is no token {}", id), "context");
  }
  for (text::Prompt& prompt : out) {
    std::vector<std::int32_t> tokens = call.earlier;
    // A text begins once.
    const bool twice = !prompt.tokens.empty() && prompt.tokens.front() == tokens.front() &&
                       tokenizer.token_type(tokens.front()) == text::TokenType::control &&
                       tokenizer.token_text(tokens.front()) == loaded_.tokenizer.bos_token;
    tokens.insert(tokens.end(), prompt.tokens.begin() + (twice ? 1 : 0), prompt.tokens.end());
    prompt.tokens = std::move(tokens);
  }
  return out;
}

// No answer is longer than the context, and what is far longer is expected by mistake.
std::vector<std::int32_t> ServedModel::expected(const api::Call& call) const {
  const text::Tokenizer& tokenizer = loaded_.tokenizer.tokenizer;
  if (!guesses() || !text::check_length(tokenizer, call.expected.size(), context())) return {};
  auto tokens = tokenizer.encode(call.expected);
  if (!tokens) return {};
  tokens->resize(std::min<std::size_t>(tokens->size(), context()));
  return std::move(*tokens);
}

api::Parsed<AnswerPlan> ServedModel::plan(const api::Call& call, const std::string& tenant) const {
  FH_TRY(AnswerPlan plan, plan_prompt(call));
  FH_TRY_VOID(constrain(call, tenant, plan));
  return plan;
}

void ServedModel::forget(const std::string& tenant) {
  constraints_->drop(tenant);
  service_->drop_cached(tenant);
}

void ServedModel::forget_all() {
  constraints_->clear();
  service_->drop_cached(std::nullopt);
}

api::Parsed<AnswerPlan> ServedModel::plan_prompt(const api::Call& call) const {
  AnswerPlan plan;
  const bool chats = std::holds_alternative<api::Conversation>(call.input);
  if (chats && call.thinking.value_or(false) && !call.thinking_if_able && !support_.thinking) {
    return api::refuse(api::Problem::invalid, fmt::format("\"{}\" does not support thinking", printable(call.model)),
                       "thinking");
  }
  FH_TRY(plan.prompts, prompts(call, &plan.clock));
  plan.expected = expected(call);
  plan.starts_thinking =
      chats && support_.thinking && text::tools::prompt_opens_thinking(*support_.thinking, plan.prompts[0].text);
  if (!chats) return plan;
  const auto choice = choice_of(call.tool_use);
  const bool calls = choice.mode != text::tools::ToolChoice::Mode::none;
  if (!calls && !support_.thinking) return plan;
  text::tools::ReaderOptions reader;
  reader.format = support_.format;
  reader.thinking = support_.thinking;
  reader.starts_thinking = plan.starts_thinking;
  reader.calls_only = choice.mode == text::tools::ToolChoice::Mode::required;
  if (calls) {
    for (const auto& tool : text::tools::allowed_tools(tools_of(call.tool_use), choice)) {
      reader.names.push_back(tool.name);
    }
  }
  plan.reader = std::move(reader);
  plan.shown_tokens = shown_;
  return plan;
}

api::Parsed<std::vector<text::Prompt>> ServedModel::prompts(const std::vector<api::PlainPrompt>& all,
                                                            const std::string& field, bool control_tokens,
                                                            bool each_fits) const {
  std::vector<text::Prompt> out;
  const text::Tokenizer& tokenizer = loaded_.tokenizer.tokenizer;
  for (const api::PlainPrompt& plain : all) {
    if (each_fits && !out.empty() && out.back().tokens.size() > context()) break;  // refused for that below
    if (const auto* ids = std::get_if<std::vector<std::int32_t>>(&plain)) {
      for (std::int32_t id : *ids) {
        if (tokenizer.contains(id)) continue;
        return api::refuse(api::Problem::invalid, fmt::format("'{}': there is no token {}", field, id), field);
      }
      out.push_back({.tokens = *ids});
      continue;
    }
    auto prompt = text::prompt_from_text(tokenizer, std::get<std::string>(plain), true, control_tokens, context());
    if (!prompt) return refused(prompt.error(), field, context());
    // Who writes the template himself writes the bos too, often enough.
    if (control_tokens && prompt->tokens.size() > 1 && prompt->tokens[0] == prompt->tokens[1] &&
        tokenizer.token_text(prompt->tokens[0]) == loaded_.tokenizer.bos_token) {
      prompt->tokens.erase(prompt->tokens.begin());
    }
    if (prompt->tokens.empty()) {
      return api::refuse(api::Problem::invalid,
                         fmt::format("'{}' is empty, and this model has no token to begin with", field), field);
    }
    out.push_back(std::move(*prompt));
  }
  if (each_fits && !out.empty() && out.back().tokens.size() > context()) {
    return tl::unexpected(too_long(out.back().tokens.size(), context(), false, field));
  }
  return out;
}

api::Parsed<void> ServedModel::check_text(std::string_view text, std::string field) const {
  auto fits = text::check_length(loaded_.tokenizer.tokenizer, text.size(), context());
  if (!fits) return refused(fits.error(), std::move(field), context());
  return {};
}

api::Parsed<void> ServedModel::check_tokens(std::size_t count, std::string field) const {
  if (count <= std::size_t{text::kFarMore} * context()) return {};
  return tl::unexpected(too_long(count, context(), false, std::move(field)));
}

api::Failure too_long(std::uint64_t tokens, std::uint32_t context, bool answered, std::string field) {
  api::Failure failure{api::Problem::context_length,
                       fmt::format("'{}' has {} tokens{}: the context holds {}", field, tokens,
                                   answered && tokens == context ? ", which leaves none for an answer" : "", context),
                       std::move(field),
                       {}};
  failure.excess = api::Excess{tokens, context, answered};
  return failure;
}

std::uint32_t ServedModel::count(std::string_view text) const {
  const auto ids = loaded_.tokenizer.tokenizer.encode(text, {});
  return ids ? static_cast<std::uint32_t>(ids->size()) : 0;
}

ServedModel::Load ServedModel::load() const {
  const engine::ServiceStatus status = service_->status();
  const std::size_t running = std::min<std::size_t>(status.engine.running, status.pending);
  const engine::EngineStatus& e = status.engine;
  return {status.counters,  submitted_,        running,        status.pending - running,
          e.kv_blocks_used, e.kv_blocks_total, e.batch_tokens, e.batch_sequences};
}

std::string ServedModel::spelled(const std::vector<std::int32_t>& tokens) const {
  auto text = loaded_.tokenizer.tokenizer.decode(tokens, {.render_special = true});
  return text ? std::move(*text) : std::string();
}

std::string ServedModel::text_of(const text::Prompt& prompt) const {
  if (!prompt.text.empty()) return prompt.text;
  return spelled(prompt.tokens);
}

}  // namespace freehold::app
