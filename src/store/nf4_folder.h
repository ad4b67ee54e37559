// `models quantize --type nf4`: the matrices of a Hugging Face folder as the 4-bit tensors that bitsandbytes stores
// (format/nf4_tensors.h), so that a base of QLoRA can be kept, trained on and served as the same bytes.
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/thread_pool.h"
#include "format/gguf_writer.h"
#include "format/hf_folder.h"
#include "format/sink.h"
#include "store/progress.h"
#include "store/weight_type.h"

namespace freehold::store {

// Writes one safetensors file with all tensors of `source`, those that stay as they are before those whose names are in
// `matrices`, which become NF4 with double quantisation. A matrix whose rows are no whole blocks of 64 stays as it is
// and is noted. The bytes do not depend on the number of threads; memory stays below one matrix a thread.
// `tensor_bytes` is what the file has. Errors: Errc::invalid, naming the tensor, for a matrix that is quantised already
// and for weights that are not finite.
Result<Written> write_nf4(const format::HfFolder& source, const std::set<std::string, std::less<>>& matrices,
                          ThreadPool& pool, const format::Sink& sink, const Progress& progress = {},
                          const Expect& expect = {});

// config.json with the `quantization_config` that says so of a file with these tensors: of matrices that are not NF4
// (routers, odd rows) nobody may expect that they are. Errors: Errc::corrupt for what is no JSON object.
Result<std::string> nf4_config(std::string_view config, std::span<const format::GgufTensor> tensors);

}  // namespace freehold::store
