// What the standard fonts of PDF can show, and how wide it is. They need no font file: every reader brings them, and
// text in them can be selected, searched and extracted (ISO 32000-1, 9.6.2.2). Their characters are those of Windows
// code page 1252 ("WinAnsiEncoding", annex D.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace freehold::pdf {

enum class Face : std::uint8_t { regular, bold, mono };  // Helvetica, Helvetica-Bold, Courier
inline constexpr std::size_t kFaces = 3;

// UTF-8 as bytes of code page 1252. What that does not have becomes "[U+0141]", what is no UTF-8 "[U+FFFD]"; control
// characters become blanks.
std::string win_ansi(std::string_view utf8);

// Of bytes of code page 1252, at this size: in points (1/72 inch), by Adobe's metrics of the 14 standard fonts. Kerning
// is not applied, nor do we ask for it.
double width(Face face, double size, std::string_view win_ansi);

// Cut into lines that are at most `most` points wide: at blanks, and within a word only if it alone is wider. Each line
// end of the text ends a line. At least one line.
std::vector<std::string> wrapped(Face face, double size, std::string_view win_ansi, double most);

}  // namespace freehold::pdf
