#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The main job: the digits, quantized and run with integers only. Arguments name networks: sh examples/run.sh lenet
set -eu
cd "$(dirname "$0")/.."
. cmake/setup.sh
build quantize_digits
exec build/examples/quantize_digits "$@"
