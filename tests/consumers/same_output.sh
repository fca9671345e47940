#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# same_output.sh PROGRAM...: every program exits with 0 and prints what the first one prints.
set -eu
wanted=$("$1")
printf '%s\n' "$wanted"
for program; do
    found=$("$program") || { echo "$program failed"; exit 1; }
    [ "$found" = "$wanted" ] || { printf '\n%s differs:\n%s\n' "$program" "$found"; exit 1; }
done
