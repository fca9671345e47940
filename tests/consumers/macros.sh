#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# macros.sh PREPROCESS...: the command prints lowbit.hpp with its definitions (-E -dD).
# Fails where a macro without the prefix LOWBIT_ is left over.
set -eu
"$@" | awk '
    /^# [0-9]+ "/ { ours = $3 ~ /include\/lowbit\// }
    /^#define / && ours { name = $2; sub(/\(.*/, "", name); if (name !~ /^LOWBIT_/) left[name] = 1; seen = 1 }
    /^#undef / { delete left[$2] }
    END {
        for (name in left) { print "macro without the prefix LOWBIT_: " name; bad = 1 }
        if (!seen) print "no macro of lowbit was seen: the check itself is broken"
        exit bad || !seen
    }'
