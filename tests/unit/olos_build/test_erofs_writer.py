"""The image writer, judged by fsck.erofs, dump.erofs and a kernel."""

import os
import subprocess
from pathlib import Path

import pytest

from olos.erofs import Image
from olos.errors import InputError
from olos.extent import Extent
from olos.progress import SILENT
from olos.tree import Entry, FileType, Inode, Segment, Tree
from olos_build import erofs
from support.progress import Recorder
from support.trees import (
    Description,
    Store,
    describe,
    directory,
    noise,
    random_tree,
    rich_tree,
    scan,
    symlink,
    tree_of,
    write_image,
)
from support.uml import kernel_scan

BLOCK = 4096


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def run(*command: str | Path) -> str:
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def make(tree: Tree, path: Path) -> bytes:
    """The bytes of the EROFS image of a tree, which also lies at `path` then."""
    with path.open("w+b") as stream:
        size = erofs.write(tree, stream, SILENT)
        assert stream.tell() == size == path.stat().st_size
    return path.read_bytes()


def test_fsck_and_dump_accept_a_rich_tree(store: Store, tmp_path: Path) -> None:
    tree = rich_tree(store)
    image = tmp_path / "image"
    data = make(tree, image)
    run("fsck.erofs", image)
    shown = run("dump.erofs", "-s", image)
    inodes = len(tree) - 3  # three entries are further names
    assert f"Filesystem inode count:                       {inodes}\n" in shown
    assert f"Filesystem blocks:                            {len(data) // BLOCK}\n" in shown
    assert "sb_csum mtime" in shown


def extracted(image: Path, folder: Path) -> list[Description]:
    """What fsck.erofs makes of an image."""
    run("fsck.erofs", "--preserve-perms", f"--extract={folder}", image)
    return scan(folder)


def extractable(tree: Tree) -> list[Description]:
    """What fsck.erofs 1.5 can extract: no xattrs, links, setuid; owners and devices as root only."""
    entries = [entry._replace(xattrs=(), link=b"", mode=entry.mode & 0o1777) for entry in describe(tree)]
    if os.geteuid() == 0:
        return entries
    return [
        entry._replace(uid=os.geteuid(), gid=os.getegid())
        for entry in entries
        if entry.type not in ("c", "b")
    ]


def test_what_fsck_extracts_is_the_tree(store: Store, tmp_path: Path) -> None:
    tree = rich_tree(store)
    make(tree, tmp_path / "image")
    found = [
        entry._replace(mode=entry.mode & 0o1777) for entry in extracted(tmp_path / "image", tmp_path / "x")
    ]
    assert found == extractable(tree)


def test_a_kernel_sees_the_tree(store: Store, tmp_path: Path) -> None:
    tree = rich_tree(store)
    make(tree, tmp_path / "image")
    found, wanted = kernel_scan(tmp_path / "image", tmp_path), describe(tree)
    assert [entry.path for entry in found] == [entry.path for entry in wanted]
    assert found == wanted


@pytest.mark.parametrize("seed", range(8))
def test_fsck_accepts_random_trees(seed: int, store: Store, tmp_path: Path) -> None:
    make(random_tree(store, seed), tmp_path / "image")
    run("fsck.erofs", "--extract", tmp_path / "image")


def test_the_same_tree_from_other_files_gives_the_same_bytes(tmp_path: Path) -> None:
    """Split at other places, zeros left out, in one file or several, at other offsets."""
    content = noise(10_000) + bytes(300_000) + noise(500_001)
    one = Store(tmp_path / "one").regular(content)
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as stream:
        stream.seek(1 << 20)
        stream.write(content)
    parts = Store(tmp_path / "parts").regular(content[310_000:])
    segments = (
        Segment(0, Extent(sparse, 1 << 20, 4000)),
        Segment(4000, Extent(sparse, (1 << 20) + 4000, 6000)),
        Segment(310_000, parts.content[0].extent),
    )
    other = Inode(FileType.REGULAR, 0o644, size=len(content), content=segments)
    small = Store(tmp_path / "small").regular(b"tail")
    first = make(tree_of({b"big": one, b"x": small}), tmp_path / "image")
    second = make(tree_of({b"big": other, b"x": small}), tmp_path / "image")
    assert first == second
    run("fsck.erofs", "--extract", tmp_path / "image")


def test_zeros_that_were_left_out_are_holes_over_old_bytes(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(b"\xff" * 100_000)
    hole = Inode(FileType.REGULAR, 0o644, size=(16 << 20) + 5)
    data = make(tree_of({b"hole": hole}), image)
    assert len(data) == (16 << 20) + BLOCK
    assert not any(data[BLOCK:])
    assert image.stat().st_blocks * 512 < 1 << 20


@pytest.mark.parametrize("error", [OSError(18, "EXDEV"), OSError(38, "ENOSYS")], ids=["EXDEV", "ENOSYS"])
def test_without_copy_file_range(
    error: OSError, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tree_of({b"big": store.regular(noise(40_000_001))})
    expected = make(tree, tmp_path / "image")

    def refuse(*_: int) -> int:
        raise error

    monkeypatch.setattr(os, "copy_file_range", refuse)
    assert make(tree, tmp_path / "image") == expected


def test_an_empty_tree_has_two_blocks(tmp_path: Path) -> None:
    assert len(make(tree_of({}), tmp_path / "image")) == 2 * BLOCK
    run("fsck.erofs", tmp_path / "image")


def test_a_root_directory_that_starts_at_the_second_block(tmp_path: Path) -> None:
    """Its names fit into a block with its inode, but not with the superblock."""
    tree = tree_of({b"name-%d" % i: directory() for i in range(180)})
    make(tree, tmp_path / "image")
    assert "Filesystem root nid:                          128\n" in run(
        "dump.erofs", "-s", tmp_path / "image"
    )
    assert extracted(tmp_path / "image", tmp_path / "x") == extractable(tree)
    assert kernel_scan(tmp_path / "image", tmp_path) == describe(tree)


def test_many_source_files(tmp_path: Path) -> None:
    """More than may be open at a time."""
    names: dict[bytes, Inode] = {}
    for i in range(200):
        path = tmp_path / f"source-{i}"
        path.write_bytes(noise(3 * i + 1, i))
        extent = Extent(path, 0, 3 * i + 1)
        names[b"%d" % i] = Inode(FileType.REGULAR, 0o644, size=extent.size, content=(Segment(0, extent),))
    tree = tree_of(names)
    image = write_image(tree, tmp_path / "rootfs.img")
    with Image(image.extent, image.size) as reader:
        assert describe(reader.entries()) == describe(tree)


def regular(size: int, path: Path = Path("/nonexistent/file"), held: int | None = None) -> Inode:
    extent = Extent(path, 0, size if held is None else held)
    return Inode(FileType.REGULAR, 0o644, size=size, content=(Segment(0, extent),))


def xattr(name: bytes, size: int) -> Inode:
    return directory(xattrs=((name, bytes(size)),))


TOO_MUCH = {
    "name": (b"n" * 256, directory(), "/nnn.*name is too long"),
    "path": (b"/".join([b"d" * 200] * 21), directory(), "/ddd.*name is too long"),
    "symlink target": (b"l", symlink(b"t" * 4096), "/l: a symlink target of 4096 bytes"),
    "symlink without target": (b"l", symlink(b""), "/l: a symlink target of 0 bytes"),
    "xattr": (b"x", xattr(b"user.a", 65536), "/x: xattr .*65536 bytes"),
    "xattrs": (
        b"x",
        directory(xattrs=tuple((b"user.%d" % i, bytes(65000)) for i in range(5))),
        "/x: xattrs of 325",
    ),
    "major": (b"x", Inode(FileType.CHARACTER, 0o600, device=(4096, 0)), "/x: Linux has no device 4096:0"),
    "minor": (b"x", Inode(FileType.BLOCK, 0o600, device=(0, 1 << 20)), "/x: Linux has no device"),
    "owner": (b"x", Inode(FileType.FIFO, 0o600, uid=1 << 32), "/x: owner 4294967296:0"),
    "file": (b"x", regular(1 << 44), "/x: the image becomes larger than 16 TiB"),
    "missing source": (b"x", regular(5), "/nonexistent/file: cannot be read: No such file"),
    "large missing source": (b"x", regular(1 << 20), "/nonexistent/file: cannot be read: No such file"),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_the_format_cannot_hold_is_named(name: str, tmp_path: Path) -> None:
    path, inode, message = TOO_MUCH[name]
    with pytest.raises(InputError, match=message), (tmp_path / "image").open("w+b") as stream:
        erofs.write(tree_of({path: inode}), stream, SILENT)


@pytest.mark.parametrize("size", [5, 1 << 20])
def test_a_source_that_is_too_short_is_named(size: int, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(size - 1))
    tree = tree_of({b"x": regular(size, source)})
    with pytest.raises(InputError, match=r"source: became shorter"), (tmp_path / "image").open("w+b") as out:
        erofs.write(tree, out, SILENT)


def test_a_directory_as_source_is_named(tmp_path: Path) -> None:
    tree = tree_of({b"x": regular(5, tmp_path)})
    with (
        pytest.raises(InputError, match=r"cannot be read: Is a dir"),
        (tmp_path / "image").open("w+b") as out,
    ):
        erofs.write(tree, out, SILENT)


FILE = Inode(FileType.REGULAR, 0o644)
ROOT = Entry(b"", directory())
NO_TREES: dict[str, tuple[Entry, ...]] = {
    "nothing": (),
    "no root": (Entry(b"x", FILE),),
    "root is a file": (Entry(b"", FILE),),
    "no parent": (ROOT, Entry(b"a/b", FILE)),
    "parent is a file": (ROOT, Entry(b"a", FILE), Entry(b"a/b", FILE)),
    "unsorted": (ROOT, Entry(b"b", FILE), Entry(b"a", FILE)),
    "a name twice": (ROOT, Entry(b"a", FILE), Entry(b"a", FILE)),
    "dot": (ROOT, Entry(b".", directory())),
    "dot dot": (ROOT, Entry(b"..", directory())),
    "empty name": (ROOT, Entry(b"a", directory()), Entry(b"a/", FILE)),
    "NUL": (ROOT, Entry(b"a\0", FILE)),
    "group of one": (ROOT, Entry(b"a", FILE, b"a")),
    "link to nothing": (ROOT, Entry(b"b", FILE, b"a")),
    "link to another inode": (
        ROOT,
        Entry(b"a", FILE, b"a"),
        Entry(b"b", Inode(FileType.REGULAR, 0o600), b"a"),
    ),
    "linked directory": (ROOT, Entry(b"a", directory(), b"a"), Entry(b"b", directory(), b"a")),
    "unknown xattr": (ROOT, Entry(b"a", directory(xattrs=((b"trusted.x", b""),)))),
    "xattr twice": (ROOT, Entry(b"a", directory(xattrs=((b"user.x", b""), (b"user.x", b"1"))))),
    "mode with type": (ROOT, Entry(b"a", Inode(FileType.FIFO, 0o10644))),
    "negative time": (ROOT, Entry(b"a", Inode(FileType.FIFO, 0o644, mtime=-1))),
    "fifo with content": (ROOT, Entry(b"a", Inode(FileType.FIFO, 0o644, size=1))),
    "content behind the end": (ROOT, Entry(b"a", regular(5, held=6))),
    "NUL in a target": (ROOT, Entry(b"a", symlink(b"a\0b"))),
}


@pytest.mark.parametrize("name", NO_TREES)
def test_what_is_no_tree_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError), (tmp_path / "image").open("w+b") as stream:
        erofs.write(Tree(NO_TREES[name]), stream, SILENT)


def test_progress_adds_up(store: Store, tmp_path: Path) -> None:
    recorder = Recorder()
    with (tmp_path / "image").open("w+b") as stream:
        erofs.write(rich_tree(store), stream, recorder)
    (task,) = recorder.tasks
    assert sum(task.steps) == task.total
