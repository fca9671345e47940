#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seconds of CPU that a file with one #include takes to compile, for each public header: a Markdown table, longest first.

    python3 bench/compile_times.py [--compiler g++] [--flags="-O2"] [--repeat 1] [part of a header's path ...]
"""
import argparse
import pathlib
import resource
import subprocess
import sys
import tempfile


def seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--compiler", default="g++")
    arguments.add_argument("--flags", default="-O2")
    arguments.add_argument("--repeat", type=int, default=1, help="the least of so many runs is taken")
    arguments.add_argument("headers", nargs="*", help="only headers whose path has one of these in it")
    options = arguments.parse_args()

    include = pathlib.Path(__file__).resolve().parent.parent / "include"
    headers = [str(path.relative_to(include)) for path in sorted(include.rglob("*.hpp"))]
    if options.headers:
        headers = [h for h in headers if any(part in h for part in options.headers)]
    if not headers:
        sys.exit(f"compile_times: no header below {include} has any of {', '.join(options.headers)} in its path")
    eigen = subprocess.run(["pkg-config", "--cflags-only-I", "eigen3"], capture_output=True, text=True)
    flags = ["-std=c++20", *options.flags.split(), f"-I{include}"]
    flags += (eigen.stdout.split() if eigen.returncode == 0 else []) or ["-I/usr/include/eigen3"]

    times = []
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "include.cpp"
        for number, header in enumerate(headers, 1):
            print(f"\r{number} of {len(headers)}", end="", file=sys.stderr)
            source.write_text(f"#include <{header}>\n")
            command = [options.compiler, *flags, "-c", str(source), "-o", f"{folder}/include.o"]
            try:
                times.append((min(seconds(command) for _ in range(max(1, options.repeat))), header))
            except (OSError, subprocess.CalledProcessError) as error:
                sys.exit(f"\ncompile_times: {header}: {error}")
    print(file=sys.stderr)
    print(f"| header ({options.compiler} {options.flags}) | seconds |\n|---|---|")
    for time, header in sorted(times, reverse=True):
        print(f"| {header} | {time:.2f} |")


if __name__ == "__main__":
    main()
