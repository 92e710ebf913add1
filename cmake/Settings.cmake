# The compiler settings of every target, as one interface target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(layerbox_settings INTERFACE)
target_include_directories(layerbox_settings INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(layerbox_settings INTERFACE _GNU_SOURCE LAYERBOX_VERSION="${PROJECT_VERSION}")
target_compile_options(layerbox_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Wnull-dereference -Wdouble-promotion -Wformat=2)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 sees overlapping and overflowing copies in std::string that are not there (GCC bugs 105651
  # and 105329).
  target_compile_options(layerbox_settings INTERFACE -Wno-restrict -Wno-array-bounds)
endif()
if(LAYERBOX_WERROR)
  target_compile_options(layerbox_settings INTERFACE -Werror)
endif()
if(LAYERBOX_FAULTS)
  target_compile_definitions(layerbox_settings INTERFACE LAYERBOX_FAULTS)
endif()
# The rooms are what sanitizers look at: instrumenting GoogleTest's macros too would triple the time
# that tests take to compile, and the runner's child must not have a sanitizer's runtime.
set(LAYERBOX_ROOM_OPTIONS "")
if(LAYERBOX_SANITIZE)
  set(LAYERBOX_ROOM_OPTIONS -fsanitize=${LAYERBOX_SANITIZE} -fno-sanitize-recover=all)
  target_compile_options(layerbox_settings INTERFACE -fno-omit-frame-pointer)
  # At a fixed address a program starts in half the time: there are no addresses to correct.
  target_link_options(layerbox_settings INTERFACE -fsanitize=${LAYERBOX_SANITIZE} -no-pie)
  if(LAYERBOX_SANITIZE MATCHES undefined)
    # A trap, whose place AddressSanitizer tells (handle_sigill=1): with a message for each check the
    # program has a million addresses that are corrected at every start.
    list(APPEND LAYERBOX_ROOM_OPTIONS -fsanitize-undefined-trap-on-error)
  endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(layerbox_settings INTERFACE -ffunction-sections -fdata-sections)
  target_link_options(layerbox_settings INTERFACE -Wl,--gc-sections)
endif()
# Hardening: e2e_hardening reads in a release program that it is there. Position-independent code is above, -static-pie
# where the program is linked. Checked copies are calls that the runner's child may not make, so they are the rooms' alone;
# the C library takes 3 for 2 where the compiler cannot do it.
target_compile_options(layerbox_settings INTERFACE -fstack-protector-strong)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT LAYERBOX_SANITIZE)
  list(APPEND LAYERBOX_ROOM_OPTIONS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  target_compile_options(layerbox_settings INTERFACE -fstack-clash-protection)
  target_link_options(layerbox_settings INTERFACE -Wl,-z,relro,-z,now -Wl,-z,noexecstack)
endif()

# Headers of the libraries take most of a compiler's time; they are read once for all rooms, and once
# for all tests. A file includes what it uses all the same: -DLAYERBOX_PRECOMPILE=OFF builds without.
set(LAYERBOX_STANDARD_HEADERS <algorithm> <cerrno> <chrono> <functional> <map> <memory> <optional> <set>
  <span> <string> <string_view> <unordered_map> <utility> <vector> <fmt/format.h>)

# Names that a file has for itself must then differ from its neighbours'.
function(layerbox_join target)
  if(LAYERBOX_JOIN)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
endfunction()

# layerbox_room(NAME DEPENDS libs... SOURCES files...): one static library a folder.
function(layerbox_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(layerbox_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(layerbox_${name} PUBLIC layerbox_settings ${ROOM_DEPENDS})
  target_compile_options(layerbox_${name} PRIVATE ${LAYERBOX_ROOM_OPTIONS})
  set(headers_of base)
  if(LAYERBOX_SANITIZE AND name MATCHES "^(base|layers)$")
    target_compile_options(layerbox_${name} PRIVATE -O1) # where the tests spend their time
  elseif(LAYERBOX_SANITIZE)
    set(headers_of store) # the first that is not optimized: precompiled headers are of one kind of code
  endif()
  layerbox_join(layerbox_${name})
  if(LAYERBOX_PRECOMPILE AND name STREQUAL headers_of)
    target_precompile_headers(layerbox_${name} PRIVATE ${LAYERBOX_STANDARD_HEADERS})
  elseif(LAYERBOX_PRECOMPILE)
    target_precompile_headers(layerbox_${name} REUSE_FROM layerbox_${headers_of})
  endif()
endfunction()

# The program whose precompiled headers all test programs use.
function(layerbox_test_headers name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE layerbox_settings layerbox::fmt GTest::gtest GTest::gmock)
  target_precompile_headers(${name} PRIVATE ${LAYERBOX_STANDARD_HEADERS} <gmock/gmock.h> <gtest/gtest.h>)
endfunction()

# layerbox_test(NAME LABELS labels... SOURCES files... DEPENDS libs...): one GoogleTest program.
function(layerbox_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;DEPENDS;LABELS" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE layerbox_settings layerbox::fmt ${T_DEPENDS} GTest::gtest GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  if(LAYERBOX_PRECOMPILE)
    target_precompile_headers(${name} REUSE_FROM test_headers)
  endif()
  layerbox_join(${name})
  add_test(NAME ${name} COMMAND ${name})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT})
endfunction()
