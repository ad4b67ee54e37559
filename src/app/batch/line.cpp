#include "app/batch/line.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/fields.h"
#include "api/openai/batches.h"
#include "api/openai/openai.h"
#include "base/hash.h"
#include "base/random.h"

namespace freehold::app {
namespace {

using api::Call;
using api::Fields;
using api::Json;
using api::Problem;

// Our own short form of an answer.
class PlainAnswer : public api::Encoder {
 public:
  explicit PlainAnswer(std::uint64_t seed) : seed_(seed) {}
  std::string add(const api::Piece& piece) override {
    if (const auto* text = std::get_if<api::Text>(&piece)) {
      text_ += text->text;
    } else if (const auto* thought = std::get_if<api::Thinking>(&piece)) {
      thinking_ += thought->text;
    } else if (const auto* ended = std::get_if<api::Ended>(&piece)) {
      reason_ = ended->reason == api::Reason::length ? "length" : "stop";
      usage_ = ended->usage;
    }
    return {};
  }
  std::string end() override {
    Json out = {{"text", text_}};
    if (!thinking_.empty()) out["reasoning"] = thinking_;
    out["finish_reason"] = reason_;
    out["usage"] = {{"prompt_tokens", usage_.prompt_tokens}, {"completion_tokens", usage_.completion_tokens}};
    out["seed"] = seed_;
    return api::dump(out);
  }
  std::string broken(const api::Failure&) override { return {}; }
  std::string content_type() const override { return "application/json"; }

 private:
  const std::uint64_t seed_;
  std::string text_, thinking_;
  std::string_view reason_ = "stop";
  engine::Usage usage_;
};

// A stream of its own for each line, below 2^53 so that JSON readers keep it exact.
std::uint64_t line_seed(std::uint64_t seed, std::uint64_t number) {
  const PhiloxBlock r =
      philox4x32(seed, {static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(number >> 32), 0x6c696e65, 0});
  return (std::uint64_t{r[0]} << 32 | r[1]) >> 11;
}

// What this version would otherwise leave out without a word.
api::Parsed<void> refuse_unsupported(const Call& call) {
  if (call.stream) {
    return api::refuse(Problem::invalid, "'stream' is not possible here: the answer goes into a file", "stream");
  }
  return {};
}

// The command's options stand for what the line leaves out.
void apply_settings(const Settings& settings, const Json& line, Call& call) {
  const auto has = [&](std::string_view key) { return line.contains(key) && !line[std::string(key)].is_null(); };
  engine::Request& r = call.request;
  const engine::Sampling given = r.sampling;
  engine::Sampling& s = r.sampling = settings.sampling;
  if (has("temperature")) s.temperature = given.temperature;
  if (has("top_p")) s.top_p = given.top_p;
  // A top_p of 0 is a top_k of 1.
  if (has("top_k") || (has("top_p") && given.top_k == 1)) s.top_k = given.top_k;
  if (has("min_p")) s.min_p = given.min_p;
  if (has("typical_p")) s.typical_p = given.typical_p;
  if (has("repetition_penalty") || has("repeat_penalty")) s.repetition_penalty = given.repetition_penalty;
  if (has("frequency_penalty")) s.frequency_penalty = given.frequency_penalty;
  if (has("presence_penalty")) s.presence_penalty = given.presence_penalty;
  if (has("frequency_penalty") || has("presence_penalty")) s.penalty_scope = given.penalty_scope;
  if (has("logit_bias")) s.logit_bias = given.logit_bias;
  if (!has("stop")) r.stop = settings.stop;
  if (!has("max_tokens") && !has("max_completion_tokens")) r.max_tokens = settings.max_tokens;
}

api::Parsed<Call> plain_call(const BatchOptions& options, Json line, BatchJob& job) {
  if (line.is_string()) line = {{"prompt", std::move(line)}};
  if (!line.is_object()) {
    return api::refuse(Problem::invalid, "the line must be a JSON object or a string");
  }
  {
    Fields f(line);
    FH_TRY(auto custom, f.string("custom_id"));
    job.custom_id = custom.value_or("");
  }
  line.erase("custom_id");
  if (!line.contains("model")) line["model"] = options.model;
  const bool messages = line.contains("messages"), prompt = line.contains("prompt");
  if (messages == prompt) {
    return api::refuse(Problem::invalid, "the line needs 'prompt' or 'messages', or 'custom_id', 'url' and 'body'");
  }
  const bool templated = messages || (options.templated && line["prompt"].is_string());
  if (templated && prompt && line["prompt"].get_ref<const std::string&>().empty()) {
    return api::refuse(Problem::invalid, "'prompt' is empty", "prompt");
  }
  if (templated) {
    Json all = Json::array();
    if (prompt) {
      all.push_back({{"role", "user"}, {"content", line["prompt"]}});
      line.erase("prompt");
    } else if (line["messages"].is_array()) {
      all = line["messages"];
    }
    const bool has_system = !all.empty() && all[0].is_object() && all[0].value("role", Json()) == "system";
    if (!options.system.empty() && !has_system) {
      all.insert(all.begin(), Json{{"role", "system"}, {"content", options.system}});
    }
    line["messages"] = std::move(all);
  }
  job.completion = !templated;
  FH_TRY(Call call,
         templated ? api::openai::parse_chat(api::dump(line)) : api::openai::parse_completion(api::dump(line)));
  if (const auto* prompts = std::get_if<std::vector<api::PlainPrompt>>(&call.input); prompts && prompts->size() != 1) {
    return api::refuse(Problem::invalid, "'prompt' must be one prompt: a line has one answer", "prompt");
  }
  if (call.request.n != 1) return api::refuse(Problem::invalid, "'n' must be 1: a line has one answer", "n");
  if (call.request.logprobs || call.echo) {
    return api::refuse(Problem::invalid, "'logprobs' and 'echo' need a line with 'url' and 'body'");
  }
  if (!call.tool_use.tools.empty()) {
    return api::refuse(Problem::invalid, "'tools' need a line with 'url' and 'body'", "tools");
  }
  if (!call.ignored.empty()) {
    return api::refuse(Problem::invalid, fmt::format("'{}' is not a field of a line", call.ignored.front()),
                       call.ignored.front());
  }
  if (!options.schema.empty() && call.format.kind == api::Format::Kind::text) {
    call.format = {api::Format::Kind::json_schema, options.schema, {}, false, "--schema"};
  }
  apply_settings(options.settings, line, call);
  return call;
}

// Nothing is kept here, and nothing was.
api::Parsed<Call> response_call(std::string_view body, BatchJob& job) {
  FH_TRY(Json fields, api::parse_object(body));
  fields["store"] = false;
  FH_TRY(auto response, api::openai::parse_response(api::dump(fields), job.id.substr(10)));
  if (!response.previous.empty()) {
    return api::refuse(Problem::invalid, "'previous_response_id': no responses are kept here", "previous_response_id");
  }
  if (response.truncate) {
    return api::refuse(Problem::invalid, "'truncation' must be disabled: nothing is cut here", "truncation");
  }
  FH_TRY_VOID(api::openai::join(response, nullptr, [](std::string_view) { return std::nullopt; }));
  Call call = response.call;
  job.response = std::move(response);
  return call;
}

api::Parsed<Call> openai_call(std::string_view line, std::uint64_t number, BatchJob& job) {
  auto parsed = api::openai::parse_batch_line(line, number);
  if (!parsed) return api::refuse(Problem::invalid, parsed.error().message, parsed.error().param);
  job.custom_id = std::move(parsed->custom_id);
  job.completion = parsed->url == "/v1/completions";
  if (job.completion) return api::openai::parse_completion(parsed->body);
  if (parsed->url == "/v1/chat/completions") return api::openai::parse_chat(parsed->body);
  if (parsed->url == "/v1/responses") return response_call(parsed->body, job);
  if (parsed->url == "/v1/embeddings") {
    FH_TRY(job.embed, api::openai::parse_embeddings(parsed->body));
    Call call;
    call.model = job.embed->model;
    return call;
  }
  return api::refuse(Problem::invalid,
                     "'url' must be /v1/chat/completions, /v1/completions, /v1/responses or /v1/embeddings", "url");
}

api::Parsed<Call> parse_call(const BatchOptions& options, std::uint64_t number, std::string_view text, BatchJob& job) {
  FH_TRY(Json line, api::parse_json(text));
  job.plain = !line.is_object() || !(line.contains("url") || line.contains("body"));
  FH_TRY(Call call, job.plain ? plain_call(options, std::move(line), job) : openai_call(text, number, job));
  FH_TRY_VOID(refuse_unsupported(call));
  if (!call.has_seed) call.request.seed = line_seed(options.settings.seed.value_or(0), number);
  return call;
}

}  // namespace

std::string batch_identity(const BatchOptions& options, std::string_view model_digest, std::uint32_t context) {
  std::string all =
      fmt::format("{}\n{}\n{}\n{}\n{}\n", model_digest, context, options.templated, options.model, options.system);
  if (!options.schema.empty()) all += fmt::format("schema={}:{}\n", options.schema.size(), options.schema);
  for (const auto& [name, value] : describe(options.settings))
    all += fmt::format("{}={}:{}\n", name, value.size(), value);
  return sha256(all).hex();
}

std::string batch_line_id(const BatchOptions& options, std::uint64_t number, std::string_view line) {
  return "batch_req_" + sha256(fmt::format("{}\n{}\n{}", options.identity, number, line)).hex().substr(0, 24);
}

BatchJob parse_batch_job(const BatchOptions& options, std::uint64_t number, std::string_view line) {
  BatchJob job;
  job.id = batch_line_id(options, number, line);
  job.call = parse_call(options, number, line, job);
  return job;
}

std::unique_ptr<api::Encoder> batch_encoder(const BatchJob& job, std::vector<std::string> prompts) {
  const Call& call = *job.call;
  if (job.plain) return std::make_unique<PlainAnswer>(call.request.seed);
  // Nothing that depends on when or in whose company the line was answered: the same lines give the same bytes.
  api::AnswerId id{job.id.substr(std::string_view("batch_req_").size()), call.model, 0};
  if (job.response) return api::openai::response_encoder(*job.response, std::move(id), {});
  if (job.completion) return api::openai::completion_encoder(call, std::move(id), std::move(prompts));
  return api::openai::chat_encoder(call, std::move(id));
}

std::string batch_output_line(const BatchJob& job, int status, std::string_view body) {
  if (!job.plain) {
    return api::openai::answered_line(job.id, job.custom_id, status, "req_" + job.id.substr(10), body);
  }
  std::string head = fmt::format(R"({{"id":"{}",)", job.id);
  if (!job.custom_id.empty()) head += fmt::format(R"("custom_id":{},)", api::dump(job.custom_id));
  return head + std::string(body.substr(1)) + "\n";  // the body is an object with at least one member
}

std::optional<WrittenLine> read_output_line(std::string_view line) {
  const auto root = api::parse_object(line);
  if (!root) return std::nullopt;
  Fields f(*root);
  const auto id = f.string("id");
  if (!id || !*id) return std::nullopt;
  WrittenLine out{**id, f.find("error") != nullptr};
  if (const Json* response = f.find("response"); response != nullptr && response->is_object()) {
    Fields r(*response);
    const auto status = r.integer("status_code", 0, 999);
    out.failed = out.failed || !status || status->value_or(0) >= 400;
  }
  return out;
}

}  // namespace freehold::app
