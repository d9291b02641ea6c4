"""A difference as plain data, and as YAML and JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rfgraph.report.yaml_format import block

if TYPE_CHECKING:
    from rfgraph.comparison.difference import Change, Difference
    from rfgraph.report.readers import Data


def to_data(difference: Difference) -> dict[str, Data]:
    """Return the difference as nested plain data, in a fixed order."""
    return {
        "different": bool(difference),
        "model": [_change(change) for change in difference.model],
        "causes": list(difference.causes),
        "nodes": [
            {
                "name": node.node,
                "causes": list(node.causes),
                "changes": [_change(change) for change in node.changes],
            }
            for node in difference.nodes
        ],
        "added": list(difference.added),
        "removed": list(difference.removed),
        "renamed": [{"old": old, "new": new} for old, new in difference.renamed],
    }


def spell_yaml(difference: Difference) -> str:
    """Return the difference as YAML."""
    return "\n".join(block(to_data(difference), "")) + "\n"


def spell_json(difference: Difference) -> str:
    """Return the difference as JSON."""
    return json.dumps(to_data(difference), indent=2, ensure_ascii=False) + "\n"


def _change(change: Change) -> Data:
    return {"what": change.what, "old": change.old, "new": change.new}
