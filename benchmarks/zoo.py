"""Every model of timm and torchvision, analysed: is any refused, unknown or slow?

    python benchmarks/zoo.py --jobs 2

Each result is a line of ``.benchmarks/zoo.jsonl``, written when it is there; a sweep that was
interrupted goes on where it stopped. Then the lines become ``benchmarks/zoo.md``. Models run in
worker processes: one that hangs, dies or eats memory costs its own line only.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from fnmatch import fnmatch
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LINES = ROOT / ".benchmarks" / "zoo.jsonl"
TABLE = ROOT / "benchmarks" / "zoo.md"

Line = dict[str, Any]


class Worker:
    """A process that measures models, one at a time, and is replaced before it grows large."""

    def __init__(self, *, timeout: float, renew: int) -> None:
        """Start nothing yet.

        Args:
            timeout: Seconds that one model may take.
            renew: Models after which a fresh process takes over.
        """
        self.timeout = timeout
        self.renew = renew
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        self._left = 0

    def measure(self, target: str) -> Line:
        """Return the line of one model."""
        if self._process is None or self._left == 0:
            self.stop()
            self._start()
        self._left -= 1
        pipe, started = self._pipe, time.perf_counter()
        assert pipe is not None
        pipe.send(target)
        try:
            if pipe.poll(self.timeout):
                line: Line = pipe.recv()
                return line
            error = f"Timeout: no result after {self.timeout:.0f} seconds"
        except EOFError:
            error = "Crash: the process died, perhaps for lack of memory"
        self.stop()
        spent = round(time.perf_counter() - started, 3)
        return {"model": target, "error": error, "seconds": {"lost": spent}}

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._left = self.renew
        assert self._pipe.recv() == "ready"  # imports are not the first model's time

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None


def _serve(pipe: Connection) -> None:
    """What a worker process does: a line for each target that it is sent."""
    import torch  # noqa: PLC0415 - the parent needs neither
    from zoo_measure import measure  # noqa: PLC0415

    torch.set_num_threads(1)
    pipe.send("ready")
    while True:
        try:
            target = pipe.recv()
        except EOFError:
            return
        pipe.send(asdict(measure(target)))


def sweep(todo: list[str], lines: Path, *, at: str, jobs: int, timeout: float, renew: int) -> None:
    """Measure the models of `todo` at commit `at`, appending a line for each to `lines`."""
    lines.parent.mkdir(parents=True, exist_ok=True)
    writing, done = threading.Lock(), 0

    def work(targets: Iterator[str]) -> None:
        nonlocal done
        worker = Worker(timeout=timeout, renew=renew)
        try:
            while True:
                with writing:
                    target = next(targets, None)
                if target is None:
                    return
                line = {**worker.measure(target), "revision": at}
                with writing, lines.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line, sort_keys=True) + "\n")
                    done += 1
                    spent = sum(line["seconds"].values())
                    print(f"{done}/{len(todo)} {target} {spent:.1f} s", line["error"] or "")
        finally:
            worker.stop()

    targets = iter(todo)
    with ThreadPoolExecutor(jobs) as pool:
        for result in [pool.submit(work, targets) for _ in range(jobs)]:
            result.result()


def revision() -> str:
    """Return the short hash of the commit at hand; empty outside a clone."""
    git = shutil.which("git")
    if git is None:
        return ""
    command = [git, "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip()


def is_old(line: Line, at: str) -> bool:
    """Return whether a line says nothing certain of commit `at`."""
    return line["error"] is not None or line.get("revision") != at


def read(lines: Path) -> dict[str, Line]:
    """Return the last line of each model; a line that was cut off in the middle is none."""
    found: dict[str, Line] = {}
    if not lines.exists():
        return found
    for text in lines.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            continue
        found[line["model"]] = line
    return found


def main() -> None:
    """Measure what is not measured yet, then write the table."""
    from zoo_measure import family, targets, versions  # noqa: PLC0415 - slow to import
    from zoo_table import render  # noqa: PLC0415

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=1, help="models at a time (default 1)")
    parser.add_argument("--only", metavar="GLOB", default="*", help="such as 'timm:resnet*'")
    parser.add_argument("--limit", type=int, help="stop after this many models")
    parser.add_argument("--one-per-family", action="store_true", help="a first look: one of each")
    parser.add_argument(
        "--again", action="store_true", help="also what failed or is of another commit"
    )
    parser.add_argument("--timeout", type=float, default=180, help="seconds per model")
    parser.add_argument("--renew", type=int, default=40, help="models per worker process")
    parser.add_argument("--lines", type=Path, default=LINES, help="results, a line per model")
    parser.add_argument("--output", type=Path, default=TABLE, help="the table")
    given = parser.parse_args()
    if min(given.jobs, given.timeout, given.renew) <= 0 or (given.limit or 1) < 1:
        parser.error("--jobs, --timeout, --renew and --limit must be positive")
    every = targets()
    chosen = [target for target in every if fnmatch(target, given.only)]
    if not chosen:
        parser.error(f"no model matches {given.only!r}")
    if given.one_per_family:
        chosen = list({family(target): target for target in reversed(chosen)}.values())
    before = read(given.lines)
    at = revision()
    todo = [t for t in chosen if t not in before or (given.again and is_old(before[t], at))]
    # Shuffled, an interrupted sweep is a fair sample, and slow families do not meet in one worker.
    random.Random(0).shuffle(todo)  # noqa: S311 - an order, no secret
    todo = todo[: given.limit]
    if todo:
        sweep(todo, given.lines, at=at, jobs=given.jobs, timeout=given.timeout, renew=given.renew)
    found = read(given.lines)
    rows = [{"family": family(t), **found[t]} for t in every if t in found]
    given.output.write_text(render(rows, len(every), versions()), encoding="utf-8")


if __name__ == "__main__":
    main()
