// FH_CHECK: for our own mistakes only. No file, request, configuration or model may reach one.
#pragma once

namespace freehold {
[[noreturn]] void check_failed(const char* file, int line, const char* condition, const char* why);
}

// FH_CHECK(index < size_, "the caller iterates below size()");
#define FH_CHECK(condition, why)                                                       \
  do {                                                                                 \
    if (!(condition)) ::freehold::check_failed(__FILE__, __LINE__, #condition, (why)); \
  } while (false)
