// A report as one HTML file: no script, nothing that is loaded, good to print. Every text is escaped.
#include <fmt/format.h>

#include <algorithm>

#include "app/html.h"
#include "app/report/document.h"

namespace freehold::app {
namespace {

// Okabe and Ito's blue and vermilion, which colour-blind readers tell apart.
constexpr std::string_view kFills[] = {"#0072b2", "#d55e00", "#009e73"};

constexpr std::string_view kHtmlStyle = R"(
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.6rem;margin-bottom:.2rem}h2{font-size:1.2rem;margin-top:2.4rem;border-bottom:2px solid #1b1f24;padding-bottom:.2rem}
h3{font-size:1rem;margin:1.6rem 0 .3rem}p{margin:.5rem 0}.subtitle{color:#57606a;margin-top:0}
table{border-collapse:collapse;margin:.6rem 0;width:100%}th,td{padding:.25rem .6rem;border-bottom:1px solid #d8dde3;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{font-weight:600;background:#f4f6f8}.r{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.m,pre{font:12.5px/1.45 ui-monospace,monospace}pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f4f6f8;padding:.6rem .8rem;margin:.6rem 0}
.small{color:#57606a;font-size:.88em}.attention{border-left:4px solid #d55e00;background:#fdf1ea;padding:.35rem .8rem}
svg{max-width:100%;height:auto}.axis{stroke:#1b1f24}.grid{stroke:#e3e7eb}.tick{font-size:11px;fill:#57606a}
.legend span{margin-right:1.4rem}.legend i{display:inline-block;width:.9em;height:.9em;margin-right:.4em;vertical-align:-.1em}
@media print{body{margin:0;max-width:none;font-size:10.5pt}h2,h3{break-after:avoid}tr,svg,pre,.attention{break-inside:avoid}thead{display:table-header-group}details{display:none}}
)";

std::string html_bars(const Bars& bars) {
  constexpr double kLeft = 54, kTop = 10, kWide = 830, kHigh = 200;
  std::uint64_t most = 1;
  for (const Bars::Place& place : bars.places) {
    std::uint64_t sum = 0;
    for (const std::uint64_t v : place.values) sum += v;
    most = std::max(most, sum);
  }
  std::string out = fmt::format(
      "<svg viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\" aria-label=\"{2}\">\n",
      kLeft + kWide + 10, kTop + kHigh + 30, escaped_html(bars.title));
  for (int part = 0; part <= 2; ++part) {
    const double y = kTop + kHigh * (1 - part / 2.0);
    out += fmt::format("<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>", kLeft, kLeft + kWide, y,
                       y, part == 0 ? "axis" : "grid");
    out += fmt::format(
        "<text x=\"{}\" y=\"{:.1f}\" class=\"tick\" text-anchor=\"end\">{}</text>\n", kLeft - 6, y + 4,
        part == 1 ? fmt::format("{:g}", static_cast<double>(most) / 2) : std::to_string(part == 0 ? 0 : most));
  }
  const double slot = kWide / static_cast<double>(std::max<std::size_t>(bars.places.size(), 1));
  const std::size_t every = std::max<std::size_t>(1, (bars.places.size() + 11) / 12);
  for (std::size_t i = 0; i < bars.places.size(); ++i) {
    const Bars::Place& place = bars.places[i];
    const double x = kLeft + slot * static_cast<double>(i);
    double y = kTop + kHigh;
    for (std::size_t s = 0; s < place.values.size(); ++s) {
      if (place.values[s] == 0) continue;
      const double height = std::max(1.0, kHigh * static_cast<double>(place.values[s]) / static_cast<double>(most));
      y -= height;
      out += fmt::format(
          "<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" fill=\"{}\"><title>{}: {} {}"
          "</title></rect>\n",
          x + slot * 0.1, y, slot * 0.8, height, kFills[s % std::size(kFills)], escaped_html(place.label),
          place.values[s], escaped_html(bars.series[s]));
    }
    if (i % every == 0) {
      out += fmt::format("<text x=\"{:.1f}\" y=\"{:.0f}\" class=\"tick\" text-anchor=\"middle\">{}</text>\n",
                         x + slot / 2, kTop + kHigh + 18, escaped_html(place.label));
    }
  }
  out += "</svg>\n<p class=\"legend small\">";
  for (std::size_t s = 0; s < bars.series.size(); ++s) {
    out += fmt::format("<span><i style=\"background:{}\"></i>{}</span>", kFills[s % std::size(kFills)],
                       escaped_html(bars.series[s]));
  }
  return fmt::format("<h3>{}</h3>\n{}</p>\n", escaped_html(bars.title), out);
}

std::string html_grid(const Grid& grid) {
  std::string out = "<table><thead><tr>";
  double sum = 0;
  for (const Column& column : grid.columns) sum += column.share;
  const auto classes = [](const Column& c) {
    return fmt::format("{}{}{}", c.right ? "r" : "", c.right && c.mono ? " " : "", c.mono ? "m" : "");
  };
  for (const Column& column : grid.columns) {
    out += fmt::format("<th class=\"{}\" style=\"width:{:.0f}%\">{}</th>", column.right ? "r" : "",
                       100 * column.share / sum, escaped_html(column.title));
  }
  out += "</tr></thead><tbody>\n";
  for (const auto& row : grid.rows) {
    out += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c) {
      out += fmt::format("<td class=\"{}\">", classes(grid.columns[c]));
      out += row[c].claim.empty() ? escaped_html(row[c].text)
                                  : fmt::format("<span data-claim=\"{}\">{}</span>", escaped_html(row[c].claim),
                                                escaped_html(row[c].text));
      out += "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

std::string html_text(const Text& text) {
  const std::string body = escaped_html(text.text);
  switch (text.kind) {
    case Text::Kind::heading:
      return fmt::format("<h2>{}</h2>\n", body);
    case Text::Kind::subheading:
      return fmt::format("<h3>{}</h3>\n", body);
    case Text::Kind::small:
      return fmt::format("<p class=\"small\">{}</p>\n", body);
    case Text::Kind::attention:
      return fmt::format("<p class=\"attention\">{}</p>\n", body);
    case Text::Kind::code:
      return fmt::format("<pre>{}</pre>\n", body);
    case Text::Kind::paragraph:
      break;
  }
  return fmt::format("<p>{}</p>\n", body);
}

}  // namespace

std::string as_html(const Document& document) {
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
      "<style>{1}</style></head><body>\n<h1>{0}</h1>\n<p class=\"subtitle\">{2}</p>\n",
      escaped_html(document.title), kHtmlStyle, escaped_html(document.subtitle));
  for (const Block& block : document.blocks) {
    if (const auto* text = std::get_if<Text>(&block)) out += html_text(*text);
    if (const auto* grid = std::get_if<Grid>(&block)) out += html_grid(*grid);
    if (const auto* bars = std::get_if<Bars>(&block)) out += html_bars(*bars);
  }
  if (!document.claims.empty()) {
    out += fmt::format("<details><summary>The claims, for programs</summary><pre id=\"claims\">{}</pre></details>\n",
                       escaped_html(document.claims));
  }
  return out + "</body></html>\n";
}

}  // namespace freehold::app
