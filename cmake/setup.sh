# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Sourced by the run.sh scripts, from the top of the repository: packages, configuration, building.

# build TARGET [FOLDER [OPTION...]]: installs what is missing (Debian), configures once, then builds the target on all cores.
build() {
    target=$1
    folder=${2:-build}
    [ $# -lt 2 ] || shift
    shift
    install_missing g++ cmake ninja-build pkg-config python3 libeigen3-dev nlohmann-json3-dev catch2 libbenchmark-dev \
        librapidcheck-dev
    if [ ! -f "$folder/build.ninja" ]; then
        echo "Configuring $folder/"
        cmake -S . -B "$folder" -G Ninja "$@" >build.log 2>&1 || { cat build.log; rm -f build.log; return 1; }
        rm -f build.log
    fi
    cmake --build "$folder" --target "$target"
}

install_missing() {
    missing=
    if command -v dpkg-query >/dev/null; then
        for package; do
            dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
                missing="$missing $package"
        done
    fi
    if ! command -v apt-get >/dev/null; then
        for tool in g++ cmake ninja; do
            command -v "$tool" >/dev/null || missing="$missing $tool"
        done
        [ -z "$missing" ] || {
            echo "Missing:$missing. This script installs packages on Debian only; please install what it would: $*" >&2
            return 1
        }
    fi
    [ -z "$missing" ] || {
        sudo=
        [ "$(id -u)" = 0 ] || sudo=sudo
        echo "Installing$missing"
        $sudo apt-get update -qq
        # shellcheck disable=SC2086
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $missing >/dev/null
    }
}
