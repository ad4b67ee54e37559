#include "train/provenance.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/hash.h"
#include "base/utf8.h"

namespace freehold::train {
namespace {

using Json = nlohmann::ordered_json;

std::string safe(std::string_view text) {
  return replace_invalid_utf8(text);
}

Json data_of(const Beginning& b) {
  Json out = Json::array();
  for (const SourceFacts& f : b.data) {
    out.push_back({{"path", safe(f.path)},
                   {"sha256", f.sha256},
                   {"rows", f.rows},
                   {"examples", f.examples},
                   {"tokens", f.tokens},
                   {"learned_tokens", f.learned},
                   {"too_long", f.too_long},
                   {"dropped", f.dropped},
                   {"truncated", f.truncated},
                   {"duplicates", f.duplicates}});
  }
  return out;
}

Json as_json(const Recipe& recipe, const Provenance& p) {
  Json j;
  j["format"] = 1;
  j["method"] = p.method;
  j["base_model"] = {{"name", safe(p.beginning.base_model)}, {"weights", p.beginning.base_digests}};
  if (!p.beginning.tokenizer.empty()) j["base_model"]["tokenizer"] = p.beginning.tokenizer;
  if (!p.beginning.chat_template.empty()) j["base_model"]["chat_template"] = p.beginning.chat_template;
  if (!p.beginning.adapter.empty()) j["base_model"]["adapter"] = p.beginning.adapter;
  if (!p.label.empty()) j["label"] = p.label;
  if (!p.personal_data.empty()) j["personal_data"] = Json::parse(p.personal_data, nullptr, false);
  j["data"] = data_of(p.beginning);
  j["recipe"] = {{"sha256", recipe_digest(p.beginning)}, {"text", safe(p.beginning.recipe_text)}};
  j["versions"] = {{"program", p.beginning.program}, {"numerics", p.beginning.numerics}};
  j["seed"] = recipe.seed;
  j["run"] = {{"id", identity_of(p.beginning)},  {"started", p.started},
              {"finished", p.finished},          {"ending", p.ending},
              {"steps", p.counters.step},        {"planned_steps", p.steps},
              {"result_of_step", p.result_step}, {"parameters", p.parameters},
              {"tokens", p.counters.tokens},     {"learned_tokens", p.counters.scored},
              {"seconds", p.counters.seconds}};
  j["loss"] = {{"first", p.counters.first_loss}, {"last", p.counters.last_loss}};
  if (p.counters.best_step != 0) {
    j["loss"]["best_evaluation"] = {{"step", p.counters.best_step}, {"loss", p.counters.best}};
    j["loss"]["evaluations"] = Json::array();
    for (const EvaluationMetrics& e : p.evaluations) {
      Json one = {{"step", e.step}, {"loss", e.loss}};
      if (e.accuracy) one["accuracy"] = *e.accuracy;
      j["loss"]["evaluations"].push_back(std::move(one));
    }
  }
  j["files"] = Json::array();
  for (const ResultFile& f : p.files) j["files"].push_back({{"name", f.name}, {"sha256", f.sha256}});
  return j;
}

// One line of a table, whatever stands in a name.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : printable(text, 200)) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string as_markdown(const Recipe& recipe, const Provenance& p) {
  std::string out = fmt::format("# {} of {}\n\n", p.method, cell(p.beginning.base_model));
  out += fmt::format("{} on {} by {}, seed {}.\n\n", p.ending, p.finished, p.beginning.program, recipe.seed);
  out += fmt::format("| | |\n| --- | --- |\n| steps | {} of {} |\n| tokens | {} read, {} learned |\n", p.counters.step,
                     p.steps, p.counters.tokens, p.counters.scored);
  out += fmt::format("| parameters that learned | {} |\n| loss | {:.4f} at first, {:.4f} at the end |\n", p.parameters,
                     p.counters.first_loss, p.counters.last_loss);
  if (p.counters.best_step != 0) {
    out += fmt::format("| best evaluation | {:.4f} after step {} |\n", p.counters.best, p.counters.best_step);
  }
  out += fmt::format("| the result is of step | {} |\n| time | {:.0f} s |\n", p.result_step, p.counters.seconds);
  if (!p.label.empty()) out += fmt::format("| label of the data | {} |\n", cell(p.label));
  if (!p.personal_data.empty()) out += fmt::format("| personal data in the data | {} |\n", cell(p.personal_data));
  out += fmt::format("| recipe | sha256:{} |\n", recipe_digest(p.beginning));
  for (const std::string& digest : p.beginning.base_digests) out += fmt::format("| base weights | {} |\n", digest);
  out += "\n| data | examples | tokens | sha256 |\n| --- | ---: | ---: | --- |\n";
  for (const SourceFacts& f : p.beginning.data) {
    out += fmt::format("| {} | {} | {} | {} |\n", cell(f.path), f.examples, f.tokens, f.sha256);
  }
  out += "\n| file | sha256 |\n| --- | --- |\n";
  for (const ResultFile& f : p.files) out += fmt::format("| {} | {} |\n", f.name, f.sha256);
  return out;
}

}  // namespace

std::string recipe_digest(const Beginning& beginning) {
  return sha256(std::string_view(beginning.recipe_text)).hex();
}

std::string identity_of(const Beginning& b) {
  std::string all = fmt::format("numerics {}\nrecipe {}\n", b.numerics, recipe_digest(b));
  for (const std::string& digest : b.base_digests) all += fmt::format("base {}\n", digest);
  all += fmt::format("tokenizer {}\ntemplate {}\nadapter {}\n", b.tokenizer, b.chat_template, b.adapter);
  for (const SourceFacts& f : b.data) all += fmt::format("data {}\n", f.sha256);
  if (!b.treatment.empty()) all += fmt::format("treatment {}\n", b.treatment);
  return sha256(std::string_view(all)).hex();
}

Result<std::string> provenance_label(const std::filesystem::path& folder) {
  const auto text = read_file(folder / "provenance.json");
  if (!text && text.error().code == Errc::not_found) return std::string();
  const auto broken = [&] {
    return fail(Errc::corrupt, fmt::format("{}: no provenance that can be read, so the label of what was learned from "
                                           "is not known",
                                           printable((folder / "provenance.json").string())));
  };
  if (!text) return broken();
  const Json card = Json::parse(*text, nullptr, false);
  if (!card.is_object()) return broken();
  const auto label = card.find("label");
  if (label == card.end()) return std::string();
  if (!label->is_string()) return broken();
  return label->get<std::string>();
}

std::vector<SourceFacts> provenance_data(const std::filesystem::path& folder) {
  std::vector<SourceFacts> out;
  const auto text = read_file(folder / "provenance.json");
  const Json card = text ? Json::parse(*text, nullptr, false) : Json();
  const auto data = card.is_object() ? card.find("data") : card.end();
  if (data == card.end() || !data->is_array()) return out;
  for (const Json& one : *data) {
    const auto path = one.is_object() ? one.find("path") : one.end();
    const auto digest = one.is_object() ? one.find("sha256") : one.end();
    if (path == one.end() || digest == one.end() || !path->is_string() || !digest->is_string()) continue;
    SourceFacts facts;
    facts.path = path->get<std::string>();
    facts.sha256 = digest->get<std::string>();
    out.push_back(std::move(facts));
  }
  return out;
}

Result<> write_provenance(const std::filesystem::path& folder, const Recipe& recipe, const Provenance& provenance) {
  FH_TRY_VOID(write_file_atomically(folder / "provenance.json", as_json(recipe, provenance).dump(2) + "\n"));
  return write_file_atomically(folder / "provenance.md", as_markdown(recipe, provenance));
}

}  // namespace freehold::train
