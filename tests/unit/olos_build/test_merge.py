"""Layers laid over each other: single cases, and another program as judge."""

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
from olos_build.merge import Merged, contents, merge
from support.images import (
    Item,
    content_of,
    device,
    directory,
    fifo,
    file,
    hardlink,
    oci_layout,
    opaque,
    symlink,
    tar,
    whiteout,
    write_layers,
)
from support.trees import Description, describe, scan

Layers = Sequence[Sequence[Item]]


def merged(folder: Path, *layers: Sequence[Item]) -> Merged:
    return merge(write_layers(folder, *layers), SILENT)


def names(tree: Merged) -> str:
    """The paths, directories with a slash behind."""
    shown = (path + b"/" if inode.type is FileType.DIRECTORY else path for path, inode in tree.items())
    return b" ".join(path for path in shown if path != b"/").decode()


CASES: dict[str, tuple[Layers, str]] = {
    "whiteout of a file": (([file("a"), file("b")], [whiteout("a")]), "b"),
    "whiteout of a directory": (([directory("d"), file("d/x"), file("e")], [whiteout("d")]), "e"),
    "whiteout of the longest name": (([file("n" * 255), file("b")], [whiteout("n" * 255)]), "b"),
    "whiteout of nothing": (([file("a")], [whiteout("b"), whiteout("x/y")]), "a"),
    "whiteout in the lowest layer": (([whiteout("a"), file("b")],), "b"),
    "whiteout does not hide its own layer": (([file("a")], [file("a"), whiteout("a")]), "a"),
    "whiteout before the file of its own layer": (([file("a")], [whiteout("a"), file("a")]), "a"),
    "whiteout of a directory that is made anew": (
        ([file("d/x")], [whiteout("d"), directory("d"), file("d/y")]),
        "d/ d/y",
    ),
    "whiteout behind the directory that is made anew": (
        ([file("d/x")], [directory("d"), file("d/y"), whiteout("d")]),
        "d/ d/y",
    ),
    "whiteout through a symlink": (
        ([directory("r"), file("r/x"), file("r/y"), symlink("s", "r")], [whiteout("s/x")]),
        "r/ r/y s",
    ),
    "whiteout of a symlink leaves its target": (([file("r"), symlink("s", "r")], [whiteout("s")]), "r"),
    "opaque first": (([file("d/x"), file("d/e/y")], [directory("d"), opaque("d"), file("d/z")]), "d/ d/z"),
    "opaque last": (([file("d/x"), file("d/e/y")], [directory("d"), file("d/z"), opaque("d")]), "d/ d/z"),
    "opaque keeps what is needed": (([file("d/e/y")], [file("d/e/z"), opaque("d")]), "d/ d/e/ d/e/z"),
    "opaque of the root": (([file("d/x"), file("a")], [opaque(""), file("b")]), "b"),
    "opaque of nothing": (([file("a")], [opaque("d")]), "a"),
    "opaque twice": (([file("d/x")], [opaque("d"), file("d/y"), opaque("d")]), "d/ d/y"),
    "opaque in each layer": (([opaque("d"), file("d/x")], [opaque("d"), file("d/y")]), "d/ d/y"),
    "file by directory": (([file("a")], [directory("a"), file("a/b")]), "a/ a/b"),
    "directory by file": (([directory("a"), file("a/b")], [file("a")]), "a"),
    "directory by file and back": (
        ([file("a/b"), file("a/c")], [file("a")], [directory("a"), file("a/d")]),
        "a/ a/d",
    ),
    "directory by symlink": (([file("a/b"), file("c/d")], [symlink("a", "c")]), "a c/ c/d"),
    "symlink by directory": (([file("c/d"), symlink("a", "c")], [directory("a")]), "a/ c/ c/d"),
    "directory repeated": (([file("a/b")], [directory("a", mode=0o700)]), "a/ a/b"),
    "missing parents": (([file("a/b/c/d")],), "a/ a/b/ a/b/c/ a/b/c/d"),
    "children before parents": (([file("a/b"), directory("a")],), "a/ a/b"),
    "through a symlink": (([directory("r"), symlink("s", "r")], [file("s/x")]), "r/ r/x s"),
    "through an absolute symlink": (([directory("r"), symlink("s", "/r")], [file("s/x")]), "r/ r/x s"),
    "through a symlink that climbs": (
        ([directory("r"), symlink("d/s", "../../../r")], [file("d/s/x")]),
        "d/ d/s r/ r/x",
    ),
    "through a chain of symlinks": (
        ([directory("r/t"), symlink("a", "b"), symlink("b", "r")], [file("a/t/x")]),
        "a b r/ r/t/ r/t/x",
    ),
    "through a dangling symlink": (([symlink("s", "r/q")], [file("s/x")]), "r/ r/q/ r/q/x s"),
    "a name that begins like a whiteout": (([file(".wha"), file("a.wh.b")],), ".wha a.wh.b"),
    "leading slash and dots": (([file("/a"), file("./b"), file("c//./d"), directory("./")],), "a b c/ c/d"),
    "no layer": ((), ""),
    "an empty layer": (([],), ""),
}


@pytest.mark.parametrize(("layers", "expected"), CASES.values(), ids=CASES)
def test_names(tmp_path: Path, layers: Layers, expected: str) -> None:
    assert names(merged(tmp_path, *layers)) == expected


def test_later_entry_wins(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("a", b"1"), file("a", b"2", mode=0o600)])
    assert (content_of(tree[b"a"]), tree[b"a"].mode) == (b"2", 0o600)


def test_attributes_of_missing_and_repeated_directories(tmp_path: Path) -> None:
    tree = merged(
        tmp_path,
        [directory("a", mode=0o700, uid=1, gid=2, mtime=3), file("b/c", uid=9)],
        [directory("a", mode=0o1777, uid=4, gid=5, mtime=6, xattrs={"user.x": "y"})],
    )
    a, b = tree[b"a"], tree[b"b"]
    assert (a.mode, a.uid, a.gid, a.mtime, a.xattrs) == (0o1777, 4, 5, 6, ((b"user.x", b"y"),))
    assert (b.mode, b.uid, b.gid, b.mtime) == (0o755, 0, 0, 0)


def test_directory_kept_under_an_opaque_one_loses_its_attributes_in_any_order(tmp_path: Path) -> None:
    lower = [directory("d"), directory("d/e", mode=0o700, uid=7)]
    for upper in ([opaque("d"), file("d/e/x")], [file("d/e/x"), opaque("d")]):
        inode = merged(tmp_path, lower, upper)[b"d/e"]
        assert (inode.mode, inode.uid) == (0o755, 0)


def test_hard_links_share_one_inode(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("a", b"x"), hardlink("b", "a")], [hardlink("c", "/b"), whiteout("a")])
    assert tree[b"b"] is tree[b"c"]
    assert content_of(tree[b"c"]) == b"x"
    assert b"a" not in tree


def test_a_name_added_again_leaves_the_other_names(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("a", b"old"), hardlink("b", "a"), hardlink("c", "a")], [file("a", b"new")])
    assert tree[b"b"] is tree[b"c"]
    assert [content_of(tree[name]) for name in (b"a", b"b")] == [b"new", b"old"]


def test_attributes_of_a_hard_link_are_those_of_all_names(tmp_path: Path) -> None:
    """As containers/storage and moby do it: they set the header's attributes through the new name."""
    tree = merged(
        tmp_path,
        [file("a", b"x", uid=1, mtime=100, xattrs={"user.a": "1"})],
        [hardlink("b", "a", mode=0o600, uid=2, mtime=200, xattrs={"user.l": "2"})],
    )
    inode = tree[b"a"]
    assert inode is tree[b"b"]
    assert (inode.mode, inode.uid, inode.mtime) == (0o600, 2, 200)
    assert inode.xattrs == ((b"user.a", b"1"), (b"user.l", b"2"))
    assert content_of(inode) == b"x"


def test_hard_links_to_other_kinds_of_files(tmp_path: Path) -> None:
    tree = merged(tmp_path, [symlink("s", "nowhere"), hardlink("t", "s"), fifo("p"), hardlink("q", "p")])
    assert tree[b"t"] is tree[b"s"]
    assert tree[b"q"] is tree[b"p"]


def test_hard_link_through_a_symlink(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("r/x", b"1"), symlink("s", "r"), hardlink("s/y", "s/x")])
    assert tree[b"r/y"] is tree[b"r/x"]


def test_equal_files_are_not_linked(tmp_path: Path) -> None:
    layers = write_layers(tmp_path, [file("a"), file("b"), file("c/d"), file("e/d")])
    assert {entry.link for entry in canonicalise(merge(layers, SILENT), 0, SILENT)} == {b""}


def test_content_is_where_it_was(tmp_path: Path) -> None:
    tree = merged(tmp_path, [file("a", b"first" * 1000)], [file("b", b"second")])
    assert content_of(tree[b"a"]) == b"first" * 1000
    assert tree[b"a"].content[0].extent.path == tmp_path / "0.tar"
    assert tree[b"b"].content[0].extent.path == tmp_path / "1.tar"


REFUSED: dict[str, tuple[Layers, str]] = {
    "below a file": (([file("a")], [file("a/b")]), "below 'a', which is not a directory"),
    "below a file, through a symlink": (([file("r"), symlink("s", "r")], [file("s/b")]), "below 'r'"),
    "hard link to nothing": (([hardlink("a", "b")],), "hard link to 'b', which is missing"),
    "hard link to a directory": (([directory("b"), hardlink("a", "b")],), "which is a directory"),
    "hard link to itself": (([file("a")], [hardlink("a", "a")]), "hard link to itself"),
    "hard link to a file that was removed": (([file("b")], [whiteout("b"), hardlink("a", "b")]), "missing"),
    "hard link out of the root": (([symlink("s", "/"), hardlink("a", "s/etc/passwd")],), "missing"),
    "file in place of the root": (([file("./", b"x")],), "root"),
    "cycle of symlinks": (([symlink("a", "b"), symlink("b", "a")], [file("a/x")]), "cycle of symlinks"),
    "symlink to itself": (([symlink("a", "a/a")], [whiteout("a/x")]), "cycle of symlinks"),
}


@pytest.mark.parametrize(("layers", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(tmp_path: Path, layers: Layers, message: str) -> None:
    with pytest.raises(InputError, match="layer [12] .*: entry .*") as caught:
        merged(tmp_path, *layers)
    assert message in caught.value.message


def test_contents_of_any_archive(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(data := tar(file("a", b"1"), hardlink("b", "a")))
    assert content_of(contents(Extent(tmp_path / "x.tar", 0, len(data)), "x")[b"b"]) == b"1"


# Other programs as judges ------------------------------------------------------------------------------


def _many() -> list[Item]:
    return [file(f"d{n % 7}/{'n' * (n % 90)}{n}", b"%d" % n * (n % 50), mtime=n) for n in range(300)]


DEVICES = (b"null", b"disk")
JUDGED: dict[str, Layers] = {
    "attributes": (
        [
            directory("d", mode=0o1777, uid=1, gid=2, mtime=1000),
            file("suid", b"x", mode=0o4755, uid=1000, gid=1000, mtime=12345678.9),
            file("sgid", b"x", mode=0o2711),
            file("none", mode=0),
            file("huge-ids", uid=2**31 + 5, gid=2**32 - 2),
            symlink("s", "d/none", uid=7, gid=8),
            fifo("p", mode=0o622, uid=3),
            device("null", tarfile.CHRTYPE, 1, 3),
            device("disk", tarfile.BLKTYPE, 259, 70000, gid=6),
        ],
    ),
    "xattrs": (
        [file("a", b"x", xattrs={"user.one": "1", "user.two": ""}), directory("d", xattrs={"user.d": "dir"})],
        [file("a", b"y", xattrs={"user.one": "2"}), directory("d", xattrs={"user.e": "e"})],
    ),
    "long names": (
        [
            file("/".join(["directory" * 10] * 8) + "/file", b"deep"),
            file("n" * 255, b"long"),
            symlink("s", "/".join(["t" * 200] * 10)),
            hardlink("l", "n" * 255),
            file("ümläut-名", b"utf-8"),
        ],
    ),
    "hard links": (
        [file("a", b"one"), hardlink("b", "a"), hardlink("d/c", "a")],
        [hardlink("e", "b")],
        [file("b", b"two"), whiteout("a")],
    ),
    "replaced": (
        [file("f/x", b"1"), file("g", b"2"), symlink("h", "g"), directory("i"), file("i/j")],
        [file("f", b"3"), directory("g", mode=0o700), file("g/y"), file("h", b"4"), symlink("i", "g")],
        [directory("f"), file("f/z"), whiteout("g"), file("g", b"5")],
    ),
    "opaque": (
        [directory("d"), directory("d/e"), file("d/e/x"), file("d/y"), directory("o")],
        [directory("d"), opaque("d"), directory("d/n"), file("d/n/z", b"new")],
    ),
    "symlinked directories": (
        [directory("usr"), directory("usr/lib"), symlink("lib", "usr/lib"), symlink("up", "../../usr")],
        [file("lib/a", b"a"), file("up/b", b"b"), directory("lib/c"), file("lib/c/d")],
        [whiteout("lib/a"), hardlink("up/e", "lib/c/d")],
    ),
    "many": (_many(), [whiteout("d1"), whiteout("d2/n" + "n" * 8 + "9"), file("d3/new", b"!")]),
    "forms": (
        [file("ustar", b"u", mode=0o640), file("contiguous", b"c")],
        [file("x/y/z", b"g"), directory("x/y", mode=0o711)],
    ),
}


def _unpack(layout: Path, target: Path) -> Path:
    options = ["--rootless"] if os.geteuid() else []
    command: list[str | Path] = ["umoci", "unpack", *options, "--image", f"{layout}:latest", target]
    subprocess.run(command, check=True, capture_output=True)
    return target / "rootfs"


def _comparable(entries: Sequence[Description]) -> list[Description]:
    """Without the root and times of directories, which nobody sets, and what only root can make."""
    root = os.geteuid() == 0
    return [
        entry._replace(
            mtime=entry.mtime if entry.type == "f" else 0,
            uid=entry.uid if root else 0,
            gid=entry.gid if root else 0,
        )
        for entry in entries
        if entry.path and (root or entry.path not in DEVICES)
    ]


def _with_xattrs(entries: Sequence[Description], root: Path) -> list[Description]:
    result = []
    for entry in entries:
        path = os.fsencode(root) + b"/" + entry.path
        xattrs = sorted(
            (os.fsencode(name), os.getxattr(path, name, follow_symlinks=False))
            for name in os.listxattr(path, follow_symlinks=False)
            if name != "user.rootlesscontainers"  # where umoci keeps what only root can set
        )
        result.append(entry._replace(xattrs=tuple(xattrs)))
    return result


def _ours(layers: Layers, folder: Path) -> list[Description]:
    tree = merge(write_layers(folder, *layers), SILENT)
    canonical = canonicalise(tree, 2**53, SILENT)
    added = {name for name in (b"dev", b"proc", b"sys", b"etc", b"run") if name not in tree}
    return [entry for entry in describe(canonical) if entry.path not in added]


@pytest.mark.parametrize("layers", JUDGED.values(), ids=JUDGED)
def test_umoci_agrees(tmp_path: Path, layers: Layers) -> None:
    layout = oci_layout(tmp_path / "layout", [tar(*items) for items in layers])
    root = _unpack(layout, tmp_path / "bundle")
    theirs = _with_xattrs(scan(root), root)
    assert _comparable(_ours(layers, tmp_path)) == _comparable(theirs)
