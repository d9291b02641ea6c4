"""`package.module:NAME` and `path/to/file.py:NAME`: a model that somebody's Python code makes."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import torch
from torch import nn
from torch.export import ExportedProgram

from rfgraph.errors import TargetError
from rfgraph.targets.failure import raised, unknown_name
from rfgraph.targets.target import InputSpec, Target


def resolve_python(text: str) -> Target:
    """Return the model that the Python target `text` names, built if need be.

    Args:
        text: `package.module:NAME` or `path/to/file.py:NAME`, where NAME is a module, an exported
            program, or anything that returns one when called without arguments; dots reach into
            attributes.

    Raises:
        TargetError: If there is no such code or name, or it raises, or makes no model.
    """
    home, _, name = text.rpartition(":")
    module = _import_file(Path(home)) if home.endswith(".py") else _import_module(home)
    found = _attribute(module, name, home)
    model = _model(found, text)
    return Target(text, model, inputs=_example(model))


def _import_module(name: str) -> ModuleType:
    with _importable(Path.cwd()):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing = error.name or name
            if name == missing or name.startswith(f"{missing}."):
                raise TargetError(f"there is no Python module '{missing}' to import") from None
            raise raised(f"importing {name}", error) from error
        except (Exception, SystemExit) as error:
            raise raised(f"importing {name}", error) from error


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise TargetError(f"there is no file {path}")
    name = f"rfgraph_target_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path} is not a Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look their module up there
    with _importable(path.resolve().parent):
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            del sys.modules[name]
            raise raised(f"running {path}", error) from error
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _attribute(module: ModuleType, name: str, home: str) -> object:
    found: object = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [key for key in dir(found) if not key.startswith("_")]
            raise unknown_name(home, name, known)
        found = getattr(found, part)
    return found


def _model(found: object, text: str) -> nn.Module | ExportedProgram:
    if isinstance(found, nn.Module | ExportedProgram):
        return found
    if not callable(found):
        raise TargetError(
            f"'{text}' is {_a(type(found).__name__)}, not a model or something that returns one"
        )
    _refuse_arguments(found, text)
    try:
        made = found()
    except (Exception, SystemExit) as error:
        raise raised(f"calling '{text}'", error) from error
    if not isinstance(made, nn.Module | ExportedProgram):
        raise TargetError(
            f"'{text}' returned {_a(type(made).__name__)}, not a torch.nn.Module or ExportedProgram"
        )
    return made


def _refuse_arguments(function: Callable[..., object], text: str) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # a builtin that does not say; calling it will tell
    needed = [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
    ]
    if needed:
        raise TargetError(
            f"'{text}' needs arguments ({', '.join(needed)}); "
            f"name a function that needs none and returns the model"
        )


def _example(model: nn.Module | ExportedProgram) -> tuple[InputSpec, ...] | None:
    """Return the inputs that a model says it is made for, in Lightning's way or in timm's."""
    example = getattr(model, "example_input_array", None)
    if isinstance(example, torch.Tensor):
        return (InputSpec(tuple(example.shape), str(example.dtype).removeprefix("torch.")),)
    configuration = getattr(model, "pretrained_cfg", None)
    if isinstance(configuration, dict) and "input_size" in configuration:
        return (InputSpec((1, *configuration["input_size"])),)
    return None


def _a(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
