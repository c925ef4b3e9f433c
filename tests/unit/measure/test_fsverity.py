"""fs-verity digests, judged by `fsverity digest`."""

import hashlib
import io
import os
import subprocess
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from measure import fsverity
from olos.hashcore import block_hashes
from support.trees import noise

BLOCK = 4096
FANOUT = 128
MIB = 1 << 20


def judged(path: Path) -> str:
    command: list[str | Path] = ["fsverity", "digest", "--compact", path]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return result.stdout.strip()


SIZES = [
    *(0, 1, 4095, 4096, 4097),
    *(FANOUT * BLOCK + skip for skip in (-BLOCK, -1, 0, 1, BLOCK)),
    *(7 * MIB + 4321, 8 * MIB, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1),
]


def of_file(path: Path) -> str:
    """The digest of a file by its descriptor."""
    with path.open("rb") as stream:
        return fsverity.digest_file(stream.fileno(), 0, path.stat().st_size).hex


@pytest.mark.usefixtures("hashing")
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_agrees_with_fsverity(size: int, tmp_path: Path) -> None:
    path, data = tmp_path / "file", noise(size)
    path.write_bytes(data)
    expected = judged(path)
    assert fsverity.digest(io.BytesIO(data)).hex == expected
    assert of_file(path) == expected
    leaves = [block_hashes(data)] if data else []
    assert fsverity.from_leaves(size, leaves).hex == expected


@pytest.mark.parametrize("blocks", [-1, 0, 1])
def test_agrees_with_fsverity_where_a_third_level_begins(blocks: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("w+b") as stream:
        stream.truncate((FANOUT * FANOUT + blocks) * BLOCK)
        stream.write(b"start")
        stream.seek(-1, io.SEEK_END)
        stream.write(b"e")
    with path.open("rb") as stream:
        assert fsverity.digest(stream).hex == judged(path)
    assert of_file(path) == judged(path)


@pytest.mark.usefixtures("hashing")
@pytest.mark.parametrize(
    ("offset", "size"), [(0, 0), (1, 5 * MIB), (4095, 17 * MIB + 1), (2 * MIB, 16 * MIB)]
)
def test_a_piece_of_a_file(offset: int, size: int, tmp_path: Path) -> None:
    data = noise(20 * MIB)
    (tmp_path / "file").write_bytes(data)
    with (tmp_path / "file").open("rb") as stream:
        found = fsverity.digest_file(stream.fileno(), offset, size)
        assert stream.tell() == 0
    assert found == fsverity.digest(io.BytesIO(data[offset : offset + size]))


@pytest.mark.usefixtures("hashing")
def test_a_file_shorter_than_it_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(5000))
    with (tmp_path / "file").open("rb") as stream, pytest.raises(OSError, match="No data available"):
        fsverity.digest_file(stream.fileno(), 0, 5001)


def test_of_8_gib_that_are_a_hole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    os.truncate(path, 8 << 30)
    assert of_file(path) == of_hole(8 << 30)


def of_hole(size: int) -> str:
    """The Merkle tree of zeros: all blocks of a level are the same."""
    count, block = size // BLOCK, bytes(BLOCK)
    while count > 1:
        assert count % FANOUT == 0 or count < FANOUT
        block = (hashlib.sha256(block).digest() * min(count, FANOUT)).ljust(BLOCK, b"\0")
        count = -(-count // FANOUT)
    return fsverity.from_root(size, hashlib.sha256(block).digest()).hex


@pytest.mark.parametrize("step", [1, 127, 128, 129, 1000])
def test_leaves_may_come_in_any_pieces(step: int) -> None:
    data = noise(MIB + 1)
    leaves = block_hashes(data)
    pieces = [leaves[i : i + 32 * step] for i in range(0, len(leaves), 32 * step)]
    assert fsverity.from_leaves(len(data), pieces) == fsverity.digest(io.BytesIO(data))


class Trickle(io.RawIOBase):
    """A stream that gives less than it is asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, 3001))


def test_a_stream_may_give_less_than_it_is_asked_for() -> None:
    data = noise(5 * MIB)
    assert fsverity.digest(cast("BinaryIO", Trickle(data))) == fsverity.digest(io.BytesIO(data))


def test_the_rest_of_a_stream_counts() -> None:
    stream = io.BytesIO(b"skipped" + b"rest")
    stream.read(7)
    assert fsverity.digest(stream) == fsverity.digest(io.BytesIO(b"rest"))
