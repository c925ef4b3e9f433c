"""`olos build --debug`: a twin that differs in one key of the manifest, and `olos diff` says just that."""

import json
from pathlib import Path

import pytest

from support.olos import hello_context, olos


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the layouts `production` and `debug` of one context."""
    folder = tmp_path_factory.mktemp("twins")
    dockerfile = hello_context(folder / "hello")
    olos("build", dockerfile, "-o", folder / "production")
    olos("build", dockerfile, "--debug", "-o", folder / "debug")
    return folder


def test_the_manifests_differ_in_one_key(twins: Path) -> None:
    production, debug = (
        json.loads((twins / name / "olos.json").read_text()) for name in ("production", "debug")
    )
    assert (production["policy"].pop("debug"), debug["policy"].pop("debug")) == (False, True)
    assert production == debug


def test_every_other_file_is_the_same(twins: Path) -> None:
    production, debug = (
        {
            str(path.relative_to(twins / name)): path.read_bytes()
            for path in (twins / name).rglob("*")
            if path.is_file()
        }
        for name in ("production", "debug")
    )
    assert {name for name in production | debug if production.get(name) != debug.get(name)} == {"olos.json"}


@pytest.mark.parametrize("names", [("production", "debug"), ("debug", "production")], ids="-".join)
def test_diff_says_so_in_one_line(twins: Path, names: tuple[str, str]) -> None:
    (line,) = olos("diff", *names, cwd=twins, expect=5).stdout.splitlines()
    assert line == "debug is the debug twin of production: nothing but policy.debug differs"


def test_so_does_the_check_of_a_reference(twins: Path) -> None:
    olos("measure", "production", "--write", "reference.json", cwd=twins)
    (line,) = olos("measure", "debug", "--check", "reference.json", cwd=twins, expect=5).stdout.splitlines()
    assert line == "debug is the debug twin of reference.json: nothing but policy.debug differs"


def test_the_measurements_are_two(twins: Path) -> None:
    production, debug = (olos("measure", twins / name).stdout for name in ("production", "debug"))
    assert production != debug
