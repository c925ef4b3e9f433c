"""Saved trees: what is written is read, and nothing else is."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure import saved_tree, tree_line
from measure.layout import measure
from measure.saved_tree import SavedTree
from olos.digest import Digest
from olos.errors import InputError, MismatchError, OlosError
from olos.layout import open_directory
from olos.progress import SILENT
from olos.tree import Entry, FileType, Inode
from support.measured import ANNOTATED, measured_layout
from support.olos import ROOT
from support.sides import side_of, with_digests
from support.trees import Store, describe, random_tree, rich_tree, tree_of

DIGEST = Digest.sha256(b"content")
FILE = Inode(FileType.REGULAR, 0o644, size=7)


def save(path: Path, folder: Path) -> Path:
    """A saved tree of a few entries."""
    store = Store(folder / "store")
    side = side_of(tree_of({b"bin/%d" % i: store.regular(b"%d" % i, mtime=i) for i in range(12)}))
    assert side.tree is not None
    with path.open("wb") as stream:
        stream.writelines(saved_tree.lines(side.manifest, ANNOTATED, side.tree()))
    return path


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    return save(folder / "tree", folder)


@pytest.mark.parametrize("with_annotations", [True, False], ids=["annotated", "plain"])
def test_there_and_back(tmp_path: Path, with_annotations: bool) -> None:
    """Of a real layout, whose manifest was measured from the image."""
    tree = rich_tree(Store(tmp_path / "store"))
    measured = measure(open_directory(measured_layout(tmp_path / "layout", tree)), SILENT)
    annotations = ANNOTATED if with_annotations else None
    path = tmp_path / "tree"
    with path.open("wb") as stream:
        stream.writelines(saved_tree.lines(measured.manifest, annotations, with_digests(tree)))
    found = saved_tree.load(path)
    assert found == SavedTree(path, measured.manifest, annotations)
    for (entry, content), (expected, digest) in zip(found.entries(), with_digests(tree), strict=True):
        assert content == digest
        assert tree_line.encode(entry, content) == tree_line.encode(expected, digest)
        if entry.inode.type is not FileType.REGULAR:
            assert describe([entry]) == describe([expected])
    found.check(SILENT)


@pytest.mark.parametrize("seed", range(5))
def test_random_trees(tmp_path: Path, seed: int) -> None:
    for entry, content in with_digests(random_tree(Store(tmp_path / "store"), seed)):
        again, digest = tree_line.decode(tree_line.encode(entry, content), "line")
        assert (again.path, again.link, digest) == (entry.path, entry.link, content)


@pytest.mark.parametrize(
    ("entry", "content", "line"),
    [
        pytest.param(
            Entry(b"a\\\xff\x01", FILE, b"A"),
            DIGEST,
            f'{{"content":"{DIGEST.hex}","gid":0,"link":"A","mode":420,"mtime":0,'
            '"path":"a\\\\\\\\\\\\xff\\u0001","size":7,"type":"f","uid":0}',
            id="file",
        ),
        pytest.param(
            Entry(b"d", Inode(FileType.BLOCK, 0o660, 1, 2, 2**63 - 1, device=(8, 300))),
            None,
            '{"device":[8,300],"gid":2,"mode":432,"mtime":9223372036854775807,"path":"d","type":"b","uid":1}',
            id="device",
        ),
        pytest.param(
            Entry("ü/l".encode(), Inode(FileType.SYMLINK, 0o777, size=4, target=b"\"x\n'")),
            None,
            '{"gid":0,"mode":511,"mtime":0,"path":"ü/l","target":"\\"x\\n\'","type":"l","uid":0}',
            id="symlink",
        ),
        pytest.param(
            Entry(b"", Inode(FileType.DIRECTORY, 0o755, xattrs=((b"user.a", b""), (b"user.b", b"\x00\xff")))),
            None,
            '{"gid":0,"mode":493,"mtime":0,"path":"","type":"d","uid":0,'
            '"xattrs":[["user.a",""],["user.b","00ff"]]}',
            id="xattrs",
        ),
    ],
)
def test_the_form_of_a_line(entry: Entry, content: Digest | None, line: str) -> None:
    encoded = tree_line.encode(entry, content)
    assert encoded.decode() == line
    assert tree_line.decode(encoded, "line") == (entry, content)
    value = json.loads(line)
    assert json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == line


GOOD = tree_line.encode(Entry(b"a", FILE), DIGEST).decode()
LINK = tree_line.encode(Entry(b"a", Inode(FileType.SYMLINK, 0o777, size=1, target=b"x")), None).decode()
DEVICE = tree_line.encode(Entry(b"a", Inode(FileType.BLOCK, 0o600, device=(1, 2))), None).decode()
XATTRS = tree_line.encode(
    Entry(b"a", Inode(FileType.FIFO, 0o600, xattrs=((b"user.a", b"1"), (b"user.b", b"2")))), None
).decode()


@pytest.mark.parametrize(
    ("line", "old", "new"),
    [
        pytest.param(GOOD, "{", '{"extra":1,', id="unknown-key"),
        pytest.param(GOOD, '"gid":0,', "", id="missing-key"),
        pytest.param(GOOD, '"gid":0', '"gid":0,"gid":0', id="key-twice"),
        pytest.param(GOOD, '"gid":0', '"gid": 0', id="blank"),
        pytest.param(GOOD, '"gid":0', '"gid":00', id="leading-zero"),
        pytest.param(GOOD, '"gid":0', '"gid":-0', id="minus-zero"),
        pytest.param(GOOD, '"gid":0', '"gid":0.0', id="fraction"),
        pytest.param(GOOD, '"gid":0', '"gid":false', id="boolean"),
        pytest.param(GOOD, '"gid":0', '"gid":4294967296', id="gid-too-large"),
        pytest.param(GOOD, '"mode":420', '"mode":4096', id="mode-with-type"),
        pytest.param(GOOD, '"mtime":0', '"mtime":9223372036854775808', id="mtime-too-large"),
        pytest.param(GOOD, '"mtime":0', f'"mtime":{"9" * 5000}', id="mtime-of-5000-digits"),
        pytest.param(GOOD, '"size":7', f'"size":{2**53}', id="size-of-no-image"),
        pytest.param(GOOD, '"type":"f"', '"type":"s"', id="socket"),
        pytest.param(GOOD, '"type":"f"', '"type":"d"', id="directory-with-content"),
        pytest.param(GOOD, DIGEST.hex, DIGEST.hex.upper(), id="digest-in-capitals"),
        pytest.param(GOOD, DIGEST.hex, DIGEST.hex[:-1], id="digest-too-short"),
        pytest.param(GOOD, '"path":"a"', '"path":"\\u0061"', id="needless-escape"),
        pytest.param(GOOD, '"path":"a"', '"path":"/a"', id="leading-slash"),
        pytest.param(GOOD, '"path":"a"', '"path":"a/"', id="trailing-slash"),
        pytest.param(GOOD, '"path":"a"', '"path":"a/../b"', id="parent"),
        pytest.param(GOOD, '"path":"a"', '"path":"./a"', id="dot"),
        pytest.param(GOOD, '"path":"a"', '"path":"a\\u0000"', id="nul"),
        pytest.param(GOOD, '"path":"a"', '"path":"\\\\x61"', id="other-spelling"),
        pytest.param(GOOD, '"path":"a"', f'"path":"{"n" * 256}"', id="long-name"),
        pytest.param(GOOD, '"path":"a"', f'"path":"{"n/" * 2048}n"', id="long-path"),
        pytest.param(GOOD, '"path":"a"', '"path":7', id="path-is-a-number"),
        pytest.param(GOOD, '"gid":0', '"gid":0,"link":"b"', id="link-behind-path"),
        pytest.param(GOOD, '"gid":0', '"gid":0,"link":""', id="empty-link"),
        pytest.param(LINK, '"target":"x"', '"target":""', id="empty-target"),
        pytest.param(LINK, '"target":"x"', f'"target":"{"x" * 4096}"', id="long-target"),
        pytest.param(DEVICE, "[1,2]", "[1,2,3]", id="three-numbers"),
        pytest.param(DEVICE, "[1,2]", "[4096,2]", id="major-too-large"),
        pytest.param(XATTRS, '["user.b","32"]', '["user.a","32"]', id="xattr-twice"),
        pytest.param(XATTRS, "user.a", "user.c", id="xattrs-not-sorted"),
        pytest.param(XATTRS, "user.a", "security.selinux", id="xattr-not-kept"),
        pytest.param(XATTRS, '"32"', '"3 2"', id="blank-in-hex"),
        pytest.param(XATTRS, '"32"', f'"{"00" * 65536}"', id="xattr-too-large"),
        pytest.param(XATTRS, '["user.b","32"]', '"user.b"', id="xattr-no-pair"),
        pytest.param(GOOD, "}", ',"xattrs":[]}', id="no-xattrs"),
        pytest.param(GOOD, GOOD, "[]", id="a-list"),
        pytest.param(GOOD, GOOD, "[" * 100_000, id="nested-deeply"),
        pytest.param(GOOD, "}", "", id="cut-off"),
    ],
)
def test_refuses_any_other_line(line: str, old: str, new: str) -> None:
    assert old in line
    with pytest.raises(InputError, match=r"^line 5"):
        tree_line.decode(line.replace(old, new).encode(), "line 5")


def swap_lines(lines: list[bytes]) -> list[bytes]:
    return [*lines[:4], lines[5], lines[4], *lines[6:]]


def with_line(index: int, old: bytes, new: bytes) -> Callable[[list[bytes]], list[bytes]]:
    def change(lines: list[bytes]) -> list[bytes]:
        assert old in lines[index]
        return [*lines[:index], lines[index].replace(old, new, 1), *lines[index + 1 :]]

    return change


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        pytest.param(lambda lines: lines[1:], InputError, "no saved tree", id="no-header"),
        pytest.param(lambda lines: [], InputError, "no saved tree", id="empty"),
        pytest.param(with_line(0, b'"olos/1"', b'"olos/2"'), InputError, "schema", id="other-manifest"),
        pytest.param(with_line(0, b"tree/1", b"tree/2"), InputError, "no saved tree", id="other-schema"),
        pytest.param(with_line(0, b'{"manifest":{', b'{"manifest":{ '), InputError, "canonical", id="blank"),
        pytest.param(with_line(0, b'"debug":false', b'"debug":maybe'), InputError, "line 1", id="no-json"),
        pytest.param(with_line(1, b'"none"', b'"none",'), InputError, "line 2", id="bad-annotations"),
        pytest.param(with_line(1, b"}\n", b"]\n"), InputError, "line 2: does not end", id="annotations-end"),
        pytest.param(lambda lines: [*lines[:2], *lines[3:]], InputError, "root directory", id="no-root"),
        pytest.param(swap_lines, InputError, "is not behind the path", id="order"),
        pytest.param(lambda lines: [*lines, lines[-1]], InputError, "is not behind", id="line-twice"),
        pytest.param(lambda lines: lines[:-1], MismatchError, "number of entries", id="line-missing"),
        pytest.param(with_line(3, b'"uid":0', b'"uid":1'), MismatchError, "tree root", id="changed"),
        pytest.param(lambda lines: [*lines[:5], b"\n", *lines[5:]], InputError, "line 6: is empty", id="gap"),
        pytest.param(lambda lines: [*lines[:-1], lines[-1][:-1]], InputError, "is cut off", id="no-line-end"),
        pytest.param(lambda lines: [*lines[:5], b"x" * (3 << 20)], InputError, "more than", id="long-line"),
        pytest.param(lambda lines: [b'{"manifest":' + b"1" * (3 << 20)], InputError, "more than", id="long"),
    ],
)
def test_refuses_what_lies(
    saved: Path,
    tmp_path: Path,
    change: Callable[[list[bytes]], list[bytes]],
    kind: type[OlosError],
    says: str,
) -> None:
    lines = saved.read_bytes().splitlines(keepends=True)
    path = tmp_path / "changed"
    path.write_bytes(b"".join(change(lines)))
    with pytest.raises(kind, match=says) as error:
        saved_tree.load(path).check(SILENT)
    assert str(path) in error.value.message


@given(st.data())
def test_a_changed_byte_is_found(saved: Path, data: st.DataObject) -> None:
    """In any line of an entry."""
    content = bytearray(saved.read_bytes())
    start = content.index(b"\n", content.index(b'{"annotations"')) + 1
    position = data.draw(st.integers(start, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path = saved.parent / "flipped"
    path.write_bytes(content)
    with pytest.raises((InputError, MismatchError)):
        saved_tree.load(path).check(SILENT)


def test_a_missing_file_and_a_directory(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        saved_tree.load(tmp_path / "none")
    with pytest.raises(InputError, match="is no regular file"):
        saved_tree.load(tmp_path)


def test_memory_does_not_grow_with_the_tree(tmp_path: Path) -> None:
    tree = tree_of({b"d/%06d" % i: Inode(FileType.FIFO, 0o600, mtime=i) for i in range(10_000)})
    side = side_of(tree)
    assert side.tree is not None
    with (tmp_path / "tree").open("wb") as stream:
        stream.writelines(saved_tree.lines(side.manifest, None, side.tree()))
    script = (
        "import resource, sys; from pathlib import Path; from measure import saved_tree;"
        "from olos.progress import SILENT;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "saved_tree.load(Path(sys.argv[1])).check(SILENT);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "tree")]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert int(shown.stdout) < 3 << 10  # KiB
