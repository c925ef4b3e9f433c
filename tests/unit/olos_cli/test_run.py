from collections.abc import Sequence
from pathlib import Path

import pytest

from olos.layout import Layout
from support.cli import Call


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        ([], ()),
        (["a", "-x", "--long=1"], ("a", "-x", "--long=1")),
        (["--", "-v", "--help"], ("-v", "--help")),
        (["--", "--", "x"], ("--", "x")),
        (["--help"], ("--help",)),
        (["-q", "--olos-measure"], ("-q", "--olos-measure")),
        ([""], ("",)),
    ],
    ids=str,
)
def test_all_behind_the_path_goes_to_the_app(
    call: Call, monkeypatch: pytest.MonkeyPatch, package: Path, typed: list[str], given: tuple[str, ...]
) -> None:
    seen: list[tuple[Path, tuple[str, ...]]] = []

    def run(layout: Layout, args: Sequence[str], options: Sequence[str]) -> None:
        assert not options
        seen.append((layout.origin, tuple(args)))

    monkeypatch.setattr("pack.run.run", run)
    assert call("run", package, *typed).out == b""
    assert seen == [(package, given)]


def test_ports_become_options_of_the_package(
    call: Call, monkeypatch: pytest.MonkeyPatch, package: Path
) -> None:
    seen: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    monkeypatch.setattr("pack.run.run", lambda _, args, options: seen.append((tuple(args), tuple(options))))
    call("run", "--publish", "8080:80", "--publish", "[x", "--host-loopback", package, "a")
    ports = ("--olos-publish", "8080:80", "--olos-publish", "[x", "--olos-host-loopback")
    assert seen == [(("a",), ports)]


def test_mounts_become_options_of_the_package(
    call: Call, monkeypatch: pytest.MonkeyPatch, package: Path
) -> None:
    seen: list[tuple[tuple[str, ...], tuple[str, ...]]] = []

    def run(layout: Layout, args: Sequence[str], options: Sequence[str]) -> None:
        seen.append((tuple(args), tuple(options)))

    monkeypatch.setattr("pack.run.run", run)
    call("run", "--mount", "/a=b", "--mount", "/c=--x", package, "--mount", "/d=e")
    assert seen == [(("--mount", "/d=e"), ("--olos-mount", "/a=b", "--olos-mount", "/c=--x"))]


@pytest.mark.parametrize(
    ("typed", "options"),
    [
        (["--expect", "ab"], ("--olos-expect", "ab")),
        (["--stop-timeout", "never"], ("--olos-stop-timeout", "never")),
        (["--trace", "all"], ("--olos-trace",)),
        (["--trace", "open,%network"], ("--olos-trace=open,%network",)),
        (["--trace-failed", "--gdb"], ("--olos-trace-failed", "--olos-gdb")),
    ],
    ids=str,
)
def test_other_options_become_those_of_the_package(
    call: Call, monkeypatch: pytest.MonkeyPatch, package: Path, typed: list[str], options: tuple[str, ...]
) -> None:
    seen: list[tuple[str, ...]] = []
    monkeypatch.setattr("pack.run.run", lambda _, __, options: seen.append(tuple(options)))
    call("run", *typed, package)
    assert seen == [options]


def test_options_before_the_path_are_ours(call: Call, package: Path) -> None:
    assert call("run", "--help", package).stdout.startswith("Usage: olos run")
    assert "No such option '--frob'" in call("run", "--frob", package, expect=2).stderr
