#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What takes longer than .ci/run may: the tests again under sanitizers with their coverage, clang on every header,
# clang-tidy, and the documentation.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

. cmake/setup.sh
install_missing clang clang-tidy clang-format doxygen gcovr shellcheck

step Tests with address and undefined-behaviour sanitizers
cmake -S . -B build/checked -G Ninja -DLOWBIT_CHECKED=ON -DLOWBIT_WERROR=OFF \
    -DLOWBIT_BUILD_BENCH=OFF -DLOWBIT_BUILD_EXAMPLES=OFF >/dev/null
cmake --build build/checked --target tests | tail -n 1
ctest --test-dir build/checked --output-on-failure --parallel "$(nproc)" | tail -n 40

step Coverage of include/
cmake --build build/checked --target coverage | tail -n 4

step clang: every header alone and all together
cmake -S . -B build/clang -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DLOWBIT_BUILD_BENCH=OFF -DLOWBIT_BUILD_EXAMPLES=OFF >/dev/null
cmake --build build/clang --target standalone_headers | tail -n 1

step clang-tidy, clang-format, shellcheck
cmake --build build --target tidy
git ls-files '*.hpp' '*.cpp' | xargs clang-format --dry-run --Werror
git ls-files '*.sh' .ci/run | xargs shellcheck -x

step Documentation
cmake --build build --target site | tail -n 1

