"""Which paths a question is about."""

from __future__ import annotations

from typing import Literal

Scope = Literal["total", "local"]
"""All paths, the structural truth, or local paths alone."""
