// `models quantize`: a model's weights in another type, read and written as a stream: memory stays bounded however
// large the model is.
#pragma once

#include "base/thread_pool.h"
#include "format/gguf.h"
#include "format/gguf_plan.h"
#include "format/gguf_writer.h"
#include "store/progress.h"
#include "store/weight_type.h"

namespace freehold::store {

struct QuantizeOptions {
  kernel::Mix type;
  // Weights that are quantised already lose a second time. Without this they are refused, unless they keep their type.
  bool requantize = false;
};

// Another GGUF as it is; it borrows.
format::GgufPlan plan_of(const format::Gguf& gguf);

// Writes a GGUF with the metadata and the tensors of the plan, or of another GGUF, in the same order, each in the type
// that the mix gives it. The bytes do not depend on the number of threads. Errors: Errc::invalid, naming the tensor,
// for weights that are not finite or quantised already.
Result<Written> quantize(const format::GgufPlan& source, const QuantizeOptions& options, ThreadPool& pool,
                         const format::Sink& sink, const Progress& progress = {}, const Expect& expect = {});
Result<Written> quantize(const format::Gguf& source, const QuantizeOptions& options, ThreadPool& pool,
                         const format::Sink& sink, const Progress& progress = {}, const Expect& expect = {});

}  // namespace freehold::store
