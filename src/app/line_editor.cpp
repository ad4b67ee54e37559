#include "app/line_editor.h"

#include <histedit.h>
#include <sys/stat.h>

#include <cerrno>
#include <clocale>
#include <cstdio>

#include "app/interrupt.h"
#include "base/file.h"

namespace freehold::app {

struct LineEditor::State {
  EditLine* editor = nullptr;
  History* history = nullptr;
  std::filesystem::path file;
  std::string prompt;
};

namespace {

constexpr int kHistoryLines = 1000;

}  // namespace

LineEditor::LineEditor(std::unique_ptr<State> state) : state_(std::move(state)) {}

LineEditor::~LineEditor() {
  if (state_->editor != nullptr) el_end(state_->editor);
  if (state_->history != nullptr) history_end(state_->history);
}

Result<std::unique_ptr<LineEditor>> LineEditor::create(std::filesystem::path history_file) {
  // libedit asks the locale how many bytes a character has; Debian always has C.UTF-8.
  if (std::setlocale(LC_CTYPE, "") == nullptr || MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
  auto state = std::make_unique<State>();
  state->file = std::move(history_file);
  state->editor = el_init("freehold", stdin, stdout, stderr);
  state->history = history_init();
  auto editor = std::unique_ptr<LineEditor>(new LineEditor(std::move(state)));
  State& s = *editor->state_;
  if (s.editor == nullptr || s.history == nullptr)
    return fail(Errc::io, "the terminal cannot be set up for line editing");
  el_set(s.editor, EL_CLIENTDATA, &s);
  el_set(
      s.editor, EL_PROMPT, +[](EditLine* e) -> char* {
        State* own = nullptr;
        el_get(e, EL_CLIENTDATA, &own);
        return own->prompt.data();
      });
  el_set(s.editor, EL_EDITOR, "emacs");
  el_set(s.editor, EL_HIST, history, s.history);
  el_source(s.editor, nullptr);  // ~/.editrc
  HistEvent event;
  history(s.history, &event, H_SETSIZE, kHistoryLines);
  history(s.history, &event, H_SETUNIQUE, 1);
  if (!s.file.empty()) history(s.history, &event, H_LOAD, s.file.c_str());  // there may be none
  return editor;
}

LineEditor::Input LineEditor::read(std::string_view prompt) {
  state_->prompt = prompt;
  clear_interrupt();
  int count = 0;
  errno = 0;
  const char* line = el_gets(state_->editor, &count);
  if (line == nullptr || count <= 0) {
    if (interrupted() || errno == EINTR) {
      el_reset(state_->editor);
      clear_interrupt();
      return {End::interrupted, ""};
    }
    return {End::closed, ""};
  }
  std::string text(line, static_cast<std::size_t>(count));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return {End::line, std::move(text)};
}

void LineEditor::remember(const std::string& line) {
  HistEvent event;
  if (history(state_->history, &event, H_ENTER, line.c_str()) < 0 || state_->file.empty()) return;
  // Failing to keep history is no reason to disturb a chat.
  if (!make_directories(state_->file.parent_path())) return;
  mode_t before = ::umask(077);
  history(state_->history, &event, H_SAVE, state_->file.c_str());
  ::umask(before);
}

}  // namespace freehold::app
