"""Where a configuration is: `rfgraph.yaml`, or `[tool.rfgraph]` in `pyproject.toml`."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from rfgraph.config.config import Config, ModelConfig
from rfgraph.config.structure import config_from_data
from rfgraph.errors import ConfigError, ReportError
from rfgraph.report.document import key_text, parse_document, read_document
from rfgraph.report.readers import MisfitError

if TYPE_CHECKING:
    from rfgraph.report.readers import Data

NAMES = ("rfgraph.yaml", "pyproject.toml")
"""Looked for in this order."""

MAX_BYTES = 1024 * 1024


def find_config(folder: str | PathLike[str] = ".") -> Config:
    """Return the configuration in a folder; an empty one if there is none.

    Raises:
        ConfigError: If there is one that says nothing that can be done.
    """
    for name in NAMES:
        path = Path(folder) / name
        if path.is_file() and (name != "pyproject.toml" or "[tool.rfgraph" in _text(path)):
            return load_config(path)
    return Config()


def load_config(path: str | PathLike[str]) -> Config:
    """Return the configuration in the YAML file or the `pyproject.toml` at `path`.

    YAML is read as safely as reports are: no tags, no aliases, bounded in size and depth. Targets
    that are relative paths are taken from the configuration's folder.

    Raises:
        ConfigError: If the file cannot be read or is no configuration; the message names the file,
            the line (in YAML) and the key.
    """
    content = _text(path)
    if fspath(path).endswith(".toml"):
        config = _from_toml(content, fspath(path))
    else:
        try:
            config = parse_document(content, fspath(path), config_from_data, "configuration")
        except ReportError as error:
            raise ConfigError(str(error)) from None
    folder = Path(path).parent
    models = {name: _at(folder, model) for name, model in config.models.items()}
    return replace(config, models=models, file=Path(path).as_posix())


def _text(path: str | PathLike[str]) -> str:
    try:
        return read_document(path, MAX_BYTES)
    except ReportError as error:
        raise ConfigError(str(error)) from None


def _from_toml(content: str, origin: str) -> Config:
    try:
        tomllib = import_module("tomllib")  # there from Python 3.11 on
    except ModuleNotFoundError:
        raise ConfigError(
            f"{origin}: this Python cannot read TOML; use Python 3.11 or rfgraph.yaml"
        ) from None
    try:
        document = tomllib.loads(content)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{origin}: not valid TOML: {error}") from None
    tool = document.get("tool", {})
    data: Data = tool.get("rfgraph", {}) if isinstance(tool, dict) else {}
    try:
        return config_from_data(data)
    except MisfitError as misfit:
        place = ("tool", "rfgraph", *misfit.place)
        raise ConfigError(f"{origin}: {key_text(place)}: {misfit.problem}") from None


def _at(folder: Path, model: ModelConfig) -> ModelConfig:
    home, colon, name = model.target.rpartition(":")
    file = home if colon else model.target
    if not file.endswith((".py", ".pt2")) or Path(file).is_absolute():
        return model
    return replace(model, target=f"{(folder / file).as_posix()}{colon}{name if colon else ''}")
