"""`rfgraph plot`, `features`, `patches` and `report`, as a person runs them."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import rfgraph
from rfgraph.pictures import chart

CODE = """
import torch
from torch import nn

def build():
    first, last = nn.Conv2d(3, 8, 5, stride=2, padding=2), nn.Conv2d(8, 4, 3, padding=1)
    return nn.Sequential(first, nn.ReLU(), last)

def grey():
    return nn.Conv2d(1, 4, 3)

class Skipping(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 3, 1, stride=2)

class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        return x + self.conv(x)

class Pair(nn.Module):
    def forward(self, image, mask):
        return image * mask
"""
INPUT = ["--input", "1x3x32x24"]


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "nets.py"
    path.write_text(CODE)
    return f"{path}"


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray((chart(64, 64) * 255).astype(np.uint8)).save(path)
    return str(path)


@pytest.mark.parametrize(
    "options",
    [
        ["growth"],
        ["graph", "--depth", "2"],
        ["erf", "--node", "2", "--pixel", "4,9", "--mean", "0.5", "--std", "0.2"],
        ["field", "--node", "0", "--node", "2", "--pixel", "4,9"],
        ["footprint", "--node", "2", "--pixel", "0,0"],
        ["density", "--node", "2"],
        ["projection", "--node", "0", "--node", "2"],
    ],
    ids=lambda options: options[0],
)
@pytest.mark.parametrize("ending", ["png", "svg"])
def test_every_kind_of_plot(run, target, photo, tmp_path, options, ending):
    """Each is drawn into a file, on the picture where there is one."""
    path = tmp_path / f"figure.{ending}"
    image = [] if options[0] in ("growth", "graph") else ["--image", photo]
    arguments = ["plot", f"{target}:build", *INPUT, "--kind", *options, *image, "-o", str(path)]
    assert run(*arguments) == (0, "", "")
    assert path.stat().st_size > 3000


def test_branches(run, target, tmp_path):
    """A merge has branches."""
    path = tmp_path / "figure.pdf"
    arguments = ["--kind", "branches", "--node", "add", "-o", str(path)]
    assert run("plot", f"{target}:Residual", *INPUT, *arguments) == (0, "", "")
    assert path.read_bytes().startswith(b"%PDF")


def test_features(run, target, photo, tmp_path):
    """Drawn from the picture or the chart, the same every time, with weights if there are any."""
    files = {}
    torch.manual_seed(5)
    weights = tmp_path / "weights.pt"
    state = {"0.weight": torch.rand(8, 3, 5, 5), "0.bias": torch.rand(8)}
    torch.save({**state, "2.weight": torch.rand(4, 8, 3, 3), "2.bias": torch.rand(4)}, weights)
    for name, options in {
        "chart": [],
        "again": [],
        "photo": ["--image", photo],
        "trained": ["--weights", str(weights)],
        "normalised": ["--image", photo, "--mean", "0.5,0.4,0.3", "--std", "0.2"],
    }.items():
        path = tmp_path / f"{name}.png"
        arguments = [f"{target}:build", *INPUT, "--node", "0", *options, "-o", str(path)]
        assert run("features", *arguments) == (0, "", "")
        files[name] = path.read_bytes()
    assert files["chart"] == files["again"]
    assert len(set(files.values())) == 4


def test_features_of_grey_pictures(run, target, photo, tmp_path):
    """One channel is read as grey."""
    for k, options in enumerate(([], ["--image", photo])):
        path = tmp_path / f"{k}.png"
        arguments = [f"{target}:grey", "--input", "1x1x16x16", "--node", "", *options]
        assert run("features", *arguments, "-o", str(path)) == (0, "", "")


def test_patches(run, target, tmp_path):
    """A line per patch: activation, picture, position, rows and columns; and a figure."""
    folder = tmp_path / "photos"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (5, 40, 30, 3), np.uint8)
    for k, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{k}.png")
    path = tmp_path / "patches.png"
    status, out, err = run(
        "patches", f"{target}:build", str(folder), *INPUT, "--node", "2", "--channel", "1",
        "-k", "3", "-o", str(path),
    )  # fmt: skip
    assert (status, err) == (0, "")
    rows = [line.split("\t") for line in out.splitlines()]
    assert len(rows) == 3
    assert [float(row[0]) for row in rows] == sorted((float(row[0]) for row in rows), reverse=True)
    assert all(row[1].startswith(str(folder)) for row in rows)
    assert all(len(row[3].split()) == 2 for row in rows)
    assert path.stat().st_size > 3000


def test_report(run, target, photo, tmp_path):
    """One HTML file, with the picture in it."""
    path = tmp_path / "report.html"
    arguments = ["--image", photo, "-o", str(path)]
    assert run("report", f"{target}:build", *INPUT, *arguments) == (0, "", "")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "data:image/png;base64," in text


def test_the_report_shows_the_audit(run, target, tmp_path):
    """What `rfgraph audit` finds is in the page, unless it is not wanted."""
    texts = []
    for k, option in enumerate(("--audit", "--no-audit")):
        path = tmp_path / f"{k}.html"
        arguments = [f"{target}:Skipping", *INPUT, option, "-o", str(path)]
        assert run("report", *arguments) == (0, "", "")
        texts.append(path.read_text(encoding="utf-8"))
    found = rfgraph.audit(rfgraph.analyze(nn.Conv2d(3, 3, 1, stride=2), (1, 3, 32, 24))).findings
    assert found
    assert all(finding.code in texts[0] for finding in found)
    assert not any(f'"title":"{finding.code}' in texts[1] for finding in found)


OUT = ["-o", "OUT.png"]
MISUSES = [
    (["plot", "FILE:build", *INPUT], "Missing option '-o'"),
    (["plot", "FILE:build", *INPUT, "-o", "a.bmp"], "known endings: .png, .svg, .pdf"),
    (["plot", "FILE:build", *INPUT, "--kind", "field", *OUT], "--kind field needs a --node"),
    (
        ["plot", "FILE:build", *INPUT, "--kind", "graph", "--node", "0", *OUT],
        "graph shows the whole",
    ),
    (["plot", "FILE:build", *INPUT, "--depth", "2", *OUT], "--depth belongs to --kind graph"),
    (["plot", "FILE:build", *INPUT, "--mean", "0.5", *OUT], "belong to --kind erf"),
    (["plot", "FILE:build", *INPUT, "--kind", "erf", "--pixel", "0,0", *OUT], "needs a --node"),
    (["plot", "FILE:build", *INPUT, "--kind", "erf", "--node", "9", *OUT], "No node or module"),
    (["plot", "FILE:build", *INPUT, "--node", "0", *OUT], "growth shows the whole model"),
    (
        ["plot", "FILE:build", *INPUT, "--kind", "density", "--node", "0", "--node", "2", *OUT],
        "shows one --node; got 2",
    ),
    (["plot", "FILE:build", *INPUT, "--kind", "field", "--node", "9", *OUT], "No node or module"),
    (["plot", "FILE:build", *INPUT, "--pixel", "4", *OUT], "not a row and a column"),
    (
        [
            "plot",
            "FILE:build",
            *INPUT,
            "--kind",
            "projection",
            "--node",
            "0",
            "--pixel",
            "99,0",
            *OUT,
        ],
        "outside input",
    ),
    (["plot", "FILE:build", *INPUT, "-o", "no/such/a.png"], "cannot write"),
    (
        [
            "plot",
            "FILE:build",
            *INPUT,
            "--kind",
            "field",
            "--node",
            "0",
            "--image",
            "none.png",
            *OUT,
        ],
        "cannot read the picture none.png",
    ),
    (["features", "FILE:build", *INPUT, "--node", "relu", *OUT], "No module is called 'relu'"),
    (
        ["features", "FILE:build", *INPUT, "--node", "0", "--mean", "a", *OUT],
        "not a list of numbers",
    ),
    (["features", "FILE:build", *INPUT, "--node", "0", "--std", "0", *OUT], "none may be 0"),
    (["features", "FILE:build", *INPUT, "--node", "0", "--mean", "1,2", *OUT], "has 2 numbers"),
    (["features", "FILE:build", *INPUT, "--node", "0", "--weights", "FILE", *OUT], "cannot load"),
    (["features", "FILE:Pair", *INPUT, *INPUT, "--node", "", *OUT], "does not take one picture"),
    (["patches", "FILE:build", "FOLDER", *INPUT, "--node", "0", "--channel", "9"], "no channel 9"),
    (
        ["patches", "FILE:build", "EMPTY", *INPUT, "--node", "0", "--channel", "0"],
        "no picture is in",
    ),
    (["report", "FILE:build", *INPUT, "-o", "no/such/a.html"], "cannot write"),
]


@pytest.mark.parametrize(("arguments", "says"), MISUSES)
def test_misuse_is_status_2_and_a_sentence(
    run, target, photo, tmp_path, monkeypatch, arguments, says
):
    """Never a traceback, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder").mkdir()
    Image.open(photo).save(tmp_path / "folder" / "a.png")
    before = sorted(path.name for path in tmp_path.iterdir())
    places = {"FILE": target, "OUT": "out", "EMPTY": "empty", "FOLDER": "folder"}
    for word, place in places.items():
        arguments = [text.replace(word, place) for text in arguments]
    status, out, err = run(*arguments)
    assert status == 2
    assert out == ""
    assert says in " ".join(err.split())
    assert "Traceback" not in err
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "__pycache__") == before


def test_without_matplotlib_the_extra_is_named(target, tmp_path):
    """A sentence, status 2."""
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from rfgraph.cli.main import main\n"
        f"main(['plot', '{target}:build', '-o', 'a.png'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert done.stderr == (
        "rfgraph: error: rfgraph.plot needs matplotlib: pip install 'rfgraph[plot]'\n"
    )
