"""What `olos lint` found, for people, for programs (`olos-lint/1`) and as SARIF 2.1.0."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from olos import VERSION
from olos_build.lint import RULES, Finding, Rule, Severity
from olos_cli.text import visible

SCHEMA = "olos-lint/1"
_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
_WIDTH = 80


@dataclass(frozen=True)
class Report:
    """The findings in one Dockerfile."""

    path: str
    findings: tuple[Finding, ...]

    def counts(self) -> dict[Severity, int]:
        """How many there are of each severity, the worst first."""
        counted = Counter(finding.rule.severity for finding in self.findings)
        return {severity: counted[severity] for severity in sorted(Severity, reverse=True)}

    def worst(self) -> Severity | None:
        """The highest severity; None without findings."""
        return max((finding.rule.severity for finding in self.findings), default=None)


def label(severity: Severity) -> str:
    """A severity as it is written: `error`, `warning`, `note`, as in SARIF."""
    return severity.name.lower()


def as_text(report: Report) -> Iterator[str]:
    """The findings for people, in lines of at most 80 columns where words allow it, and a summary."""
    for finding in report.findings:
        place = f"{visible(report.path)}:{finding.line}"
        head = f"{place}: {label(finding.rule.severity)}: {visible(finding.message)} [{finding.rule.name}]"
        yield from _wrapped(head, "", "  ")
        yield from _wrapped(finding.rule.reason, "  why   ", "        ")
        yield from _wrapped(visible(finding.cure), "  cure  ", "        ")
        yield ""
    yield _summary(report)


def _wrapped(text: str, first: str, following: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=following,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _summary(report: Report) -> str:
    if not report.findings:
        return f"{visible(report.path)}: nothing found"
    counted = [
        f"{count} {label(severity)}{'s' if count > 1 else ''}"
        for severity, count in report.counts().items()
        if count
    ]
    return f"{visible(report.path)}: {', '.join(counted)}"


def as_json(report: Report) -> Iterator[str]:
    """The findings for programs."""
    yield json.dumps(
        {
            "counts": {label(severity): count for severity, count in report.counts().items()},
            "findings": [
                {
                    "cure": finding.cure,
                    "line": finding.line,
                    "message": finding.message,
                    "reason": finding.rule.reason,
                    "rule": finding.rule.name,
                    "severity": label(finding.rule.severity),
                }
                for finding in report.findings
            ],
            "path": report.path,
            "schema": SCHEMA,
        },
        indent=2,
        sort_keys=True,
    )


def as_sarif(report: Report) -> Iterator[str]:
    """The findings as SARIF 2.1.0 (OASIS), which code hosts and editors read."""
    tool = {"driver": {"name": "olos", "version": VERSION, "rules": [_sarif_rule(rule) for rule in RULES]}}
    run = {
        "tool": tool,
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(report.path, finding) for finding in report.findings],
    }
    yield json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=2)


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.reason},
        "defaultConfiguration": {"level": label(rule.severity)},
    }


def _sarif_result(path: str, finding: Finding) -> dict[str, Any]:
    return {
        "ruleId": finding.rule.name,
        "ruleIndex": RULES.index(finding.rule),
        "level": label(finding.rule.severity),
        "message": {"text": f"{finding.message}: {finding.rule.reason}. Cure: {finding.cure}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(path)},
                    "region": {"startLine": finding.line},
                }
            }
        ],
    }


def rule_lines(rules: Iterable[Rule]) -> Iterator[str]:
    """The rules by name, with severity and reason."""
    for rule in rules:
        yield f"{rule.name} ({label(rule.severity)})"
        yield from _wrapped(rule.reason, "  ", "  ")


RENDERERS: dict[str, Callable[[Report], Iterator[str]]] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
}
