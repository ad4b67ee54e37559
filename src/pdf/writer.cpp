#include "pdf/writer.h"

#include <fmt/format.h>

#include <chrono>

#include "base/check.h"
#include "base/hash.h"
#include "base/utf8.h"

namespace freehold::pdf {
namespace {

constexpr std::string_view kFontNames[kFaces] = {"Helvetica", "Helvetica-Bold", "Courier"};

// A literal string (7.3.4.2) in ASCII.
std::string literal(std::string_view bytes) {
  std::string out = "(";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '(' || c == ')' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7F) {
      out += fmt::format("\\{:03o}", byte);
    } else {
      out += c;
    }
  }
  return out + ")";
}

// A text outside of pages (7.9.2.2): UTF-16 with its mark.
std::string text_string(std::string_view utf8) {
  std::string out = "<FEFF";
  const std::string good = replace_invalid_utf8(utf8);
  for (std::string_view rest = good; !rest.empty();) {
    const CodePoint c = decode_utf8(rest);
    rest.remove_prefix(c.length);
    if (c.value < 0x10000) {
      out += fmt::format("{:04X}", c.value);
    } else {
      out += fmt::format("{:04X}{:04X}", 0xD7C0 + (c.value >> 10), 0xDC00 + (c.value & 0x3FF));
    }
  }
  return out + ">";
}

std::string date(std::int64_t seconds) {
  namespace chrono = std::chrono;
  const chrono::sys_seconds moment{chrono::seconds(seconds)};
  const auto midnight = chrono::floor<chrono::days>(moment);
  const chrono::year_month_day day(midnight);
  const chrono::hh_mm_ss time(moment - midnight);
  return fmt::format("(D:{:04}{:02}{:02}{:02}{:02}{:02}Z)", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count());
}

std::string number(double x) {
  std::string out = fmt::format("{:.2f}", x);
  out.erase(out.find_last_not_of('0') + 1);
  if (out.back() == '.') out.pop_back();
  return out;
}

std::string colour_of(Colour c, std::string_view op) {
  return fmt::format("{} {} {} {}\n", number(c.red), number(c.green), number(c.blue), op);
}

// Objects by number, from 1, and the table that says where they are.
class Objects {
 public:
  Objects() : out_("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n") {}
  std::size_t next() {
    places_.push_back(0);
    return places_.size();
  }
  void put(std::size_t number, std::string_view body) {
    places_[number - 1] = out_.size();
    out_ += fmt::format("{} 0 obj\n{}\nendobj\n", number, body);
  }
  void put_stream(std::size_t number, std::string_view entries, std::string_view bytes) {
    put(number, fmt::format("<<{} /Length {}>>\nstream\n{}\nendstream", entries, bytes.size(), bytes));
  }
  std::string finish(std::size_t root, std::size_t info) {
    const std::size_t table = out_.size();
    const std::string id = sha256(out_).hex().substr(0, 32);
    out_ += fmt::format("xref\n0 {}\n0000000000 65535 f \n", places_.size() + 1);
    for (const std::size_t place : places_) out_ += fmt::format("{:010} 00000 n \n", place);
    out_ += fmt::format("trailer\n<</Size {} /Root {} 0 R /Info {} 0 R /ID [<{}> <{}>]>>\nstartxref\n{}\n%%EOF\n",
                        places_.size() + 1, root, info, id, id, table);
    return std::move(out_);
  }

 private:
  std::string out_;
  std::vector<std::size_t> places_;  // bytes from the beginning, by object
};

}  // namespace

void Writer::page() {
  pages_.emplace_back();
  at_ = pages_.size() - 1;
}

void Writer::text(double x, double y, Face face, double size, std::string_view text, Colour colour,
                  std::string_view claim) {
  FH_CHECK(at_ < pages_.size(), "page() comes before what is drawn");
  if (text.empty()) return;
  std::string& out = pages_[at_];
  if (!claim.empty()) out += fmt::format("/Claim <</Id {}>> BDC\n", literal(claim));
  out += fmt::format("BT {}/F{} {} Tf {} {} Td {} Tj ET\n", colour_of(colour, "rg"), static_cast<int>(face),
                     number(size), number(x), number(kPageHeight - y), literal(text));
  if (!claim.empty()) out += "EMC\n";
}

void Writer::rectangle(double x, double y, double width, double height, Colour colour) {
  FH_CHECK(at_ < pages_.size(), "page() comes before what is drawn");
  pages_[at_] += colour_of(colour, "rg") + fmt::format("{} {} {} {} re f\n", number(x),
                                                       number(kPageHeight - y - height), number(width), number(height));
}

void Writer::line(double x1, double y1, double x2, double y2, double width, Colour colour) {
  FH_CHECK(at_ < pages_.size(), "page() comes before what is drawn");
  pages_[at_] += colour_of(colour, "RG") + fmt::format("{} w {} {} m {} {} l S\n", number(width), number(x1),
                                                       number(kPageHeight - y1), number(x2), number(kPageHeight - y2));
}

void Writer::bookmark(std::string_view title) {
  bookmarks_.push_back({std::string(title), at_});
}

void Writer::attach(std::string name, std::string type, std::string bytes) {
  attachments_.push_back({std::move(name), std::move(type), std::move(bytes)});
}

std::string Writer::finish() {
  Objects objects;
  const std::size_t catalog = objects.next(), tree = objects.next(), info = objects.next(), outlines = objects.next();
  std::string fonts;
  for (std::size_t f = 0; f < kFaces; ++f) {
    const std::size_t font = objects.next();
    objects.put(font,
                fmt::format("<</Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding>>", kFontNames[f]));
    fonts += fmt::format("/F{} {} 0 R ", f, font);
  }
  std::vector<std::size_t> page_numbers;
  std::string kids;
  for (const std::string& content : pages_) {
    const std::size_t stream = objects.next(), page = objects.next();
    objects.put_stream(stream, "", content);
    objects.put(page, fmt::format("<</Type /Page /Parent {} 0 R /MediaBox [0 0 {} {}] /Contents {} 0 R /Resources "
                                  "<</Font <<{}>>>>>>",
                                  tree, number(kPageWidth), number(kPageHeight), stream, fonts));
    page_numbers.push_back(page);
    kids += fmt::format("{} 0 R ", page);
  }
  objects.put(tree, fmt::format("<</Type /Pages /Kids [{}] /Count {}>>", kids, pages_.size()));

  std::string files, associated;
  for (const Attachment& a : attachments_) {
    const std::size_t stream = objects.next(), file = objects.next();
    std::string type;  // '/' is written #2F in a name
    for (const char c : a.type) type += c == '/' ? std::string("#2F") : std::string(1, c);
    objects.put_stream(
        stream, fmt::format("/Type /EmbeddedFile /Subtype /{} /Params <</Size {}>>", type, a.bytes.size()), a.bytes);
    objects.put(file, fmt::format("<</Type /Filespec /F {} /UF {} /AFRelationship /Data /EF <</F {} 0 R>>>>",
                                  literal(win_ansi(a.name)), text_string(a.name), stream));
    files += fmt::format("{} {} 0 R ", literal(win_ansi(a.name)), file);
    associated += fmt::format("{} 0 R ", file);
  }

  std::vector<std::size_t> marks;
  for (std::size_t i = 0; i < bookmarks_.size(); ++i) marks.push_back(objects.next());
  for (std::size_t i = 0; i < marks.size(); ++i) {
    std::string around;
    if (i > 0) around += fmt::format(" /Prev {} 0 R", marks[i - 1]);
    if (i + 1 < marks.size()) around += fmt::format(" /Next {} 0 R", marks[i + 1]);
    objects.put(marks[i],
                fmt::format("<</Title {} /Parent {} 0 R /Dest [{} 0 R /Fit]{}>>", text_string(bookmarks_[i].title),
                            outlines, page_numbers[bookmarks_[i].page], around));
  }
  objects.put(outlines, marks.empty() ? std::string("<</Type /Outlines /Count 0>>")
                                      : fmt::format("<</Type /Outlines /First {} 0 R /Last {} 0 R /Count {}>>",
                                                    marks.front(), marks.back(), marks.size()));
  objects.put(info,
              fmt::format("<</Title {} /Producer (Freehold) /CreationDate {}>>", text_string(title_), date(created_)));
  objects.put(
      catalog,
      fmt::format(
          "<</Type /Catalog /Pages {} 0 R /Lang (en) /ViewerPreferences <</DisplayDocTitle true>>{}{}>>", tree,
          marks.empty() ? "" : fmt::format(" /Outlines {} 0 R /PageMode /UseOutlines", outlines),
          files.empty() ? "" : fmt::format(" /Names <</EmbeddedFiles <</Names [{}]>>>> /AF [{}]", files, associated)));
  return objects.finish(catalog, info);
}

}  // namespace freehold::pdf
