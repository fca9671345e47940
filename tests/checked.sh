#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every unit test under the address and undefined-behaviour sanitizers. Arguments go to ctest: sh tests/checked.sh -R kernels
set -eu
cd "$(dirname "$0")/.."
. cmake/setup.sh
# The sanitizers' own code draws warnings that are not ours.
build tests build/checked -DLOWBIT_CHECKED=ON -DLOWBIT_WERROR=OFF -DLOWBIT_BUILD_BENCH=OFF -DLOWBIT_BUILD_EXAMPLES=OFF
ctest --test-dir build/checked --output-on-failure --parallel "$(nproc)" "$@"
