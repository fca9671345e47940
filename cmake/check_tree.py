#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_tree.py ROOT: the shape of the source tree.

Every header has its test and its bench (one that is "Internal to" another, or "Public through" it, has that one's);
includes go down the layers only; intrinsics stay in kernels/isa; the top level holds what it shall and nothing else.
"""
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(sys.argv[1])
include = root / "include"
rank = {"core": 0, "formats": 1, "kernels": 2, "calibrate": 3, "schemes": 4,
        "refine": 5, "train": 5, "storage": 5, "products": 5, "model": 6}
top_level = {"include", "tests", "bench", "examples", "cmake", "CMakeLists.txt", "README.md", "LICENSE",
             ".ci", ".clang-format", ".clang-tidy", ".gitignore"}
faults = []

for header in sorted(include.glob("lowbit/*/**/*.hpp")):
    name = header.relative_to(include)
    layer = name.parts[1]
    text = header.read_text(encoding="utf-8")
    internal = len(name.parts) > 3 or "Internal to" in text or "Public through" in text
    for part in () if internal else ("tests", "bench"):
        mirror = pathlib.Path(part, layer, header.stem + ".cpp")
        if not (root / mirror).exists():
            faults.append(f"{name}: {mirror} is missing")
    for other in re.findall(r"#\s*include\s*<lowbit/(\w+)/", text):
        if other != layer and rank[other] >= rank[layer]:
            faults.append(f"{name}: includes {other}/, which is not below {layer}/")
    if re.search(r"#\s*include\s*<(\w*intrin|arm_\w+)\.h>", text) and "isa" not in name.parts:
        faults.append(f"{name}: intrinsics belong in kernels/isa/")
    if layer in ("kernels", "formats") and re.search(r"#\s*include\s*<Eigen/", text):
        faults.append(f"{name}: Eigen does not belong in {layer}/")
    if not text.startswith("// SPDX-License-Identifier: Apache-2.0\n"):
        faults.append(f"{name}: the first line is not the licence")

# The README's first program is examples/minimal, but for the two lines above it.
program = (root / "examples/minimal/main.cpp").read_text(encoding="utf-8").split("\n", 2)[2].strip()
if f"```cpp\n{program}\n```" not in (root / "README.md").read_text(encoding="utf-8"):
    faults.append("README.md: the first program is not examples/minimal/main.cpp")

if (root / ".git").exists():
    tracked = subprocess.run(["git", "-C", str(root), "ls-tree", "--name-only", "HEAD"], capture_output=True, text=True)
    faults += [f"{name}: does not belong at the top level"
               for name in tracked.stdout.split() if name not in top_level]

print("\n".join(faults))
sys.exit(1 if faults else 0)
