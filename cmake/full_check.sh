#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What .ci/run leaves out: coverage, clang on every header, clang-tidy, formatting, and the documentation.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

. cmake/setup.sh
install_missing clang clang-tidy clang-format doxygen gcovr shellcheck

step Coverage of include/
build tests build/coverage -DLOWBIT_COVERAGE=ON -DLOWBIT_WERROR=OFF -DLOWBIT_BUILD_BENCH=OFF -DLOWBIT_BUILD_EXAMPLES=OFF
ctest --test-dir build/coverage --output-on-failure --parallel "$(nproc)" | tail -n 3
cmake --build build/coverage --target coverage | tail -n 4

step clang: every header alone and all together
build standalone_headers build/clang -DCMAKE_CXX_COMPILER=clang++ -DLOWBIT_BUILD_BENCH=OFF -DLOWBIT_BUILD_EXAMPLES=OFF | tail -n 1

step clang-tidy, clang-format, shellcheck
build tidy
git ls-files '*.hpp' '*.inl' '*.cpp' | xargs clang-format --dry-run --Werror
git ls-files '*.sh' .ci/run | xargs shellcheck -x

step Documentation
build site | tail -n 1

