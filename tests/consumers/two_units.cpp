// SPDX-License-Identifier: Apache-2.0
// The linker keeps one copy of every inline function that both units have, whichever it likes: the bits must not show.
#include <cstdio>
#include <string>

std::string plain_unit();
std::string native_unit();

int main() {
    const std::string digest = plain_unit();
    if (native_unit() != digest) return 1;
    std::fputs(digest.c_str(), stdout);
}
