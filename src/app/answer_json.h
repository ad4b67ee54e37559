// What `run --json` prints: the answer with everything needed to get it again.
#pragma once

#include <string>
#include <vector>

#include "app/conversation.h"
#include "app/session.h"
#include "app/settings.h"

namespace freehold::app {

std::string answer_json(const Session& session, const Conversation& conversation, const Settings& settings,
                        const text::Prompt& prompt, const Generated& answer, const std::vector<std::string>& digests);

}  // namespace freehold::app
