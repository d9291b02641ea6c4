"""How long an analysis takes, against what the model itself takes.

Four things are timed for each model, interleaved round by round in one process, and the medians are
printed as a Markdown table:

- recording alone, the part of an analysis that runs the model;
- the whole analysis, fields of all nodes included;
- one bare forward on the meta device, the least that any data-less tool must do;
- one real forward on the CPU.

    python benchmarks/analysis_time.py --rounds 7 --output table.md
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torchvision import models

import rfgraph
from rfgraph.capture import make_inputs, record


class Residual(nn.Module):
    """Blocks of two 3x3 convolutions around which the input is added again."""

    def __init__(self, blocks: int, channels: int = 4) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1),
                nn.Conv2d(channels, channels, 3, padding=1),
            )
            for _ in range(blocks)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `x` after all blocks."""
        for block in self.blocks:
            x = x + block(x)
        return x


@dataclass(frozen=True)
class Subject:
    """A model to time: how to build it, and the shape of its input."""

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]


def torchvision_model(name: str, side: int = 224) -> Subject:
    """Return torchvision's model `name`, untrained, with a square image."""
    options = {"init_weights": False} if name == "inception_v3" else {}
    return Subject(
        lambda: models.get_model(name, weights=None, **options), shape=(1, 3, side, side)
    )


SUBJECTS = {
    "resnet50": torchvision_model("resnet50"),
    "resnet152": torchvision_model("resnet152"),
    "densenet201": torchvision_model("densenet201"),
    "inception_v3": torchvision_model("inception_v3", 299),
    "swin_t": torchvision_model("swin_t"),
    "vit_b_16": torchvision_model("vit_b_16"),
    "convnext_tiny": torchvision_model("convnext_tiny"),
    "residual_2000": Subject(lambda: Residual(2000), shape=(1, 4, 16, 16)),
}


def tasks(subject: Subject) -> dict[str, Callable[[], object]]:
    """Return what is timed for `subject`, by name."""
    model = subject.build().eval()
    bare = subject.build().eval().to("meta")
    args, kwargs = make_inputs(model, subject.shape)
    real_input = torch.zeros(subject.shape)
    meta_input = torch.empty(subject.shape, device="meta")

    def recorded() -> object:
        return record(model, args, kwargs, training=False, real=False)

    def analyzed() -> object:
        analysis = rfgraph.analyze(model, subject.shape)
        return [node.field.size for node in analysis]

    def bare_meta() -> object:
        with torch.no_grad():
            return bare(meta_input)

    def real_cpu() -> object:
        with torch.no_grad():
            return model(real_input)

    return {"record": recorded, "analyze": analyzed, "meta": bare_meta, "cpu": real_cpu}


def medians(subject: Subject, rounds: int) -> dict[str, float]:
    """Return the median time of each task in milliseconds, after one round to warm up."""
    timed = tasks(subject)
    times: dict[str, list[float]] = {name: [] for name in timed}
    for turn in range(rounds + 1):
        for name, task in timed.items():
            gc.collect()
            start = time.perf_counter()
            task()
            if turn:
                times[name].append((time.perf_counter() - start) * 1000)
    return {name: statistics.median(values) for name, values in times.items()}


def table(names: list[str], rounds: int) -> str:
    """Return the Markdown table for the models in `names`."""
    setting = (
        f"Python {platform.python_version()}, torch {torch.__version__}, {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} threads; medians of {rounds} rounds in ms."
    )
    head = (
        "| model | nodes | record | analyze | meta forward | CPU forward "
        "| record / meta | analyze / meta | analyze / CPU |"
    )
    lines = [
        setting,
        "",
        head,
        "|:--|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name in names:
        subject = SUBJECTS[name]
        nodes = len(rfgraph.analyze(subject.build(), subject.shape).nodes)
        time_of = medians(subject, rounds)
        record_, analyze, meta, cpu = (time_of[k] for k in ("record", "analyze", "meta", "cpu"))
        lines.append(
            f"| {name} | {nodes} | {record_:.0f} | {analyze:.0f} | {meta:.0f} | {cpu:.0f} "
            f"| {record_ / meta:.2f} | {analyze / meta:.2f} | {analyze / cpu:.2f} |"
        )
        print(lines[-1], flush=True)
    return "\n".join(lines) + "\n"


def main() -> None:
    """Time the chosen models and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--models", nargs="+", choices=[*SUBJECTS], default=[*SUBJECTS])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path, help="also write the table to this file")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    text = table(arguments.models, arguments.rounds)
    print(f"\n{text}")
    if arguments.output:
        arguments.output.write_text(text)


if __name__ == "__main__":
    main()
