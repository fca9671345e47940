#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pkg_config.sh PREFIX SOURCE COMPILER...: compiles and runs the source as a user without CMake does.
set -eu
export PKG_CONFIG_PATH="$1/share/pkgconfig"
source=$2
shift 2
program=$PKG_CONFIG_PATH/program
# shellcheck disable=SC2046
"$@" $(pkg-config --cflags lowbit) -Wall -Wextra -Wconversion -Wshadow -Werror "$source" -o "$program"
"$program"
