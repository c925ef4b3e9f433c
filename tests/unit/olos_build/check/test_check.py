"""What is made another one for a check, without a builder."""

import json
import os
import stat
from contextlib import nullcontext
from pathlib import Path

import pytest

from olos.errors import InputError
from olos_build.builders.protocol import BuildRequest
from olos_build.check import context_copy, image_view
from olos_build.check.circumstances import Circumstances, Turn, other_circumstances
from olos_build.check.dimensions import DIMENSIONS, MOST_RISK, outcomes
from olos_build.check.model import Change, Place, Stays
from olos_build.check.storage import Storage
from olos_build.tool import Surroundings, Tool, first_line, started_in

SH = Tool("sh", "dash")


def storage(folder: Path, *, newest_first: bool = True) -> Storage:
    (folder / "shared").mkdir(parents=True)
    return Storage(folder, folder, folder, newest_first)


def request(folder: Path) -> BuildRequest:
    context = folder / "mine"
    (context / "sub").mkdir(parents=True)
    (context / "sub" / "program").write_text("x")
    (context / "sub" / "program").chmod(0o755)
    (context / "left-out").write_text("x")
    (context / "link").symlink_to("sub/program")
    (context / ".dockerignore").write_text("left-out\n")
    (context / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    return BuildRequest(context / "Dockerfile", context)


def test_names_are_unique() -> None:
    assert len({dimension.name for dimension in DIMENSIONS}) == len(DIMENSIONS)


@pytest.mark.parametrize("risk", range(MOST_RISK + 1))
def test_what_programs_cannot_bear_stays(tmp_path: Path, risk: int) -> None:
    found = dict(outcomes(Place("buildah", 1, storage(tmp_path / "storage")), risk))
    assert isinstance(found["clock"], Change) == (risk >= 2)
    assert isinstance(found["kernel release"], Change) == (risk >= 1)
    assert isinstance(found["time zone"], Change)


def test_nothing_is_claimed_that_a_builder_does_not_let_in() -> None:
    found = dict(outcomes(Place("docker", 1, None), MOST_RISK))
    for name in ("clock", "host name", "order of directories", "processors", "kernel release"):
        assert found[name] == Stays("docker chooses it")


def test_no_tmpfs_is_said(tmp_path: Path) -> None:
    place = Place("buildah", 1, storage(tmp_path / "storage", newest_first=False))
    assert isinstance(dict(outcomes(place, MOST_RISK))["order of directories"], Stays)


def test_each_time_is_another_one(tmp_path: Path) -> None:
    texts = []
    for number in (1, 2):
        place = Place("buildah", number, storage(tmp_path / str(number)))
        found = dict(outcomes(place, MOST_RISK))
        changes = [found[name] for name in ("clock", "time zone", "locale")]
        texts.append([change.variables for change in changes if isinstance(change, Change)])
    assert all(first != second for first, second in zip(*texts, strict=True))


def test_one_processor_is_not_made_another_number(tmp_path: Path) -> None:
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(usable)})
    try:
        found = dict(outcomes(Place("buildah", 1, storage(tmp_path / "storage")), 0))
    finally:
        os.sched_setaffinity(0, usable)
    assert found["processors"] == Stays("this machine has only one")


def test_the_context_is_copied_as_another_umask_would_have_it(tmp_path: Path) -> None:
    context_copy.copy(request(tmp_path), tmp_path / "copy")
    found = {
        str(path.relative_to(tmp_path / "copy")): stat.S_IMODE(path.lstat().st_mode)
        for path in (tmp_path / "copy").rglob("*")
    }
    assert found == {"Dockerfile": 0o600, "link": 0o777, "sub": 0o700, "sub/program": 0o700}
    assert (tmp_path / "copy" / "link").readlink() == Path("sub/program")


def test_a_context_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no directory"):
        context_copy.copy(BuildRequest(tmp_path / "Dockerfile", tmp_path / "none"), tmp_path / "copy")


def test_programs_are_started_in_the_surroundings() -> None:
    surroundings = Surroundings(("env", "FIRST=1"), (("SECOND", "2"),), 0o077)
    with started_in(surroundings):
        assert first_line(SH, ["-c", "echo $FIRST $SECOND $(umask)"]) == "1 2 0077"
    assert first_line(SH, ["-c", "echo $FIRST $SECOND $(umask)"]) == "0022"


def test_circumstances_of_a_builder_that_is_a_service(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    with other_circumstances(Turn("docker", 1, 1), request(tmp_path), tmp_path / "spool") as around:
        assert isinstance(around, Circumstances)
        assert (around.context / "Dockerfile").is_file()
        assert {name for name, _ in around.variables} == {"TZ", "LANG"}
        zone = dict(around.variables)["TZ"]
        assert first_line(SH, ["-c", "echo $TZ"]) == zone
    assert first_line(SH, ["-c", "echo $TZ"]) != zone


def write_storage(folder: Path) -> Path:
    """Two images, one without a name, of which each has a layer of its own on a common one."""
    layers = [{"id": "base"}, {"id": "named", "parent": "base"}, {"id": "unnamed", "parent": "base"}]
    images = [{"id": "1" * 64, "names": ["x"], "layer": "named"}, {"id": "2" * 64, "layer": "unnamed"}]
    for part, name, entries in (("layers", "layers", layers), ("images", "images", images)):
        (folder / f"overlay-{part}").mkdir(parents=True)
        (folder / f"overlay-{part}" / f"{name}.json").write_text(json.dumps(entries))
    for layer in layers:
        (folder / "overlay" / layer["id"] / "diff").mkdir(parents=True)
        (folder / "overlay" / layer["id"] / "link").write_text(f"SHORT-{layer['id']}")
        (folder / "overlay-layers" / f"{layer['id']}.tar-split.gz").touch()
    return folder


@pytest.mark.parametrize(
    ("ids", "layers"),
    [((), {"base", "named"}), (("2222222",), {"base", "named", "unnamed"})],
    ids=["named", "by id"],
)
def test_a_view_has_what_is_named(tmp_path: Path, ids: tuple[str, ...], layers: set[str]) -> None:
    image_view.make(write_storage(tmp_path / "storage"), "overlay", ids, tmp_path / "view")
    listed = json.loads((tmp_path / "view/overlay-layers/layers.json").read_text())
    assert {layer["id"] for layer in listed} == layers
    contents = {path.name for path in (tmp_path / "view/overlay").iterdir()}
    assert contents == {*layers, "l"}, "a layer that is there but not listed would be removed"
    for layer in layers:
        assert (tmp_path / f"view/overlay/l/SHORT-{layer}").is_dir()
        assert (tmp_path / f"view/overlay-layers/{layer}.tar-split.gz").exists()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("no JSON", ValueError),
        ('[{"names": ["x"], "layer": "y"}, {}]', KeyError),
        ("{}", ValueError),
        ("[1]", ValueError),
        ("[]", None),
    ],
)
def test_a_storage_that_nobody_knows(tmp_path: Path, text: str, error: type[Exception] | None) -> None:
    folder = tmp_path / "storage"
    (folder / "overlay-images").mkdir(parents=True)
    (folder / "overlay-images" / "images.json").write_text(text)
    with pytest.raises(error) if error else nullcontext():
        image_view.make(folder, "overlay", (), tmp_path / "view")
