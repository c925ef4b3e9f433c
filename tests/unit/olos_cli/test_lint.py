"""`olos lint`: three renderings, exit codes, what it says of what is no Dockerfile."""

import json
from pathlib import Path
from typing import Any

import pytest
import sarif_om

from olos_build.lint import RULES
from support.cli import Call

TEXT = "FROM debian:12\nRUN date > /x\nRUN useradd app\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text(TEXT)
    return tmp_path


def test_text(call: Call, folder: Path) -> None:
    assert call("lint", expect=7).stdout == (
        "Dockerfile:1: error: debian:12 has the tag '12' and no digest [floating-image]\n"
        "  why   a tag moves: the next build may begin with another image\n"
        "  cure  run 'olos pin', or write: debian:12@sha256:…\n"
        "\n"
        "Dockerfile:2: error: date gives the time of the build [clock]\n"
        "  why   every build has another time\n"
        '  cure  write: date -u -d "@$SOURCE_DATE_EPOCH", or take the time from a file of\n'
        "        the context\n"
        "\n"
        "Dockerfile:3: note: useradd takes the next free user id [user-without-id]\n"
        "  why   which id is free depends on the packages installed before\n"
        "  cure  write: useradd --uid 10001 …\n"
        "\n"
        "Dockerfile: 2 errors, 1 note\n"
    )


def test_json(call: Call, folder: Path) -> None:
    report = json.loads(call("lint", "--format", "json", expect=7).stdout)
    assert report["schema"] == "olos-lint/1"
    assert report["path"] == "Dockerfile"
    assert report["counts"] == {"error": 2, "warning": 0, "note": 1}
    assert [(f["line"], f["rule"], f["severity"]) for f in report["findings"]] == [
        (1, "floating-image", "error"),
        (2, "clock", "error"),
        (3, "user-without-id", "note"),
    ]
    assert all(
        set(f) == {"cure", "line", "message", "reason", "rule", "severity"} for f in report["findings"]
    )


MODEL: dict[str, type[Any]] = {
    "runs": sarif_om.Run,
    "tool": sarif_om.Tool,
    "driver": sarif_om.ToolComponent,
    "rules": sarif_om.ReportingDescriptor,
    "shortDescription": sarif_om.MultiformatMessageString,
    "defaultConfiguration": sarif_om.ReportingConfiguration,
    "results": sarif_om.Result,
    "message": sarif_om.Message,
    "locations": sarif_om.Location,
    "physicalLocation": sarif_om.PhysicalLocation,
    "artifactLocation": sarif_om.ArtifactLocation,
    "region": sarif_om.Region,
}


def model_of(kind: type[Any], value: dict[str, Any]) -> Any:
    """An object of the public SARIF model. It knows its properties and requires those that must be there."""
    names = {field.metadata["schema_property_name"]: field.name for field in kind.__attrs_attrs__}
    members = {}
    for key, member in value.items():
        many = member if isinstance(member, list) else [member]
        parsed = [model_of(MODEL[key], m) if isinstance(m, dict) else m for m in many]
        members[names[key]] = parsed if isinstance(member, list) else parsed[0]
    return kind(**members)


def test_sarif(call: Call, folder: Path) -> None:
    log = json.loads(call("lint", "--format", "sarif", expect=7).stdout)
    model = model_of(sarif_om.SarifLog, log)
    assert model.version == "2.1.0"
    (run,) = model.runs
    assert [rule.id for rule in run.tool.driver.rules] == [rule.name for rule in RULES]
    assert {result.level for result in run.results} <= {"none", "note", "warning", "error"}
    for result in run.results:
        assert run.tool.driver.rules[result.rule_index].id == result.rule_id
        (location,) = result.locations
        assert location.physical_location.artifact_location.uri == "Dockerfile"
    assert [r.locations[0].physical_location.region.start_line for r in run.results] == [1, 2, 3]


def test_sarif_names_files_as_uris(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a b#.Dockerfile").write_text(TEXT)
    log = json.loads(call("lint", "a b#.Dockerfile", "--format", "sarif", expect=7).stdout)
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b%23.Dockerfile"


@pytest.mark.parametrize(
    ("text", "fail_on", "code"),
    [
        ("FROM scratch\n", "note", 0),
        ("FROM scratch\nRUN useradd a\n", "error", 0),
        ("FROM scratch\nRUN useradd a\n", "warning", 0),
        ("FROM scratch\nRUN useradd a\n", "note", 7),
        ("FROM scratch\nRUN hostname\n", "warning", 7),
        ("FROM a\n", "error", 7),
        ("FROM a\n", "never", 0),
    ],
)
def test_exit_codes(call: Call, folder: Path, text: str, fail_on: str, code: int) -> None:
    (folder / "Dockerfile").write_text(text)
    call("lint", "--fail-on", fail_on, expect=code)


def test_nothing_found(call: Call, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM scratch\n")
    outcome = call("lint")
    assert outcome.stdout == "Dockerfile: nothing found\n"
    assert outcome.stderr == ""


def test_rules_are_left_out_and_listed(call: Call, folder: Path) -> None:
    call("lint", "--ignore", "clock", "--ignore", "floating-image")
    call("lint", "--ignore", "clocks", expect=2)
    listed = call("lint", "--rules").stdout
    assert all(f"{rule.name} (" in listed for rule in RULES)
    assert max(map(len, listed.splitlines())) <= 80


def test_the_context_may_be_elsewhere(call: Call, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (folder / "other").mkdir()
    (folder / "other" / ".dockerignore").touch()
    call("lint", "--fail-on", "warning", expect=7)
    call("lint", "--fail-on", "warning", "--context", "other")


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (b"FORM scratch\n", 4, "line 1: unknown instruction FORM"),
        (b"FROM a\nRUN <<E\n", 4, "line 2: the here-document 'E' has no end"),
        (b'FROM a\nCMD ["a", 1]\n', 4, "line 2: CMD: a JSON array of arguments may hold strings only"),
        (b"FROM a\nENV A\n", 4, "line 2: ENV: expected NAME=VALUE"),
        (b"FROM a b\n", 4, "line 1: FROM: expected IMAGE, or IMAGE AS NAME"),
        (b"RUN a\nFROM b\n", 4, "line 1: RUN stands before the first FROM"),
        (b"# escape=x\nFROM a\n", 4, "line 1: the escape character must be"),
        (b"FROM a\nONBUILD FROM b\n", 4, "line 2: ONBUILD cannot trigger FROM"),
        (b"FROM a\nCOPY b\n", 4, "line 2: COPY: expected at least 2 argument(s)"),
        (b"\xff", 3, "not UTF-8"),
    ],
)
def test_what_is_no_dockerfile(call: Call, folder: Path, content: bytes, code: int, says: str) -> None:
    (folder / "Dockerfile").write_bytes(content)
    outcome = call("lint", expect=code)
    assert outcome.out == b""
    assert outcome.stderr.startswith("error: Dockerfile: ")
    assert says in outcome.stderr


def test_foreign_text_is_shown_harmless(call: Call, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM \x1b[31m[/red]\u202e\n")
    out = call("lint", expect=7).stdout
    assert "\x1b" not in out
    assert r"\x1b[31m[/red]\u202e" in out


def test_every_rule_is_in_the_document() -> None:
    document = Path(__file__).parents[3] / "docs" / "lint.md"
    lines = document.read_text().splitlines()
    for rule in RULES:
        assert any(line.startswith(f"| `{rule.name}` | {rule.severity.name.lower()} |") for line in lines)


def test_an_empty_name(call: Call, folder: Path) -> None:
    assert call("lint", "", expect=3).stderr.startswith("error: .: cannot be read: Is a directory")


def test_a_context_that_is_none(call: Call, folder: Path) -> None:
    result = call("lint", "--context", "Dockerfile", expect=3)
    assert result.stderr.splitlines()[0] == "error: Dockerfile: is not a directory"
