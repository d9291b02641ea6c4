"""Starting is quick: nothing that needs no torch imports it."""

import subprocess
import sys

import pytest

WITHOUT_TORCH = """
import sys
{code}
heavy = {{"torch", "torchvision", "timm", "networkx", "numpy"}} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.mark.parametrize(
    "code",
    [
        "import rfgraph",
        "import rfgraph; rfgraph.__version__, dir(rfgraph), rfgraph.RfgraphError",
        "import rfgraph; rfgraph.load, rfgraph.Report",
        "import rfgraph.report",
        "import rfgraph; rfgraph.diff, rfgraph.audit, rfgraph.auditing.RULES[0].explanation",
        "import rfgraph.targets, rfgraph.testing, rfgraph.config",
        "import rfgraph.cli.main, rfgraph.cli.analyze",
    ],
)
def test_imports_without_torch(code):
    """These imports leave torch alone."""
    subprocess.run([sys.executable, "-c", WITHOUT_TORCH.format(code=code)], check=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["analyze", "--help"],
        ["diff", "--help"],
        ["audit", "--explain", "RF2"],
        [],
    ],
)
def test_help_without_torch(arguments):
    """Help is there before torch could be imported."""
    code = (
        "from rfgraph.cli.main import main\n"
        "try:\n"
        f"    main({arguments!r})\n"
        "except SystemExit:\n"
        "    pass\n"
    )
    subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH.format(code=code)], check=True, capture_output=True
    )


def test_every_public_name_is_there():
    """Each lazy name resolves, and an unknown one is an AttributeError as in any module."""
    import rfgraph

    for name in rfgraph.__all__:
        assert getattr(rfgraph, name) is not None
    assert set(rfgraph.__all__) <= set(dir(rfgraph))
    with pytest.raises(AttributeError, match="module 'rfgraph' has no attribute 'analyse'"):
        rfgraph.analyse  # noqa: B018 -- reading it is the test
