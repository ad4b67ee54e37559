# What every folder shares: the compiler's settings and the functions fh_library, fh_test, fh_bench, fh_golden and fh_fuzz.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(FREEHOLD_SANITIZE_ADDRESS "AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(FREEHOLD_SANITIZE_THREAD "ThreadSanitizer" OFF)
option(FREEHOLD_FUZZ "libFuzzer targets (clang only)" OFF)
# Most of a compilation is reading headers and instantiating the same templates. Presets tsan and fuzz compile file by file, so
# that `./dev nightly` finds a file that leans on another one's includes.
option(FREEHOLD_UNITY "compile several files of a target as one" OFF)
set(FREEHOLD_UNITY_FILES 40 CACHE STRING "at most about so many")

find_program(FREEHOLD_CCACHE ccache)
if(FREEHOLD_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${FREEHOLD_CCACHE})
endif()

# An FMA is written, never inferred; char and arithmetic behave as the standard says.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wno-missing-field-initializers -ffp-contract=off -fno-math-errno -fno-omit-frame-pointer)
if(FREEHOLD_SANITIZE_ADDRESS)
  # A null pointer traps by itself, and where an object ends is AddressSanitizer's: those checks, and those of sums of pointers, cost
  # a fifth of the compilation. The fuzz preset has them all.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all
                      -fno-sanitize=null,object-size,pointer-overflow,vptr,nonnull-attribute,returns-nonnull-attribute)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set(FREEHOLD_COLD --param=asan-instrumentation-with-call-threshold=0)
  endif()
  # The sanitizers' tables are full of addresses: a program that may lie anywhere has 60 MB of them to write before main().
  add_link_options(-fsanitize=address,undefined -no-pie)
endif()
if(FREEHOLD_SANITIZE_THREAD)
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
endif()
if(FREEHOLD_FUZZ)
  # clang 14 cannot place the marks of -fsanitize=function before the parts that it splits a coroutine into.
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=function -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()

include_directories(${CMAKE_SOURCE_DIR}/src)
add_custom_target(unit_tests)    # every *_test of src/
add_custom_target(numeric_tests) # those of the folders whose bits an optimiser could change
set(FREEHOLD_NUMERIC tensor kernel nn model engine train ledger)
# Whole training runs and simulated histories: a minute each when sanitized, and `./dev test` runs them optimised. Sanitized in
# `./dev nightly slow`.
set(FREEHOLD_SLOW_SANITIZED train.TrainTest. train.RunTest. ledger.Histories/ForecastCase.)
# Folders that never take bytes for wider numbers: that these are aligned need not be checked, which is a fifth of a compilation.
set(FREEHOLD_NO_CASTS app api http pull guard ledger audit seal sql text pii eval upstream pdf sandbox)
add_custom_target(golden_tests)  # every golden_*_test
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(PkgConfig REQUIRED)

# fh_unity(TARGET SOURCES…): with FREEHOLD_UNITY, up to about FREEHOLD_UNITY_FILES of a target are compiled as one. Which ones go together
# hangs on their names alone, so that a new file meets its own target's names and moves no others.
function(fh_unity target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${FREEHOLD_UNITY} UNITY_BUILD_MODE GROUP)
  if(FREEHOLD_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)  # it takes the files for headers
  endif()
  list(LENGTH ARGN count)
  set(groups 1)
  while(count GREATER ${FREEHOLD_UNITY_FILES})
    math(EXPR groups "${groups} * 2")
    math(EXPR count "${count} / 2")
  endwhile()
  foreach(source ${ARGN})
    get_filename_component(name ${source} NAME)
    string(MD5 hash ${name})
    string(SUBSTRING ${hash} 0 6 hash)
    math(EXPR group "0x${hash} % ${groups}")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${group})
  endforeach()
endfunction()

# fh_sanitize(NAME [cold]): what of the sanitizers fh_NAME can do without. `cold`: AddressSanitizer's checks are calls, not code in place.
function(fh_sanitize name)
  if(FREEHOLD_SANITIZE_ADDRESS AND name IN_LIST FREEHOLD_NO_CASTS)
    target_compile_options(fh_${name} PRIVATE -fno-sanitize=alignment)
  endif()
  if("cold" IN_LIST ARGN)
    target_compile_options(fh_${name} PRIVATE ${FREEHOLD_COLD})
  endif()
endfunction()

# fh_alone(FILES…): files whose names of their own are a neighbour's too; to be called before their targets are made.
function(fh_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# fh_test_options(TARGET): a test's own code is compiled cheaply: what is judged is the library that it is linked with.
function(fh_test_options target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  if(FREEHOLD_SANITIZE_ADDRESS)
    target_compile_options(${target} PRIVATE -fno-sanitize=undefined ${FREEHOLD_COLD})
  endif()
endfunction()

# fh_library(NAME [deps…]): every .cpp below the folder but tests (and their helpers, *_testing.cpp) and benchmarks becomes the static library fh_NAME.
function(fh_library name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cpp)
  list(FILTER sources EXCLUDE REGEX "_(test|testing|bench)\\.cpp$")
  if(NOT sources)
    return()
  endif()
  add_library(fh_${name} STATIC ${sources})
  fh_unity(fh_${name} ${sources})
  fh_sanitize(${name})
  target_link_libraries(fh_${name} PUBLIC ${ARGN})
  fh_test(${name} fh_${name})
  fh_bench(${name} fh_${name})
endfunction()

# fh_test_main(TARGET): GoogleTest with the main() that all tests share.
function(fh_test_main target)
  find_package(GTest REQUIRED)
  if(NOT TARGET fh_gtest_main)
    add_library(fh_gtest_main STATIC ${CMAKE_SOURCE_DIR}/tests/gtest_main.cpp)
    target_link_libraries(fh_gtest_main PUBLIC GTest::gtest)
  endif()
  target_link_libraries(${target} PRIVATE fh_gtest_main)
endfunction()

# fh_test(NAME deps…): the folder's *_test.cpp (with *_testing.cpp) become one GoogleTest binary NAME_test, one ctest entry a suite.
function(fh_test name)
  file(GLOB_RECURSE tests CONFIGURE_DEPENDS *_test.cpp *_testing.cpp)
  if(NOT tests OR FREEHOLD_FUZZ)
    return()
  endif()
  add_executable(${name}_test ${tests})
  fh_unity(${name}_test ${tests})
  fh_test_options(${name}_test)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 follows temporaries of variant-like types into branches that cannot be taken and warns about those.
    target_compile_options(${name}_test PRIVATE -Wno-array-bounds -Wno-free-nonheap-object -Wno-maybe-uninitialized)
  endif()
  target_link_libraries(${name}_test PRIVATE ${ARGN})
  fh_test_main(${name}_test)
  add_dependencies(unit_tests ${name}_test)
  set(timeout 300)
  if(FREEHOLD_SANITIZE_THREAD)
    set(timeout 900)
  endif()
  set(label unit)
  if(name IN_LIST FREEHOLD_NUMERIC)
    add_dependencies(numeric_tests ${name}_test)
    set(label unit-numeric)
  endif()
  set(slow "")
  if(FREEHOLD_SANITIZE_ADDRESS)
    set(slow ${FREEHOLD_SLOW_SANITIZED})
  endif()
  set(program ${CMAKE_CURRENT_BINARY_DIR}/${name}_test)
  configure_file(${CMAKE_SOURCE_DIR}/cmake/GTestSuites.cmake.in ${name}_suites.cmake @ONLY)
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}_suites.cmake)
endfunction()

# fh_bench(NAME deps…): the folder's *_bench.cpp become one Google Benchmark binary NAME_bench, built on request only.
function(fh_bench name)
  file(GLOB_RECURSE benches CONFIGURE_DEPENDS *_bench.cpp)
  if(NOT benches OR FREEHOLD_FUZZ)
    return()
  endif()
  find_package(benchmark REQUIRED)
  add_executable(${name}_bench EXCLUDE_FROM_ALL ${benches})
  target_link_libraries(${name}_bench PRIVATE ${ARGN} benchmark::benchmark benchmark::benchmark_main)
  if(NOT TARGET benches)
    add_custom_target(benches)  # all of them, as `./dev nightly units` builds them
  endif()
  add_dependencies(benches ${name}_bench)
endfunction()

# fh_golden(KINDS…): every tests/golden/KIND_test.cpp is a part of the program golden_test and one ctest entry with the label "golden", which
# runs whatever cases of its kind it finds below $FREEHOLD_SHARED/oracle. It counts as skipped only when every TEST of the kind was skipped
# (tests/gtest_main.cpp says so): ctest lets a skip pattern hide a failure, so the pattern must not match a partial skip.
function(fh_golden)
  if(FREEHOLD_FUZZ)
    return()
  endif()
  list(TRANSFORM ARGN APPEND _test.cpp OUTPUT_VARIABLE sources)
  add_executable(golden_test ${sources})
  fh_unity(golden_test ${sources})
  fh_test_options(golden_test)
  target_link_libraries(golden_test PRIVATE fh_train fh_store fh_engine)
  fh_test_main(golden_test)
  target_compile_definitions(golden_test PRIVATE FREEHOLD_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_dependencies(golden_tests golden_test)
  if(FREEHOLD_SANITIZE_ADDRESS OR FREEHOLD_SANITIZE_THREAD)
    set_target_properties(golden_test PROPERTIES EXCLUDE_FROM_ALL ON)  # they judge numbers, which release has too
  endif()
  foreach(kind ${ARGN})
    file(STRINGS ${kind}_test.cpp tests REGEX "^TEST(_F|_P)?\\(")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${kind}_test.cpp)
    list(TRANSFORM tests REPLACE "^TEST(_F|_P)?\\(([A-Za-z0-9]+), *([A-Za-z0-9]+).*" "\\2.\\3*:*/\\2.\\3*")
    list(JOIN tests ":" filter)
    add_test(NAME golden.${kind} COMMAND golden_test --gtest_filter=${filter})
    set_tests_properties(golden.${kind} PROPERTIES LABELS "golden" TIMEOUT 900 SKIP_REGULAR_EXPRESSION "ALL TESTS SKIPPED")
  endforeach()
endfunction()

# fh_fuzz(NAME deps…): NAME_fuzz.cpp beside the caller becomes the libFuzzer target NAME_fuzz (preset fuzz only). `./dev fuzz` runs
# every one of them, with the seeds it finds in fuzz/seeds/NAME.
function(fh_fuzz name)
  if(NOT FREEHOLD_FUZZ)
    return()
  endif()
  add_executable(${name}_fuzz ${name}_fuzz.cpp)
  target_link_libraries(${name}_fuzz PRIVATE ${ARGN})
  target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
endfunction()
