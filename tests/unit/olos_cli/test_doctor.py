import json
import sys
from pathlib import Path

import pytest

from olos.finding import Finding
from olos_cli.console import Console
from olos_cli.doctor_report import Report, as_json, as_text
from support.cli import Call

FINE = Finding("buildah", "ok", "1.28.2")
SLOW = Finding("memory", "limited", "in /odd\x1b[31m " + "place " * 20, "slower " * 20, "another " * 20)
LACK = Finding("ptrace", "missing", "refused", "", "sysctl")


def fake(monkeypatch: pytest.MonkeyPatch, run: tuple[Finding, ...], build: tuple[Finding, ...]) -> None:
    monkeypatch.setattr("pack.doctor.examine", lambda layout=None: run)
    monkeypatch.setattr("olos_build.doctor.examine", lambda: iter(build))


def test_this_host(call: Call, package: Path) -> None:
    text = call("doctor", package).stdout
    assert "  ok       ptrace: of own children works\n" in text
    assert text.endswith("\nThis host can run packages.\nThis host can build packages.\n")


def test_json(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, (LACK,), (FINE,))
    document = json.loads(call("doctor", "--format=json", expect=6).stdout)
    assert (document["schema"], document["healthy"]) == ("olos-doctor/1", False)
    assert document["findings"][0] == {
        "area": "run",
        "cost": "",
        "cure": "sysctl",
        "name": "ptrace",
        "state": "missing",
        "what": "refused",
    }


def test_text(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, (SLOW,), (LACK,))
    outcome = call("doctor", expect=6)
    lines = outcome.stdout.splitlines()
    assert all(len(line) <= 80 and line.isprintable() for line in lines)
    assert lines[1].startswith("  limited  memory: in /odd\\x1b[31m place")
    assert "           cost: slower slower" in outcome.stdout
    assert lines[-2:] == ["This host can run packages.", "This host cannot build packages."]
    assert outcome.stderr == ""


def test_colours() -> None:
    report = Report({"run": (FINE, LACK), "build": ()})
    plain, coloured = "\n".join(as_text(report)), "\n".join(as_text(report, color=True))
    assert "\x1b" not in plain and "\x1b[31mmissing" in coloured
    for code in (31, 32, 0):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured == plain
    assert json.loads(as_json(report))["healthy"] is False


@pytest.mark.parametrize(
    ("terminal", "variable", "value", "color", "expected"),
    [
        (True, "TERM", "xterm", True, True),
        (True, "TERM", "dumb", True, False),
        (True, "NO_COLOR", "1", True, False),
        (True, "TERM", "xterm", False, False),
        (False, "TERM", "xterm", True, False),
    ],
    ids=["terminal", "dumb", "no-color", "option", "pipe"],
)
def test_colour_is_for_terminals(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, variable: str, value: str, color: bool, expected: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert Console(color=color).colors_result is expected


def test_what_is_no_package(call: Call, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("none")
    assert "error: " in call("doctor", tmp_path / "x", expect=3).stderr
