"""What a small network learns of handwritten digits: feature maps, kernels and patches.

Trains for a few seconds on the 8 × 8 digits that ship inside scikit-learn, then draws what the
channels of its layers look for. Run it as `python examples/digits.py FOLDER`.
"""

import sys
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import rfgraph
from rfgraph import plot


def build() -> nn.Sequential:
    """Return the untrained network: three convolutions, one pooling, a linear classifier."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 10),
    )


def digits() -> tuple[Tensor, Tensor]:
    """Return the 1,797 pictures (N, 1, 8, 8) from 0 to 1, and which digit each is."""
    bunch = load_digits()
    pictures = torch.tensor(bunch.images, dtype=torch.float32)[:, None] / 16
    return pictures, torch.tensor(bunch.target)


def train(model: nn.Module, pictures: Tensor, labels: Tensor, epochs: int = 12) -> None:
    """Train `model` to tell the digits apart, the same way every time."""
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(epochs):
        for chosen in torch.randperm(len(pictures), generator=generator).split(64):
            loss = nn.functional.cross_entropy(model(pictures[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def main(folder: Path) -> float:
    """Draw everything into `folder`, and return the share of unseen digits told rightly."""
    torch.manual_seed(0)
    pictures, labels = digits()
    model = build()
    train(model, pictures[:1400], labels[:1400])
    model.eval()
    folder.mkdir(parents=True, exist_ok=True)

    three = pictures[3:4]
    with torch.no_grad(), rfgraph.record(model, ["1", "3", "6"]) as recording:
        model(three)
        right = (model(pictures[1400:]).argmax(1) == labels[1400:]).float().mean().item()
        model(three)
    plot.save(plot.kernels(model[0]), folder / "kernels.png")
    plot.save(plot.feature_maps(recording, "1", image=three), folder / "features.png")

    # Patches of the second layer are 5 × 5 pixels, of the third 10 × 10: more than the picture.
    found = rfgraph.top_patches(model, pictures, "3", range(4), k=9)
    for channel, patches in found.items():
        figure = plot.patches(patches, title=f"what channel {channel} of the second layer seeks")
        plot.save(figure, folder / f"patches-{channel}.png")
    return right


if __name__ == "__main__":
    destination = Path(sys.argv[1] if len(sys.argv) > 1 else "digits-figures")
    accuracy = main(destination)
    print(f"{accuracy:.1%} of unseen digits are told rightly; figures are in {destination}")
