"""File trees for tests: making them, writing them as images, and telling what is in them."""

import hashlib
import itertools
import os
import random
import stat
import struct
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from measure.verity import append_hash_tree
from olos.content import open_content
from olos.digest import Digest
from olos.erofs_format import TYPES
from olos.extent import Extent
from olos.progress import SILENT
from olos.tree import Entry, FileType, Inode, Segment, Tree
from olos_build.erofs import write

Xattrs = tuple[tuple[bytes, bytes], ...]

CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)  # cap_net_bind_service=ep
ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in (
        (1, 7, 2**32 - 1),
        (2, 5, 1000),
        (4, 5, 2**32 - 1),
        (0x10, 5, 2**32 - 1),
        (0x20, 0, 2**32 - 1),
    )
)  # user::rwx, user:1000:r-x, group::r-x, mask::r-x, other::---
EDGES = (0, 1, 2, 4031, 4032, 4033, 4095, 4096, 4097, 8191, 8192, 8193, 300_000)
"""Sizes around which something changes: inline tails of up to 4032 bytes, blocks, pieces of the writer."""


class Description(NamedTuple):
    """All that a tree says of a name, with its content in full. `link` as in the tree."""

    path: bytes
    type: str
    mode: int
    uid: int
    gid: int
    mtime: int
    link: bytes = b""
    content: bytes = b""
    device: tuple[int, int] = (0, 0)
    xattrs: Xattrs = ()


def noise(size: int, seed: object = 0) -> bytes:
    """Bytes without pattern, the same at every call."""
    return hashlib.shake_128(repr(seed).encode()).digest(size)


class Store:
    """A file that collects contents and gives the inodes of files that have them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def regular(self, content: bytes, mode: int = 0o644, mtime: int = 0, xattrs: Xattrs = ()) -> Inode:
        with self.path.open("ab") as stream:
            stream.write(b"-")  # so that nothing is aligned by chance
            extent = Extent(self.path, stream.tell(), len(content))
            stream.write(content)
        segments = (Segment(0, extent),) if content else ()
        return Inode(FileType.REGULAR, mode, mtime=mtime, size=len(content), content=segments, xattrs=xattrs)


def directory(mode: int = 0o755, xattrs: Xattrs = ()) -> Inode:
    return Inode(FileType.DIRECTORY, mode, xattrs=xattrs)


def symlink(target: bytes) -> Inode:
    return Inode(FileType.SYMLINK, 0o777, size=len(target), target=target)


def tree_of(names: Mapping[bytes, Inode], links: Mapping[bytes, bytes] | None = None) -> Tree:
    """A tree of inodes by path; missing directories are added. `links` are further names: name → name."""
    inodes = {b"": directory(), **names}
    for name, other in (links or {}).items():
        inodes[name] = inodes[other]
    for path in list(inodes):
        for folder in itertools.accumulate(path.split(b"/")[:-1], lambda a, b: a + b"/" + b):
            inodes.setdefault(folder, directory())
    first: dict[bytes, bytes] = {}
    for name in sorted(links or {}):
        group = (links or {})[name]
        first[group] = min(first.get(group, group), name)
    link = {name: first[(links or {}).get(name, name)] for name in {*(links or {}), *first}}
    return Tree(tuple(Entry(path, inodes[path], link.get(path, b"")) for path in sorted(inodes)))


def rich_tree(store: Store) -> Tree:
    """A tree with something of everything."""
    names: dict[bytes, Inode] = {b"edges/%d" % size: store.regular(noise(size, size)) for size in EDGES}
    names |= {b"many/%d-%s" % (i, b"x" * (i % 40)): store.regular(b"%d" % i) for i in range(1500)}
    names |= {
        # The content of `a` comes behind `a-b`, and that of `a-b` in between.
        b"a/x": store.regular(b"in a"),
        b"a-b/x": store.regular(b"in a-b"),
        b"a-b!": store.regular(b"beside a-b"),
        b"a.c": store.regular(b"beside a"),
        b"a0": store.regular(b"behind a"),
        b"!": store.regular(b"sorts before . and .."),
        b"/".join([b"deep"] * 300): store.regular(b"far down"),
        b"empty": directory(),
        b"odd/" + "ümläut 名".encode(): store.regular(b"utf-8"),
        b"odd/new\nline": store.regular(b"newline"),
        b"odd/\xff\xfe\x80": store.regular(b"not utf-8"),
        b"odd/" + b"n" * 255: store.regular(b"long"),
        b"odd/[bold]": store.regular(b"markup"),
        b"link": symlink(b"a/x"),
        b"link-inline": symlink(b"i" * 4032),
        b"link-block": symlink(b"b" * 4095),
        b"dev/null": Inode(FileType.CHARACTER, 0o666, device=(1, 3)),
        b"dev/big": Inode(FileType.BLOCK, 0o660, gid=6, device=(4095, 0xFFFFF)),
        b"fifo": Inode(FileType.FIFO, 0o622, uid=1, gid=2, mtime=5),
        b"owned": Inode(FileType.REGULAR, 0, uid=2**32 - 2, gid=65534),
        b"setuid": store.regular(b"s", mode=0o6755, mtime=1_700_000_000),
        b"sticky": directory(0o1777),
        b"hard/one": store.regular(noise(5000)),
        b"special/one": Inode(FileType.FIFO, 0o600),
        b"caps": store.regular(b"caps", mode=0o755, xattrs=((b"security.capability", CAPABILITY),)),
        b"acl": directory(
            0o750, ((b"system.posix_acl_access", ACL), (b"system.posix_acl_default", ACL), (b"user.x", b""))
        ),
        b"xattrs": store.regular(noise(9000), xattrs=tuple(sorted(_many_xattrs()))),
    }
    links = {b"hard/two": b"hard/one", b"also": b"hard/one", b"special/two": b"special/one"}
    return tree_of(names, links)


def _many_xattrs() -> Iterable[tuple[bytes, bytes]]:
    for i in range(20):
        yield b"user.%d" % i, noise(i * 17, i)
    yield b"user.large", noise(4000)
    yield b"user." + b"n" * 250, b"long name"


def random_tree(store: Store, seed: int) -> Tree:
    """A small tree by a fixed seed, with xattrs, links and files around a block boundary."""
    dice = random.Random(seed)
    names: dict[bytes, Inode] = {}
    for i in range(dice.randrange(1, 40)):
        folder = b"/".join(b"d%d" % dice.randrange(3) for _ in range(dice.randrange(4)))
        xattrs = tuple((b"user.%d" % j, noise(dice.randrange(50), j)) for j in range(dice.randrange(3)))
        size = dice.choice((0, 10, dice.randrange(5000), dice.choice(EDGES)))
        inode = (
            store.regular(noise(size, i), xattrs=xattrs) if dice.random() < 0.8 else symlink(b"t" * (i + 1))
        )
        names[(folder + b"/" if folder else b"") + b"f%d" % i] = inode
    first = next(iter(names))
    return tree_of(names, {first + b"~": first} if dice.random() < 0.7 else None)


def describe(entries: Iterable[Entry]) -> list[Description]:
    """What a tree or an image says, contents read."""
    return [_description(entry) for entry in entries]


def _description(entry: Entry) -> Description:
    inode = entry.inode
    content = inode.target
    if inode.type is FileType.REGULAR:
        with open_content(inode) as stream:
            content = stream.read()
    assert inode.size == (len(content))
    return Description(
        entry.path,
        inode.type.value,
        inode.mode,
        inode.uid,
        inode.gid,
        inode.mtime,
        entry.link,
        content,
        inode.device,
        inode.xattrs,
    )


def scan(folder: Path) -> list[Description]:
    """What lies in a directory of the host. Link groups are found by inode number."""
    root = os.fsencode(folder)
    paths = [b""]
    for current, folders, files in os.walk(root):
        prefix = os.path.relpath(current, root) + b"/" if current != root else b""
        paths += [prefix + name for name in (*folders, *files)]
    first: dict[int, bytes] = {}
    result = []
    for path in sorted(paths):
        full = root + b"/" + path if path else root
        status = os.lstat(full)
        type_ = TYPES[stat.S_IFMT(status.st_mode)]
        linked = status.st_nlink > 1 and type_ is not FileType.DIRECTORY
        content = os.readlink(full) if type_ is FileType.SYMLINK else b""
        if type_ is FileType.REGULAR and status.st_size:
            content = Path(os.fsdecode(full)).read_bytes()
        is_device = type_ in (FileType.CHARACTER, FileType.BLOCK)
        result.append(
            Description(
                path,
                type_.value,
                stat.S_IMODE(status.st_mode),
                status.st_uid,
                status.st_gid,
                int(status.st_mtime),
                first.setdefault(status.st_ino, path) if linked else b"",
                content,
                (os.major(status.st_rdev), os.minor(status.st_rdev)) if is_device else (0, 0),
            )
        )
    return result


class WrittenImage(NamedTuple):
    """A `rootfs.img`: the file, the size of the EROFS image in it, the root when it was written."""

    path: Path
    size: int
    root: Digest

    @property
    def extent(self) -> Extent:
        return Extent(self.path, 0, self.path.stat().st_size)


def write_image(tree: Tree, path: Path) -> WrittenImage:
    """Write image and hash tree of a tree into a new file."""
    with path.open("w+b") as stream:
        size = write(tree, stream, SILENT)
        root = append_hash_tree(stream, size, SILENT)
    return WrittenImage(path, size, root)


def small_image() -> bytes:
    """The EROFS image, without hash tree, of a tree of a few entries."""
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name) / "store")
        tree = tree_of({b"data": store.regular(noise(20_000)), b"bin/app": store.regular(b"app", mode=0o755)})
        with tempfile.TemporaryFile() as stream:
            size = write(tree, stream, SILENT)
            stream.seek(0)
            return stream.read(size)
