"""EROFS on disk, as far as `olos-rootfs-1` uses it (docs/formats.md section 2.1; Linux 6.1 erofs_fs.h).

Writer and reader share these records and the placement rule, so that there is one statement of both.
"""

from __future__ import annotations

import stat
import struct

from olos.crc32c import crc32c
from olos.tree import FileType

BLOCK = 4096
SLOT = 32
"""Unit of inode numbers: inode `nid` starts at byte `nid * SLOT`."""

# struct erofs_super_block: magic, checksum, feature_compat, blkszbits, sb_extslots, root_nid, inos,
# build_time, build_time_nsec, blocks, meta_blkaddr, xattr_blkaddr, uuid, volume_name,
# feature_incompat, available_compr_algs, extra_devices, devt_slotoff, reserved
SUPERBLOCK = struct.Struct("<IIIBBHQQIIII16s16sIHHH38s")
SUPERBLOCK_OFFSET = 1024
MAGIC = 0xE0F5E1E2
FEATURE_COMPAT = 0x1 | 0x2  # SB_CHKSUM | MTIME
BLOCK_BITS = 12
FIRST_INODE = SUPERBLOCK_OFFSET + SUPERBLOCK.size
MIN_BLOCKS = 2
MAX_BLOCKS = 2**32 - 1

# struct erofs_inode_extended: i_format, i_xattr_icount, i_mode, i_reserved, i_size, i_u, i_ino, i_uid,
# i_gid, i_mtime, i_mtime_nsec, i_nlink, i_reserved2
INODE = struct.Struct("<HHHHQIIIIQII16s")
FORMAT_PLAIN = 1 | 0 << 1  # extended inode, FLAT_PLAIN
FORMAT_INLINE = 1 | 2 << 1  # extended inode, FLAT_INLINE

# struct erofs_dirent: nid, nameoff, file_type, reserved
DIRENT = struct.Struct("<QHBB")

# struct erofs_xattr_ibody_header: h_reserved, h_shared_count, h_reserved2
XATTR_HEADER = struct.Struct("<IB7s")
# struct erofs_xattr_entry: e_name_len, e_name_index, e_value_size
XATTR_ENTRY = struct.Struct("<BBH")
XATTR_ALIGN = 4
MAX_XATTR_VALUE = 2**16 - 1
MAX_XATTRS_SIZE = XATTR_HEADER.size + XATTR_ALIGN * (2**16 - 2)  # i_xattr_icount has 16 bits

XATTR_PREFIXES = {
    1: b"user.",
    2: b"system.posix_acl_access",
    3: b"system.posix_acl_default",
    6: b"security.",
}
"""e_name_index → what it stands for; what follows is stored as the name."""

MAX_NAME = 255
MAX_PATH = 4095
MAX_TARGET = 4095
MAX_MTIME = 2**63 - 1
MAX_ID = 2**32 - 1
MAX_MAJOR = 2**12 - 1
MAX_MINOR = 2**20 - 1

MODES = {
    FileType.REGULAR: stat.S_IFREG,
    FileType.DIRECTORY: stat.S_IFDIR,
    FileType.CHARACTER: stat.S_IFCHR,
    FileType.BLOCK: stat.S_IFBLK,
    FileType.FIFO: stat.S_IFIFO,
    FileType.SYMLINK: stat.S_IFLNK,
}
TYPES = {mode: type_ for type_, mode in MODES.items()}
DIRENT_TYPES = {
    FileType.REGULAR: 1,
    FileType.DIRECTORY: 2,
    FileType.CHARACTER: 3,
    FileType.BLOCK: 4,
    FileType.FIFO: 5,
    FileType.SYMLINK: 7,
}
DEVICES = frozenset({FileType.CHARACTER, FileType.BLOCK})


def align(value: int, unit: int) -> int:
    """The next multiple of `unit` that is not below `value`."""
    return -(-value // unit) * unit


def inline_tail(fixed: int, size: int) -> int:
    """How many bytes of content lie behind the inode: the tail if it fits into a block with it, else 0.

    `fixed` is the size of the inode with its xattrs, `size` that of the content.
    """
    tail = size % BLOCK
    return tail if fixed + tail <= BLOCK else 0


def place(end: int, fixed: int, tail: int) -> int:
    """Where an inode starts if the one before it ends at `end`; an inline tail crosses no block boundary."""
    start = align(end, SLOT)
    if tail and start % BLOCK + fixed + tail > BLOCK:
        start = align(start, BLOCK)
    return start


def data_blocks(size: int, tail: int) -> int:
    """The number of data blocks of content of `size` bytes of which `tail` lie behind the inode."""
    return -(-(size - tail) // BLOCK)


def xattr_index(name: bytes) -> tuple[int, bytes]:
    """Prefix index and rest of the full name of an xattr. Raises ValueError for one that is not kept."""
    for index, prefix in XATTR_PREFIXES.items():
        rest = name[len(prefix) :]
        if name.startswith(prefix) and is_kept_xattr(index, rest):
            return index, rest
    raise ValueError(f"xattr {name!r} is not one that an image keeps")


def is_kept_xattr(index: int, rest: bytes) -> bool:
    """Whether an image may hold this xattr (docs/formats.md section 2.4)."""
    if index == 1:
        return 0 < len(rest) <= MAX_NAME - len(XATTR_PREFIXES[1]) and b"\0" not in rest
    return rest == (b"capability" if index == 6 else b"") and index in XATTR_PREFIXES


def encode_device(major: int, minor: int) -> int:
    """Linux' new_encode_dev."""
    return minor & 0xFF | major << 8 | (minor & ~0xFF) << 12


def decode_device(value: int) -> tuple[int, int]:
    """Linux' new_decode_dev."""
    return value >> 8 & 0xFFF, value & 0xFF | value >> 12 & 0xFFF00


def superblock(root: int, inodes: int, blocks: int, first_block: bytes) -> bytes:
    """The superblock of an image whose first block is `first_block` (its superblock is ignored).

    `root` is the number of the root's inode, `inodes` and `blocks` are how many there are.
    """
    fields = [MAGIC, 0, FEATURE_COMPAT, BLOCK_BITS, 0, root, inodes, 0, 0, blocks, 0, 0]
    rest = [bytes(16), bytes(16), 0, 0, 0, 0, bytes(38)]
    fields[1] = crc32c(SUPERBLOCK.pack(*fields, *rest) + first_block[FIRST_INODE:BLOCK])
    return SUPERBLOCK.pack(*fields, *rest)
