"""Every kind of figure, of ResNet-18 on the flower that ships inside scikit-learn.

Draws docs/gallery, which docs/gallery.md shows. Run it as `python examples/gallery.py FOLDER`.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_sample_image
from torch import nn
from torchvision.models import densenet121, resnet18

import rfgraph
from rfgraph import plot


def edges() -> nn.Conv2d:
    """Return a first layer that needs no training: edges at eight angles, from fine to coarse."""
    layer = nn.Conv2d(3, 16, 7, stride=2, padding=3, bias=False)
    y, x = torch.meshgrid(torch.arange(-3.0, 4), torch.arange(-3.0, 4), indexing="ij")
    with torch.no_grad():
        for k in range(16):
            angle, wave = torch.tensor(k % 8 * torch.pi / 8), 1.9 - 0.9 * (k // 8)
            across = x * angle.cos() + y * angle.sin()
            kernel = (wave * across).sin() * (-(x**2 + y**2) / 5).exp()
            layer.weight[k] = kernel * torch.tensor([0.5, 0.3, 0.2])[:, None, None] / 2
    return layer


def figures() -> dict[str, Callable[[], Figure]]:
    """Return what draws each figure, by file name."""
    flower = load_sample_image("flower.jpg")[90:314, 230:454]
    torch.manual_seed(0)
    model = resnet18(weights=None)
    model.eval()
    small = nn.Sequential(edges(), nn.ReLU())
    analysis = rfgraph.analyze(model, (1, 3, 224, 224))
    dense = rfgraph.analyze(densenet121(weights=None), (1, 3, 224, 160))
    batch = torch.tensor(flower).permute(2, 0, 1)[None] / 255
    with torch.no_grad(), rfgraph.record(small) as recording:
        small(batch)
    measured = rfgraph.erf(model, batch, "layer3")
    stages = ["conv1", "layer1", "layer2", "layer3"]
    vertical = recording["1"][0, 8]
    return {
        "kernels": lambda: plot.kernels(small[0]),
        "feature-maps": lambda: plot.feature_maps(recording, "0", image=flower),
        "pooling": lambda: plot.pooling(vertical, 4),
        "fields": lambda: plot.fields(analysis, stages, pixel=(90, 120), image=flower),
        "footprint": lambda: plot.footprint(analysis["layer2"], (3, 20), image=flower),
        "density": lambda: plot.density(analysis["layer3"], image=flower),
        "erf": lambda: plot.erf(measured),
        "branches": lambda: plot.branches(analysis["layer2.0.add"], image=flower),
        "projection": lambda: plot.projection(analysis, stages, pixel=(90, 120), image=flower),
        "graph": lambda: plot.graph(analysis),
        "growth": lambda: plot.growth(analysis),
        "growth-densenet121": lambda: plot.growth(dense),
    }


def main(folder: Path) -> list[Path]:
    """Draw every figure into `folder`, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, draw in figures().items():
        drawn.append(folder / f"{name}.png")
        plot.save(draw(), drawn[-1], dpi=75)
    return drawn


if __name__ == "__main__":
    for path in main(Path(sys.argv[1] if len(sys.argv) > 1 else "gallery")):
        print(path)
