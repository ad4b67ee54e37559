#include "app/speculation.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/session.h"
#include "base/utf8.h"
#include "engine/drafting/draft_model.h"
#include "engine/drafting/ngram.h"
#include "kernel/kernels.h"

namespace freehold::app {

std::vector<Option> guessing_options() {
  return {
      {.name = "speculative",
       .type = OptionType::choice,
       .value = "auto|off|ngram",
       .fallback = "auto",
       .help = "Guess several tokens ahead and check them in one pass, as far as it pays (auto) or always (ngram). The "
               "answer does not depend on it."},
      {.name = "draft-tokens",
       .type = OptionType::integer,
       .value = "N",
       .fallback = "16",
       .least = 1,
       .most = kMostDraftTokens,
       .help = "Longest guess in tokens."},
  };
}

std::vector<Option> speculation_options() {
  return join(guessing_options(),
              {{.name = "draft-model",
                .type = OptionType::file,
                .value = "MODEL",
                .help = "Let this smaller model with the same vocabulary guess; otherwise earlier text does."}});
}

Guessing guessing_from(const Arguments& arguments) {
  const std::string_view mode = arguments.text("speculative");
  if (mode == "off") return {};
  return {.most = static_cast<std::uint32_t>(arguments.integer("draft-tokens")), .adaptive = mode == "auto"};
}

Result<SpeculationChoice> speculation_from(const Arguments& arguments, const CheckedModel& model, Console& console) {
  const std::string_view mode = arguments.text("speculative");
  SpeculationChoice choice{guessing_from(arguments), {}};
  if (!arguments.given("draft-model")) return choice;
  if (mode != "auto") {
    return fail(Errc::invalid, fmt::format("--draft-model needs --speculative auto, not {}", mode));
  }
  const std::string_view reference = arguments.text("draft-model");
  auto draft = open_and_check(reference, console);
  if (!draft) return in_context(draft.error(), "--draft-model");
  auto same = engine::same_vocabulary(model.tokenizer.tokenizer, draft->tokenizer.tokenizer);
  if (!same) return in_context(same.error(), fmt::format("--draft-model {}", printable(reference)));
  choice.draft_model = std::move(*draft);
  return choice;
}

Result<Speculator> Speculator::create(SpeculationChoice choice, const Loaded& model, const Arguments& arguments,
                                      Console& console) {
  Speculator s;
  s.guessing_ = choice.guessing;
  if (s.guessing_.most == 0) return s;
  if (!choice.draft_model) {
    s.drafter_ = std::make_unique<engine::NgramDrafter>();
    return s;
  }
  const std::uint32_t context = std::min(model.memory.context, choice.draft_model->plan.spec.context);
  FH_TRY(Loaded draft,
         load(std::move(*choice.draft_model), arguments, console, context, {.reserved = model.memory.runtime}));
  FH_TRY(s.decoder_, engine::ModelDecoder::create(draft.model, *model.pool, kernel::table_up_to(model.level),
                                                  {.context = draft.memory.context, .sequences = 1, .chunk = kChunk}));
  s.tokenizer_ = std::make_unique<text::Tokenizer>(std::move(draft.tokenizer.tokenizer));
  s.drafter_ = std::make_unique<engine::ModelDrafter>(*s.decoder_, *s.tokenizer_);
  return s;
}

}  // namespace freehold::app
