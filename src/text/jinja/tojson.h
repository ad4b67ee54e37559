// json.dumps as chat templates see it.
#pragma once

#include <string>

#include "text/jinja/interpreter.h"

namespace freehold::text::jinja {

// The tojson filter of Hugging Face's transformers: json.dumps(value, ensure_ascii=False, indent, separators,
// sort_keys), without the HTML escaping of Jinja2's own.
Outcome<Value> filter_tojson(Interpreter& in, const Value& self, Args& args);

}  // namespace freehold::text::jinja
