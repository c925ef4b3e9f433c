"""What `olos diff` found, for programs (`olos-diff/1`)."""

from __future__ import annotations

import json
from typing import Any

from measure.diff.model import Attribute, CauseCount, Change, Difference, Origin

SCHEMA = "olos-diff/1"


def as_json(difference: Difference) -> str:
    """The difference with every value as it is."""
    return json.dumps(as_object(difference), indent=2, sort_keys=True)


def as_object(difference: Difference) -> dict[str, Any]:
    """The same as an object, to be part of another report."""
    return {
        "causes": [_cause(count) for count in difference.causes],
        "changes": [_change(change) for change in difference.changes],
        "debug_twin": difference.debug_twin,
        "equal": difference.equal,
        "files": {
            "added": difference.files.added,
            "changed": difference.files.changed,
            "known": difference.files_known,
            "left_out": difference.left_out,
            "removed": difference.files.removed,
            "without_cause": difference.unexplained,
        },
        "new": {"measurement": difference.new_measurement.hex, "name": difference.new_name},
        "notes": difference.notes,
        "old": {"measurement": difference.old_measurement.hex, "name": difference.old_name},
        "schema": SCHEMA,
    }


def _cause(count: CauseCount) -> dict[str, Any]:
    return {
        "changes": count.changes,
        "cure": count.cause.cure,
        "evidence": _attributes(count.evidence),
        "name": count.cause.name,
        "text": count.cause.text,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "attributes": _attributes(change.attributes),
        "below": change.below,
        "causes": [cause.name for cause in change.causes],
        "evidence": _attributes(change.evidence),
        "inside": change.inside,
        "kind": change.kind,
        "new_origin": origin_object(change.new_origin),
        "old_origin": origin_object(change.old_origin),
        "subject": change.subject,
        "what": change.what,
    }


def _attributes(attributes: tuple[Attribute, ...]) -> list[dict[str, str | None]]:
    return [{"name": each.name, "new": each.new, "old": each.old} for each in attributes]


def origin_object(origin: Origin | None) -> dict[str, Any] | None:
    """Who wrote a file, as an object."""
    if origin is None:
        return None
    return {
        "base": origin.base,
        "instruction": origin.instruction,
        "layer": origin.layer,
        "line": origin.line,
    }
