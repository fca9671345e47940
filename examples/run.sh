#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The main job: the digits, quantized and run with integers only.
set -eu
cd "$(dirname "$0")/.."
. cmake/setup.sh
build examples
