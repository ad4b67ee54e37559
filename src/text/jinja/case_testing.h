// What the tables of verified cases have in common.
#pragma once

namespace freehold::text::jinja::testing {

struct Case {
  const char* source;
  const char* expected;
};

// The variables of every case, as JSON.
inline constexpr const char* kVariables = R"json({
 "s": "Hello World",
 "u": "h\u00e9llo \ud83d\ude42 w\u00f6rld",
 "ws": "  a b \n\tc  ",
 "n": 5,
 "f": 2.5,
 "z": 0,
 "neg": -7,
 "b": true,
 "no": null,
 "l": [
  3,
  1,
  2
 ],
 "ls": [
  "b",
  "a",
  "C"
 ],
 "e": [],
 "d": {
  "b": 1,
  "a": {
   "x": [
    1,
    2
   ]
  },
  "items": 3,
  "C": null
 },
 "ed": {},
 "ms": [
  {
   "role": "system",
   "content": "sys"
  },
  {
   "role": "user",
   "content": "hi",
   "n": 2
  },
  {
   "role": "assistant",
   "content": null,
   "n": 1,
   "tool_calls": [
    {
     "function": {
      "name": "f",
      "arguments": {
       "a": 1.5
      }
     }
    }
   ]
  }
 ],
 "big": 123456789012345678901234567890,
 "html": "<a href='x'>&amp;\"q\"</a>",
 "multi": "line1\nline2\n\nline4\n",
 "q": "it's \"q\" \\ \n \u0007 \u00e9 \u200b \ud83d\ude42"
})json";

}  // namespace freehold::text::jinja::testing
