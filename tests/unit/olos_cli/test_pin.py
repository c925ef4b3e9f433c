"""`olos pin` on the command line, with a Dockerfile that takes nothing from a network."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from olos_build.lock import load
from support.cli import Call
from support.web import Answer, Site, site


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The current directory, with a Dockerfile."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY x /\n")
    return tmp_path


@pytest.fixture
def web() -> Iterator[Site]:
    with site() as made:
        made.answers["/x"] = Answer(b"x")
        yield made


def test_a_new_lock(call: Call) -> None:
    outcome = call("pin")
    lines = outcome.stdout.splitlines()
    assert lines[0] == "wrote olos.lock"
    assert any(line.startswith("  kernel   linux (user-mode-linux ") for line in lines)
    assert max(map(len, lines)) <= 80
    lock = load(Path("olos.lock"))
    assert (lock.images, lock.downloads, lock.source_date_epoch) == ((), (), 0)


def test_json(call: Call, web: Site, here: Path) -> None:
    (here / "Dockerfile").write_text(f"FROM scratch\nADD {web.url}/x /\nADD {web.url}/x y /\n")
    outcome = call("pin", "--format", "json")
    report = json.loads(outcome.stdout)
    assert report == {
        "changes": [],
        "not_pinned": [
            {
                "line": 3,
                "reason": "the same ADD has other sources; give them an ADD of their own",
                "what": f"download {web.url}/x",
            }
        ],
        "path": "olos.lock",
        "schema": "olos-pin-report/1",
        "written": True,
    }
    assert "[not-pinned]" in outcome.stderr
    web.answers["/x"] = Answer(b"y")
    report = json.loads(call("pin", "--format", "json", expect=5).stdout)
    (change,) = report["changes"]
    assert change["what"] == f"download {web.url}/x"
    assert change["old"].endswith("(1 bytes)")
    assert report["written"] is False


def test_options_reach_the_lock(call: Call, here: Path) -> None:
    (here / "sub").mkdir()
    (here / "sub" / "Dockerfile").write_text("FROM scratch AS one\nFROM $UNKNOWN\n")
    (here / "sub" / "olos.toml").write_text("[build]\nsource_date_epoch = 5\n")
    outcome = call("pin", "sub/Dockerfile", "--target", "one", "-o", "x.lock", "--builder", "buildah")
    assert outcome.stdout.startswith("wrote x.lock\n")
    assert load(Path("x.lock")).source_date_epoch == 5
    call("pin", "sub/Dockerfile", "--target", "one", "-o", "x.lock", "--source-date-epoch", "6", expect=5)
    assert "image $UNKNOWN is not pinned: a variable" in call("pin", "sub/Dockerfile").stderr


def test_a_lock_that_is_broken(call: Call, here: Path) -> None:
    (here / "olos.lock").write_text("{}")
    assert "olos.lock: is no lock" in call("pin", expect=3).stderr
    assert (here / "olos.lock").read_text() == "{}"
    assert "olos.lock: is no lock" in call("build", expect=3).stderr
    assert call("pin", "--update").stdout.startswith("wrote olos.lock\n")
    assert call("pin").stdout == "olos.lock still holds: kernel, crt\n"


def test_a_checksum_that_is_wrong(call: Call, web: Site, here: Path) -> None:
    (here / "Dockerfile").write_text(f"FROM scratch\nADD --checksum=sha256:{'0' * 64} {web.url}/x /\n")
    assert "line 2: --checksum does not match" in call("pin", expect=5).stderr
    assert not (here / "olos.lock").exists()


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["pin", "."], 3, "hint: name the file: olos pin Dockerfile"),
        (["pin", "none"], 3, "none: cannot be read"),
        (["pin", "--build-arg", "=1"], 2, "has no form K=V or K"),
        (["build", "--locked", "--no-lock"], 2, "--no-lock cannot be used together"),
        (["build", "--lock", "x", "--no-lock"], 2, "--no-lock cannot be used together"),
        (["build", "--locked", "--image", "x"], 2, "--image and --locked cannot be used together"),
        (["build", "--lock", "none.lock"], 3, "none.lock: cannot be read"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_wrong_calls(call: Call, args: list[str], code: int, says: str) -> None:
    assert says in call(*args, expect=code).stderr


def test_a_dangling_lock_is_not_overlooked(call: Call, here: Path) -> None:
    os.symlink("gone", here / "olos.lock")
    assert "olos.lock: cannot be read" in call("build", expect=3).stderr
