"""What `olos inspect` shows, for people and for programs (`olos-inspect-report/1`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from olos.canonical import JSON, decode
from olos.errors import InputError
from olos.layout import ANNOTATIONS, ANNOTATIONS_LIMIT, Layout
from olos.manifest import Manifest
from olos_cli.sections import section_lines
from olos_cli.text import size, table, visible

SCHEMA = "olos-inspect-report/1"
_MAX_WIDTH = 200


@dataclass(frozen=True)
class Report:
    """A layout or package as it describes itself. `files`: name, size, and offset in a package."""

    path: str
    kind: str
    size: int
    files: tuple[tuple[str, int, int], ...]
    manifest: Manifest
    annotations: JSON


def report_of(layout: Layout) -> Report:
    """Read what is stored. Raises InputError if it cannot be read."""
    files = tuple((name, extent.size, extent.offset) for name, extent in layout.files)
    total = layout.origin.stat().st_size if layout.packed else sum(size for _, size, _ in files)
    return Report(
        path=str(layout.origin),
        kind="package" if layout.packed else "layout",
        size=total,
        files=files,
        manifest=layout.manifest(),
        annotations=_annotations(layout),
    )


def _annotations(layout: Layout) -> JSON:
    if ANNOTATIONS not in layout:
        return None
    where = f"{layout.origin}: {ANNOTATIONS}"
    value = decode(layout[ANNOTATIONS].read(ANNOTATIONS_LIMIT), where=where, limit=ANNOTATIONS_LIMIT)
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: is no JSON object")
    return value


def as_json(report: Report) -> str:
    """The report for programs."""
    return json.dumps(
        {
            "annotations": report.annotations,
            "files": [{"name": name, "offset": offset, "size": size} for name, size, offset in report.files],
            "kind": report.kind,
            "manifest": json.loads(report.manifest.encode()),
            "path": report.path,
            "schema": SCHEMA,
            "size": report.size,
        },
        indent=2,
        sort_keys=True,
    )


def as_text(report: Report) -> Iterator[str]:
    """The report for people."""
    yield f"{report.kind} {visible(report.path)}, {size(report.size)}"
    yield ""
    yield "files"
    yield from table(_rows(report), right=frozenset({1, 2}), indent="  ")
    for name in ("rootfs", "app", "policy"):
        yield ""
        yield name
        yield from (f"  {line}" for line in section_lines(report.manifest, name))
    if report.annotations is not None:
        yield ""
        yield "annotations (not measured)"
        yield from (f"  {line}" for line in _annotation_lines(report.annotations))
    yield ""
    yield "All of this is as stored: 'olos measure' recomputes it."


def _rows(report: Report) -> list[tuple[str, ...]]:
    if report.kind == "layout":
        return [(name, f"{size:,}") for name, size, _ in report.files]
    return [(name, f"{size:,}", f"at {offset:,}") for name, size, offset in report.files]


def _annotation_lines(value: JSON) -> Iterator[str]:
    """Any JSON object as lines of ASCII. Long lines are cut; the depth is bounded by the decoder."""
    text = json.dumps(value, indent=2, ensure_ascii=True)
    for line in text.splitlines():
        yield line if len(line) <= _MAX_WIDTH else f"{line[:_MAX_WIDTH]}…"
