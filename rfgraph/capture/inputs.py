"""The arguments of the call to record, from whatever describes them."""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rfgraph.capture.outputs import first_tensor
from rfgraph.errors import InputError

META = torch.device("meta")

_HOW = "give a shape such as (1, 3, 224, 224), a tensor, or a list or dict of them"


def make_inputs(
    model: Callable[..., Any],
    inputs: Any,
    *,
    dtype: torch.dtype | None = None,
    kwargs: Mapping[str, Any] | None = None,
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the positional and keyword arguments, with data-less tensors, of one call.

    Args:
        model: The model they are for; the dtype of its first floating point parameter is
            what shapes become tensors of.
        inputs: One shape or tensor; a list or tuple of them (one for each positional argument);
            or a dict of them (keyword arguments, or the one argument of a model that takes a
            dict). Dicts, lists and tuples may nest inside an argument.
        dtype: Overrides the dtype of tensors made from shapes.
        kwargs: Further keyword arguments of the call, which may hold all of its tensors.

    Raises:
        InputError: When something is neither a shape nor a tensor, or a size is not positive.
    """
    dtype = dtype or floating_dtype(model)
    if isinstance(inputs, Tensor) or _is_shape(inputs):
        return (_tensor(inputs, "the input", dtype),), {}
    elsewhere = first_tensor(kwargs or {}) is not None
    if elsewhere and isinstance(inputs, (Mapping, list, tuple)) and not inputs:
        return (), {}
    if isinstance(inputs, Mapping):
        made = {str(key): _nested(item, str(key), dtype) for key, item in inputs.items()}
        if first_tensor(made) is None and not elsewhere:
            raise InputError(f"The dict of inputs holds no shape and no tensor; {_HOW}.")
        return ((made,), {}) if _takes_one_mapping(model, made) else ((), made)
    if isinstance(inputs, (list, tuple)):
        args = tuple(_nested(x, f"input {i}", dtype) for i, x in enumerate(inputs))
        if first_tensor(args) is not None or elsewhere:
            return args, {}
    raise InputError(f"Cannot make inputs from {_short(inputs)}; {_HOW}.")


def floating_dtype(model: object) -> torch.dtype:
    """Return the dtype of the first floating point parameter of ``model``, or float32."""
    owner = getattr(model, "__self__", model)
    owner = getattr(owner, "module", owner) if not isinstance(owner, nn.Module) else owner
    if isinstance(owner, nn.Module):
        for parameter in owner.parameters():
            if parameter.is_floating_point():
                return parameter.dtype
    state = getattr(model, "state_dict", None)
    if isinstance(state, Mapping):
        for value in state.values():
            if isinstance(value, Tensor) and value.is_floating_point():
                return value.dtype
    return torch.float32


def _is_shape(value: object) -> bool:
    if not isinstance(value, (list, tuple)) or not value:
        return False
    return all(isinstance(size, int) and not isinstance(size, bool) for size in value)


def _nested(value: Any, where: str, dtype: torch.dtype) -> Any:
    if isinstance(value, Tensor) or _is_shape(value):
        return _tensor(value, where, dtype)
    if isinstance(value, Mapping):
        return {key: _nested(item, f"{where}.{key}", dtype) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and value:
        items = [_nested(item, f"{where}.{i}", dtype) for i, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise InputError(f"Cannot make {where} from {_short(value)}; {_HOW}.")


def _tensor(value: Any, where: str, dtype: torch.dtype) -> Tensor:
    if isinstance(value, Tensor):
        return value
    check_shape(value, where)
    return torch.empty(tuple(value), dtype=dtype, device=META)


def check_shape(shape: Sequence[int], where: str) -> None:
    """Raise InputError unless every size in ``shape`` is at least 1."""
    if any(size < 1 for size in shape):
        message = f"{where} has shape {tuple(shape)}, but every size must be at least 1."
        raise InputError(message[0].upper() + message[1:])


def _takes_one_mapping(model: Callable[..., Any], given: Mapping[str, Any]) -> bool:
    signature = signature_of(model)
    if signature is None:
        return False
    try:
        signature.bind(**given)
    except TypeError:
        return len(signature.parameters) > 0 and _binds(signature, given)
    return False


def _binds(signature: inspect.Signature, *args: Any) -> bool:
    try:
        signature.bind(*args)
    except TypeError:
        return False
    return True


def signature_of(model: Callable[..., Any]) -> inspect.Signature | None:
    """Return the signature of the model's forward, or None when Python cannot tell."""
    forward = model.forward if isinstance(model, nn.Module) else model
    try:
        return inspect.signature(forward)
    except (TypeError, ValueError):
        return None


def named_arguments(
    model: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return argument name to argument, in the order of the forward signature.

    Raises:
        InputError: When the arguments do not fit the signature.
    """
    signature = signature_of(model)
    if signature is None:
        return {**{f"input.{i}": arg for i, arg in enumerate(args)}, **kwargs}
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        required = [
            p.name
            for p in signature.parameters.values()
            if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]
        given = len(args) + len(kwargs)
        message = (
            f"The inputs do not fit forward{signature}: {error}; {given} given, "
            f"required: {', '.join(required) or 'none'}."
        )
        raise InputError(message) from error
    named: dict[str, Any] = {}
    for name, argument in bound.arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            named.update({f"{name}.{i}": item for i, item in enumerate(argument)})
        elif kind is inspect.Parameter.VAR_KEYWORD:
            named.update(argument)
        else:
            named[name] = argument
    return named


def map_tensors(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Return ``value`` with every tensor in its containers replaced by ``change`` of it."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        changed = {key: map_tensors(item, change) for key, item in value.items()}
        if type(value) is dict:
            return changed
        made: Any = copy.copy(value)
        for key, item in changed.items():
            made[key] = item
        return made
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_tensors(item, change) for item in value))
    if isinstance(value, (list, tuple)):
        return type(value)(map_tensors(item, change) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        made = copy.copy(value)
        for member in dataclasses.fields(value):
            item = getattr(value, member.name)
            object.__setattr__(made, member.name, map_tensors(item, change))
        return made
    return value


def stand_in(tensor: Tensor, *, real: bool) -> Tensor:
    """Return the tensor to run the model on in place of the one that was given."""
    if not real:
        return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=META)
    if tensor.device.type != "meta":
        return tensor.detach().to("cpu", copy=True)
    if tensor.is_floating_point() or tensor.is_complex():
        # A generator of its own: drawing must not move the user's random state.
        fixed = torch.Generator().manual_seed(0)
        return torch.randn(tensor.shape, dtype=tensor.dtype, device="cpu", generator=fixed)
    # Zero is a valid class, token and index whatever the model does with integers.
    return torch.zeros(tensor.shape, dtype=tensor.dtype, device="cpu")


def _short(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
