"""One change of one convolution or pooling, made on a copy of the model.

Maps keep their size: what a longer window reads beyond them is padded. Where the node that is
looked at sees nothing after its own position the padding goes in front, so that it stays causal;
elsewhere it is even on both sides.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F  # noqa: N812 -- its usual name
from torch import Tensor, nn

from rfgraph.errors import DesignError

Kind = Literal["dilation", "kernel", "stride", "block"]
KINDS: tuple[Kind, ...] = get_args(Kind)

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
AVERAGES = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
MAXIMA = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
WINDOWS = CONVOLUTIONS + AVERAGES + MAXIMA
"""Modules that can be changed."""

BLOCK_KERNEL = 3
"""Kernel of the convolutions of an extra block."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one module.

    Attributes:
        kind: What is changed: the dilation, the kernel or the stride, or blocks that are put
            behind the module, each a 3-wide convolution and a ReLU.
        module: Path of the module.
        steps: Per spatial axis of the module: what is added to the dilation or to the kernel's
            taps, how many blocks, or the factor of the stride (1 for none).
        looks_back: Per spatial axis, whether padding goes in front only.
        channels: Channels of what the module returns.
    """

    kind: Kind
    module: str
    steps: tuple[int, ...]
    looks_back: tuple[bool, ...]
    channels: int

    def applied_to(self, model: nn.Module, *, drawn: bool = True) -> nn.Module:
        """A copy of the model with the change; it shares the tensors that do not change.

        Args:
            model: The model.
            drawn: Whether new weights are drawn as torch draws them; without, they are one zero
                seen many times, which is enough to analyse and takes no memory.

        Raises:
            DesignError: The model cannot be copied, or the module cannot be changed that way.
        """
        changed = copied(model)
        module = changed.get_submodule(self.module)
        _MAKE[self.kind](module, self)
        if self.kind in ("kernel", "block"):
            like = next(model.parameters(), torch.empty(0))
            for part in module.modules() if self.kind == "block" else (module,):
                _fill(part, like, drawn=drawn)
        return changed

    def describe(self, model: nn.Module) -> str:
        """The change in words, for the model before it.

        Raises:
            DesignError: As :meth:`applied_to`.
        """
        before: Any = model.get_submodule(self.module)
        after: Any = self.applied_to(model, drawn=False).get_submodule(self.module)
        if self.kind == "block":
            before, after = None, after.extra_block[0]
            kernel = _spell(after.kernel_size)
            count = max(self.steps)
            blocks = f"{count} block{'s' * (count != 1)} behind it, each a {type(after).__name__}"
            sizes = f"{self.channels}, {self.channels}, {kernel}, padding={_spell(after.padding)}"
            words = [f"{blocks}({sizes}) and a ReLU"]
        else:
            name = "kernel_size" if self.kind == "kernel" else self.kind
            words = [f"{name} {_spell(setting(before, name))} → {_spell(setting(after, name))}"]
            if before.padding != after.padding:
                words.append(f"padding {_spell(before.padding)} → {_spell(after.padding)}")
        hooks = after._forward_pre_hooks.values()  # noqa: SLF001 -- no public list
        words.extend(
            f"{'its' if before else 'their'} input padded by {_spell(hook.args[0])} first"
            for hook in hooks
            if isinstance(hook, partial) and hook.func is _pad_input
        )
        return ", ".join(words)


def copied(model: nn.Module) -> nn.Module:
    """A copy of the modules that shares their tensors.

    Raises:
        DesignError: Something in the model cannot be copied.
    """
    tensors = itertools.chain(model.parameters(), model.buffers())
    try:
        return copy.deepcopy(model, {id(tensor): tensor for tensor in tensors})
    except (TypeError, RuntimeError, NotImplementedError, copy.Error) as error:
        reason = " ".join(str(error).split())
        raise DesignError(
            f"The model cannot be copied, so nothing can be tried: {reason}"
        ) from error


def gain(kind: Kind, module: nn.Module, looks_back: Sequence[bool]) -> tuple[int, ...]:
    """How many elements a window grows by one step, per spatial axis; unknown (0) for strides.

    Elements of the module's input; of its output for blocks.
    """
    kernel, dilation = setting(module, "kernel_size"), setting(module, "dilation")
    if kind == "dilation":
        return tuple(k - 1 for k in kernel)
    if kind == "kernel":
        # Two taps at a time, so that the centre stays; one where all of them look back.
        return tuple(d if back else 2 * d for d, back in zip(dilation, looks_back, strict=True))
    return tuple(BLOCK_KERNEL - 1 if kind == "block" else 0 for _ in kernel)


def dimensions(module: nn.Module) -> int:
    """Spatial axes of a convolution or pooling."""
    return next(WINDOWS.index(c) for c in WINDOWS if isinstance(module, c)) % 3 + 1


def setting(module: nn.Module, name: str) -> tuple[int, ...]:
    """A setting per spatial axis; 1 where the module has no such one."""
    value: Any = getattr(module, name, 1)
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * dimensions(module)


def _dilate(module: nn.Module, change: Change) -> None:
    if isinstance(module, AVERAGES):
        raise DesignError("an average pooling has no dilation")
    kernel, dilation = setting(module, "kernel_size"), setting(module, "dilation")
    wider = tuple(d + n for d, n in zip(dilation, change.steps, strict=True))
    extra = [(k - 1) * n for k, n in zip(kernel, change.steps, strict=True)]
    _set(module, "dilation", wider)
    _pad(module, extra, change.looks_back)


def _enlarge(module: nn.Module, change: Change) -> None:
    kernel, dilation = setting(module, "kernel_size"), setting(module, "dilation")
    added = [n if back else 2 * n for n, back in zip(change.steps, change.looks_back, strict=True)]
    larger = tuple(k + n for k, n in zip(kernel, added, strict=True))
    if isinstance(module, CONVOLUTIONS):
        weight: Any = module._parameters.get("weight")  # noqa: SLF001 -- a parametrised weight is not here
        if weight is None or tuple(weight.shape[2:]) != kernel:
            raise DesignError("its weight is no plain parameter that a larger one could replace")
        shape = (*weight.shape[:2], *larger)
        empty = torch.empty(shape, dtype=weight.dtype, device="meta")
        module.weight = nn.Parameter(empty, weight.requires_grad)
    _set(module, "kernel_size", larger)
    _pad(module, [d * n for d, n in zip(dilation, added, strict=True)], change.looks_back)


def _stride(module: nn.Module, change: Change) -> None:
    if getattr(module, "padding", 0) == "same":
        raise DesignError("padding 'same' goes with stride 1 only")
    stride = setting(module, "stride")
    _set(module, "stride", tuple(s * n for s, n in zip(stride, change.steps, strict=True)))


def _extend(module: nn.Module, change: Change) -> None:
    if getattr(module, "return_indices", False):
        raise DesignError("it returns indices beside its result")
    dims = dimensions(module)
    convolution = CONVOLUTIONS[dims - 1]
    kernel = tuple(BLOCK_KERNEL if n else 1 for n in change.steps)
    extra = [k - 1 for k in kernel]
    layers: list[nn.Module] = []
    for _ in range(max(change.steps)):
        block = convolution(change.channels, change.channels, kernel, device="meta")  # type: ignore[arg-type]
        _pad(block, extra, change.looks_back)
        layers += [block, nn.ReLU()]
    module.add_module("extra_block", nn.Sequential(*layers))
    module.register_forward_hook(_through_block)


def _fill(module: nn.Module, like: Tensor, *, drawn: bool) -> None:
    """Gives new parameters, which are on no device yet, the device and type of the others."""
    for name, parameter in tuple(module.named_parameters(recurse=False)):
        if parameter.device.type != "meta" or like.device.type == "meta":
            continue
        dtype = like.dtype if like.is_floating_point() else torch.get_default_dtype()
        one = torch.zeros((), dtype=dtype, device=like.device)
        value = one.expand(parameter.shape)
        if drawn:
            value = value.clone(memory_format=torch.contiguous_format)
            if value.dim() > 1:
                nn.init.kaiming_uniform_(value, a=5**0.5)
        setattr(module, name, nn.Parameter(value, parameter.requires_grad))


_MAKE = {"dilation": _dilate, "kernel": _enlarge, "stride": _stride, "block": _extend}


def _through_block(module: nn.Module, _args: object, result: Tensor) -> Tensor:
    found: Tensor = module.get_submodule("extra_block")(result)
    return found


def _set(module: nn.Module, name: str, value: tuple[int, ...]) -> None:
    setattr(module, name, value)


def _pad(module: nn.Module, extra: Sequence[int], looks_back: Sequence[bool]) -> None:
    """Lets a module's map keep its size although its window is longer by ``extra``."""
    padding: Any = getattr(module, "padding", 0)
    mode = getattr(module, "padding_mode", "zeros")
    if padding == "same" and mode == "zeros" and not any(looks_back):
        return  # torch pads what is needed
    if padding == "same":
        raise DesignError("padding 'same' is neither in front only nor changed in other modes")
    before = (0,) * len(extra) if padding == "valid" else setting(module, "padding")
    front = [e if back else e // 2 for e, back in zip(extra, looks_back, strict=True)]
    if all(2 * f == e for f, e in zip(front, extra, strict=True)):
        after = tuple(p + f for p, f in zip(before, front, strict=True))
        _set(module, "padding", after)
        if hasattr(module, "_reversed_padding_repeated_twice"):
            window: Any = module
            window._reversed_padding_repeated_twice = [p for p in reversed(after) for _ in "12"]  # noqa: SLF001 -- what torch pads by in other modes
        return
    if not isinstance(module, CONVOLUTIONS):
        raise DesignError("a pooling cannot be padded on one side more than on the other")
    amounts = [
        amount
        for f, e in zip(reversed(front), reversed(extra), strict=True)
        for amount in (f, e - f)
    ]
    module.register_forward_pre_hook(
        partial(_pad_input, amounts, "constant" if mode == "zeros" else mode)
    )


def _pad_input(
    amounts: list[int], mode: str, _module: nn.Module, args: tuple[Any, ...]
) -> tuple[Any, ...]:
    return (F.pad(args[0], amounts, mode=mode), *args[1:])


def _spell(value: object) -> str:
    """A setting, as one number if it is the same along all axes."""
    if not isinstance(value, (tuple, list)):
        return str(value)
    return str(value[0]) if len(set(value)) == 1 else f"({', '.join(map(str, value))})"
