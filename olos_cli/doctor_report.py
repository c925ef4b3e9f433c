"""What `olos doctor` found, for people and for programs (`olos-doctor/1`)."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from olos.finding import Finding
from olos_cli.text import visible

SCHEMA = "olos-doctor/1"
_WIDTH = 80
_STATE_WIDTH = 9
_COLORS = {"ok": 32, "limited": 33, "missing": 31}


@dataclass(frozen=True)
class Report:
    """The findings by what they matter to: `run` and `build`."""

    areas: Mapping[str, tuple[Finding, ...]]

    def missing(self, area: str) -> bool:
        """Whether something stands in the way there."""
        return any(finding.state == "missing" for finding in self.areas[area])

    @property
    def healthy(self) -> bool:
        """Whether nothing is missing anywhere."""
        return not any(map(self.missing, self.areas))


def as_json(report: Report) -> str:
    """The report for programs."""
    findings = [
        {
            "area": area,
            "cost": finding.cost,
            "cure": finding.cure,
            "name": finding.name,
            "state": finding.state,
            "what": finding.what,
        }
        for area, found in report.areas.items()
        for finding in found
    ]
    document = {"findings": findings, "healthy": report.healthy, "schema": SCHEMA}
    return json.dumps(document, indent=2, sort_keys=True)


def as_text(report: Report, *, color: bool = False) -> Iterator[str]:
    """The report for people, in lines of at most 80 columns where words allow it."""
    for area, findings in report.areas.items():
        yield area
        for finding in findings:
            yield from _lines(finding, color)
        yield ""
    for area in report.areas:
        yield f"This host {'cannot' if report.missing(area) else 'can'} {area} packages."


def _lines(finding: Finding, color: bool) -> Iterator[str]:
    head, *rest = _wrapped(f"{finding.name}: {visible(finding.what)}", "")
    state = f"{finding.state:{_STATE_WIDTH}}"
    yield "  " + (f"\x1b[{_COLORS[finding.state]}m{state}\x1b[0m" if color else state) + head
    indent = " " * (2 + _STATE_WIDTH)
    notes = [("cost: ", finding.cost), ("cure: ", finding.cure)]
    for line in (*rest, *(line for label, text in notes if text for line in _wrapped(visible(text), label))):
        yield indent + line


def _wrapped(text: str, label: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH - 2 - _STATE_WIDTH,
        initial_indent=label,
        subsequent_indent=" " * (len(label) or 2),
        break_long_words=False,
        break_on_hyphens=False,
    )
