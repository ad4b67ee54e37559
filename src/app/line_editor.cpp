#include "app/line_editor.h"

#include <fmt/format.h>
#include <histedit.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <string_view>

#include "app/interrupt.h"
#include "base/file.h"

namespace freehold::app {

struct LineEditor::State {
  EditLine* editor = nullptr;
  History* history = nullptr;
  std::filesystem::path file;
  std::string prompt;
  bool marks_pastes = false;  // the terminal is asked to say where a paste begins and ends
};

namespace {

constexpr int kHistoryLines = 1000;
constexpr char kControlD = 0x04;
constexpr int kLookAround = 100;                              // ms
constexpr std::size_t kLongestPaste = std::size_t{16} << 20;  // characters

std::atomic<bool> resized{false};

void on_resize(int) {
  resized.store(true);
}

void say_to_terminal(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

bool speaks_ansi() {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1 && terminal != nullptr &&
         std::string_view(terminal) != "dumb" && std::string_view(terminal) != "";
}

// Terminals wrap anew what they show when their width changes. libedit does not know and would draw the line behind its
// old self: this goes back to where the prompt now begins.
void draw_again(EditLine* editor) {
  winsize size = {};
  if (speaks_ansi() && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    const LineInfoW* line = el_wline(editor);
    char* (*prompt)(EditLine*) = nullptr;
    el_get(editor, EL_PROMPT, &prompt);
    std::size_t rows = 0, column = std::strlen(prompt(editor));
    for (const wchar_t* c = line->buffer; c < line->cursor; ++c) {
      const int width = *c == L'\n' ? 0 : std::max(0, ::wcwidth(*c));
      const bool wraps = *c == L'\n' || column + static_cast<std::size_t>(width) > size.ws_col;
      rows += wraps ? 1 : 0;
      column = (wraps ? 0 : column) + static_cast<std::size_t>(width);
    }
    if (rows > 0) say_to_terminal(fmt::format("\x1b[{}A", rows));
    say_to_terminal("\r\x1b[J");
  }
  el_resize(editor);
  el_set(editor, EL_REFRESH);
}

// libedit's own reader gives up when a signal comes.
int read_character(EditLine* editor, wchar_t* out) {
  std::mbstate_t state = {};
  while (true) {
    // A signal may come just before the wait, or to another thread, and then interrupts nothing: so the wait is short.
    pollfd waiting = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, kLookAround);
    if (interrupted()) {
      errno = EINTR;
      return -1;
    }
    if (resized.exchange(false)) draw_again(editor);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    char byte = 0;
    const ssize_t n = ::read(STDIN_FILENO, &byte, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return static_cast<int>(n);
    // Typed while an answer was written (or before libedit, which shows the prompt first, has changed the terminal's
    // mode), Ctrl-D is the mark of an end, and reads as NUL afterwards.
    const LineInfoW* line = el_wline(editor);
    if (byte == 0 && line->lastchar == line->buffer) byte = kControlD;
    const std::size_t used = std::mbrtowc(out, &byte, 1, &state);
    if (used == static_cast<std::size_t>(-2)) continue;  // more bytes of this character are to come
    if (used == static_cast<std::size_t>(-1)) *out = 0xFFFD;
    return 1;
  }
}

// "\x1b[200~" text "\x1b[201~" (xterm's bracketed paste): several lines stay one message, sent by the next Enter.
unsigned char take_paste(EditLine* editor, wint_t) {
  constexpr std::wstring_view kEnd = L"\x1b[201~";
  std::wstring text;
  wchar_t c = 0;
  while (el_wgetc(editor, &c) == 1 && text.size() < kLongestPaste) {
    if (c == L'\r') c = L'\n';
    if (c != 0) text += c;  // libedit takes a string, which a NUL would end
    if (!text.ends_with(kEnd)) continue;
    text.resize(text.size() - kEnd.size());
    break;
  }
  while (text.ends_with(L'\n')) text.pop_back();
  if (!text.empty()) el_winsertstr(editor, text.c_str());
  return CC_REFRESH;
}

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
  el_wset(s.editor, EL_GETCFN, read_character);
  s.marks_pastes = speaks_ansi();
  if (s.marks_pastes) {
    el_wset(s.editor, EL_ADDFN, L"freehold-paste", L"Insert what the terminal says is pasted", take_paste);
    el_set(s.editor, EL_BIND, "\\e[200~", "freehold-paste", nullptr);
  }
  struct sigaction action = {};
  action.sa_handler = on_resize;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGWINCH, &action, nullptr);
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
  if (resized.exchange(false)) el_resize(state_->editor);  // while an answer was written
  if (state_->marks_pastes) say_to_terminal("\x1b[?2004h");
  const char* line = el_gets(state_->editor, &count);
  const int error = errno;
  if (state_->marks_pastes) say_to_terminal("\x1b[?2004l");
  if (line == nullptr || count <= 0) {
    if (interrupted() || error == EINTR) {
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
  mode_t before = ::umask(077);
  if (!make_directories(state_->file.parent_path())) {
    ::umask(before);
    return;
  }
  history(state_->history, &event, H_SAVE, state_->file.c_str());
  ::umask(before);
}

}  // namespace freehold::app
