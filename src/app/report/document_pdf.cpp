// A report as a PDF: what is in it is laid out from top to bottom; a table goes on on the next page under its head.
#include <fmt/format.h>

#include <algorithm>

#include "app/report/document.h"
#include "pdf/writer.h"

namespace freehold::app {
namespace {

using pdf::Face;

constexpr double kMargin = 52, kBottom = pdf::kPageHeight - 58, kLineWidth = pdf::kPageWidth - 2 * kMargin;
constexpr double kBody = 9, kLeading = 1.35;
constexpr double kPadding = 3;  // of a table's cell, on each side
constexpr pdf::Colour kInk{0.1, 0.12, 0.14}, kGrey{0.36, 0.4, 0.44}, kPale{0.955, 0.963, 0.97}, kRule{0.84, 0.86, 0.88};
constexpr pdf::Colour kAlarm{0.835, 0.369, 0}, kAlarmPale{0.99, 0.945, 0.918};
constexpr pdf::Colour kPdfFills[] = {{0, 0.447, 0.698}, {0.835, 0.369, 0}, {0, 0.62, 0.451}};

class Layout {
 public:
  explicit Layout(const Document& document) : document_(document), writer_(document.title, document.made) {
    next_page();
    y_ += 8;
    lines(Face::bold, 20, document.title, kInk);
    lines(Face::regular, 10, document.subtitle, kGrey);
    y_ += 6;
  }

  void operator()(const Text& text) {
    switch (text.kind) {
      case Text::Kind::heading:
        room(60);
        if (y_ > kMargin) y_ += 16;
        writer_.bookmark(text.text);
        lines(Face::bold, 13, text.text, kInk);
        writer_.line(kMargin, y_, kMargin + kLineWidth, y_, 1, kInk);
        y_ += 6;
        return;
      case Text::Kind::subheading:
        room(46);
        y_ += 8;
        lines(Face::bold, 10, text.text, kInk);
        y_ += 1;
        return;
      case Text::Kind::small:
        lines(Face::regular, 8, text.text, kGrey);
        y_ += 3;
        return;
      case Text::Kind::attention:
        attention(text.text);
        return;
      case Text::Kind::code:
        code(text.text);
        return;
      case Text::Kind::paragraph:
        lines(Face::regular, kBody, text.text, kInk);
        y_ += 4;
        return;
    }
  }

  void operator()(const Grid& grid) {
    std::vector<double> widths;
    double sum = 0;
    for (const Column& column : grid.columns) sum += column.share;
    for (const Column& column : grid.columns) widths.push_back(kLineWidth * column.share / sum);
    std::vector<Cell> head;
    for (const Column& column : grid.columns) head.push_back({column.title});
    room(44);
    row(grid, widths, head, true);
    for (const auto& cells : grid.rows) {
      const double high = height(grid, widths, cells);
      if (y_ + high > kBottom && y_ > kMargin + 60) {
        next_page();
        row(grid, widths, head, true);
      }
      row(grid, widths, cells, false);
    }
    y_ += 8;
  }

  void operator()(const Bars& bars) {
    constexpr double kHigh = 120, kLeft = 34;
    room(kHigh + 70);
    (*this)(Text{Text::Kind::subheading, bars.title});
    std::uint64_t most = 1;
    for (const Bars::Place& place : bars.places) {
      std::uint64_t all = 0;
      for (const std::uint64_t v : place.values) all += v;
      most = std::max(most, all);
    }
    y_ += 6;
    const double wide = kLineWidth - kLeft, floor = y_ + kHigh, left = kMargin + kLeft;
    for (int part = 0; part <= 2; ++part) {
      const double y = floor - kHigh * part / 2;
      writer_.line(left, y, left + wide, y, part == 0 ? 0.8 : 0.4, part == 0 ? kInk : kRule);
      right(part == 1 ? fmt::format("{:g}", static_cast<double>(most) / 2) : std::to_string(part == 0 ? 0 : most),
            left - 4, y + 3, 7.5, kGrey);
    }
    const double slot = wide / static_cast<double>(std::max<std::size_t>(bars.places.size(), 1));
    const std::size_t every = std::max<std::size_t>(1, (bars.places.size() + 8) / 9);
    for (std::size_t i = 0; i < bars.places.size(); ++i) {
      const double x = left + slot * static_cast<double>(i);
      double y = floor;
      for (std::size_t s = 0; s < bars.places[i].values.size(); ++s) {
        const std::uint64_t v = bars.places[i].values[s];
        if (v == 0) continue;
        const double high = std::max(0.8, kHigh * static_cast<double>(v) / static_cast<double>(most));
        y -= high;
        writer_.rectangle(x + slot * 0.1, y, slot * 0.8, high, kPdfFills[s % std::size(kPdfFills)]);
      }
      if (i % every == 0) {
        const std::string label = pdf::win_ansi(bars.places[i].label);
        const double half = pdf::width(Face::regular, 7, label) / 2;
        const double at = std::clamp(x + slot / 2 - half, left - kLeft, left + wide - 2 * half);
        writer_.text(at, floor + 10, Face::regular, 7, label, kGrey);
      }
    }
    y_ = floor + 24;
    double x = left;
    for (std::size_t s = 0; s < bars.series.size(); ++s) {
      writer_.rectangle(x, y_ - 7, 8, 8, kPdfFills[s % std::size(kPdfFills)]);
      const std::string label = pdf::win_ansi(bars.series[s]);
      writer_.text(x + 12, y_, Face::regular, 8, label, kGrey);
      x += 30 + pdf::width(Face::regular, 8, label);
    }
    y_ += 14;
  }

  std::string finish() {
    for (std::size_t p = 0; p < writer_.pages(); ++p) {
      writer_.go_to(p);
      writer_.text(kMargin, pdf::kPageHeight - 34, Face::regular, 7.5, pdf::win_ansi(document_.footer), kGrey);
      right(fmt::format("{} / {}", p + 1, writer_.pages()), kMargin + kLineWidth, pdf::kPageHeight - 34, 7.5, kGrey);
    }
    if (!document_.claims.empty()) writer_.attach("claims.json", "application/json", document_.claims);
    return writer_.finish();
  }

 private:
  static constexpr double kCell = 8.2;

  void next_page() {
    writer_.page();
    y_ = kMargin;
  }
  void room(double high) {
    if (y_ + high > kBottom) next_page();
  }
  void right(const std::string& text, double x, double y, double size, pdf::Colour colour) {
    writer_.text(x - pdf::width(Face::regular, size, text), y, Face::regular, size, text, colour);
  }
  void lines(Face face, double size, const std::string& text, pdf::Colour colour, double indent = 0) {
    for (const std::string& line : pdf::wrapped(face, size, pdf::win_ansi(text), kLineWidth - indent)) {
      room(size * kLeading);
      y_ += size;
      writer_.text(kMargin + indent, y_, face, size, line, colour);
      y_ += size * (kLeading - 1);
    }
  }
  void attention(const std::string& text) {
    const auto wrapped = pdf::wrapped(Face::regular, kBody, pdf::win_ansi(text), kLineWidth - 16);
    const double high = static_cast<double>(wrapped.size()) * kBody * kLeading + 7;
    room(high + 4);
    writer_.rectangle(kMargin, y_, kLineWidth, high, kAlarmPale);
    writer_.rectangle(kMargin, y_, 3, high, kAlarm);
    y_ += 3;
    lines(Face::regular, kBody, text, kInk, 10);
    y_ += 8;
  }
  void code(const std::string& text) {
    for (const std::string& line : pdf::wrapped(Face::mono, 7.6, pdf::win_ansi(text), kLineWidth - 12)) {
      room(11);
      writer_.rectangle(kMargin, y_, kLineWidth, 10.6, kPale);
      writer_.text(kMargin + 6, y_ + 7.8, Face::mono, 7.6, line, kInk);
      y_ += 10.5;
    }
    y_ += 6;
  }

  std::vector<std::string> cell_lines(const Column& column, double wide, const Cell& cell, bool head) const {
    const Face face = head ? Face::bold : column.mono ? Face::mono : Face::regular;
    return pdf::wrapped(face, column.mono && !head ? kCell - 0.9 : kCell, pdf::win_ansi(cell.text),
                        wide - 2 * kPadding);
  }
  double height(const Grid& grid, const std::vector<double>& widths, const std::vector<Cell>& cells) const {
    std::size_t most = 1;
    for (std::size_t c = 0; c < cells.size(); ++c)
      most = std::max(most, cell_lines(grid.columns[c], widths[c], cells[c], false).size());
    return static_cast<double>(most) * kCell * kLeading + 5;
  }
  // A row that is higher than a page goes on on the next.
  void row(const Grid& grid, const std::vector<double>& widths, const std::vector<Cell>& cells, bool head) {
    std::vector<std::vector<std::string>> texts;
    std::size_t most = 1;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      texts.push_back(cell_lines(grid.columns[c], widths[c], cells[c], head));
      most = std::max(most, texts.back().size());
    }
    if (head) writer_.rectangle(kMargin, y_, kLineWidth, static_cast<double>(most) * kCell * kLeading + 4, kPale);
    y_ += 2.5;
    for (std::size_t l = 0; l < most; ++l) {
      room(kCell * kLeading);
      y_ += kCell;
      double x = kMargin;
      for (std::size_t c = 0; c < cells.size(); x += widths[c], ++c) {
        if (l >= texts[c].size()) continue;
        const Column& column = grid.columns[c];
        const Face face = head ? Face::bold : column.mono ? Face::mono : Face::regular;
        const double size = column.mono && !head ? kCell - 0.9 : kCell;
        const double at = column.right ? x + widths[c] - kPadding - pdf::width(face, size, texts[c][l]) : x + kPadding;
        writer_.text(at, y_, face, size, texts[c][l], kInk, cells[c].claim);
      }
      y_ += kCell * (kLeading - 1);
    }
    y_ += 2;
    writer_.line(kMargin, y_, kMargin + kLineWidth, y_, 0.4, kRule);
    y_ += 0.5;
  }

  const Document& document_;  // owner: the caller
  pdf::Writer writer_;
  double y_ = 0;  // where the next thing begins
};

}  // namespace

std::string as_pdf(const Document& document) {
  Layout layout(document);
  for (const Block& block : document.blocks) std::visit(layout, block);
  return layout.finish();
}

}  // namespace freehold::app
