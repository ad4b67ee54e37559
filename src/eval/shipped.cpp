#include "eval/shipped.h"

#include "base/check.h"
#include "format/yaml.h"

// One object file holds the bytes of every task file; names are global to it.
// NOLINTBEGIN
#define FH_EMBED_TASKS(symbol, file)                                                                \
  asm(".section .rodata\n.balign 1\nfreehold_eval_" #symbol                                         \
      "_begin:\n"                                                                                   \
      ".incbin \"" FREEHOLD_EVAL_TASKS "/" file "\"\nfreehold_eval_" #symbol "_end:\n.previous\n"); \
  extern "C" const char freehold_eval_##symbol##_begin[];                                           \
  extern "C" const char freehold_eval_##symbol##_end[];
FH_EMBED_TASKS(mmlu, "mmlu.yaml")
FH_EMBED_TASKS(agieval, "agieval.yaml")
FH_EMBED_TASKS(commonsense, "commonsense.yaml")
FH_EMBED_TASKS(knowledge, "knowledge.yaml")
FH_EMBED_TASKS(code, "code.yaml")
FH_EMBED_TASKS(data, "data.yaml")
FH_EMBED_TASKS(published, "published.yaml")
#undef FH_EMBED_TASKS
// NOLINTEND

namespace freehold::eval {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

Shipped read() {
  Shipped out;
  const std::pair<std::string_view, std::string_view> files[] = {
      {"mmlu.yaml", between(freehold_eval_mmlu_begin, freehold_eval_mmlu_end)},
      {"agieval.yaml", between(freehold_eval_agieval_begin, freehold_eval_agieval_end)},
      {"commonsense.yaml", between(freehold_eval_commonsense_begin, freehold_eval_commonsense_end)},
      {"knowledge.yaml", between(freehold_eval_knowledge_begin, freehold_eval_knowledge_end)},
      {"code.yaml", between(freehold_eval_code_begin, freehold_eval_code_end)},
  };
  for (const auto& [name, text] : files) {
    auto set = parse_tasks(text, name);
    FH_CHECK(set, "the tasks that are shipped are valid: a test reads them");
    FH_CHECK(out.tasks.add(std::move(*set)), "their names differ");
  }
  auto data = format::parse_yaml(between(freehold_eval_data_begin, freehold_eval_data_end));
  FH_CHECK(data, "the list of data files is valid");
  for (const auto& source : data->member("sources")->items) {
    out.origins.push_back({source.member("folder")->text, source.member("from")->text, source.member("licence")->text});
  }
  for (const auto& file : data->member("files")->members) out.digests[file.key] = file.value.text;
  auto published = format::parse_yaml(between(freehold_eval_published_begin, freehold_eval_published_end));
  FH_CHECK(published, "the list of published figures is valid");
  for (const auto& figure : published->member("figures")->items) {
    Published p{figure.member("model")->text, figure.member("source")->text, figure.member("confidence")->text, {}};
    for (const auto& score : figure.member("scores")->members) p.scores[score.key] = *score.value.as_number() / 100;
    out.published.push_back(std::move(p));
  }
  return out;
}

}  // namespace

const Shipped& shipped() {
  static const Shipped kShipped = read();
  return kShipped;
}

std::string_view why_refused(std::string_view task) {
  if (task == "mbpp") return "it is not among the tasks that come with the program; a task file can have a 'program'";
  if (task == "siqa" || task == "commonsenseqa")
    return "the public copies of its data lack some of the choices, so that scores would mean nothing";
  if (task == "logiqa" || task == "agieval/logiqa-en") return "the licence of its data forbids commercial use";
  return {};
}

}  // namespace freehold::eval
