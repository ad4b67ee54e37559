// The chat of `freehold run`: line editing, streaming answers, commands that begin with a slash.
#pragma once

#include <string>

#include "app/console.h"
#include "app/conversation.h"
#include "app/session.h"
#include "app/settings.h"
#include "base/result.h"

namespace freehold::app {

// Until the user leaves. Ctrl-C ends an answer, never the chat.
Result<> chat(Session& session, Conversation conversation, Settings settings, bool history, Console& console);

// "512 tokens read at 1200/s, 40 written at 12.5/s".
std::string speed_line(const Generated& answer);

}  // namespace freehold::app
