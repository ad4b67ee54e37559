// Columns for people: what listings print when no JSON was asked for.
#pragma once

#include <string>
#include <vector>

namespace freehold::app {

enum class Align : bool { left, right };

// The first row is the heading. Columns are two spaces apart; lines have no spaces at their end. Widths are counted in
// characters, so cells hold what printable() has passed.
std::string as_table(const std::vector<std::vector<std::string>>& rows, const std::vector<Align>& columns);

}  // namespace freehold::app
