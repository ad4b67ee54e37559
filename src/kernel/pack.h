// Preparing weights: a tensor's rows as they lie in the file -> panels (panel.h). Packing N rows in any order or in
// parallel gives the same bytes.
#pragma once

#include <cstddef>
#include <optional>

#include "kernel/panel.h"
#include "tensor/view.h"

namespace freehold::kernel {

// The quantised panel format that holds this type exactly; nothing for F32, F16, BF16 (which have float panels).
std::optional<PanelKind> panel_kind(tensor::DType type);

// Bytes of one prepared panel of 16 outputs over K inputs.
std::size_t prepared_panel_bytes(tensor::DType type, std::size_t K);

// Packs the panel of outputs 16*panel … of the (N, K) matrix whose rows start at `rows` into `out`
// (prepared_panel_bytes, zeroed).
void pack_panel(tensor::DType type, const std::byte* rows, std::size_t N, std::size_t K, std::size_t panel,
                std::byte* out);

}  // namespace freehold::kernel
