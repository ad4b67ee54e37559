#include "app/batch/standing.h"

#include <fmt/format.h>

#include <optional>

#include "base/file.h"
#include "base/line_reader.h"
#include "base/utf8.h"

namespace freehold::app {

namespace fs = std::filesystem;

Result<Standing> compare(const fs::path& in, const fs::path& out, const BatchOptions& options) {
  FH_TRY(InputFile input, InputFile::open(in));
  LineReader lines(std::move(input));
  std::optional<LineReader> written;
  std::error_code ec;
  if (fs::exists(out, ec)) {
    FH_TRY(InputFile output, InputFile::open(out));
    written.emplace(std::move(output));
  }
  Standing standing;
  while (true) {
    FH_TRY(const auto line, lines.next());
    if (line && is_blank(line->text)) continue;
    if (line) ++standing.lines;
    if (written) {
      auto answer = written->next();
      if (!answer) return in_context(std::move(answer).error(), printable(out.string()));
      if (!*answer || (*answer)->torn) {
        // Only the beginning of this line's answer may be cut off.
        if (*answer) {
          const std::string begins =
              line ? fmt::format(R"({{"id":"{}")", batch_line_id(options, line->number, line->text)) : std::string();
          const std::string_view torn = (*answer)->text;
          if (!line || torn.substr(0, begins.size()) != std::string_view(begins).substr(0, torn.size())) {
            return fail(Errc::invalid, fmt::format("{} ends with what is no answer to {} with this model and these "
                                                   "options: nothing was changed; move the file away, or name another",
                                                   printable(out.string()), printable(in.string())));
          }
        }
        written.reset();
      } else {
        const auto said = read_output_line((*answer)->text);
        if (!line || !said || said->id != batch_line_id(options, line->number, line->text)) {
          return fail(Errc::invalid,
                      fmt::format("line {} of {} is no answer to {} with this model and these options: nothing was "
                                  "changed; move the file away, or name another",
                                  (*answer)->number, printable(out.string()), printable(in.string())));
        }
        ++standing.done;
        standing.failed += said->failed ? 1 : 0;
        standing.keep = (*answer)->end;
      }
    }
    if (!line) break;
  }
  return standing;
}

}  // namespace freehold::app
