"""dm-verity on disk, as `olos-rootfs-1` uses it (docs/formats.md section 2.2).

Linux `Documentation/admin-guide/device-mapper/verity.rst`; cryptsetup's `veritysetup` for the superblock.
"""

from __future__ import annotations

import struct

BLOCK = 4096
DIGEST_SIZE = 32
FANOUT = BLOCK // DIGEST_SIZE

# signature, version, hash_type, uuid, algorithm, data_block_size, hash_block_size, data_blocks,
# salt_size, padding, salt, padding
_SUPERBLOCK = struct.Struct("<8sII16s32sIIQH6s256s168s")


def superblock(data_blocks: int) -> bytes:
    """The block behind an image of so many blocks: a verity superblock, padded with zeros."""
    fields = (b"verity", 1, 1, b"", b"sha256", BLOCK, BLOCK, data_blocks, 0, b"", b"", b"")
    return _SUPERBLOCK.pack(*fields).ljust(BLOCK, b"\0")


def level_offsets(image_size: int) -> list[int]:
    """Where each level of the hash tree starts, in bytes from the start of the image, leaves first.

    The last item is where the tree ends, that is, the size of the whole file.
    """
    sizes: list[int] = []
    count = image_size // BLOCK
    while count > 1:
        count = -(-count // FANOUT)
        sizes.append(count * BLOCK)
    offset = image_size + BLOCK
    offsets = [offset + sum(sizes)]
    for size in reversed(sizes):  # The top level comes first.
        offsets.append(offset)
        offset += size
    return offsets[:0:-1] + offsets[:1]
