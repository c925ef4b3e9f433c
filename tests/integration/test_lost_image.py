"""Somebody else removes an image of buildah's storage while buildah looks for layers to reuse."""

from pathlib import Path

import pytest

from support.buildkit import first_on_path
from support.olos import olos

MESSAGE = (
    "Error: checking if cached image exists from a previous build: getting top layer info: layer not known"
)


def failing(folder: Path, monkeypatch: pytest.MonkeyPatch, times: int, message: str = MESSAGE) -> Path:
    """A buildah before the real one that fails to build so many times. Returns the list of its attempts."""
    attempts = folder / "attempts"
    attempts.touch()
    (folder / "bin").mkdir()
    program = folder / "bin" / "buildah"
    program.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = build ]; then echo >> {attempts}; [ "$(wc -l < {attempts})" -gt {times} ] || '
        f'{{ echo "{message}" >&2; exit 125; }}; fi\n'
        f'PATH="${{PATH#*:}}" exec buildah "$@"\n'
    )
    program.chmod(0o755)
    (folder / "x").write_text("x")
    (folder / "Dockerfile").write_text('FROM scratch\nCOPY x /\nENTRYPOINT ["/x"]\n')
    monkeypatch.setenv("PATH", first_on_path(folder / "bin"))
    return attempts


def test_it_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = failing(tmp_path, monkeypatch, 2)
    olos("build", cwd=tmp_path)
    assert attempts.read_text() == "\n" * 3


def test_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = failing(tmp_path, monkeypatch, 9)
    assert "layer not known" in olos("build", cwd=tmp_path, expect=4).stderr
    assert attempts.read_text() == "\n" * 3


def test_not_what_fails_for_another_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = failing(tmp_path, monkeypatch, 9, "Error: something else")
    assert "something else" in olos("build", cwd=tmp_path, expect=4).stderr
    assert attempts.read_text() == "\n"
