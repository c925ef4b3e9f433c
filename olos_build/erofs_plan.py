"""Where everything of a root file system image goes (docs/formats.md section 2.1).

The plan needs names and sizes only; contents are read when the image is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from olos import erofs_format as fmt
from olos.errors import InputError
from olos.tree import Entry, FileType, Inode, Tree

_SPECIAL_NAMES = (b"", b".", b"..")


@dataclass(slots=True, eq=False)
class Node:
    """An inode to be written. `start` is its first byte, `block` its first data block, 0 if it has none.

    `parent` and `children` (name, node) are those of directories; `path` is the first name.
    """

    path: bytes
    inode: Inode
    xattrs: bytes
    parent: Node | None = None
    children: list[tuple[bytes, Node]] = field(default_factory=list)
    nlink: int = 1
    size: int = 0
    tail: int = 0
    start: int = 0
    block: int = 0

    @property
    def nid(self) -> int:
        """The number that directories name it by."""
        return self.start // fmt.SLOT

    @property
    def fixed(self) -> int:
        """Bytes of the inode with its xattrs."""
        return fmt.INODE.size + len(self.xattrs)

    @property
    def blocks(self) -> int:
        """Number of data blocks."""
        return fmt.data_blocks(self.size, self.tail)


@dataclass(frozen=True)
class Plan:
    """Nodes in the order of their inodes, and the size of the image in blocks."""

    nodes: Sequence[Node]
    blocks: int


def plan(tree: Tree) -> Plan:
    """Place every inode and every data block.

    Raises InputError, naming the path, for what the format cannot hold, and ValueError for a tree that is
    none: unsorted, without a parent, with names that are no names.
    """
    nodes = _nodes(tree)
    end = fmt.FIRST_INODE
    for node in nodes:
        node.size = _content_size(node)
        node.tail = fmt.inline_tail(node.fixed, node.size)
        node.start = fmt.place(end, node.fixed, node.tail)
        end = node.start + node.fixed + node.tail
    block = fmt.align(end, fmt.BLOCK) // fmt.BLOCK
    for node in nodes:
        if node.blocks:
            node.block = block
            block += node.blocks
        if block > fmt.MAX_BLOCKS:
            raise InputError(f"{_shown(node.path)}: the image becomes larger than 16 TiB")
    return Plan(nodes, max(block, fmt.MIN_BLOCKS))


def directory_blocks(node: Node) -> Iterator[list[tuple[bytes, Node]]]:
    """The names of a directory with `.` and `..`, in order, as many per block as fit."""
    names = sorted([(b".", node), (b"..", node.parent or node), *node.children], key=lambda item: item[0])
    block: list[tuple[bytes, Node]] = []
    used = 0
    for name, child in names:
        needed = fmt.DIRENT.size + len(name)
        if used + needed > fmt.BLOCK:
            yield block
            block, used = [], 0
        block.append((name, child))
        used += needed
    yield block


def _content_size(node: Node) -> int:
    if node.inode.type is not FileType.DIRECTORY:
        return node.inode.size
    *full, last = directory_blocks(node)
    return len(full) * fmt.BLOCK + sum(fmt.DIRENT.size + len(name) for name, _ in last)


def _nodes(tree: Tree) -> list[Node]:
    """One node per inode, linked to directories, in the order of first names."""
    result: list[Node] = []
    directories: dict[bytes, Node] = {}
    groups: dict[bytes, Node] = {}
    before: bytes | None = None
    for entry in tree:
        if before is not None and entry.path <= before:
            raise ValueError(f"{entry.path!r} behind {before!r}: a tree is sorted")
        before = entry.path
        if entry.link and entry.link != entry.path:
            node = _another_name(groups, entry)
        else:
            node = Node(entry.path, _checked(entry), _xattrs(entry))
            result.append(node)
        if entry.link == entry.path and entry.link:
            groups[entry.path] = node
        _link(directories, entry, node)
    if not directories or any(group.nlink == 1 for group in groups.values()):
        raise ValueError("a tree without a root, or a hard link group of one name")
    return result


def _another_name(groups: dict[bytes, Node], entry: Entry) -> Node:
    node = groups.get(entry.link)
    if node is None or node.inode != entry.inode:
        raise ValueError(f"{entry.path!r} is no hard link to {entry.link!r}")
    node.nlink += 1
    return node


def _link(directories: dict[bytes, Node], entry: Entry, node: Node) -> None:
    """Enter a name into its directory."""
    is_directory = entry.inode.type is FileType.DIRECTORY
    if is_directory:
        if entry.link:
            raise ValueError(f"{entry.path!r}: a directory has one name")
        node.nlink = 2
        directories[entry.path] = node
    if not entry.path:
        return
    folder, _, name = entry.path.rpartition(b"/")
    parent = directories.get(folder)
    if parent is None or name in _SPECIAL_NAMES or b"\0" in name:
        raise ValueError(f"{entry.path!r} has no parent directory, or is no path")
    if len(name) > fmt.MAX_NAME or len(entry.path) > fmt.MAX_PATH:
        raise InputError(
            f"{_shown(entry.path)}: the name is too long",
            hint=f"names have at most {fmt.MAX_NAME} bytes, paths {fmt.MAX_PATH}",
        )
    parent.children.append((name, node))
    if is_directory:
        node.parent = parent
        parent.nlink += 1


def _checked(entry: Entry) -> Inode:
    """The inode of an entry that an image can hold."""
    inode = entry.inode
    if inode.type is FileType.SYMLINK:
        _check_target(entry.path, inode)
    elif inode.type is not FileType.REGULAR and inode.size:
        raise ValueError(f"{entry.path!r}: {inode.type} with content")
    if not entry.path and inode.type is not FileType.DIRECTORY:
        raise ValueError("the root is not a directory")
    major, minor = inode.device
    if major > fmt.MAX_MAJOR or minor > fmt.MAX_MINOR:
        raise InputError(f"{_shown(entry.path)}: Linux has no device {major}:{minor}")
    if not 0 <= inode.mode <= 0o7777 or not 0 <= inode.mtime <= fmt.MAX_MTIME:
        raise ValueError(f"{entry.path!r}: mode {inode.mode:#o} or mtime {inode.mtime} is out of range")
    if not 0 <= inode.uid <= fmt.MAX_ID or not 0 <= inode.gid <= fmt.MAX_ID:
        raise InputError(f"{_shown(entry.path)}: owner {inode.uid}:{inode.gid} does not fit into 32 bits")
    return inode


def _check_target(path: bytes, inode: Inode) -> None:
    if inode.size != len(inode.target) or b"\0" in inode.target:
        raise ValueError(f"{path!r}: {inode.target!r} is no symlink target of {inode.size} bytes")
    if not 0 < inode.size <= fmt.MAX_TARGET:
        raise InputError(f"{_shown(path)}: a symlink target of {inode.size} bytes")


def _xattrs(entry: Entry) -> bytes:
    """The xattr area of an inode, empty if it has none."""
    if not entry.inode.xattrs:
        return b""
    area = bytearray(fmt.XATTR_HEADER.size)
    keyed = sorted((fmt.xattr_index(name), name, value) for name, value in entry.inode.xattrs)
    if len({key for key, _, _ in keyed}) < len(keyed):
        raise ValueError(f"{entry.path!r}: an xattr twice")
    for (index, rest), name, value in keyed:
        if len(value) > fmt.MAX_XATTR_VALUE:
            raise InputError(f"{_shown(entry.path)}: xattr {_shown(name)} has {len(value)} bytes, too many")
        area += fmt.XATTR_ENTRY.pack(len(rest), index, len(value)) + rest + value
        area += bytes(-len(area) % fmt.XATTR_ALIGN)
    if len(area) > fmt.MAX_XATTRS_SIZE:
        raise InputError(f"{_shown(entry.path)}: xattrs of {len(area)} bytes, too many for one file")
    return bytes(area)


def _shown(path: bytes) -> str:
    """A path for messages."""
    return "/" + path[:150].decode("utf-8", "backslashreplace")
