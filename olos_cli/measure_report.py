"""What `olos measure` found, for people and for programs (`olos-measure-report/1`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measure.layout import Measured
from measure.mrenclave import PAGE_SIZE, Permissions
from measure.regions import Region, regions
from olos.digest import Digest
from olos.manifest import Manifest
from olos_cli.sections import section_lines
from olos_cli.text import visible

if TYPE_CHECKING:
    from measure.sgxs import Enclave
    from olos_cli.referencing import Written

SCHEMA = "olos-measure-report/1"
SGXS_SCHEMA = "olos-sgxs-report/1"
MEASUREMENT_FORMAT = "olos-measure-1"


@dataclass(frozen=True)
class Report:
    """A measured layout or package and all that went into its value."""

    path: str
    kind: str
    measurement: Digest
    manifest: Manifest
    regions: tuple[Region, ...]


def lines(measured: Measured, output_format: str, *, explain: bool = False) -> Iterable[str]:
    """The result of `olos measure`: the value alone, unless more is asked for."""
    if output_format == "json":
        return [as_json(report_of(measured))]
    return as_text(report_of(measured)) if explain else [measured.measurement.hex]


def report_of(measured: Measured) -> Report:
    """The report on a layout or package that was measured."""
    return Report(
        path=str(measured.layout.origin),
        kind="package" if measured.layout.packed else "layout",
        measurement=measured.measurement,
        manifest=measured.manifest,
        regions=regions(measured.manifest),
    )


def as_json(report: Report) -> str:
    """The report for programs."""
    return json.dumps(
        {
            "format": MEASUREMENT_FORMAT,
            "kind": report.kind,
            "manifest": json.loads(report.manifest.encode()),
            "measurement": report.measurement.hex,
            "path": report.path,
            "regions": [_region_json(region) for region in report.regions],
            "schema": SCHEMA,
        },
        indent=2,
        sort_keys=True,
    )


def _region_json(region: Region) -> dict[str, Any]:
    return {
        "bytes": len(region.data),
        "name": region.name,
        "offset": region.offset,
        "pages": region.size // PAGE_SIZE,
        "permissions": _permissions(region.permissions),
        "sha256": Digest.sha256(region.data).hex,
    }


def as_text(report: Report) -> Iterator[str]:
    """The report for people: the measurement, and below it the tree of what went in."""
    yield f"measurement  {report.measurement.hex}"
    yield f"of {report.kind} {visible(report.path)}, format {MEASUREMENT_FORMAT}"
    for region in report.regions:
        yield ""
        yield _region_line(region)
        yield from (f"  {line}" for line in section_lines(report.manifest, region.name))


def _region_line(region: Region) -> str:
    pages = region.size // PAGE_SIZE
    return (
        f"{region.name}  {pages} {'page' if pages == 1 else 'pages'} {_permissions(region.permissions)}"
        f" at {region.offset:#x}: {len(region.data):,} bytes of canonical JSON"
    )


def _permissions(permissions: Permissions) -> str:
    return "".join(flag.name or "" if flag in permissions else "-" for flag in Permissions)


def enclave_lines(path: Path, enclave: Enclave, output_format: str) -> Iterable[str]:
    """The result of `olos measure --sgxs` (`olos-sgxs-report/1`)."""
    if output_format == "text":
        return [enclave.measurement.hex]
    report = {
        "enclave_size": enclave.size,
        "measurement": enclave.measurement.hex,
        "pages": enclave.pages,
        "path": str(path),
        "schema": SGXS_SCHEMA,
        "ssa_frame_size": enclave.ssa_frame_size,
        "stream_size": enclave.stream_size,
    }
    return [json.dumps(report, indent=2, sort_keys=True)]


def written_line(written: Written) -> str:
    """What became of a reference file, in one line."""
    if not written.changed:
        return f"{written.file} says so already"
    if written.old is None:
        return f"wrote {written.file}"
    if written.old.measurement == written.measured.measurement:
        return f"wrote {written.file}: same measurement, other inputs"
    return f"wrote {written.file}: the measurement was {written.old.measurement.hex}"
