"""Claims about single elements of large models, tested by a few eager forward passes.

A set of input positions is made NaN and the plain eager model runs. Structural dependence says
exactly what must come out: an element is NaN if and only if its footprint meets that set. The
taint oracle poisons every input position in turn, which large models cannot afford; here the sets
are chosen from the footprints themselves, so that each is as telling as possible: all but the
footprint (nothing may reach the element), its first and last slice along each axis (each must),
and single positions of it.

Nothing here looks at an operator. It holds for models whose operators carry NaN to exactly the
elements that read it: convolutions, pooling, frozen batch norm, clamps, sums, products, means and
concatenation. `test_probe.py` checks that convolutions do so, and are not run as Winograd's tiles,
which would let NaN spread: in single precision, as in double some of them are very slow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from tests.oracle.taint import single_thread

BoolArray = npt.NDArray[np.bool_]
Position = tuple[int, ...]


@dataclass(frozen=True)
class Claim:
    """That exactly the true positions of `footprint` reach one element.

    Attributes:
        path: the module that returns the element's tensor.
        index: the element's position along the axes after batch and channel.
        footprint: true where the input reaches it, over the input's axes after batch and channel.
    """

    path: str
    index: Position
    footprint: BoolArray


@dataclass(frozen=True)
class Refutation:
    """A claim that the model does not bear out.

    Attributes:
        claim: which.
        poisoned: the positions that were NaN.
        kind: "unsound" if they reach the element against the claim, "loose" if they should.
    """

    claim: Claim
    poisoned: BoolArray
    kind: str

    def __str__(self) -> str:
        where = [tuple(map(int, hits)) for hits in np.argwhere(self.poisoned)]
        return f"{self.claim.path}{list(self.claim.index)} {self.kind}: {where[:3]}..{where[-1]}"


def with_data(model: nn.Module, seed: int = 0) -> nn.Module:
    """The model, built on the meta device, with positive weights in eval mode.

    Every kernel averages what it reads, so that no depth overflows; batch norm changes nothing.
    Linear layers stay empty: they come after the axes are gone, and hold most of the memory.
    """
    generator = torch.Generator().manual_seed(seed)
    model = model.float().to_empty(device="cpu").eval()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_parameters()
        elif not isinstance(module, nn.Linear):
            for parameter in module.parameters(recurse=False):
                fan_in = parameter[0].numel() if parameter.ndim > 1 else 100
                parameter.data.uniform_(0.5 / fan_in, 1.5 / fan_in, generator=generator)
    return model


def poisons(footprint: BoolArray, *, singles: int = 2, seed: int = 0) -> Iterator[BoolArray]:
    """The sets of input positions that tell most about one footprint."""
    if not footprint.all():
        yield ~footprint
    if not footprint.any():
        return
    hits = np.argwhere(footprint)
    for axis in range(footprint.ndim):
        for end in (hits[:, axis].min(), hits[:, axis].max()):
            on_edge = (np.arange(footprint.shape[axis]) == end).reshape(
                [-1 if k == axis else 1 for k in range(footprint.ndim)]
            )
            yield footprint & on_edge
    generator = np.random.default_rng(seed)
    for position in generator.choice(hits, size=min(singles, len(hits)), replace=False):
        single = np.zeros_like(footprint)
        single[tuple(position)] = True
        yield single


def reached(
    model: nn.Module,
    shape: Sequence[int],
    paths: Sequence[str],
    poisoned: Sequence[BoolArray],
    *,
    batch: int = 8,
) -> Mapping[str, BoolArray]:
    """What is NaN in the tensor that the first call of each module returns.

    Args:
        model: an eval-mode module.
        shape: of its input, for one sample.
        paths: the modules.
        poisoned: per run the input positions, over the axes after batch and channel, that are NaN.
        batch: runs per forward pass.

    Returns:
        Per path `seen[run, o...]`: whether any channel is NaN at position `o`.
    """
    rows: dict[str, list[BoolArray]] = {path: [] for path in paths}
    torch.manual_seed(0)
    clean = 0.5 + torch.rand(1, *shape[1:], dtype=torch.float32)
    runs = [np.zeros(shape[2:], dtype=bool), *poisoned]
    for begin in range(0, len(runs), batch):
        masks = torch.from_numpy(np.stack(runs[begin : begin + batch]))
        x = clean.repeat(len(masks), *(1 for _ in shape[1:]))
        x.masked_fill_(masks[:, None], math.nan)
        for path, value in _values(model, x, paths).items():
            rows[path].append(value)
    seen = {path: np.concatenate(parts) for path, parts in rows.items()}
    for path, nan in seen.items():
        assert not nan[0].any(), f"{path} is not finite on a clean input"
    return {path: nan[1:] for path, nan in seen.items()}


class _AllSeenError(Exception):
    """Ends a forward pass after the last module of interest."""


def _values(model: nn.Module, x: Tensor, paths: Sequence[str]) -> dict[str, BoolArray]:
    found: dict[str, BoolArray] = {}

    def look(path: str) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(module: nn.Module, args: object, output: Tensor) -> None:
            # Looked at now: a later in-place operator may write into the same tensor.
            if path not in found:
                bad = ~torch.isfinite(output)
                found[path] = bad.any(dim=1).numpy()
            if len(found) == len(paths):
                _stop()

        return hook

    handles = [model.get_submodule(p).register_forward_hook(look(p)) for p in paths]
    try:
        with torch.no_grad(), single_thread():
            model(x)
    except _AllSeenError:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return found


def _stop() -> NoReturn:
    raise _AllSeenError


def refutations(
    model: nn.Module, shape: Sequence[int], claims: Sequence[Claim], *, batch: int = 8
) -> list[Refutation]:
    """All claims that the eager model contradicts, each with the poison that shows it.

    Every claim is held against the poisons of all claims, not only its own.
    """
    unique = {mask.tobytes(): mask for claim in claims for mask in poisons(claim.footprint)}
    masks = list(unique.values())
    paths = list(dict.fromkeys(claim.path for claim in claims))
    seen = reached(model, shape, paths, masks, batch=batch)
    return [
        Refutation(claim, mask, "unsound" if nan else "loose")
        for claim in claims
        for mask, nan in zip(masks, seen[claim.path][(slice(None), *claim.index)], strict=True)
        if nan != (claim.footprint & mask).any()
    ]
