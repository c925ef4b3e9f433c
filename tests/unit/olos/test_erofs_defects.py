"""The image reader and bytes that no writer wrote: each defect is named, and an image has one tree."""

import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from olos import erofs_format as fmt
from olos.crc32c import crc32c
from olos.erofs import Image
from olos.errors import InputError
from olos.tree import FileType, Inode, Tree
from support.erofs_images import BASE, BLOCK, place, read, write
from support.trees import ACL, CAPABILITY, Store, directory, noise, random_tree, rich_tree, symlink, tree_of


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def sealed(data: bytes, *patches: tuple[int, bytes]) -> bytes:
    """The image with other bytes at some offsets, and the checksum of the superblock made right again."""
    result = bytearray(data)
    for offset, patch in patches:
        result[offset : offset + len(patch)] = patch
    result[1028:1032] = bytes(4)
    result[1028:1032] = struct.pack("<I", crc32c(bytes(result[1024:BLOCK])))
    return bytes(result)


def small_tree(store: Store) -> Tree:
    """Inodes in this order: root, a, b, d, d/e, d/f, l, n, x."""
    return tree_of(
        {
            b"a": store.regular(noise(BLOCK + 10)),
            b"b": store.regular(noise(5)),
            b"d/e": directory(),
            b"d/f": store.regular(noise(2 * BLOCK - 1)),
            b"l": symlink(b"target"),
            b"n": Inode(FileType.CHARACTER, 0o600, device=(1, 3)),
            b"x": store.regular(
                b"", xattrs=((b"security.capability", CAPABILITY), (b"user.a", b"1"), (b"user.b", b"22"))
            ),
            b"y": directory(xattrs=((b"system.posix_acl_access", ACL),)),
        },
        {b"z": b"b"},
    )


def inode_offsets(data: bytes) -> Iterator[int]:
    end = fmt.FIRST_INODE
    for _ in range(struct.unpack_from("<Q", data, 1040)[0]):
        _, count, _, _, size = struct.unpack_from("<HHHHQ", data, fmt.align(end, 32))
        fixed = 64 + (12 + 4 * (count - 1) if count else 0)
        tail = fmt.inline_tail(fixed, size)
        start = fmt.place(end, fixed, tail)
        yield start
        end = start + fixed + tail


Patch = Callable[[bytes, dict[str, int]], tuple[int, bytes]]


def at(name: str, skip: int, value: bytes) -> Patch:
    """`value` at an offset behind the start of an inode."""
    return lambda _, starts: (starts[name] + skip, value)


def superblock(skip: int, value: bytes) -> Patch:
    return lambda *_: (1024 + skip, value)


def name_in(folder: str, name: bytes, value: bytes) -> Patch:
    return lambda data, starts: (data.index(name, starts[folder] + 64 + 12), value)


def dirent(folder: str, index: int, skip: int, value: bytes) -> Patch:
    return at(folder, 64 + 12 * index + skip, value)


def nid_of(folder: str, index: int, other: str) -> Patch:
    return lambda _, starts: (starts[folder] + 64 + 12 * index, struct.pack("<Q", starts[other] // 32))


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


def u64(value: int) -> bytes:
    return struct.pack("<Q", value)


# The root holds: . .. a b d l n x y z
DEFECTS: dict[str, tuple[Patch, str]] = {
    "magic": (superblock(0, b"\0"), "no EROFS superblock"),
    "feature_compat": (superblock(8, b"\1"), "superblock: .*fields"),
    "blkszbits": (superblock(12, b"\x09"), "superblock: .*fields"),
    "sb_extslots": (superblock(13, b"\1"), "superblock: .*fields"),
    "root nid": (superblock(14, b"\x25"), "near b''"),
    "inos": (superblock(16, u64(9)), "number of inodes in the superblock"),
    "build_time": (superblock(24, b"\1"), "superblock: .*fields"),
    "blocks": (superblock(36, u32(3)), "superblock: .*another size"),
    "uuid": (superblock(48, b"\1"), "superblock: .*fields"),
    "feature_incompat": (superblock(80, b"\1"), "superblock: .*fields"),
    "reserved": (superblock(127, b"\1"), "superblock: .*fields"),
    "boot sector": (lambda *_: (0, b"\1"), "bytes before the superblock"),
    "root is a file": (at("", 4, struct.pack("<H", 0o100755)), "near b''.*root is not a directory"),
    "compact inode": (at("a", 0, b"\4"), "near b'a': layout"),
    "compressed": (at("a", 0, b"\7"), "near b'a': layout"),
    "plain where inline is right": (at("a", 0, b"\1"), "near b'a': layout"),
    "no type": (at("a", 4, struct.pack("<H", 0o644)), "unknown file type"),
    "socket": (at("n", 4, struct.pack("<H", 0o140600)), "unknown file type"),
    "i_reserved": (at("a", 6, b"\1"), "reserved fields"),
    "i_mtime_nsec": (at("a", 40, b"\1"), "reserved fields"),
    "i_reserved2": (at("a", 63, b"\1"), "reserved fields"),
    "negative mtime": (at("a", 39, b"\x80"), "mtime .* out of range"),
    "i_ino": (at("a", 20, b"\x09"), "has the number 9"),
    "block of another file": (at("d/f", 16, u32(1)), "near b'd/f': data blocks are not where"),
    "data in the metadata": (at("a", 16, u32(0)), "data blocks"),
    "data behind the end": (at("a", 16, u32(100)), "near b'a': data blocks behind the end"),
    "block without data": (at("b", 16, u32(1)), "near b'b': a block address without blocks"),
    "huge file": (at("a", 8, u64(2**63 + 10)), "near b'a': data blocks behind the end"),
    "larger file": (at("a", 8, u64(2 * BLOCK + 10)), "data blocks are not where they belong"),
    "fifo with content": (at("n", 4, struct.pack("<H", 0o10600)), "another type|block address"),
    "long symlink": (at("l", 8, u64(8198)), "target of 8198 bytes"),
    "empty symlink": (at("l", 8, u64(0)), "layout"),
    "NUL in a target": (at("l", 64 + 2, b"\0"), "target with a NUL"),
    "no names": (at("a", 44, u32(0)), "an inode without a name"),
    "more names than there are": (at("a", 44, u32(2)), "fewer names than it says"),
    "fewer names than there are": (at("b", 44, u32(1)), "more names than it says"),
    "too many subdirectories": (at("d", 44, u32(4)), "wrong number of links"),
    "too few subdirectories": (at("d", 44, u32(2)), "wrong number of links"),
    "directory with one link": (at("y", 44, u32(1)), "a directory with 1 links"),
    "directory in its own parent": (nid_of("d", 2, ""), "not where it belongs"),
    "directory in itself": (nid_of("d", 2, "d"), "not where it belongs"),
    "directory twice": (nid_of("", 8, "d"), "not where it belongs"),
    "inode far away": (dirent("", 2, 0, u64(2**62)), "behind the end of the image"),
    "inode in the superblock": (dirent("", 2, 0, u64(32)), "near b'a'"),
    "inode in data": (dirent("", 2, 0, u64(BLOCK // 32)), "near b'a'"),
    ". elsewhere": (nid_of("d", 0, "y"), "b'.' points elsewhere"),
    ".. elsewhere": (nid_of("d", 1, "d"), "b'..' points elsewhere"),
    "root in the root": (name_in("", b"...abdlnxyz", b"!"), "not where it belongs"),
    "slash in a name": (name_in("", b"abdlnxyz", b"/"), "not in order|no file name"),
    "NUL in a name": (name_in("", b"abdlnxyz", b"a\0"), "not in order|no file name"),
    "slash at the end": (name_in("d", b"ef", b"e/"), "not in order|no file name"),
    "names not in order": (name_in("", b"abdlnxyz", b"ba"), "not in order"),
    "a name twice": (name_in("", b"abdlnxyz", b"bb"), "not in order"),
    "dirent type": (dirent("", 2, 10, b"\2"), "another type than its inode"),
    "dirent without type": (dirent("", 2, 10, b"\0"), "without a file type"),
    "dirent reserved": (dirent("", 2, 11, b"\1"), "without a file type"),
    "dirents: none": (dirent("", 0, 8, b"\0\0"), "wrong number of directory entries"),
    "dirents: part of one": (dirent("", 0, 8, b"\x0d"), "wrong number of directory entries"),
    "dirents: too many": (dirent("", 0, 8, b"\xf0\xff"), "wrong number of directory entries"),
    "nameoff goes back": (dirent("", 2, 8, b"\1"), "not one behind the other"),
    "nameoff behind the end": (dirent("", 9, 8, b"\xff\x0f"), "not one behind the other"),
    "directory of a block more": (at("", 8, u64(BLOCK + 133)), "near b''"),
    "empty directory": (at("y", 8, u64(0)), "layout|directory without entries"),
    "xattr header alone": (at("a", 2, b"\1"), "an xattr area without xattrs"),
    "xattr area of 256 KiB": (at("x", 2, b"\xff\xff"), "near b'x'"),
    "shared xattrs": (at("x", 64 + 4, b"\1"), "shared xattrs"),
    "xattr filter": (at("x", 64, b"\1"), "shared xattrs"),
    "xattr out of its area": (at("x", 76 + 2, b"\xff\xff"), "runs out of its area"),
    "xattr index": (at("x", 76 + 1, b"\4"), "not one that an image keeps"),
    "xattr without name": (at("x", 76, b"\0"), "not one that an image keeps|padding"),
    "xattrs not in order": (at("x", 76 + 4, b"c"), "xattrs are not in order"),
    "xattr twice": (at("x", 76 + 4, b"b"), "xattrs are not in order"),
    "xattr padding": (at("x", 76 + 6, b"\1"), "xattr padding"),
    "another security xattr": (lambda data, _: (data.index(b"capability"), b"C"), "not one that an image"),
    "ACL with a name": (at("y", 76, struct.pack("<BBH", 1, 2, len(ACL) - 1)), "not one that an image keeps"),
    "padding between inodes": (at("b", 64 + 5, b"\1"), "padding is not zero"),
    "padding behind the inodes": (lambda *_: (BLOCK - 1, b"\1"), "padding is not zero"),
    "padding behind data": (lambda data, _: (len(data) - 1, b"\1"), "near b'd/f': padding is not zero"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_defects_are_named(name: str, store: Store, tmp_path: Path) -> None:
    tree = small_tree(store)
    data = write(tree, tmp_path)
    paths = [entry.path.decode() for entry in tree if entry.path != b"z"]
    starts = dict(zip(paths, inode_offsets(data), strict=True))
    patch, message = DEFECTS[name]
    changed = sealed(data, patch(data, starts))
    assert changed != data
    with pytest.raises(InputError, match=rf"app\.olos: rootfs\.img: .*({message})"):
        read(changed, tmp_path)


def test_a_wrong_checksum_is_named(store: Store, tmp_path: Path) -> None:
    data = write(small_tree(store), tmp_path)
    with pytest.raises(InputError, match="superblock: .*wrong checksum"):
        read(data[: BLOCK - 1] + b"\1" + data[BLOCK:], tmp_path)


def test_directory_blocks_must_be_full_and_in_order(tmp_path: Path) -> None:
    names = {b"%03d" % i + b"n" * 200: Inode(FileType.FIFO, 0o600) for i in range(40)}
    data = write(tree_of(names), tmp_path)
    assert len(data) == 4 * BLOCK
    first, second = data[-2 * BLOCK : -BLOCK], data[-BLOCK:]
    with pytest.raises(InputError, match="directory"):
        read(sealed(data[: -2 * BLOCK] + second + first), tmp_path)
    shorter = bytearray(first)
    used = len(first.rstrip(b"\0"))
    shorter[used - 100 : used] = bytes(100)
    with pytest.raises(InputError, match="directory block that is not full"):
        read(sealed(data[: -2 * BLOCK] + bytes(shorter) + second), tmp_path)


def test_a_directory_without_dot_dot_is_refused(tmp_path: Path) -> None:
    data = write(tree_of({}), tmp_path)
    only = struct.pack("<QHBB", fmt.FIRST_INODE // 32, 12, 2, 0) + b"."
    patches = ((fmt.FIRST_INODE + 8, u64(len(only))), (fmt.FIRST_INODE + 64, only.ljust(27, b"\0")))
    with pytest.raises(InputError, match=r"a directory without \. or \.\."):
        read(sealed(data, *patches), tmp_path)


@pytest.mark.parametrize("size", [0, 1, BLOCK, BLOCK + 1, 2 * BLOCK - 1, 2**40], ids=str)
def test_impossible_sizes(size: int, store: Store, tmp_path: Path) -> None:
    extent = place(write(small_tree(store), tmp_path), tmp_path)
    with pytest.raises(InputError, match="cannot be an image"):
        Image(extent, size)


def test_a_path_that_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fmt, "MAX_PATH", 1 << 20)
    data = write(tree_of({b"/".join([b"d" * 9] * 410): directory()}), tmp_path)
    monkeypatch.undo()
    with pytest.raises(InputError, match="a path of more than 4095 bytes"):
        read(data, tmp_path)


def test_a_file_that_becomes_shorter_is_an_input_error(store: Store, tmp_path: Path) -> None:
    data = write(rich_tree(store), tmp_path)
    extent = place(data, tmp_path)
    with Image(extent, len(data)) as image, pytest.raises(InputError, match="became shorter"):
        for _ in image.entries():
            with extent.path.open("r+b") as stream:
                stream.truncate(BASE + BLOCK)


@pytest.mark.parametrize("seed", range(6))
def test_a_changed_image_is_refused_or_is_the_image_of_another_tree(
    seed: int, store: Store, tmp_path: Path
) -> None:
    """So a tree has one image, whoever wrote it."""
    data = write(random_tree(store, seed), tmp_path)
    metadata = min(len(data), 3 * BLOCK)
    dice = random.Random(seed)
    accepted = 0
    for _ in range(150):
        offset = dice.randrange(1024, metadata)
        value = dice.choice((0, 1, 0xFF, data[offset] ^ 1 << dice.randrange(8)))
        changed = sealed(data, (offset, bytes([value])))
        try:
            entries = read(changed, tmp_path)
        except InputError:
            continue
        accepted += 1
        assert write(Tree(entries), tmp_path) == changed
    assert 0 < accepted < 150


@pytest.mark.parametrize("seed", range(4))
def test_garbage_is_an_input_error(seed: int, store: Store, tmp_path: Path) -> None:
    """Many changes of the metadata at once, and an image cut at any place."""
    data = write(random_tree(store, seed), tmp_path)
    dice = random.Random(seed)
    for _ in range(60):
        patches = [(dice.randrange(1152, BLOCK - 8), dice.randbytes(8)) for _ in range(20)]
        with pytest.raises(InputError):
            read(sealed(data, *patches), tmp_path)
        cut = dice.randrange(len(data)) // BLOCK * BLOCK
        with pytest.raises(InputError):
            read(data[:cut], tmp_path)
