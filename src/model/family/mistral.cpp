// Mistral 7B and its successors as Hugging Face folders (Jiang et al. 2023): Llama with a sliding window.
#include <fmt/format.h>

#include "model/family/decoder.h"
#include "model/family/family.h"

namespace freehold::model {

Result<Spec> read_mistral(Reader& reader) {
  FH_TRY(Spec spec, read_decoder(reader, kernel::RopeStyle::half));
  spec.family = "mistral";
  FH_TRY(std::uint32_t window, reader.count({"", "sliding_window"}, 0, kMostPositions, 0));
  for (Block& block : spec.blocks) block.window = window;
  if (window != 0) spec.notes.push_back(fmt::format("sliding window of {} positions", window));
  return spec;
}

}  // namespace freehold::model
