// `audit verify --proof`: what was taken out of a log, checked without it.
#pragma once

#include "app/command.h"
#include "app/console.h"
#include "base/result.h"

namespace freehold::app {

// A file of `audit prove`, or one of `guard export`, whose lines have a proof each. Errors: corrupt, naming the line.
Result<> verify_proofs(const Arguments& arguments, Console& console);

}  // namespace freehold::app
