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
  -Wold-style-cast -Woverloaded-virtual -Wnull-dereference -Wdouble-promotion -Wformat=2
  -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 sees overlapping copies in std::string that are not there (GCC bug 105651).
  target_compile_options(layerbox_settings INTERFACE -Wno-restrict)
endif()
if(LAYERBOX_WERROR)
  target_compile_options(layerbox_settings INTERFACE -Werror)
endif()
if(LAYERBOX_FAULTS)
  target_compile_definitions(layerbox_settings INTERFACE LAYERBOX_FAULTS)
endif()
if(LAYERBOX_SANITIZE)
  target_compile_options(layerbox_settings INTERFACE
    -fsanitize=${LAYERBOX_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(layerbox_settings INTERFACE -fsanitize=${LAYERBOX_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(layerbox_settings INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
    -ffunction-sections -fdata-sections)
  target_link_options(layerbox_settings INTERFACE -Wl,--gc-sections -Wl,-z,relro,-z,now -Wl,-z,noexecstack)
endif()

# layerbox_room(NAME DEPENDS libs... SOURCES files...): one static library a folder.
function(layerbox_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(layerbox_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(layerbox_${name} PUBLIC layerbox_settings ${ROOM_DEPENDS})
endfunction()

# layerbox_test(NAME LABELS labels... SOURCES files... DEPENDS libs...): one GoogleTest program.
function(layerbox_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;DEPENDS;LABELS" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE layerbox_settings ${T_DEPENDS} GTest::gtest GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  add_test(NAME ${name} COMMAND ${name})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT})
endfunction()
