#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds and runs every test. Arguments go to ctest: sh tests/run.sh -R kernels
set -eu
cd "$(dirname "$0")/.."
. cmake/setup.sh
build tests
ctest --test-dir build --output-on-failure --parallel "$(nproc)" "$@"
