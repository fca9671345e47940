#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""amalgamate.py INCLUDE OUTPUT: lowbit.hpp and every header it includes, as one file.

Each header is put where it is first included. A header without #pragma once is put in at every include: that is how
one body serves several instruction sets. Other libraries' includes stay where they are.
"""
import pathlib
import re
import sys

include, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
own_include = re.compile(r"\s*#\s*include\s*<(lowbit/[^>]+)>")
seen = set()


def expand(name):
    text = (include / name).read_text(encoding="utf-8")
    once = "#pragma once" in text
    if once and name in seen:
        return
    seen.add(name)
    yield f"// ---- {name} ----"
    for line in text.splitlines():
        match = own_include.match(line)
        if match:
            yield from expand(match[1])
        elif line.strip() != "#pragma once" and not line.startswith(("// SPDX-", "/// @file")):
            yield line


lines = ["// SPDX-License-Identifier: Apache-2.0", "// lowbit in one header; made by cmake/amalgamate.py, not edited.",
         "#pragma once", *expand("lowbit/lowbit.hpp")]
output.parent.mkdir(parents=True, exist_ok=True)
output.write_text("\n".join(lines) + "\n", encoding="utf-8")
