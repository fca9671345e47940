#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sh bench/run.sh --micro   every header's Google Benchmark, into build/report/bench_micro.json
# sh bench/run.sh --quick   the same with short measurements, to see that they run
# Further arguments go to the benchmark: sh bench/run.sh --micro --benchmark_filter=quantize
set -eu
cd "$(dirname "$0")/.."
. cmake/setup.sh
mode=${1:---micro}
[ $# -eq 0 ] || shift
case $mode in
    --micro | --all) ;;
    --quick) set -- --benchmark_min_time=0.01 "$@" ;;
    *) echo "usage: sh bench/run.sh [--micro | --quick | --all] [benchmark options]" >&2; exit 2 ;;
esac
build bench_micro
mkdir -p build/report
build/bench/bench_micro --benchmark_out=build/report/bench_micro.json --benchmark_out_format=json "$@"
