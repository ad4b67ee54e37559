#include "app/tune/data_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/console.h"
#include "app/progress.h"
#include "app/table.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

constexpr std::size_t kMostBins = 12;
constexpr std::size_t kMostShown = 1200;  // bytes of an example

std::string percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "-" : fmt::format("{:.0f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

// The text without its middle, if it is long; cut between characters.
std::string shortened(std::string text) {
  if (text.size() <= kMostShown) return text;
  const std::size_t head = complete_utf8_prefix(std::string_view(text).substr(0, kMostShown / 2));
  std::size_t tail = text.size() - kMostShown / 2;
  while (tail < text.size() && (static_cast<unsigned char>(text[tail]) & 0xC0) == 0x80) ++tail;
  return text.substr(0, head) + fmt::format(" … {} bytes … ", tail - head) + text.substr(tail);
}

std::string rendered(const train::Example& example, const text::Tokenizer& tokenizer, const LearnedMarks& marks) {
  // Runs of one kind are decoded together: a character may be spread over several tokens.
  std::string out;
  for (std::size_t begin = 0, end = 0; begin < example.tokens.size(); begin = end) {
    while (end < example.tokens.size() && example.learns(end) == example.learns(begin)) ++end;
    text::DecodeOptions options;
    options.render_special = true;
    options.at_start = begin == 0;
    const auto text = tokenizer.decode(std::span(example.tokens).subspan(begin, end - begin), options);
    const std::string safe = terminal_safe(shortened(replace_invalid_utf8(text ? *text : std::string())));
    out += example.learns(begin) ? marks.begin + safe + marks.end : safe;
  }
  return out;
}

}  // namespace

std::string data_table(const train::Dataset& dataset) {
  std::vector<std::vector<std::string>> rows = {
      {"DATA", "ROWS", "EXAMPLES", "TOKENS", "LEARNED", "LONGEST", "LEFT OUT"}};
  for (const train::SourceFacts& f : dataset.sources) {
    std::vector<std::string> out;
    if (f.dropped > 0) out.push_back(fmt::format("{} dropped", grouped(f.dropped)));
    if (f.truncated > 0) out.push_back(fmt::format("{} cut", grouped(f.truncated)));
    if (f.dropped + f.truncated == 0 && f.too_long > 0) out.push_back(fmt::format("{} too long", grouped(f.too_long)));
    if (f.duplicates > 0) out.push_back(fmt::format("{} twice", grouped(f.duplicates)));
    rows.push_back({printable(f.path, 60), grouped(f.rows), grouped(f.examples), grouped(f.tokens),
                    fmt::format("{} ({})", grouped(f.learned), percent(f.learned, f.tokens)), grouped(f.longest),
                    out.empty() ? "-" : fmt::format("{}", fmt::join(out, ", "))});
  }
  std::vector<Align> columns(7, Align::right);
  columns[0] = Align::left;
  columns[6] = Align::left;
  return as_table(rows, columns);
}

std::string length_histogram(const train::Dataset& dataset, std::uint32_t sequence_len, int width) {
  std::size_t longest = 1;
  for (const train::Example& e : dataset.train) longest = std::max(longest, e.tokens.size());
  const std::size_t most = std::max<std::size_t>(longest, 1);
  // Round bins: 1, 2, 5, 10, 20, 50, … tokens wide.
  std::size_t bin = 1;
  for (std::size_t step = 0; (most + bin - 1) / bin > kMostBins; ++step) bin = step % 3 == 1 ? bin / 2 * 5 : bin * 2;
  std::vector<std::uint64_t> counts((most + bin - 1) / bin);
  for (const train::Example& e : dataset.train) ++counts[(std::max<std::size_t>(e.tokens.size(), 1) - 1) / bin];
  const std::uint64_t highest = *std::max_element(counts.begin(), counts.end());
  std::string out = fmt::format("tokens an example (sequence_len {})\n", sequence_len);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto cells = static_cast<int>(
        std::ceil(static_cast<double>(counts[i]) * width / static_cast<double>(std::max<std::uint64_t>(highest, 1))));
    std::string bar;
    for (int c = 0; c < cells; ++c) bar += "█";
    out += fmt::format("{:>7}-{:<7} {}{}{}\n", i * bin + 1, (i + 1) * bin, bar, bar.empty() ? "" : " ",
                       grouped(counts[i]));
  }
  return out;
}

std::string rendered_examples(const train::Dataset& dataset, const text::Tokenizer& tokenizer, std::size_t count,
                              const LearnedMarks& marks) {
  std::string out;
  const std::size_t shown = std::min(count, dataset.train.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const std::size_t at = i * dataset.train.size() / shown;
    const train::Example& e = dataset.train[at];
    out += fmt::format("example {} of {}: {} tokens, {} learned\n", grouped(at + 1), grouped(dataset.train.size()),
                       e.tokens.size(), e.scored());
    std::string text = rendered(e, tokenizer, marks);
    out += "  │ ";
    for (const char c : text) {
      out += c;
      if (c == '\n') out += "  │ ";
    }
    out += "\n";
  }
  return out;
}

void write_data(JsonWriter& w, const train::Dataset& dataset) {
  w.key("sources").begin_array();
  for (const train::SourceFacts& f : dataset.sources) {
    w.begin_object()
        .member("path", f.path)
        .member("sha256", f.sha256)
        .member("rows", f.rows)
        .member("examples", f.examples);
    w.member("tokens", f.tokens)
        .member("learned_tokens", f.learned)
        .member("too_long", f.too_long)
        .member("dropped", f.dropped);
    w.member("truncated", f.truncated).member("duplicates", f.duplicates).member("straddled", f.straddled);
    w.member("longest", f.longest).member("longest_line", f.longest_line).end_object();
  }
  w.end_array();
  w.member("train_examples", dataset.train.size()).member("held_out_examples", dataset.held_out.size());
}

}  // namespace freehold::app
