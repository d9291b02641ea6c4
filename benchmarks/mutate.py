"""Changes every number in the window, spread and resample rules by one, and runs the tests.

    python benchmarks/mutate.py [--only rfgraph/geometry/window.py] [--limit SECONDS]

Each mutant runs in a process of its own, on the changed source, never on changed files. It is
killed if a test fails, or if the package no longer imports. A survivor is either a change without
effect or a test that is missing.
"""

from __future__ import annotations

import argparse
import ast
import importlib.abc
import importlib.machinery
import importlib.util
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis  # noqa: F401 -- imported once, before the processes fork
import pytest
import torch  # noqa: F401 -- the same

ROOT = Path(__file__).parents[1]
FIRST = ["tests/rules/test_rules.py"]
THEN = ["tests/properties/test_geometry.py", "tests/unit", "tests/rules"]
SUBJECTS = {
    "rfgraph/geometry/window.py": "conv or pool or fold",
    "rfgraph/rules/convolution.py": "conv",
    "rfgraph/rules/pooling.py": "pool",
    "rfgraph/geometry/resample.py": "upsample or adaptive or interp or resampl",
    "rfgraph/rules/resampling.py": "upsample or interp or resampl",
}
"""What is changed, and which of the first tests are likeliest to notice."""

LIMIT = 600
"""Seconds; several times what all the tests take on unchanged source."""


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Yield (where, changed source) for every integer in the code, changed by one."""
    tree = ast.parse(source)
    count = len(_numbers(tree))
    for k in range(count):
        tree = ast.parse(source)
        node = _numbers(tree)[k]
        assert isinstance(node.value, int)
        line = source.split("\n")[node.lineno - 1].strip()
        old = node.value
        node.value = old + 1
        yield f"line {node.lineno}, {old} → {old + 1}: {line}", ast.unparse(tree)


def _numbers(tree: ast.AST) -> list[ast.Constant]:
    """Return the integers of the code, but for those of decorators: sizes of caches."""
    nodes = list(ast.walk(tree))
    left_out = {
        id(inner)
        for node in nodes
        for decorator in getattr(node, "decorator_list", [])
        for inner in ast.walk(decorator)
    }
    return [
        node
        for node in nodes
        if isinstance(node, ast.Constant) and type(node.value) is int and id(node) not in left_out
    ]


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from changed source."""

    def __init__(self, name: str, path: str, source: str) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(self, name, _path, _target=None):  # noqa: ANN001, ANN202 -- importlib's
        """Find the one module."""
        if name == self.name:
            spec = importlib.machinery.ModuleSpec(name, self, origin=str(ROOT / self.path))
            spec.has_location = True
            return spec
        return None

    def exec_module(self, module) -> None:  # noqa: ANN001 -- importlib's
        """Run the changed source."""
        exec(compile(self.source, self.path, "exec"), module.__dict__)  # noqa: S102 -- its purpose


def _run(path: str, source: str, words: str) -> None:
    """Run the tests on the mutant; exit 0 if all pass."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.chdir(ROOT)
    name = path.removesuffix(".py").replace("/", ".")
    sys.meta_path.insert(0, _Changed(name, path, source))
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    # Plain, because a module that pytest rewrites is loaded from its file, unchanged.
    status = pytest.main([path, "--doctest-modules", "--assert=plain", *options])
    if status in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        status = pytest.main([*FIRST, "-k", words, *options])
    if status == pytest.ExitCode.OK:
        status = pytest.main([*THEN, *options])
    os._exit(int(status))


def killed(path: str, source: str, words: str) -> bool:
    """Whether some test fails on the mutant."""
    process = multiprocessing.get_context("fork").Process(target=_run, args=(path, source, words))
    process.start()
    process.join(LIMIT)
    if process.is_alive():
        # A change that makes a loop endless is noticed too.
        process.kill()
        return True
    return process.exitcode != 0


def main() -> None:
    """Make every mutant and print what survives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", help="Only this file; may be repeated.")
    parser.add_argument("--limit", type=float, default=float("inf"), help="Stop after seconds.")
    options = parser.parse_args()
    begin = time.monotonic()
    for path, words in SUBJECTS.items():
        if options.only and path not in options.only:
            continue
        made, survived = 0, []
        if killed(path, (ROOT / path).read_text(), words):
            sys.exit(f"The tests of {path} fail, or take over {LIMIT} s, without any change.")
        for where, source in mutants((ROOT / path).read_text()):
            if time.monotonic() - begin > options.limit:
                print(f"{path}: stopped by the limit after {made}", flush=True)
                break
            made += 1
            if not killed(path, source, words):
                survived.append(where)
                print(f"  survived: {where}", flush=True)
        print(f"{path}: {made} mutants, {made - len(survived)} killed", flush=True)


if __name__ == "__main__":
    main()
