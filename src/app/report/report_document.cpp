// The report as people read it: a page with a picture, how to check it, the duties one by one, then everything that
// they point to.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "app/moment.h"
#include "app/report/audit_report.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

using audit::Claim;
using Kind = Text::Kind;

constexpr std::size_t kMostRows = 500;  // of one list; all of it is in the claims
constexpr std::size_t kMostBars = 400;

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

Cell figure(const Claim& claim) {
  return {std::to_string(claim.value), claim.id};
}

std::string op_of(const Claim& claim) {
  std::string out(audit::name_of(claim.op));
  if (!claim.member.empty()) out += " " + claim.member;
  for (const audit::Condition& c : claim.where) {
    for (std::size_t i = 0; i < c.any.size(); ++i) {
      const std::string value = c.any[i].empty() ? "(absent)" : c.any[i];
      out += i == 0 ? fmt::format("{} {}={}", &c == claim.where.data() ? " where" : ",", c.member, value) : "|" + value;
    }
  }
  if (!claim.before.empty()) out += " where time < " + claim.before;
  if (!claim.after.empty()) out += " where time > " + claim.after;
  return out;
}

class Builder {
 public:
  explicit Builder(const AuditReport& report) : report_(report) {}

  Document build() {
    const Framework& framework = *report_.framework;
    out_.title = fmt::format("Audit report: {}", framework.title);
    out_.subtitle = fmt::format("{} to {} (UTC), {}. Made {} by {}.", show_moment(report_.from),
                                show_moment(report_.to), framework.source, show_moment(report_.made), report_.program);
    out_.made = report_.made;
    out_.footer = fmt::format("{}, {} to {}; log {}", framework.title, show_moment(report_.from).substr(0, 10),
                              show_moment(report_.to).substr(0, 10), report_.end.checkpoint.origin);
    out_.claims = claims_json(report_);
    summary();
    checking();
    duties();
    settings();
    figures();
    notable();
    proofs();
    cannot();
    return std::move(out_);
  }

 private:
  void paragraph(std::string text) { out_.add(Kind::paragraph, std::move(text)); }

  void summary() {
    Bars bars{"Requests and refusals by day", {"requests", "refusals"}, {}};
    std::set<std::string> days;
    const auto& requests = report_.claim("requests.day")->values;
    const auto& refusals = report_.claim("refusals.day")->values;
    for (const auto* values : {&requests, &refusals}) {
      for (const auto& [day, n] : *values) days.insert(day);
    }
    // Every day between the first and the last has its place, so that a gap is seen.
    if (!days.empty()) {
      const auto last = audit::utc_from_text(*days.rbegin() + "T00:00:00Z");
      auto day = audit::utc_from_text(*days.begin() + "T00:00:00Z");
      for (; day && last && *day <= *last && days.size() < kMostBars; *day += 86'400)
        days.insert(audit::utc_text(*day).substr(0, 10));
    }
    const auto at = [](const std::map<std::string, std::uint64_t>& values, const std::string& day) {
      const auto found = values.find(day);
      return found == values.end() ? std::uint64_t{0} : found->second;
    };
    for (const std::string& day : days) bars.places.push_back({day, {at(requests, day), at(refusals, day)}});
    if (!bars.places.empty()) out_.blocks.emplace_back(std::move(bars));

    Grid grid{{{"No.", 0.6}, {"In the period", 4}, {"Figure", 1, true}}, {}};
    for (const char* key : {"requests", "keys.used", "refusals", "acts", "breakglass", "reveals", "content.shown",
                            "erasures.begun", "erasures", "exports", "vendors", "replays.equal", "replays.different",
                            "sealtests.denied", "sealtests.leaks"}) {
      const Claim& claim = *report_.claim(key);
      grid.rows.push_back({{claim.id}, {claim.says}, figure(claim)});
    }
    for (const Fact& fact : report_.facts) {
      if (fact.id == "L3" || fact.id == "L6") grid.rows.push_back({{fact.id}, {fact.says}, {fact.value, fact.id}});
    }
    out_.blocks.emplace_back(std::move(grid));
    out_.add(Kind::subheading, "What somebody should look at");
    for (const std::string& exception : report_.exceptions) out_.add(Kind::attention, exception);
  }

  void checking() {
    out_.add(Kind::heading, "How to check this report");
    paragraph(
        "Every figure has a number: C for what is counted in the log, L for the log itself, S for settings. The claims "
        "are "
        "in this file, too, for programs: attached to the PDF, at the end of the HTML. A program that shares nothing "
        "with "
        "Freehold, and needs Python alone, counts again from the log (or from an export of all of it), checks every "
        "signature and proof, and compares each figure that is shown here with what it has counted:");
    out_.add(
        Kind::code,
        "python3 tools/verify/report.py REPORT AUDIT_FOLDER --key KEY --against CHECKPOINT\n"
        "python3 tools/verify/report.py REPORT EXPORT.jsonl --key KEY    (freehold audit export -o EXPORT.jsonl)\n"
        "python3 tools/verify/report.py REPORT --key KEY                 (signatures and proofs, without the log)");
    paragraph(
        "KEY is the public key of the log, as you have kept it: a log that somebody has made anew has another. "
        "CHECKPOINT is "
        "any that you have kept elsewhere. Without the log, single entries can be asked for: freehold audit prove "
        "NUMBER.");
    paragraph("The public key that this report was made with:");
    out_.add(Kind::code, report_.public_key);
    paragraph(
        "An entry belongs to the period if the checkpoint that covers it was signed in it. What is counted are entries "
        "that the server wrote of itself: that they are complete and unaltered since is proven by a checkpoint that "
        "you "
        "have kept elsewhere (without one, whoever has the log's signing key could have made all of it anew); that "
        "they "
        "were true when written no log can show.");
    paragraph(
        "What is said of the program under Duties is how it is meant to work: figures there show what happened, and "
        "settings without an entry only what the program has read.");
  }

  // What of the report speaks to a duty: a row each.
  void duty(const Duty& duty) {
    out_.add(Kind::subheading,
             fmt::format("{}{}{}{}", duty.ref, duty.kind.empty() ? "" : " (", duty.kind, duty.kind.empty() ? "" : ")"));
    paragraph(std::string(duty.duty));
    paragraph(std::string(duty.how));
    Grid grid{{{"No.", 0.6}, {"Evidence", 3}, {"Figure, or what is configured", 3}}, {}};
    for (const std::string& key : words_of(duty.claims)) {
      if (const Claim* claim = report_.claim(key)) {
        grid.rows.push_back({{claim->id}, {claim->says}, figure(*claim)});
        if (claim->op == Claim::Op::by) grid.rows.back()[2] = {parts_of(*claim)};
      } else if (const Setting* setting = report_.setting(key)) {
        grid.rows.push_back({{setting->id}, {setting->says}, {setting->value, setting->id}});
      } else {
        fact(key, grid);
      }
    }
    if (!grid.rows.empty()) out_.blocks.emplace_back(std::move(grid));
    out_.add(Kind::small, fmt::format("Software cannot show: {}", duty.cannot));
  }

  void fact(const std::string& key, Grid& grid) {
    const auto row = [&](std::size_t i) {
      const Fact& f = report_.facts[i];
      grid.rows.push_back({{f.id}, {f.says}, {f.value, f.id}});
    };
    if (key == "log.first") {
      row(7);
      row(0);
    }
    if (key == "log.entries") row(2);
    if (key == "log.root") row(3);
    if (key == "log.checkpoints") row(5);
    if (key == "log.consistency") {
      grid.rows.push_back({{""},
                           {"the log at the end continues the one at the beginning"},
                           {report_.begin ? fmt::format("proven by {} hashes (Proofs)", report_.consistency.size())
                                          : "the log begins in this period"}});
    }
  }

  // "health 3, public 10": its rows with their claims are under Figures.
  static std::string parts_of(const Claim& claim) {
    std::string out;
    std::size_t shown = 0;
    for (const auto& [name, n] : claim.values) {
      if (++shown > 6) return out + fmt::format(", and {} more", claim.values.size() - 6);
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", name.empty() ? "(none)" : printable(name, 400), n);
    }
    return out.empty() ? "none" : out;
  }

  void duties() {
    out_.add(Kind::heading, fmt::format("Duties: {}", report_.framework->title));
    for (const Duty& one : report_.framework->duties) duty(one);
  }

  void settings() {
    out_.add(Kind::heading, "Settings in force");
    paragraph(
        "What names an entry is what the server has written of itself when it was started, and is checked with the "
        "log. "
        "The rest was read from the home when the report was made.");
    Grid grid{{{"No.", 0.5}, {"Setting", 2}, {"Value", 4}, {"Known from", 2}}, {}};
    for (const Setting& s : report_.settings) grid.rows.push_back({{s.id}, {s.says}, {s.value, s.id}, {s.source}});
    out_.blocks.emplace_back(std::move(grid));
    if (report_.policy.empty()) return;
    out_.add(Kind::subheading, "policy.yaml, line by line");
    Grid lines{{{"Key", 2, false, true}, {"Value", 3, false, true}}, {}};
    for (const auto& [path, text] : report_.policy) lines.rows.push_back({{path}, {text}});
    out_.blocks.emplace_back(std::move(lines));
  }

  void figures() {
    out_.add(Kind::heading, "Figures");
    Grid grid{{{"No.", 0.5}, {"What", 3}, {"Figure", 1, true}, {"How it is counted", 3, false, true}}, {}};
    for (const Claim& claim : report_.claims) {
      if (claim.op != Claim::Op::by) grid.rows.push_back({{claim.id}, {claim.says}, figure(claim), {op_of(claim)}});
    }
    for (const Fact& fact : report_.facts)
      grid.rows.push_back({{fact.id}, {fact.says}, {fact.value, fact.id}, {"of the log itself"}});
    out_.blocks.emplace_back(std::move(grid));
    for (const Claim& claim : report_.claims) {
      if (claim.op == Claim::Op::by) groups(claim);
    }
  }

  void groups(const Claim& claim) {
    out_.add(Kind::subheading, fmt::format("{}: {}", claim.id, claim.says));
    out_.add(Kind::small, op_of(claim));
    if (claim.values.empty()) return paragraph("None.");
    Grid grid{{{claim.member, 4}, {"Entries", 1, true}}, {}};
    std::size_t i = 0;
    for (const auto& [name, n] : claim.values) {
      if (i == kMostRows) break;
      grid.rows.push_back({{name.empty() ? "(none)" : name}, {std::to_string(n), fmt::format("{}.{}", claim.id, i++)}});
    }
    out_.blocks.emplace_back(std::move(grid));
    if (claim.values.size() > kMostRows)
      out_.add(Kind::small, fmt::format("The first {} of {}; all are in the claims.", kMostRows, claim.values.size()));
  }

  const NotedEntry* noted(std::uint64_t number) const {
    const auto found = std::lower_bound(report_.noted.begin(), report_.noted.end(), number,
                                        [](const NotedEntry& e, std::uint64_t n) { return e.number < n; });
    return found == report_.noted.end() || found->number != number ? nullptr : &*found;
  }

  void notable() {
    out_.add(Kind::heading, "Notable acts");
    paragraph(
        "Each with its number in the log, by which it can be asked for and proven (freehold audit prove NUMBER).");
    for (const Claim& claim : report_.claims) {
      if (claim.op != Claim::Op::list) continue;
      out_.add(Kind::subheading, fmt::format("{}: {}", claim.id, claim.says));
      if (claim.entries.empty()) {
        paragraph("None.");
        continue;
      }
      Grid grid{{{"Entry", 0.8, true}, {"Time (UTC)", 1.6}, {"Who", 1.4}, {"Act", 1.5}, {"What about", 3.4}}, {}};
      for (std::size_t i = 0; i < std::min(claim.entries.size(), kMostRows); ++i) {
        const NotedEntry* entry = noted(claim.entries[i]);
        if (entry == nullptr) continue;
        const auto get = [&](const char* name) {
          const auto found = entry->members.find(name);
          return found == entry->members.end() ? std::string() : found->second;
        };
        std::string details = get("subject");
        for (const auto& [name, value] : entry->members) {
          if (name.starts_with("details."))
            details += fmt::format("{}{}: {}", details.empty() ? "" : "; ", name.substr(8), value);
        }
        grid.rows.push_back({{std::to_string(entry->number), fmt::format("{}.{}", claim.id, i)},
                             {get("time").substr(0, 19)},
                             {fmt::format("{}{}{}", get("name"), get("key").empty() ? "" : " ", get("key"))},
                             {get("act")},
                             {printable(details, 600)}});
      }
      out_.blocks.emplace_back(std::move(grid));
    }
  }

  void proofs() {
    out_.add(Kind::heading, "Proofs");
    paragraph(fmt::format("The checkpoint at the end of the period: {} entries, signed {}.",
                          report_.end.checkpoint.size, show_moment(report_.end.checkpoint.time)));
    out_.add(Kind::code, report_.end.note);
    if (report_.begin) {
      paragraph(
          "The last checkpoint before the period, and the hashes by which the one above continues it (RFC 9162, "
          "2.1.4):");
      out_.add(Kind::code, report_.begin->note);
      std::string hashes;
      for (const audit::Hash& hash : report_.consistency) hashes += audit::base64_of(hash) + "\n";
      out_.add(Kind::code, hashes.empty() ? "(none: the two are of the same entries)" : hashes);
    } else {
      paragraph("There is no checkpoint from before the period: the log begins in it.");
    }
    const auto proven = static_cast<std::size_t>(
        std::count_if(report_.noted.begin(), report_.noted.end(), [](const NotedEntry& e) { return e.proven; }));
    paragraph(fmt::format(
        "{} of the {} entries under Notable acts travel with the claims, byte for byte, each with its path to the root "
        "above (RFC 9162, 2.1.3){}.",
        proven, report_.noted.size(),
        proven < report_.noted.size() ? "; freehold audit prove NUMBER makes the others" : ""));
  }

  void cannot() {
    out_.add(Kind::heading, "What software cannot show");
    paragraph(
        "Beside what is said at each duty, the framework asks for things that no log holds. This report is silent on "
        "them; "
        "somebody has to show them in other ways:");
    for (const std::string_view line : report_.framework->cannot) paragraph(fmt::format("\u2022 {}", line));
    paragraph("This report is evidence, not advice: whether a duty applies and is met is for people to judge.");
  }

  const AuditReport& report_;  // owner: the caller
  Document out_;
};

}  // namespace

Document report_document(const AuditReport& report) {
  return Builder(report).build();
}

}  // namespace freehold::app
