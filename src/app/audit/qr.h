// QR codes (ISO/IEC 18004) as text: a checkpoint that a camera reads from a terminal or from paper.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::app {

// Two rows of modules a line, dark ones drawn, with the quiet zone of 4 around. `coloured`: black on white by escape
// sequences, whatever the terminal's colours are. Errors: invalid (more than a code holds: 2953 bytes).
Result<std::string> qr_text(std::string_view bytes, bool coloured);

}  // namespace freehold::app
