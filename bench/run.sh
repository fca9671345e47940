#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sh bench/run.sh           beside other libraries: one Markdown table per group, rows in build/bench/report.json
# sh bench/run.sh --quick   the same with short measurements, to see that everything runs
# sh bench/run.sh --all     the same with slow peers too
# sh bench/run.sh --micro   every header's Google Benchmark, into build/bench/micro.json
# Further arguments select comparisons by name (formats, gemm, conv2d, networks, …), or go to Google Benchmark after --micro.
set -eu
cd "$(dirname "$0")/.."
. cmake/setup.sh
mode=
case ${1:-} in
    --micro | --quick | --all) mode=$1; shift ;;
    -*) echo "usage: sh bench/run.sh [--quick | --all | --micro] [names or benchmark options]" >&2; exit 2 ;;
esac
if [ "$mode" = --micro ]; then
    build bench_micro
    build/bench/bench_micro --benchmark_out=build/bench/micro.json --benchmark_out_format=json "$@"
else
    install_missing libdnnl-dev libgemmlowp-dev libxnnpack-dev libpthreadpool-dev libbenchmark-dev libzstd-dev \
        libfaiss-dev libopenblas-serial-dev
    build bench_peers
    build bench_networks
    rm -f build/bench/report.json
    for program in bench_peers bench_networks; do
        # shellcheck disable=SC2086
        OMP_NUM_THREADS=1 build/bench/$program build/bench/report.json $mode "$@"
    done
fi
