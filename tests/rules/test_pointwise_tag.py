"""Operators that PyTorch tags as pointwise: each is tried; exceptions carry a reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch._ops import OpOverload
from torch.utils._pytree import tree_leaves

from rfgraph.rules.builtin import BUILTIN_RULES
from rfgraph.rules.pointwise import pointwise

OWN_RULE = {
    "aten.mul.Tensor": "a factor that is zero for all inputs cuts",
    "aten.mul.Scalar": "a factor of zero cuts",
    "aten.div.Tensor": "a numerator that is zero for all inputs cuts",
    "aten.div.Tensor_mode": "a numerator that is zero for all inputs cuts",
    "aten.div.Scalar": "a denominator of infinity cuts",
    "aten.div.Scalar_mode": "a denominator of infinity cuts",
    "aten.addcmul.default": "a factor that is zero for all inputs cuts",
    "aten.lerp.Scalar": "a weight of zero or one leaves one end",
    "aten.lerp.Tensor": "a weight of zero or one leaves one end",
    "aten.exp.default": "a score of -inf gives zero",
    "aten.exp2.default": "a score of -inf gives zero",
    "aten.sigmoid.default": "a score of -inf gives zero",
    "aten.masked_fill.Scalar": "a constant mask cuts",
    "aten.where.self": "a constant condition cuts",
    "aten.eq.Scalar": "a score that is -inf for all inputs is known to be",
}
"""Tagged, and yet not left to the tag."""

SHAPE = (2, 3)


def tagged() -> Iterator[OpOverload]:
    """Every functional operator with the tag, without gradients and lists of tensors."""
    # dir(torch.ops.aten) holds only what was used before.
    everything = {n.split(".")[0] for n in torch._C._dispatch_get_all_op_names()}
    for name in sorted(n.removeprefix("aten::") for n in everything if n.startswith("aten::")):
        packet = getattr(torch.ops.aten, name, None)
        if not isinstance(packet, torch._ops.OpOverloadPacket):
            continue
        if "backward" in name or name.startswith("_foreach"):
            continue
        for kind in packet.overloads():
            found = getattr(packet, kind)
            writes = any(
                a.alias_info is not None and a.alias_info.is_write for a in found._schema.arguments
            )
            # aten.equal has the tag and returns a Python bool: no node is ever recorded for it.
            makes = any("Tensor" in str(r.type) for r in found._schema.returns)
            if torch.Tag.pointwise in found.tags and makes and not writes:
                yield found


TAGGED = list(tagged())


def argument(name: str, kind: str, dtype: torch.dtype, generator: torch.Generator) -> Any:
    """A value for an argument of a schema type."""
    if name in {"mask", "condition"}:
        return torch.tensor([[True, False, True], [False, True, True]])
    if name == "rounding_mode":
        return "floor"
    if "Tensor" in kind:
        if dtype.is_floating_point:
            return 1.1 + 0.8 * torch.rand(SHAPE, generator=generator, dtype=dtype)
        return torch.randint(1, 3, SHAPE, generator=generator, dtype=dtype)
    if "float" in kind:
        return 1.5
    return False if "bool" in kind else 1


def arguments(
    operator: OpOverload, dtype: torch.dtype, generator: torch.Generator
) -> tuple[list[Any], dict[str, Any]]:
    """Values for what the schema requires, and for the optional bounds that clamp must have."""
    positional, keywords = [], {}
    for a in operator._schema.arguments:
        if a.has_default_value() and a.name not in {"min", "max"}:
            continue
        value = argument(a.name, str(a.type), dtype, generator)
        if a.kwarg_only:
            keywords[a.name] = value
        else:
            positional.append(value)
    return positional, keywords


def results(operator: OpOverload, args: list[Any], keywords: dict[str, Any]) -> list[torch.Tensor]:
    return [r for r in tree_leaves(operator(*args, **keywords)) if isinstance(r, torch.Tensor)]


def callable_dtype(operator: OpOverload) -> torch.dtype | None:
    """The first type of numbers that the operator takes."""
    for dtype in (torch.float64, torch.int64):
        try:
            args, keywords = arguments(operator, dtype, torch.Generator().manual_seed(0))
            operator(*args, **keywords)
        except (RuntimeError, NotImplementedError, TypeError):
            continue
        return dtype
    return None


def test_what_is_not_left_to_the_tag_is_listed():
    """Each tagged operator with a rule of its own has a reason, and no reason is out of date."""
    own = {str(op) for op in TAGGED if BUILTIN_RULES.find(op) is not pointwise}
    assert own == set(OWN_RULE)


def leaks(operator: OpOverload, dtype: torch.dtype) -> bool:
    """Whether some element of a result changes with an operand's element elsewhere."""
    args, keywords = arguments(operator, dtype, torch.Generator().manual_seed(0))
    others, other_keywords = arguments(operator, dtype, torch.Generator().manual_seed(1))
    before = results(operator, args, keywords)
    slots: list[tuple[Any, Any, Any]] = [(args, others, place) for place in range(len(args))]
    slots += [(keywords, other_keywords, name) for name in keywords]
    tensors = [slot for slot in slots if isinstance(slot[0][slot[2]], torch.Tensor)]
    assert tensors
    assert all(result.shape == SHAPE for result in before)
    for place in range(before[0].numel()):
        elsewhere = torch.ones(SHAPE, dtype=torch.bool)
        elsewhere.view(-1)[place] = False
        for held, fresh, slot in tensors:
            kept = held[slot]
            held[slot] = kept.clone()
            held[slot].view(-1)[place] = fresh[slot].view(-1)[place]
            after = results(operator, args, keywords)
            held[slot] = kept
            for old, new in zip(before, after, strict=True):
                if not torch.equal(
                    torch.nan_to_num(old[elsewhere].double()),
                    torch.nan_to_num(new[elsewhere].double()),
                ):
                    return True
    return False


@pytest.mark.parametrize("operator", TAGGED, ids=str)
def test_a_tagged_operator_acts_elementwise(operator: OpOverload):
    """Changing one element of any operand leaves all other elements of every result alone."""
    dtype = callable_dtype(operator)
    assert dtype is not None, "it cannot be tried: teach argument() its types"
    assert not leaks(operator, dtype)


@pytest.mark.parametrize("operator", [torch.ops.aten.softmax.int, torch.ops.aten.cumsum.default])
def test_an_operator_that_mixes_is_caught(operator: OpOverload):
    """The trial itself: it would find a tag that lies."""
    assert leaks(operator, torch.float64)
