# SPDX-License-Identifier: Apache-2.0
# What the project's own tests, benches and examples share; consumers never see it.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
    set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG" CACHE STRING "Flags of a release build" FORCE)
endif()
set(CMAKE_CXX_EXTENSIONS OFF)

find_program(CCACHE ccache)
mark_as_advanced(CCACHE)
if(CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

find_package(Threads REQUIRED)
find_package(Python3 COMPONENTS Interpreter)

# lowbit with the warnings that consumers may switch on.
add_library(lowbit_development INTERFACE)
target_link_libraries(lowbit_development INTERFACE lowbit::lowbit Threads::Threads)
target_compile_options(lowbit_development INTERFACE -Wall -Wextra -Wconversion -Wshadow $<$<BOOL:${LOWBIT_WERROR}>:-Werror>)

# Every test again, watched and counted: cmake -S . -B build/checked -DLOWBIT_CHECKED=ON, then the targets tests, coverage.
if(LOWBIT_CHECKED)
    target_compile_options(lowbit_development INTERFACE
        -O0 -g1 --coverage -fsanitize=address,undefined,float-cast-overflow,float-divide-by-zero -fno-sanitize-recover=all)
    target_link_options(lowbit_development INTERFACE --coverage -fsanitize=address,undefined)
endif()

# The integer kernels compiled once for all tests, benches and examples (-O2 whatever else is asked: their accumulators
# are registers only there).
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/compiled_kernels.cpp
    CONTENT "#define LOWBIT_COMPILED_UNIT\n#include <lowbit/kernels/isa/gemm.hpp>\n")
add_library(lowbit_compiled STATIC EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/compiled_kernels.cpp)
target_compile_definitions(lowbit_compiled PUBLIC LOWBIT_COMPILED)
target_link_libraries(lowbit_compiled PUBLIC lowbit_development)

# All of lowbit as one header: cmake --build build --target amalgamate
if(Python3_FOUND)
    file(GLOB_RECURSE all_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/*)
    set(LOWBIT_SINGLE_HEADER ${PROJECT_BINARY_DIR}/single_include/lowbit.hpp)
    add_custom_command(OUTPUT ${LOWBIT_SINGLE_HEADER}
        COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/cmake/amalgamate.py ${PROJECT_SOURCE_DIR}/include ${LOWBIT_SINGLE_HEADER}
        DEPENDS ${all_headers} ${PROJECT_SOURCE_DIR}/cmake/amalgamate.py VERBATIM)
    add_custom_target(amalgamate DEPENDS ${LOWBIT_SINGLE_HEADER})
endif()

include(${CMAKE_CURRENT_LIST_DIR}/quality.cmake)
