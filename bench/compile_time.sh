#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sh bench/compile_time.sh [COMPILER]: milliseconds that including each header costs a translation unit, slowest
# first (best of three), also as build/report/compile_time.json.
set -eu
cd "$(dirname "$0")/.."
compiler=${1:-c++}
eigen=$(pkg-config --cflags-only-I eigen3 | tr -d " ")
mkdir -p build/report
table=build/report/compile_time.txt
find include -name '*.hpp' | sort | while read -r header; do
    best=
    for _ in 1 2 3; do
        start=$(date +%s%N)
        "$compiler" -std=c++20 -Iinclude "$eigen" -w -fsyntax-only -x c++ "$header"
        spent=$((($(date +%s%N) - start) / 1000000))
        [ -n "$best" ] && [ "$best" -le "$spent" ] || best=$spent
    done
    printf '%6d ms  %s\n' "$best" "${header#include/}"
done >"$table"
sort -rn -o "$table" "$table"
cat "$table"
awk 'BEGIN { printf "{\"rows\":[" }
     { printf "%s{\"header\":\"%s\",\"ms\":%d}", (NR > 1 ? "," : ""), $3, $1 }
     END { print "]}" }' "$table" >build/report/compile_time.json
rm "$table"
