"""What a check of resnet50 costs, in forward-plus-backward passes of the same model.

    python benchmarks/check_cost.py

Ten nodes spread over the depth, five positions each, at 1×3×224×224. The unit is one forward and
one backward pass to all weights, as in a training step, in single precision on the same machine.
"""

from __future__ import annotations

import statistics
import time

import torch
import torchvision

import rfgraph

SHAPE = (1, 3, 224, 224)


def unit(model: torch.nn.Module) -> float:
    """Return the median seconds of five forward-plus-backward passes."""
    model.eval()
    times = []
    for _ in range(6):
        x = torch.rand(SHAPE, requires_grad=True)
        start = time.perf_counter()
        model(x).sum().backward()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> None:
    """Measure and print."""
    torch.manual_seed(0)
    model = torchvision.models.resnet50(weights=None)
    before = unit(model)
    start = time.perf_counter()
    rfgraph.analyze(model, SHAPE)
    print(f"analysis alone: {time.perf_counter() - start:.2f} s")
    for method in ("gradient", "taint"):
        start = time.perf_counter()
        result = rfgraph.check(model, SHAPE, method=method, enlarge=False)
        seconds = time.perf_counter() - start
        elements = {(f.node, f.position) for f in result.findings}
        print(
            f"{method}: {len(elements)} elements, {result.summary} {seconds:.2f} s = "
            f"{seconds / before:.1f} passes of {before:.2f} s; {result.cost}"
        )
    print(f"the unit again: {unit(model):.2f} s")


if __name__ == "__main__":
    main()
