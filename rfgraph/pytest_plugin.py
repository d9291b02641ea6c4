"""The pytest plugin: the fixture ``rf``, ``--rfgraph-update``, and a report on unused baselines.

It imports torch only when a test asks for an analysis.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rfgraph import testing

if TYPE_CHECKING:
    from rfgraph.analysis import Analysis

FOLDER = "rfgraph_baselines"
"""Beside each test file; in it a folder per test file and a YAML file per baseline."""

_USED = "rfgraph_baseline"
_WRITTEN = "rfgraph_baseline_written"


@dataclass
class _Session:
    """What one test run knows.

    Attributes:
        cache: The analyses made so far, in this process.
        used: Paths of the baselines that tests asked for, in all processes.
        written: Those that were written.
        files: Test files that ran.
        unsure: Test files of which some test did not pass, and so may not have asked.
    """

    cache: testing.AnalysisCache = field(default_factory=testing.AnalysisCache)
    used: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    files: set[Path] = field(default_factory=set)
    unsure: set[Path] = field(default_factory=set)


_SESSION = pytest.StashKey[_Session]()


class ReceptiveFields:
    """What the fixture ``rf`` is: the assertions of :mod:`rfgraph.testing`, with analyses cached.

    Every method takes a model and what it is called with, as :func:`rfgraph.analyze` does.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._session = request.config.stash[_SESSION]

    def analyze(self, model: Any, inputs: Any = None, **options: Any) -> Analysis:
        """Return the analysis, made once per test run and process."""
        return self._session.cache.analyze(model, inputs, **options)

    def assert_field(
        self, model: Any, inputs: Any, expected: Mapping[str, Mapping[str, Any]], **options: Any
    ) -> None:
        """See :func:`rfgraph.testing.assert_field`."""
        __tracebackhide__ = True
        testing.assert_field(self.analyze(model, inputs, **options), expected=expected)

    def assert_no_findings(
        self,
        model: Any,
        inputs: Any = None,
        *,
        select: tuple[str, ...] = (),
        ignore: tuple[str, ...] = (),
        fail_on: str = "warning",
        object_size: int | None = None,
        **options: Any,
    ) -> None:
        """See :func:`rfgraph.testing.assert_no_findings`."""
        __tracebackhide__ = True
        testing.assert_no_findings(
            self.analyze(model, inputs, **options),
            select=select,
            ignore=ignore,
            fail_on=fail_on,
            object_size=object_size,
        )

    def assert_causal(
        self, model: Any, inputs: Any = None, *, axis: int = -1, **options: Any
    ) -> None:
        """See :func:`rfgraph.testing.assert_causal`."""
        __tracebackhide__ = True
        testing.assert_causal(self.analyze(model, inputs, **options), axis=axis)

    def assert_samples_independent(self, model: Any, inputs: Any = None, **options: Any) -> None:
        """See :func:`rfgraph.testing.assert_samples_independent`."""
        __tracebackhide__ = True
        testing.assert_samples_independent(self.analyze(model, inputs, **options))

    def assert_aligned(
        self, model: Any, inputs: Any = None, *, strict: bool = False, **options: Any
    ) -> None:
        """See :func:`rfgraph.testing.assert_aligned`."""
        __tracebackhide__ = True
        testing.assert_aligned(self.analyze(model, inputs, **options), strict=strict)

    def snapshot(
        self, model: Any, inputs: Any = None, *, name: str | None = None, **options: Any
    ) -> None:
        """Assert that the receptive fields are those of the baseline beside the test.

        Args:
            model: The model.
            inputs: Its inputs.
            name: Tells several baselines of one test apart.
            options: Further arguments of :func:`rfgraph.analyze`.

        Raises:
            AssertionError: Something differs, or there is no baseline; ``--rfgraph-update`` writes
                it.
        """
        __tracebackhide__ = True
        node = self._request.node
        folder = _folder_of(node.path)
        path = folder / f"{_file_name(node.name if name is None else f'{node.name}.{name}')}.yaml"
        node.user_properties.append((_USED, str(path)))
        written = testing.assert_baseline(
            self.analyze(model, inputs, **options),
            path=Path(os.path.relpath(path)),
            update=bool(self._request.config.getoption("--rfgraph-update")),
            how="pytest --rfgraph-update",
        )
        if written:
            node.user_properties.append((_WRITTEN, str(path)))


@pytest.fixture
def rf(request: pytest.FixtureRequest) -> ReceptiveFields:
    """Receptive fields of models: ``rf.analyze``, ``rf.assert_...`` and ``rf.snapshot``."""
    return ReceptiveFields(request)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes baselines."""
    parser.getgroup("rfgraph").addoption(
        "--rfgraph-update",
        action="store_true",
        help="write the baselines of rf.snapshot instead of comparing with them",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin the session's record."""
    config.stash[_SESSION] = _Session()


class _Recorder:
    """Hears of every test in the process that reports, also of those that xdist ran elsewhere."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._session = config.stash[_SESSION]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the baselines that a test asked for, and whether it passed."""
        file = self._config.rootpath / report.location[0]
        self._session.files.add(file)
        if not report.passed:
            self._session.unsure.add(file)
        for key, value in report.user_properties:
            if key == _USED:
                self._session.used.add(str(value))
            elif key == _WRITTEN:
                self._session.written.add(str(value))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was written, and which baselines no test asks for any more."""
        lines = [f"wrote {os.path.relpath(path)}" for path in sorted(self._session.written)]
        lines += [
            f"unused baseline {os.path.relpath(path)}; delete it if its test is gone"
            for path in self._unused()
        ]
        if lines:
            terminalreporter.section("rfgraph")
            for line in lines:
                terminalreporter.write_line(line)

    def _unused(self) -> list[Path]:
        if _is_partial(self._config):
            return []
        return [
            path
            for file in sorted(self._session.files - self._session.unsure)
            for path in sorted(_folder_of(file).glob("*.yaml"))
            if str(path) not in self._session.used
        ]


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Listen in the process that reports: the only one, or the controller of xdist's workers."""
    if not hasattr(session.config, "workerinput"):
        session.config.pluginmanager.register(_Recorder(session.config), "rfgraph-recorder")


def _is_partial(config: pytest.Config) -> bool:
    """Whether some tests of a file may have been left out by choice."""
    chosen = ("keyword", "markexpr", "deselect", "lf", "stepwise")
    return any(config.getoption(name, None) for name in chosen) or any(
        "::" in argument for argument in config.args
    )


def _folder_of(file: Path) -> Path:
    return file.parent / FOLDER / file.stem


def _file_name(name: str) -> str:
    """Return a test's name as a file name; names that had to be changed stay distinct."""
    safe = re.sub(r"[^A-Za-z0-9_.-]", "-", name)[:120]
    if safe == name:
        return name
    return f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
