"""Checks models of torchvision and timm against their own eager runs and writes `check.md`.

    python benchmarks/check.py [--only NAME] [--output benchmarks/check.md]

Each model gets four nodes spread over its depth and five positions per node, by gradients and by
NaN, over all paths and, where global paths exist, over local ones with the mixers held.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import timm
import torch
import torchvision

import rfgraph

CONVOLUTIONAL = {
    "alexnet": 96, "vgg11": 64, "resnet18": 96, "resnet50": 96, "resnext50_32x4d": 96,
    "wide_resnet50_2": 64, "densenet121": 96, "googlenet": 96, "inception_v3": 107,
    "squeezenet1_1": 96, "mobilenet_v2": 96, "shufflenet_v2_x0_5": 96, "mnasnet0_5": 96,
    "regnet_x_400mf": 96, "fcn_resnet50": 64,
}  # fmt: skip
"""Purely convolutional families of torchvision up to their last pooling: input sizes."""

MIXING = {
    "torchvision:efficientnet_b0": 64, "torchvision:mobilenet_v3_small": 96,
    "torchvision:convnext_tiny": 64, "timm:resnet50_gn": 64, "timm:seresnext26d_32x4d": 64,
    "timm:convnextv2_atto": 64, "timm:coatnet_nano_rw_224": 224, "timm:botnet26t_256": 256,
    "timm:vit_tiny_patch16_224": 224, "timm:swin_tiny_patch4_window7_224": 224,
    "timm:mixer_s16_224": 224, "timm:edgenext_xx_small": 96, "timm:efficientformer_l1": 224,
}  # fmt: skip
"""Models with attention, squeeze-and-excite, group norm or token mixers: input sizes."""


def build(name: str) -> torch.nn.Module:
    """Return the untrained model, with fixed random weights."""
    torch.manual_seed(0)
    library, _, model = name.rpartition(":")
    if library == "timm":
        made: torch.nn.Module = timm.create_model(model)
        return made
    options = {"init_weights": False} if model in {"googlenet", "inception_v3"} else {}
    if model == "fcn_resnet50":
        options = {"weights_backbone": None}
    return torchvision.models.get_model(model, weights=None, **options)


def row(name: str, size: int) -> str:
    """Return one line of the table."""
    model = build(name)
    start = time.perf_counter()
    result = rfgraph.check(model, (1, 3, size, size), count=4, enlarge=False)
    seconds = time.perf_counter() - start
    counts = [str(result.count(verdict)) for verdict in rfgraph.Verdict]
    scopes = sorted({finding.scope for finding in result.findings}, reverse=True)
    cells = [name.rpartition(":")[2], str(size), " and ".join(scopes), *counts, f"{seconds:.1f}"]
    reasons = {f.reason for f in result.findings if f.verdict is not rfgraph.Verdict.EXACT}
    print(name, result.summary, f"{seconds:.1f} s", *sorted(reasons)[:4], sep="\n    ", flush=True)
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Check the models and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", help="Names of models; all by default.")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    head = "| model | input | paths | exact | loose | violated | inconclusive | seconds |"
    lines = [head, "|:--|--:|:--|--:|--:|--:|--:|--:|"]
    for models in (CONVOLUTIONAL, MIXING):
        for name, size in models.items():
            if not options.only or name.rpartition(":")[2] in options.only:
                lines.append(row(name, size))
    text = "\n".join(lines) + "\n"
    if options.output:
        options.output.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
