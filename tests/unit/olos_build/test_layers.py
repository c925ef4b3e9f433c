"""The tar reader and what it makes of layers, against archives that tar programs write."""

import io
import os
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from olos.errors import InputError
from olos.extent import Extent
from olos.progress import SILENT
from olos.tree import FileType
from olos_build.canonical_tree import canonicalise
from olos_build.layers import Added, Emptied, Linked, Removed, changes
from olos_build.merge import contents, merge
from olos_build.tar.reader import Member, members
from support.images import content_of, directory, file, hardlink, opaque, symlink, tar, whiteout, write_layer
from support.trees import describe, noise, scan


def read(path: Path, data: bytes) -> list[Member]:
    path.write_bytes(data)
    return list(members(Extent(path, 0, len(data)), "x.tar"))


def make_folder(folder: Path, *, long: bool = True) -> Path:
    """A directory with something of everything that every tar format can hold."""
    folder.mkdir()
    (folder / "d/e").mkdir(parents=True)
    (folder / "d/empty").write_bytes(b"")
    (folder / "d/e/block").write_bytes(noise(512))
    (folder / "d/e/more").write_bytes(noise(1000))
    os.link(folder / "d/e/more", folder / "linked")
    (folder / "s").symlink_to("d/e/more")
    os.mkfifo(folder / "fifo")
    (folder / "d/e").chmod(0o1770)
    (folder / "d/empty").chmod(0o4711)
    if long:
        deep = folder / "/".join(["p" * 60] * 6)
        deep.mkdir(parents=True)
        (deep / ("f" * 200)).write_bytes(b"long")
        (folder / "long-link").symlink_to("t" * 300)
        os.link(deep / ("f" * 200), folder / "z-linked")
    return folder


PROGRAMS: dict[str, tuple[Sequence[str], bool]] = {
    "gnu v7": (["tar", "--format=v7"], False),
    "gnu oldgnu": (["tar", "--format=oldgnu"], True),
    "gnu gnu": (["tar", "--format=gnu"], True),
    "gnu ustar": (["tar", "--format=ustar"], False),
    "gnu posix": (["tar", "--format=posix"], True),
    "bsd ustar": (["bsdtar", "--format=ustar"], False),
    "bsd pax": (["bsdtar", "--format=pax"], True),
    "bsd gnutar": (["bsdtar", "--format=gnutar"], True),
    "busybox": (["busybox", "tar"], False),
}


@pytest.mark.parametrize(("command", "long"), PROGRAMS.values(), ids=PROGRAMS)
def test_archives_of_tar_programs(tmp_path: Path, command: Sequence[str], long: bool) -> None:
    folder = make_folder(tmp_path / "in", long=long)
    if command[1] == "--format=v7":
        (folder / "fifo").unlink()  # v7 has no letter for it
    subprocess.run([*command, "-cf", tmp_path / "x.tar", "-C", folder, "."], check=True, capture_output=True)
    tree = merge([write_layer(tmp_path / "y.tar", (tmp_path / "x.tar").read_bytes())], SILENT)
    ours = describe(canonicalise(tree, 2**53, SILENT))
    theirs = {entry.path: entry for entry in scan(folder) if entry.path}
    assert {entry.path: entry for entry in ours if entry.path in theirs} == theirs


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_numbers_at_their_limits(tmp_path: Path, form: int) -> None:
    large = 2**21 - 1 if form == tarfile.USTAR_FORMAT else 2**32 - 2
    times = (0, 2**33 - 1) if form == tarfile.USTAR_FORMAT else (-5, 2**40)
    items = [file(f"f{time}", b"x", uid=large, gid=large, mtime=time, mode=0o7777) for time in times]
    for member, time in zip(read(tmp_path / "x.tar", tar(*items, form=form)), times, strict=True):
        assert (member.uid, member.gid, member.mode, member.mtime) == (large, large, 0o7777, time)


@pytest.mark.parametrize(
    ("mtime", "seconds"), [(1.999, 1), (-0.5, -1), (-1.0, -1), (-1.5, -2), (0.0, 0), (1e9 + 0.25, 10**9)]
)
def test_times_are_rounded_down(tmp_path: Path, mtime: float, seconds: int) -> None:
    assert read(tmp_path / "x.tar", tar(file("f", mtime=mtime)))[0].mtime == seconds


SPARSE = {
    "holes": {65536: b"middle", 4 << 20: b"far", (8 << 20) - 3: b"end"},
    "hole at the end": {0: b"start"},
    "nothing but a hole": {},
    "many runs": {n * 131072: b"run %d" % n for n in range(60)},
}
SPARSE_FORMATS = {
    "oldgnu": ["--format=oldgnu"],
    "gnu": ["--format=gnu"],
    "0.0": ["--format=posix", "--sparse-version=0.0"],
    "0.1": ["--format=posix", "--sparse-version=0.1"],
    "1.0": ["--format=posix", "--sparse-version=1.0"],
}


@pytest.mark.parametrize("runs", SPARSE.values(), ids=SPARSE)
@pytest.mark.parametrize("options", SPARSE_FORMATS.values(), ids=SPARSE_FORMATS)
def test_sparse_files(tmp_path: Path, options: list[str], runs: dict[int, bytes]) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "before").write_bytes(b"before")
    with (folder / "sparse").open("wb") as stream:
        stream.truncate(8 << 20)
        for offset, data in runs.items():
            stream.seek(offset)
            stream.write(data)
    (folder / "then").write_bytes(b"then")
    command: list[str | Path] = [
        "tar",
        *options,
        "-S",
        "-cf",
        tmp_path / "x.tar",
        "-C",
        folder,
        "before",
        "sparse",
        "then",
    ]
    subprocess.run(command, check=True)
    archive = Extent(tmp_path / "x.tar", 0, (tmp_path / "x.tar").stat().st_size)
    assert archive.size < 1 << 20
    tree = contents(archive, "x.tar")
    assert content_of(tree[b"sparse"]) == (folder / "sparse").read_bytes()
    assert content_of(tree[b"then"]) == b"then"
    assert len(tree) == 4


def test_sparse_files_of_bsdtar(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as stream:
        stream.seek(3 << 20)
        stream.write(b"end")
    command: list[str | Path] = ["bsdtar", "--format=pax", "--read-sparse", "-cf", tmp_path / "x.tar"]
    command += ["-C", tmp_path, "sparse"]
    subprocess.run(command, check=True)
    tree = contents(Extent(tmp_path / "x.tar", 0, (tmp_path / "x.tar").stat().st_size), "x.tar")
    assert content_of(tree[b"sparse"]) == bytes(3 << 20) + b"end"


def test_an_archive_inside_a_file(tmp_path: Path) -> None:
    data = tar(file("a", b"content"))
    (tmp_path / "x").write_bytes(b"#" * 777 + data + b"#" * 10)
    member = next(members(Extent(tmp_path / "x", 777, len(data)), "x"))
    assert member.content[0].extent.read(100) == b"content"


def test_what_comes_behind_the_end_is_ignored(tmp_path: Path) -> None:
    assert [m.name for m in read(tmp_path / "x.tar", tar(file("a")) + b"junk" * 700)] == [b"a"]


@pytest.mark.parametrize("data", [b"", bytes(512), bytes(10240)], ids=["nothing", "one block", "many"])
def test_empty_archives(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path / "x.tar", data) == []


def test_end_without_a_mark(tmp_path: Path) -> None:
    data = tar(file("a", b"x"))
    assert [m.name for m in read(tmp_path / "x.tar", data[:1024])] == [b"a"]


def test_changes(tmp_path: Path) -> None:
    items = [
        directory("d"),
        whiteout("d/gone"),
        opaque("d"),
        opaque(""),
        whiteout("top"),
        hardlink("l", "./d//x", mode=0o600),
        symlink("s", "../../anywhere", mode=0o644),
    ]
    data = tar(*items)
    (tmp_path / "x.tar").write_bytes(data)
    found = list(changes(Extent(tmp_path / "x.tar", 0, len(data)), "x.tar"))
    assert found[1:5] == [Removed(b"d/gone"), Emptied(b"d"), Emptied(b""), Removed(b"top")]
    added, linked, link = found[0], found[5], found[6]
    assert isinstance(added, Added)
    assert (added.path, added.inode.type) == (b"d", FileType.DIRECTORY)
    assert isinstance(linked, Linked)
    assert (linked.path, linked.target, linked.inode.mode) == (b"l", b"d/x", 0o600)
    assert isinstance(link, Added)
    assert (link.inode.target, link.inode.size, link.inode.mode) == (b"../../anywhere", 14, 0o777)


def test_global_headers(tmp_path: Path) -> None:
    """`git archive` writes a comment; anything else would mean one thing here and another thing there."""

    def archive(headers: dict[str, str]) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", pax_headers=headers) as stream:
            stream.addfile(file("a")[0])
        return buffer.getvalue()

    assert [m.name for m in read(tmp_path / "x.tar", archive({"comment": "0123abc"}))] == [b"a"]
    with pytest.raises(InputError, match="global pax header sets 'path'"):
        read(tmp_path / "y.tar", archive({"path": "b"}))
