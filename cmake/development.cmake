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

# lowbit with the warnings that consumers may switch on.
add_library(lowbit_development INTERFACE)
target_link_libraries(lowbit_development INTERFACE lowbit::lowbit Threads::Threads)
target_compile_options(lowbit_development INTERFACE -Wall -Wextra -Wconversion -Wshadow $<$<BOOL:${LOWBIT_WERROR}>:-Werror>)
