"""Layers that somebody made to do harm: each is refused in little time and memory, and named."""

import struct
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from olos.digest import Digest
from olos.errors import InputError
from olos.extent import Extent
from olos.progress import SILENT
from olos_build.canonical_tree import canonicalise
from olos_build.image import Layer
from olos_build.merge import contents, merge
from support.images import (
    Item,
    device,
    directory,
    file,
    hardlink,
    item,
    opaque,
    symlink,
    tar,
    whiteout,
    write_layer,
)

BLOCK = 512


def apply(path: Path, data: bytes) -> list[bytes]:
    return list(merge([write_layer(path, data)], SILENT))


def header(name: bytes = b"f", kind: bytes = b"0", size: bytes = b"00000000000", **fields: bytes) -> bytes:
    """A header with any bytes in its fields and a right checksum."""
    parts = {
        "mode": b"0000644",
        "uid": b"0000000",
        "gid": b"0000000",
        "mtime": b"00000000000",
        "link": b"",
        "magic": b"ustar\x0000",
        "major": b"",
        "minor": b"",
        "prefix": b"",
        **fields,
    }
    order = (name, parts["mode"], parts["uid"], parts["gid"], size, parts["mtime"], b" " * 8, kind)
    rest = (parts["link"], parts["magic"], b"", b"", parts["major"], parts["minor"], parts["prefix"])
    block = struct.pack("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x", *order, *rest)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def pax(records: bytes, then: bytes | None = None) -> bytes:
    """A pax header with any content, and the entry that it belongs to."""
    entry = header() if then is None else then
    return header(b"pax", b"x", b"%011o" % len(records)) + padded(records) + entry


def record(key: bytes, value: bytes) -> bytes:
    body = b" " + key + b"=" + value + b"\n"
    length = len(body) + 1
    while len(b"%d" % length) + len(body) != length:
        length += 1
    return b"%d" % length + body


ENTRIES: dict[str, tuple[Item, str]] = {
    "parent": (file("../x"), "'..' in it"),
    "parent in the middle": (file("a/../../x"), "'..' in it"),
    "absolute parent": (file("/../x"), "'..' in it"),
    "parent alone": (directory(".."), "'..' in it"),
    "hard link out": (hardlink("a", "../../etc/passwd"), "'..' in it"),
    "hard link to the root": (hardlink("a", "/"), "which is no file"),
    "whiteout of the parent": (file(".wh..."), "no whiteout"),
    "whiteout of this": (file("a/.wh.."), "no whiteout"),
    "whiteout without name": (file("a/.wh."), "no whiteout"),
    "aufs": (directory(".wh..wh.plnk"), "no whiteout"),
    "below a whiteout": (file("a/.wh.b/c"), "below a whiteout"),
    "name of 256 bytes": (file("n" * 256), "longer than Linux"),
    "name of 300 bytes": (file("d/" + "n" * 300), "longer than Linux"),
    "path of 4096 bytes": (file("/".join(["d" * 255] * 17)), "longer than Linux"),
    "target of 4096 bytes": (symlink("s", "t" * 4096), "4096 bytes"),
    "symlink to nothing": (symlink("s", ""), "0 bytes"),
    "device with a large major": (device("d", tarfile.CHRTYPE, 4096, 0), "device 4096:0"),
    "device with a large minor": (device("d", tarfile.BLKTYPE, 0, 2**20), "device 0:1048576"),
    "uid of -1": (file("a", uid=2**32 - 1), "uid"),
    "gid out of range": (file("a", gid=2**40), "gid"),
    "unknown type": (item("a", b"Z"), "type b'Z'"),
    "old dump directory": (item("a", b"D"), "type b'D'"),
    "volume name": (item("a", b"V"), "type b'V'"),
    "part of a volume": (item("a", b"M"), "type b'M'"),
    "solaris pax": (item("a", b"X"), "type b'X'"),
    "attribute without a name": (file("a", xattrs={"": "x"}), "extended attribute ''"),
    "attribute with a long name": (file("a", xattrs={"user." + "n" * 251: "x"}), "extended attribute"),
    "attribute with a large value": (file("a", xattrs={"user.x": "v" * 65537}), "of 65537 bytes"),
}


@pytest.mark.parametrize(("entry", "message"), ENTRIES.values(), ids=ENTRIES)
def test_entries_refused(tmp_path: Path, entry: Item, message: str) -> None:
    with pytest.raises(InputError) as caught:
        apply(tmp_path / "x.tar", tar(directory("a"), entry, form=tarfile.PAX_FORMAT))
    assert message in caught.value.message
    assert caught.value.message.startswith("layer 1 (sha256:")


ARCHIVES: dict[str, tuple[bytes, str]] = {
    "garbage": (bytes(range(256)) * 40, "checksum"),
    "text": (b"This is no archive at all.\n" * 100, "checksum"),
    "shorter than a block": (b"\x01" * 100, "truncated"),
    "cut in a header": (tar(file("a"))[:300], "truncated"),
    "cut in the content": (tar(file("a", b"x" * 2000))[:2000], "truncated"),
    "cut in a pax header": (pax(record(b"path", b"p" * 900))[:1000], "truncated"),
    "cut behind a pax header": (pax(record(b"path", b"p"))[:1024], "behind an extension header"),
    "wrong checksum": (header()[:-1] + b"\1", "checksum"),
    "size beyond the end": (header(size=b"77777777777"), "truncated"),
    "size in base 256 beyond the end": (header(size=b"\x80" + bytes(4) + b"\x10" + bytes(6)), "truncated"),
    "negative size": (header(size=b"\xff" * 12), "size"),
    "huge size": (header(size=b"\x80" + b"\xff" * 11), "size"),
    "size of words": (header(size=b"0o7"), "size"),
    "size with underscores": (header(size=b"1_0"), "size"),
    "size with eights": (header(size=b"00000000008"), "size"),
    "negative size in a pax record": (pax(record(b"size", b"-1")), "size"),
    "size of thousands of digits": (pax(record(b"size", b"9" * 5000)), "size"),
    "time of thousands of digits": (pax(record(b"mtime", b"9" * 5000)), "mtime"),
    "time that is none": (pax(record(b"mtime", b"nan")), "mtime"),
    "owner that is none": (pax(record(b"uid", b"0x1")), "uid"),
    "NUL in a name": (pax(record(b"path", b"a\0b")), "NUL"),
    "NUL in a target": (pax(record(b"linkpath", b"a\0b"), header(kind=b"2")), "NUL"),
    "NUL in an attribute": (pax(record(b"SCHILY.xattr.user.a\0b", b"x")), "extended attribute"),
    "no name": (header(b""), "has no name"),
    "giant pax header": (header(kind=b"x", size=b"77777777777"), "more than 1048576"),
    "giant long name": (header(kind=b"L", size=b"00010000000"), "more than 1048576"),
    "two pax headers": (pax(record(b"path", b"a"), pax(record(b"path", b"b"))), "two pax headers"),
    "pax record without length": (pax(b"path=x\n"), "malformed"),
    "pax record of length 0": (pax(b"0 path=x\n"), "malformed"),
    "pax record too long": (pax(b"99 path=x\n"), "malformed"),
    "pax record too short": (pax(b"5 path=x\n"), "malformed"),
    "pax record of negative length": (pax(b"-9 path=x\n"), "malformed"),
    "pax record without newline": (pax(b"9 path=xy"), "malformed"),
    "pax record without key": (pax(b"6 =xy\n"), "malformed"),
}


@pytest.mark.parametrize(("data", "message"), ARCHIVES.values(), ids=ARCHIVES)
def test_archives_refused(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(InputError, match="layer 1 ") as caught:
        apply(tmp_path / "x.tar", data)
    assert message in caught.value.message


def sparse(runs: Sequence[tuple[int, int]], size: int, stored: int) -> bytes:
    """An entry in the old GNU format."""
    entry = bytearray(header(kind=b"S", size=b"%011o" % stored, magic=b"ustar  \0"))
    for number, (offset, length) in enumerate(runs):
        entry[386 + 24 * number : 410 + 24 * number] = b"%011o\0%011o\0" % (offset, length)
    entry[483:495] = b"%011o\0" % size
    entry[148:156] = b" " * 8
    entry[148:156] = b"%06o\0 " % sum(entry)
    return bytes(entry) + padded(b"x" * stored)


def sparse_1_0(text: bytes) -> bytes:
    records = record(b"GNU.sparse.major", b"1") + record(b"GNU.sparse.minor", b"0")
    records += record(b"GNU.sparse.name", b"f") + record(b"GNU.sparse.realsize", b"1000")
    content = padded(text)
    return pax(records, header(size=b"%011o" % len(content)) + content)


def sparse_0_1(text: bytes, *more: tuple[bytes, bytes]) -> bytes:
    records = [(b"GNU.sparse.map", text), (b"GNU.sparse.size", b"1000"), *more]
    return pax(b"".join(record(*pair) for pair in records))


SPARSE: dict[str, bytes] = {
    "beyond the size": sparse([(990, 20)], 1000, 20),
    "overlapping": sparse([(0, 10), (5, 10)], 1000, 20),
    "backwards": sparse([(500, 10), (0, 10)], 1000, 20),
    "more than stored": sparse([(0, 30)], 1000, 20),
    "less than stored": sparse([(0, 10)], 1000, 20),
    "1.0 without numbers": sparse_1_0(b"x\n"),
    "1.0 without newlines": sparse_1_0(b"1" * 600),
    "1.0 that ends too early": sparse_1_0(b"100000\n0\n1\n"),
    "1.0 with too many runs": sparse_1_0(b"99999999\n"),
    "1.0 with negative numbers": sparse_1_0(b"1\n-1\n1\n"),
    "0.1 of an odd length": sparse_0_1(b"0,1,2"),
    "0.1 with too many runs": sparse_0_1(b"0,0," * (1 << 17) + b"0,0"),
    "0.1 with words": sparse_0_1(b"a,b"),
    "0.1 that stores nothing": sparse_0_1(b"0,10"),
    "unknown version": sparse_0_1(b"0,0", (b"GNU.sparse.major", b"2")),
    "no size": pax(record(b"GNU.sparse.map", b"0,0")),
}


@pytest.mark.parametrize("data", SPARSE.values(), ids=SPARSE)
def test_sparse_files_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputError, match=r"sparse|truncated|pax header"):
        apply(tmp_path / "x.tar", data)


def test_sparse_chain_without_end(tmp_path: Path) -> None:
    """Each block of the map says that another one follows."""
    entry = bytearray(sparse([(0, 0)], 0, 0)[:BLOCK])
    entry[482] = 1
    entry[148:156] = b" " * 8
    entry[148:156] = b"%06o\0 " % sum(entry)
    block = b"%011o\0%011o\0" % (0, 0) * 21 + b"\1" + bytes(7)
    with pytest.raises(InputError, match="more than 131072 runs"):
        apply(tmp_path / "x.tar", bytes(entry) + block * 7000)


def test_files_larger_than_any_disk(tmp_path: Path) -> None:
    data = b"".join(sparse([], 0o77777777777, 0)[:BLOCK].replace(b"f", b"%d" % n, 1) for n in range(9))
    fixed = b"".join(_summed(data[start : start + BLOCK]) for start in range(0, len(data), BLOCK))
    with pytest.raises(InputError, match="more than the limit"):
        apply(tmp_path / "x.tar", fixed)


def _summed(block: bytes) -> bytes:
    blank = block[:148] + b" " * 8 + block[156:]
    return blank[:148] + b"%06o\0 " % sum(blank) + blank[156:]


# Fuzzing ----------------------------------------------------------------------------------------------

SEED = tar(
    directory("d", mtime=1.5),
    file("d/f", b"content" * 100, xattrs={"user.x": "y"}),
    file("n" * 200, b"long"),
    hardlink("d/l", "d/f"),
    symlink("s", "d/" + "x" * 150),
    device("null", tarfile.CHRTYPE, 1, 3),
    whiteout("gone"),
    opaque("d"),
) + sparse([(0, 10), (512, 5)], 1000, 15)
POSITION = st.integers(0, len(SEED) - 1)
BYTE = st.sampled_from([0, 1, 0x20, 0x2E, 0x2F, 0x30, 0x31, 0x37, 0x39, 0x4B, 0x4C, 0x53, 0x78, 0x80, 0xFF])


@settings(max_examples=400, deadline=None)
@given(changes=st.lists(st.tuples(POSITION, BYTE), max_size=6), cut=POSITION, sums=st.booleans())
def test_damaged_archives_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], cut: int, sums: bool
) -> None:
    data = bytearray(SEED)
    for position, byte in changes:
        data[position] = byte
    if sums:  # let the damage get past the checksums
        for start in range(0, len(data), BLOCK):
            if data[start + 257 : start + 262] == b"ustar":
                data[start : start + BLOCK] = _summed(bytes(data[start : start + BLOCK]))
    path = tmp_path_factory.getbasetemp() / "fuzzed.tar"
    whole = bytes(data) if cut % 3 else bytes(data[:cut])
    path.write_bytes(whole)
    try:
        tree = merge([Layer(Extent(path, 0, len(whole)), Digest.sha256(b""))], SILENT)
        paths = [entry.path for entry in canonicalise(tree, 0, SILENT)]
    except InputError:
        return
    assert paths == sorted(set(paths))
    for name in paths:
        assert name.rpartition(b"/")[0] in paths
        assert not {b"..", b"."} & set(name.split(b"/"))
    for inode in tree.values():
        for segment in inode.content:
            assert 0 <= segment.extent.offset <= segment.extent.offset + segment.extent.size <= len(whole)
            assert segment.offset + segment.extent.size <= inode.size


def test_a_file_that_shrinks(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(tar(file("a")))
    with pytest.raises(InputError, match="shorter than"):
        contents(Extent(tmp_path / "x.tar", 0, 1 << 20), "x.tar")
