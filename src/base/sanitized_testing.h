// For tests: whether this build has a sanitizer, which slows what it watches five- to a hundredfold.
#pragma once

namespace freehold {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

// How often a random test repeats: the build without a sanitizer goes the whole way, one with it looks at memory only.
constexpr int repeats(int whole) {
  return kSanitized ? whole / 5 : whole;
}

}  // namespace freehold
