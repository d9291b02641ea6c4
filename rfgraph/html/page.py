"""The page itself: template, style, scripts, libraries and data in one text."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from rfgraph.analysis import Analysis
from rfgraph.errors import InputError
from rfgraph.html.content import page_content
from rfgraph.html.finding import Finding
from rfgraph.html.png import encode_png
from rfgraph.pictures import as_array

_SCRIPTS = ("data.js", "picture.js", "tree.js", "graph.js", "table.js", "main.js")
"""In the order in which they build on each other."""


def report_page(
    analysis: Analysis,
    *,
    image: Any = None,  # noqa: ANN401 -- anything that holds pixels
    title: str = "Receptive fields",
    findings: Sequence[Finding] = (),
    influence: Mapping[str, npt.ArrayLike] | None = None,
) -> str:
    """Return the report as one HTML text that needs no other file and no network.

    Args:
        analysis: What it is about.
        image: A picture of the analysed size, on which fields are drawn; a neutral grid by default.
        title: The page's title.
        findings: Remarks to point at, such as those of an audit.
        influence: Measured influence by node or module name, non-negative and shaped as the
            picture, drawn as a heat map under the node's box.

    Raises:
        InputError: The picture or a heat map has another size, a finding is of no known severity,
            or no input has an analysed axis.
        NodeNotFoundError: A finding or a heat map is about no node.
    """
    content = page_content(analysis, title=title, findings=findings)
    lengths = tuple(content["input"]["lengths"])
    if image is not None:
        array = as_array(image)
        _check_size(array.shape[:2], lengths, "the picture")
        content["picture"] = _png(np.repeat(array, 3, -1) if array.shape[-1] == 1 else array)
    content["influence"] = {
        analysis[name].name: _heat(values, lengths, name)
        for name, values in (influence or {}).items()
    }
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    page = _asset("page.html")
    for slot, text in {
        "TITLE": html.escape(title),
        "STYLE": _asset("page.css"),
        "LICENSES": html.escape(_asset("LICENSES.txt")).replace("--", "&#45;&#45;"),
        "VENDOR": _asset("vendor.min.js"),
        "SCRIPTS": "\n".join(_asset(name) for name in _SCRIPTS),
        # Nothing in the data can end the element that holds it.
        "DATA": data.replace("<", "\\u003c"),
    }.items():
        before, _, after = page.partition(f"%{slot}%")
        page = before + text + after
    return page


def _asset(name: str) -> str:
    return (files("rfgraph.html") / "assets" / name).read_text(encoding="utf-8")


def _check_size(shape: Sequence[int], lengths: Sequence[int], what: str) -> None:
    if tuple(shape) != tuple(lengths):
        raise InputError(
            f"{what} has {' × '.join(map(str, shape))} pixels and the analysed input "
            f"{' × '.join(map(str, lengths))}; scale it or analyse its size"
        )


def _png(array: npt.NDArray[np.float64]) -> str:
    encoded = encode_png((array * 255).round().astype(np.uint8))
    return "data:image/png;base64," + base64.b64encode(encoded).decode()


def _heat(values: npt.ArrayLike, lengths: Sequence[int], name: str) -> str:
    """Return the square root of influence as a grey picture, the largest white."""
    array = np.asarray(values, dtype=np.float64)
    _check_size(array.shape, lengths, f"the influence on {name}")
    if not np.isfinite(array).all() or (array < 0).any():
        raise InputError(f"the influence on {name} is not all finite and non-negative")
    return _png(np.sqrt(array / (array.max() or 1))[..., None])
