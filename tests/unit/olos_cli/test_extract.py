import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from olos.errors import InputError
from olos.progress import SILENT
from olos.tree import Entry, FileType, Inode, Tree
from olos_cli import rootfs
from olos_cli.extraction import extract
from support.cli import Call
from support.trees import Description, Store, describe, directory, scan, symlink, tree_of

NOBODY = 65534
ALL = frozenset({b""})


def image_of(layout: Path) -> list[Description]:
    with rootfs.opened(layout) as image:
        return describe(image.entries())


def plain(what: Description) -> Description:
    """What an entry becomes that is not preserved and belongs to root."""
    keep = 0o1777 if what.type == "d" else 0o777
    mode = what.mode if what.type == "l" else what.mode & keep
    return what._replace(mode=mode, uid=0, gid=0, xattrs=())


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("extracted")
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("form", ["layout", "package"])
def test_plain(call: Call, out: Path, form: str, layout: Path, package: Path) -> None:
    outcome = call("extract", layout if form == "layout" else package, "-o", out / form)
    assert outcome.out == b""
    assert (
        outcome.stderr == "warning: 2 device nodes were left out (--preserve keeps them) [devices-skipped]\n"
    )
    expected = [plain(what) for what in image_of(layout) if what.type not in "cb"]
    assert scan(out / form) == expected


def test_preserved(call: Call, out: Path, layout: Path) -> None:
    outcome = call("extract", layout, "--preserve", "-o", out / "preserved")
    assert "devices-skipped" not in outcome.stderr
    assert scan(out / "preserved") == [what._replace(xattrs=()) for what in image_of(layout)]
    capability = os.getxattr(out / "preserved" / "caps", "security.capability")
    assert (
        capability
        == dict(next(what.xattrs for what in image_of(layout) if what.path == b"caps"))[
            b"security.capability"
        ]
    )


def test_some_files_with_what_is_below(call: Call, tmp_path: Path, layout: Path) -> None:
    call("extract", layout, "/a", "hard/two", "link", "-o", tmp_path / "out")
    assert [what.path for what in scan(tmp_path / "out")] == [
        b"",
        b"a",
        b"a/x",
        b"hard",
        b"hard/two",
        b"link",
    ]
    assert (tmp_path / "out" / "link").is_symlink()
    assert (tmp_path / "out" / "hard" / "two").stat().st_nlink == 1


@pytest.mark.parametrize("there", ["nothing", "empty", "empty-link"])
def test_a_free_directory(call: Call, tmp_path: Path, layout: Path, there: str) -> None:
    target = tmp_path / "out"
    if there == "empty":
        target.mkdir()
    if there == "empty-link":
        (tmp_path / "real").mkdir()
        target.symlink_to("real")
    call("extract", layout, "/a", "-o", target)
    assert (target / "a" / "x").read_bytes() == b"in a"


@pytest.mark.parametrize("there", ["full", "file", "dangling"])
def test_a_name_that_is_taken(call: Call, tmp_path: Path, layout: Path, there: str) -> None:
    target = tmp_path / "out"
    if there == "full":
        target.mkdir()
        (target / "precious").touch()
    elif there == "file":
        target.touch()
    else:
        target.symlink_to("gone")
    before = sorted(tmp_path.rglob("*"))
    outcome = call("extract", layout, "-o", target, expect=3)
    assert "hint: name a directory that does not exist yet" in outcome.stderr
    assert sorted(tmp_path.rglob("*")) == before


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Nobody's rights for a while."""
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def test_as_an_ordinary_user() -> None:
    """Read-only and unreadable directories are no obstacle; set-id bits and owners are not asked for."""
    with TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        store = Store(folder / "store")
        files = {
            b"no": directory(0),
            b"owned": Inode(FileType.REGULAR, 0o600, uid=5, gid=6),
            b"ro": directory(0o555),
            b"ro/x": store.regular(b"x", mode=0o4755),
        }
        os.chown(folder, NOBODY, NOBODY)
        with ordinary_user():
            extract(tree_of(files), ALL, folder / "out", preserve=False, progress=SILENT)
        found = {what.path: (what.mode, what.uid, what.gid) for what in scan(folder / "out")}
    assert found == {
        b"": (0o755, NOBODY, NOBODY),
        b"no": (0, NOBODY, NOBODY),
        b"owned": (0o600, NOBODY, NOBODY),
        b"ro": (0o555, NOBODY, NOBODY),
        b"ro/x": (0o755, NOBODY, NOBODY),
    }


def test_preserve_needs_root(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, layout: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    outcome = call("extract", layout, "--preserve", "-o", tmp_path / "out", expect=2)
    assert "--preserve needs root" in outcome.stderr
    assert list(tmp_path.iterdir()) == []


def escape_through(kind: str, outside: Path, store: Store) -> tuple[Entry, ...]:
    """Entries that no tree has: one that would be written through a link to `outside`."""
    link = Entry(b"a", symlink(os.fsencode(outside)))
    inner = store.regular(b"evil")
    top = tree_of({}).entries
    return {
        "file": (*top, link, Entry(b"a/evil", inner)),
        "same-name": (*top, Entry(b"a", symlink(os.fsencode(outside / "evil"))), Entry(b"a", inner)),
        "directory": (*top, link, Entry(b"a", directory())),
        "below-directory": (*top, link, Entry(b"a/b", directory())),
        "dots": (*top, Entry(b"../evil", inner)),
        "absolute": (*top, Entry(os.fsencode(outside / "evil"), inner)),
        "hard-link": (*top, link, Entry(b"b", inner, b"b"), Entry(b"a/evil", inner, b"b")),
    }[kind]


@pytest.mark.parametrize(
    "kind", ["file", "same-name", "directory", "below-directory", "dots", "absolute", "hard-link"]
)
def test_nothing_is_written_outside(tmp_path: Path, kind: str) -> None:
    """Even if the reader of images let such entries through."""
    outside = tmp_path / "outside"
    outside.mkdir()
    with pytest.raises(InputError, match="cannot be written|is no path"):
        extract(
            Tree(escape_through(kind, outside, Store(tmp_path / "store"))),
            ALL,
            tmp_path / "out",
            preserve=False,
            progress=SILENT,
        )
    assert list(outside.iterdir()) == []
    assert not (tmp_path / "out").exists()


def test_disk_full(call: Call, tmp_path: Path, layout: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", small], check=True)
    try:
        outcome = call("extract", layout, "-o", small / "out", expect=3)
        assert "cannot be written: No space left on device" in outcome.stderr
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", small], check=True)


def test_every_kind_is_in_the_tree(layout: Path) -> None:
    assert {what.type for what in image_of(layout)} == {kind.value for kind in FileType}
