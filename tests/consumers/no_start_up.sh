#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# no_start_up.sh OBJECT: including lowbit.hpp runs no code before main and adds no variable, but for the one that holds
# the chosen instruction set.
set -eu
if objdump -h "$1" | grep -E '\.(init_array|ctors)'; then
    echo "$1 has a global constructor"
    exit 1
fi
variables=$(objdump -tC "$1" | grep -E ' O \.(t?data|t?bss)[. ]' | grep -v ' \.data\.rel\|lowbit::detail::chosen_isa\|supported_isas()::found' || true)
[ -z "$variables" ] || { printf 'mutable variables:\n%s\n' "$variables"; exit 1; }
