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
target_compile_options(lowbit_development INTERFACE -Wall -Wextra -Wconversion $<$<BOOL:${LOWBIT_WERROR}>:-Werror>
    $<$<NOT:$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>>:-Wshadow>)  # names of one file may come again in another

# The tests once more: -DLOWBIT_CHECKED=ON watches every access and operation, -DLOWBIT_COVERAGE=ON counts lines (then the
# target coverage).
if(LOWBIT_CHECKED)
    target_compile_options(lowbit_development INTERFACE -O1
        -fsanitize=address,undefined,float-cast-overflow,float-divide-by-zero -fno-sanitize-recover=all)
    target_link_options(lowbit_development INTERFACE -fsanitize=address,undefined)
endif()
if(LOWBIT_COVERAGE)
    target_compile_options(lowbit_development INTERFACE -O1 --coverage -fprofile-update=atomic)
    target_link_options(lowbit_development INTERFACE --coverage)
endif()

# The integer kernels compiled once for all tests, benches and examples (-O2 whatever else is asked: their accumulators
# are registers only there).
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/compiled_kernels.cpp
    CONTENT "#define LOWBIT_COMPILED_UNIT\n#include <lowbit/kernels/isa/gemm.hpp>\n")
add_library(lowbit_compiled STATIC EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/compiled_kernels.cpp)
target_compile_definitions(lowbit_compiled PUBLIC LOWBIT_COMPILED)
target_link_libraries(lowbit_compiled PUBLIC lowbit_development)

# The machine's own instructions, for what spends its time in Eigen, which chooses its kernels when it is compiled.
option(LOWBIT_EXAMPLES_NATIVE "Compile the examples for this machine" ON)
add_library(lowbit_native INTERFACE)
if(LOWBIT_EXAMPLES_NATIVE)
    include(CheckCXXCompilerFlag)
    check_cxx_compiler_flag(-march=native has_march_native)
    check_cxx_compiler_flag(-fvect-cost-model=dynamic has_cost_model)
    check_cxx_compiler_flag(-mmove-max=128 has_move_max)
    if(has_march_native)
        target_compile_options(lowbit_native INTERFACE -march=native)
    endif()
    if(has_cost_model)
        target_compile_options(lowbit_native INTERFACE -fvect-cost-model=dynamic)
    endif()
    if(has_move_max)
        # g++ 12.2 with AVX-512 spoils constant aggregates that are passed by value unless it moves 16 bytes at a time,
        # and takes the undefined registers of its own intrinsics for mistakes.
        target_compile_options(lowbit_native INTERFACE
            -mmove-max=128 -mstore-max=128 -Wno-maybe-uninitialized -Wno-uninitialized)
    endif()
endif()

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
