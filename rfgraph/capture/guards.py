"""Conditions that only guard a run: ``assert``, and ``if`` before a ``raise``.

A value that decides nothing but whether the model raises decides nothing in a run that returns. So
it does not bear on what is read, and a capture without data need not know it: it goes the way that
does not raise. Python's byte code tells, at the instruction that asked for the value.
"""

from __future__ import annotations

import builtins
import dis
import sys
from functools import lru_cache
from inspect import getattr_static
from types import (
    BuiltinFunctionType,
    CodeType,
    FrameType,
    FunctionType,
    MethodDescriptorType,
    WrapperDescriptorType,
)

_ENTRY = "rfgraph.capture.record"
"""The module whose functions call the model."""

_LEAVES = ("RETURN", "YIELD", "SEND", "SETUP", "BEFORE_WITH", "LOAD_SPECIAL")
"""How instructions begin after which a function may go on, or give up, without an exception."""

_JUMPS = frozenset((*dis.hasjrel, *dis.hasjabs))
_ALWAYS = ("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_ABSOLUTE")

_CALLED = frozenset(("__call__", "__init__", "__post_init__"))
"""Special methods whose exceptions Python itself never takes for an answer."""

_ANSWERS = (AttributeError, StopIteration, StopAsyncIteration)
"""Exceptions that Python's own functions take for an answer: ``getattr``, ``map``, ``list``."""

_PASSING = frozenset(
    (
        "autocast",
        "enable_grad",
        "inference_mode",
        "no_grad",
        "nullcontext",
        "record_function",
        "sdpa_kernel",
        "set_grad_enabled",
    )
)
"""Context managers, by name, that let exceptions through."""

_METHODS = (
    FunctionType,
    classmethod,
    staticmethod,
    BuiltinFunctionType,
    MethodDescriptorType,
    WrapperDescriptorType,
)
"""What stands in a class for methods, which are called; anything else may run when it is named."""

_ENDS = frozenset(("POP_TOP", "RESUME", "NOP", "GEN_START", "COPY_FREE_VARS", "MAKE_CELL"))
"""Instructions that end a statement, or begin a function."""

_NAMES = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FAST", "LOAD_DEREF", "LOAD_ATTR", "LOAD_METHOD")

_NOTHING = frozenset(("CACHE", "EXTENDED_ARG", "NOP", "NOT_TAKEN", "TO_BOOL"))
"""Instructions between a call and the jump on its result that leave its truth as it is."""


def way_without_raise() -> bool | None:
    """Return the truth of the value being read with which the innermost caller does not raise.

    None where the value is used for anything else, where both ways go on, where both raise, or
    where the exception may be handled on its way to the caller of the model.
    """
    frame = _asking()
    if frame is None:
        return None
    way = _way(frame.f_code, frame.f_lasti)
    return None if way is None or _names_an_answer(frame) or _is_handled(frame) else way


def may_be_handled() -> bool:
    """Return whether an exception raised now might not reach the caller of the model."""
    return _is_handled(_asking())


def _asking() -> FrameType | None:
    """The innermost frame that is not ours."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _package(frame) == "rfgraph":
        frame = frame.f_back
    return frame


def _is_handled(frame: FrameType | None) -> bool:
    """Whether a function between the model and its caller handles exceptions, or Python may.

    Python takes some for an answer: ``StopIteration`` from ``__next__``, ``AttributeError`` from
    a property. What runs in a thread of its own raises to nobody.
    """
    while frame is not None and frame.f_globals.get("__name__") != _ENTRY:
        if _package(frame) not in {"rfgraph", "torch"} and (
            _handles(frame.f_code) or _is_property(frame)
        ):
            return True
        frame = frame.f_back
    return frame is None


def _names_an_answer(frame: FrameType) -> bool:
    """Whether the function knows an exception that Python's own functions take for an answer."""
    known = {**vars(builtins), **frame.f_globals, **frame.f_locals}
    found = (known.get(name) for name in (*frame.f_code.co_names, *frame.f_code.co_freevars))
    return any(isinstance(one, type) and issubclass(one, _ANSWERS) for one in found)


def _is_property(frame: FrameType) -> bool:
    """Whether the function runs because an attribute of its first argument is asked for."""
    code = frame.f_code
    if not code.co_argcount:
        return False
    owner = frame.f_locals.get(code.co_varnames[0])
    found = getattr_static(type(owner), code.co_name, None)
    if found is None:  # a lambda, or a function under another name
        every = (value for kind in type(owner).__mro__ for value in vars(kind).values())
        return any(
            isinstance(value, property) and getattr(value.fget, "__code__", None) is code
            for value in every
        )
    return not isinstance(found, _METHODS)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


@lru_cache(maxsize=1024)
def _way(code: CodeType, asked: int) -> bool | None:
    """The truth that jumps, or falls, past a raise, for the instruction that asked."""
    instructions = list(dis.get_instructions(code))
    places = {instruction.offset: k for k, instruction in enumerate(instructions)}
    here = places.get(asked)
    if here is None:
        return None
    if instructions[here].opname.startswith("CALL"):
        here += 1
    while here < len(instructions) and instructions[here].opname in _NOTHING:
        here += 1
    jump = instructions[here]
    if not jump.opname.startswith("POP_JUMP") or not jump.opname.endswith(("IF_TRUE", "IF_FALSE")):
        return None
    jumps_if = jump.opname.endswith("IF_TRUE")
    raises_ahead = _raises(instructions, here + 1, places)
    raises_there = _raises(instructions, places[jump.argval], places)
    if raises_ahead == raises_there:
        return None
    return jumps_if if raises_ahead else not jumps_if


def _raises(instructions: list[dis.Instruction], start: int, places: dict[int, int]) -> bool:
    """Whether all ways from there end in a raise."""
    seen: set[int] = set()
    pending = [start]
    while pending:
        here = pending.pop()
        if here in seen:
            continue
        seen.add(here)
        instruction = instructions[here]
        name = instruction.opname
        if name.startswith(_LEAVES):
            return False
        if instruction.opcode in _JUMPS:
            pending.append(places[instruction.argval])
        if name not in {"RAISE_VARARGS", "RERAISE"} and not name.startswith(_ALWAYS):
            pending.append(here + 1)
    return True


@lru_cache(maxsize=1024)
def _handles(code: CodeType) -> bool:
    """Whether the function may handle an exception, or a context manager of its may."""
    special = code.co_name.startswith("__") and code.co_name.endswith("__")
    if special and code.co_name not in _CALLED:
        return True
    instructions = list(dis.get_instructions(code))
    names = [instruction.opname for instruction in instructions]
    if any(
        _enters(instruction) and not _passes(instructions[:k])
        for k, instruction in enumerate(instructions)
    ):
        return True
    following = dict(enumerate(names[1:]))
    return any(
        name == "SETUP_FINALLY" or (name == "PUSH_EXC_INFO" and following[k] != "WITH_EXCEPT_START")
        for k, name in enumerate(names)
    )


def _enters(instruction: dis.Instruction) -> bool:
    """Whether the instruction enters a ``with`` block."""
    if instruction.opname == "LOAD_SPECIAL":  # Python 3.14
        return "__enter__" in instruction.argrepr or "__aenter__" in instruction.argrepr
    return instruction.opname in {"BEFORE_WITH", "BEFORE_ASYNC_WITH", "SETUP_WITH"}


def _passes(before: list[dis.Instruction]) -> bool:
    """Whether the context manager that these instructions end in making lets exceptions through.

    Told by the name that is called; a manager that is chosen by a condition does not pass.
    """
    made: list[dis.Instruction] = []
    for instruction in reversed(before):
        if instruction.opcode in _JUMPS:
            return False
        if instruction.opname in _ENDS or instruction.opname.startswith("STORE_"):
            break
        made.append(instruction)
    name = None
    for instruction in reversed(made):
        if instruction.opname == "PUSH_NULL":
            continue
        if not instruction.opname.startswith(_NAMES):
            break
        name = instruction.argval
    return name in _PASSING
