"""Conditions that only guard a run: ``assert``, and ``if`` before a ``raise``.

A value that decides nothing but whether the model raises decides nothing in a run that returns. So
it does not bear on what is read, and a capture without data need not know it: it goes the way that
does not raise. Python's byte code tells, at the instruction that asked for the value.
"""

from __future__ import annotations

import dis
import sys
from functools import lru_cache
from types import CodeType, FrameType

_ENTRY = "rfgraph.capture.record"
"""The module whose functions call the model."""

_LEAVES = ("RETURN", "YIELD", "SEND", "SETUP", "BEFORE_WITH", "LOAD_SPECIAL")
"""How instructions begin after which a function may go on, or give up, without an exception."""

_JUMPS = frozenset((*dis.hasjrel, *dis.hasjabs))
_ALWAYS = ("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_ABSOLUTE")

_CALLED = frozenset(("__call__", "__init__", "__post_init__"))
"""Special methods whose exceptions Python itself never takes for an answer."""

_NOTHING = frozenset(("CACHE", "EXTENDED_ARG", "NOP", "NOT_TAKEN", "TO_BOOL"))
"""Instructions between a call and the jump on its result that leave its truth as it is."""


def way_without_raise() -> bool | None:
    """Return the truth of the value being read with which the innermost caller does not raise.

    None where the value is used for anything else, where both ways go on, where both raise, or
    where a function between the model and the caller handles exceptions, or Python may
    (``StopIteration`` from ``__next__``, say).
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _package(frame) == "rfgraph":
        frame = frame.f_back
    if frame is None:
        return None
    way = _way(frame.f_code, frame.f_lasti)
    return None if way is None or _is_handled(frame) else way


def _is_handled(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_globals.get("__name__") != _ENTRY:
        if _package(frame) not in {"rfgraph", "torch"} and _handles(frame.f_code):
            return True
        frame = frame.f_back
    return False


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
    """Whether the function may handle an exception; leaving ``with`` lets exceptions through."""
    special = code.co_name.startswith("__") and code.co_name.endswith("__")
    if special and code.co_name not in _CALLED:
        return True
    names = [instruction.opname for instruction in dis.get_instructions(code)]
    following = dict(enumerate(names[1:]))
    return any(
        name == "SETUP_FINALLY" or (name == "PUSH_EXC_INFO" and following[k] != "WITH_EXCEPT_START")
        for k, name in enumerate(names)
    )
