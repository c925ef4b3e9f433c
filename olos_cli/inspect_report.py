"""What `olos inspect` shows, for people and for programs (`olos-inspect-report/1`)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from olos.annotations import Annotations, load
from olos.layout import Layout
from olos.manifest import Manifest
from olos_cli.sections import section_lines
from olos_cli.text import size, table, visible

SCHEMA = "olos-inspect-report/1"
_WIDTH = 80


@dataclass(frozen=True)
class Report:
    """A layout or package as it describes itself. `files`: name, size, and offset in a package."""

    path: str
    kind: str
    size: int
    files: tuple[tuple[str, int, int], ...]
    manifest: Manifest
    annotations: Annotations | None


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
        annotations=load(layout),
    )


def as_json(report: Report) -> str:
    """The report for programs."""
    return json.dumps(
        {
            "annotations": report.annotations and json.loads(report.annotations.encode()),
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


def _annotation_lines(annotations: Annotations) -> Iterator[str]:
    """What made the image, and the layers with what made each and how many entries it wrote."""
    builder = visible(f"{annotations.builder} {annotations.builder_version}".rstrip())
    yield f"image  {annotations.config_digest}"
    yield f"       from {builder}, with olos {visible(annotations.olos_version)}"
    yield f"       SOURCE_DATE_EPOCH {annotations.source_date_epoch}"
    if annotations.scrub:
        yield f"       scrubbed: {visible(', '.join(annotations.scrub))}"
    entries: Counter[int] = Counter()
    for count, layer in annotations.origins:
        entries[layer] += count
    rows: list[tuple[str, ...]] = [("layer", "sha256", "entries", "line", "made by")]
    rows.append(("-", "", f"{entries[0]:,}", "", "olos"))
    for number, digest in enumerate(annotations.layers, 1):
        step = annotations.step(number)
        line = str(step.line) if step and step.line else ""
        made_by = visible(step.instruction) if step else ""
        rows.append((str(number), digest.hex[:12], f"{entries[number]:,}", line, made_by))
    for row in table(rows, right=frozenset({0, 2, 3})):
        yield row if len(row) <= _WIDTH - 2 else f"{row[: _WIDTH - 3]}…"
