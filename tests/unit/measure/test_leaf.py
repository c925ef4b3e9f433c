"""Leaves: `decode` is the exact inverse of `encode`."""

import dataclasses
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure.leaf import MAX_LEAF, decode, encode, is_path
from olos.digest import Digest
from olos.tree import Entry, FileType, Inode
from support.trees import CAPABILITY, Store, random_tree, rich_tree

CONTENT = Digest.sha256(b"content")
XATTRS = ((b"security.capability", CAPABILITY), (b"user.a", b"1"), (b"user.b", b""))
FILE = Entry(b"a/b", Inode(FileType.REGULAR, 0o4755, 1, 2, 3, 4, xattrs=XATTRS), b"a/a")
LINK = Entry(b"l", Inode(FileType.SYMLINK, 0o777, size=6, target=b"target"))
DEVICE = Entry(b"d", Inode(FileType.CHARACTER, 0o666, device=(1, 3)))
ROOT = Entry(b"", Inode(FileType.DIRECTORY, 0o755))


def leaf_of(entry: Entry) -> bytes:
    return encode(entry, CONTENT if entry.inode.type is FileType.REGULAR else None)


SAMPLES = {entry.path: leaf_of(entry) for entry in (FILE, LINK, DEVICE, ROOT)}


def without_content(entry: Entry) -> Entry:
    return dataclasses.replace(entry, inode=dataclasses.replace(entry.inode, content=()))


def test_every_entry_comes_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for tree in (rich_tree(store), *(random_tree(store, seed) for seed in range(5))):
        for entry in tree:
            expected = CONTENT if entry.inode.type is FileType.REGULAR else None
            assert decode(encode(entry, expected)) == (without_content(entry), expected)


def largest(*, more: int = 0) -> Entry:
    """A symlink of the largest size, with as many xattrs as an inode can have, and `more`."""
    names = sorted(b"user." + struct.pack(">I", 0x01010101 + i) for i in range(33_000))
    names = [name for name in names if b"\0" not in name][: 65534 * 4 // 8 + more]
    path = b"/".join([b"n" * 255] * 16)[:4095]
    inode = Inode(
        FileType.SYMLINK, 0o777, size=4095, target=b"t" * 4095, xattrs=tuple((n, b"") for n in names)
    )
    return Entry(path, inode, path)


def test_the_largest_leaf() -> None:
    leaf = leaf_of(largest())
    assert MAX_LEAF - 150 < len(leaf) <= MAX_LEAF
    assert decode(leaf) == (largest(), None)
    with pytest.raises(ValueError, match="xattrs that need"):
        decode(leaf_of(largest(more=1)))
    with pytest.raises(ValueError, match="more than the limit"):
        decode(leaf.ljust(MAX_LEAF + 1, b"\0"))


def changed(entry: Entry, *, path: bytes | None = None, link: bytes | None = None, **inode: Any) -> bytes:
    """The leaf of an entry with other values."""
    return leaf_of(
        Entry(
            entry.path if path is None else path,
            dataclasses.replace(entry.inode, **inode),
            entry.link if link is None else link,
        )
    )


@pytest.mark.parametrize(
    ("leaf", "says"),
    [
        (b"", "ends too early"),
        (SAMPLES[b"a/b"][:-1], "ends too early"),
        (SAMPLES[b"a/b"] + b"\0", "1 bytes behind its end"),
        (b"olos-entry-2\n" + SAMPLES[b""][13:], "does not begin with"),
        (SAMPLES[b""].replace(b"d", b"s"), "unknown type b's'"),
        (changed(FILE, path=b"/a"), "path is not in normal form"),
        (changed(FILE, path=b"a//b"), "path is not in normal form"),
        (changed(FILE, path=b"a/../b"), "path is not in normal form"),
        (changed(FILE, path=b"a/b/"), "path is not in normal form"),
        (changed(FILE, path=b"a\0b"), "path is not in normal form"),
        (changed(FILE, path=b"a/" + b"n" * 256), "path is not in normal form"),
        (changed(FILE, path=b"n/" * 2048 + b"n"), "a path of 4097 bytes"),
        (changed(FILE, link=b"./a"), "hard link is not in normal form"),
        (changed(FILE, link=b"a/c"), "comes behind it"),
        (changed(ROOT, path=b"d", link=b"d"), "a directory with hard links"),
        (changed(FILE, path=b"", link=b""), "the root is not a directory"),
        (changed(FILE, mode=0o10000), "mode 10000"),
        (changed(FILE, mtime=2**63), "mtime 9223372036854775808"),
        (changed(FILE, size=2**63), "size 9223372036854775808"),
        (changed(ROOT, size=1), "a size where there is no content"),
        (changed(DEVICE, size=1), "a size where there is no content"),
        (changed(DEVICE, device=(4096, 0)), "device 4096,0"),
        (changed(DEVICE, device=(0, 1 << 20)), "device 0,1048576"),
        (changed(LINK, size=5), "not that of its target"),
        (changed(LINK, size=0, target=b""), "not that of its target"),
        (changed(LINK, target=b"tar\0et"), "a symlink target with a NUL"),
        (changed(LINK, size=4096, target=b"t" * 4096), "a symlink target of 4096 bytes"),
        (changed(FILE, xattrs=XATTRS[::-1]), "xattrs are not in order"),
        (changed(FILE, xattrs=XATTRS[:1] * 2), "xattrs are not in order"),
        (changed(FILE, xattrs=((b"trusted.a", b""),)), "not one that an image keeps"),
        (changed(FILE, xattrs=((b"user.a", bytes(65536)),)), "the value of an xattr of 65536 bytes"),
        (SAMPLES[b"l"][:-4] + b"\xff" * 4, "ends too early"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_refuses(leaf: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        decode(leaf)


@given(st.sampled_from(sorted(SAMPLES.values())), st.data())
def test_what_is_accepted_is_the_one_encoding(leaf: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(leaf)))
    end = data.draw(st.integers(start, min(len(leaf), start + 4)))
    mutated = leaf[:start] + data.draw(st.binary(max_size=4)) + leaf[end:]
    try:
        entry, content = decode(mutated)
    except ValueError:
        return
    assert encode(entry, content) == mutated


@pytest.mark.parametrize("path", [b"", b"a", b"a/b", b"...", b"a/.b", b"\xff", b"n" * 255, b" "])
def test_is_a_path(path: bytes) -> None:
    assert is_path(path)
