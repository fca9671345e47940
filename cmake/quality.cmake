# SPDX-License-Identifier: Apache-2.0
# Targets that judge the code: tidy, coverage (of a LOWBIT_COVERAGE build), and site, the documentation.

find_program(CLANG_TIDY clang-tidy)
find_program(GCOVR gcovr)
find_program(DOXYGEN doxygen)
mark_as_advanced(CLANG_TIDY GCOVR DOXYGEN)
get_target_property(eigen_include Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)

if(CLANG_TIDY)
    # digest.cpp instantiates every part of the library.
    add_custom_target(tidy
        COMMAND ${CLANG_TIDY} --quiet ${PROJECT_SOURCE_DIR}/tests/consumers/digest.cpp --
            -std=c++20 -I${PROJECT_SOURCE_DIR}/include -isystem ${eigen_include}
        WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} VERBATIM)
endif()

if(GCOVR AND LOWBIT_COVERAGE)
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/coverage)
    add_custom_target(coverage
        COMMAND ${GCOVR} --root ${PROJECT_SOURCE_DIR} --filter ${PROJECT_SOURCE_DIR}/include/
            --exclude-unreachable-branches --exclude-throw-branches --fail-under-line 95
            --html-details ${PROJECT_BINARY_DIR}/coverage/index.html --print-summary ${PROJECT_BINARY_DIR}
        VERBATIM)
endif()

if(DOXYGEN)
    configure_file(${CMAKE_CURRENT_LIST_DIR}/Doxyfile.in ${PROJECT_BINARY_DIR}/Doxyfile @ONLY)
    add_custom_target(site
        COMMAND ${DOXYGEN} ${PROJECT_BINARY_DIR}/Doxyfile
        COMMENT "${PROJECT_BINARY_DIR}/site/index.html" VERBATIM)
endif()
