"""What the documentation shows is what happens.

In a ```console block, lines that begin with `$ ` are commands; the lines up to the next command are
the whole output. A line `...` stands for any number of lines. Commands that install something are
left to CI, and so is pytest inside pytest. ```python blocks are run as one script per page.
"""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
FENCE = re.compile(r"^```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
LEFT_TO_CI = ("pip ", "python -m pip ", "python3 -m ", "pytest", "git ", "cd ", "bash ")


@dataclass(frozen=True)
class Command:
    """One command of a page and the output that the page shows."""

    page: Path
    line: int
    text: str
    output: str

    @property
    def id(self):
        """Where it stands."""
        return f"{self.page.name}:{self.line}"


def commands(page):
    """Every command of every console block of `page` that can be run here."""
    text = page.read_text()
    for fence in FENCE.finditer(text):
        if fence["kind"] != "console":
            continue
        line = text.count("\n", 0, fence.start()) + 2
        for part in re.split(r"^(?=\$ )", fence["body"], flags=re.MULTILINE):
            command, _, output = part.partition("\n")
            if command.startswith("$ ") and not command[2:].startswith(LEFT_TO_CI):
                yield Command(page, line, command[2:], output)
            line += part.count("\n")


def scripts(page):
    """The python blocks of `page`, in order, as one script."""
    return "\n".join(
        fence["body"] for fence in FENCE.finditer(page.read_text()) if fence["kind"] == "python"
    )


def assert_shown(real, shown):
    """Assert that `shown` is `real`, where a line of three dots stands for any lines."""
    lines = shown.strip().split("\n")
    pattern = "\n".join("(?s:.*)" if line == "..." else re.escape(line) for line in lines)
    assert re.fullmatch(pattern, "\n".join(line.rstrip() for line in real.strip().split("\n"))), (
        real
    )


@pytest.mark.parametrize(
    "command", [c for page in PAGES for c in commands(page)], ids=lambda command: command.id
)
def test_commands_print_what_is_shown(command, tmp_path):
    """A person who types the command sees the output."""
    words = shlex.split(command.text)
    if words[0] == "rfgraph":
        words = [sys.executable, "-m", *words]
    for example in (ROOT / "docs").glob("*.py"):
        (tmp_path / example.name).write_text(example.read_text())
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert_shown(done.stdout + done.stderr, command.output)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_runs(page, tmp_path, monkeypatch):
    """The Python blocks of a page run, one after the other; their asserts hold."""
    monkeypatch.chdir(tmp_path)
    exec(compile(scripts(page), str(page), "exec"), {"__name__": page.stem})  # noqa: S102


def test_three_dots_stand_for_lines():
    """The comparison itself: dots within a line are dots, alone they are any lines."""
    assert_shown("a\nb\nc...\nd", "a\n...\nd")
    assert_shown("a...\n", "a...")
    with pytest.raises(AssertionError):
        assert_shown("abc", "a.c")
    with pytest.raises(AssertionError):
        assert_shown("a\nb", "a\nb\nc")
