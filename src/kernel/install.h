// Each level's install function overwrites the table entries that it does better. Called once a level, in rising order.
#pragma once

#include "kernel/table.h"

namespace freehold::kernel {

void install_scalar(Table& table);
void install_avx2(Table& table);
void install_avx512(Table& table);
void install_amx(Table& table);

}  // namespace freehold::kernel
