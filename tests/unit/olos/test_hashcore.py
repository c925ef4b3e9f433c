"""The compiled hash core and its stand-in in Python give the same bytes, those of hashlib."""

import errno
import hashlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from olos import _hashcore, hashcore
from support.trees import noise

BLOCK = hashcore.BLOCK_SIZE
FLAGS = {"sha-ni": "sha_ni", "avx2": "avx2"}
"""What Linux calls it if the processor has what an implementation needs."""

OfFile = Callable[[int, int, int], bytes]
BOTH = pytest.mark.parametrize(
    "hash_file", [hashcore.file_block_hashes, hashcore.pure_file_block_hashes], ids=["compiled", "pure"]
)


def naive(data: bytes) -> bytes:
    blocks = (data[start : start + BLOCK].ljust(BLOCK, b"\0") for start in range(0, len(data), BLOCK))
    return b"".join(hashlib.sha256(block).digest() for block in blocks)


def test_the_compiled_module_is_part_of_an_installation() -> None:
    assert hashcore.COMPILED


@pytest.mark.parametrize("blocks", [0, 1, 2, 3, 4, 5, 6, 7, 95, 96, 97, 191, 192, 193, 500])
@pytest.mark.parametrize("more", [0, 1, 4095])
def test_all_lengths(blocks: int, more: int) -> None:
    data = noise(blocks * BLOCK + more)
    assert hashcore.block_hashes(data) == hashcore.pure_block_hashes(data) == naive(data)


def test_what_the_processor_has_is_found() -> None:
    flags = set(re.findall(r"\S+", Path("/proc/cpuinfo").read_text()))
    expected = [name for name, flag in FLAGS.items() if flag in flags]
    assert _hashcore.implementations() == [*expected, "plain"]


@pytest.mark.parametrize("implementation", _hashcore.implementations())
def test_every_implementation(implementation: str) -> None:
    data = noise(40 * BLOCK, implementation)
    expected = naive(data)
    for blocks in range(41):
        for first in (0, 40 - blocks):
            piece = data[first * BLOCK : (first + blocks) * BLOCK]
            found = _hashcore.block_hashes_by(implementation, piece)
            assert found == expected[first * 32 : (first + blocks) * 32], (blocks, first)


@pytest.mark.parametrize("implementation", _hashcore.implementations())
@given(st.lists(st.binary(max_size=30), max_size=20), st.integers(0, 63))
@settings(max_examples=30, deadline=None)
def test_every_implementation_takes_any_blocks_at_any_address(
    implementation: str, blocks: list[bytes], shift: int
) -> None:
    data = b"".join((block or b"\xff").ljust(BLOCK, block[:1] or b"\xff") for block in blocks)
    view = memoryview(bytes(shift) + data)[shift:]
    assert _hashcore.block_hashes_by(implementation, view) == naive(data)


@pytest.mark.parametrize(("implementation", "size"), [("md5", BLOCK), ("plain", BLOCK + 1)])
def test_what_no_implementation_takes(implementation: str, size: int) -> None:
    with pytest.raises(ValueError, match="no way to hash"):
        _hashcore.block_hashes_by(implementation, bytes(size))


@pytest.mark.parametrize("threads", [0, 1, 2, 3, 4, 7, 32, 1000])
def test_any_number_of_threads(tmp_path: Path, threads: int) -> None:
    data = noise(1000 * BLOCK + 1)
    (tmp_path / "file").write_bytes(data)
    with (tmp_path / "file").open("rb") as stream:
        assert hashcore.file_block_hashes(stream.fileno(), 0, len(data), threads) == naive(data)
    assert hashcore.block_hashes(data, threads) == naive(data)


@given(st.binary(max_size=50), st.integers(0, 20 * BLOCK), st.integers(0, 20 * BLOCK), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_of_data(seed: bytes, before: int, size: int, threads: int) -> None:
    data = memoryview(noise(before + size, seed))[before:]
    assert hashcore.block_hashes(data, threads) == hashcore.pure_block_hashes(data) == naive(bytes(data))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_of_files_with_holes(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("hashcore") / "file"
    runs = st.lists(st.tuples(st.integers(0, 500 * BLOCK), st.binary(min_size=1, max_size=20)), max_size=6)
    size = 600 * BLOCK + 17
    with path.open("w+b") as stream:
        stream.truncate(size)
        for position, piece in data.draw(runs):
            stream.seek(position)
            stream.write(piece * 500)
        stream.flush()
        offset = data.draw(st.integers(0, size))
        length = data.draw(st.integers(0, size - offset))
        threads = data.draw(st.integers(0, 4))
        compiled = hashcore.file_block_hashes(stream.fileno(), offset, length, threads)
        assert compiled == hashcore.pure_file_block_hashes(stream.fileno(), offset, length)
        assert compiled == naive(path.read_bytes()[offset : offset + length])


@BOTH
def test_the_position_of_the_file_stays(tmp_path: Path, hash_file: OfFile) -> None:
    path = tmp_path / "file"
    path.write_bytes(noise(10 * BLOCK))
    with path.open("rb", buffering=0) as stream:
        stream.seek(77)
        hash_file(stream.fileno(), 0, 10 * BLOCK)
        assert stream.tell() == 77


@BOTH
def test_a_hole_is_not_read(tmp_path: Path, hash_file: OfFile) -> None:
    """Thousand gigabytes of hole per second would be a lot to read."""
    with (tmp_path / "file").open("w+b") as stream:
        stream.truncate(16 << 30)
        digests = hash_file(stream.fileno(), 0, 16 << 30)
    assert len(digests) == (16 << 30) // BLOCK * 32
    assert digests[:32] == digests[-32:] == hashlib.sha256(bytes(BLOCK)).digest()


@BOTH
@pytest.mark.parametrize(("offset", "length"), [(0, 5001), (1, 5000), (5001, 0), (4096, 2**40)])
def test_a_short_file(tmp_path: Path, hash_file: OfFile, offset: int, length: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(5000))
    with path.open("rb") as stream, pytest.raises(OSError, match="No data") as caught:
        hash_file(stream.fileno(), offset, length)
    assert caught.value.errno == errno.ENODATA


@BOTH
def test_a_file_that_is_cut_meanwhile(tmp_path: Path, hash_file: OfFile) -> None:
    """It is an error, or it was soon enough; nobody falls over the missing pages."""
    path, size = tmp_path / "file", 500 * BLOCK
    data = noise(size)
    path.write_bytes(data)
    expected, ended = naive(data), threading.Event()
    outcomes: set[int | bool | None] = set()

    def cut() -> None:
        while not ended.is_set():
            os.truncate(path, 0)
            path.write_bytes(data)

    cutter = threading.Thread(target=cut)
    with path.open("rb") as stream:
        cutter.start()
        try:
            for _ in range(60):
                try:
                    outcomes.add(hash_file(stream.fileno(), 0, size) == expected)
                except OSError as exc:
                    outcomes.add(exc.errno)
        finally:
            ended.set()
            cutter.join()
    assert errno.ENODATA in outcomes
    assert outcomes <= {True, False, errno.ENODATA}


@BOTH
def test_wrong_arguments(hash_file: OfFile) -> None:
    for offset, length in ((-1, 1), (1, -1)):
        with pytest.raises(ValueError, match="negative"):
            hash_file(0, offset, length)
    with pytest.raises(OSError, match="Bad file descriptor"):
        hash_file(-1, 0, 10)


@BOTH
def test_what_cannot_be_read(tmp_path: Path, hash_file: OfFile) -> None:
    descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    try:
        os.write(descriptor, b"data")
        with pytest.raises(OSError, match="Bad file descriptor"):
            hash_file(descriptor, 0, 4)
    finally:
        os.close(descriptor)


def test_data_must_lie_in_one_piece() -> None:
    with pytest.raises((BufferError, ValueError, TypeError)):
        hashcore.block_hashes(memoryview(bytes(100))[::2])


@pytest.mark.parametrize(("pure", "compiled"), [("1", "False"), ("0", "True"), ("", "True")])
def test_olos_pure(pure: str, compiled: str) -> None:
    code = "from olos import hashcore as h; print(h.COMPILED, h.block_hashes(b'x').hex())"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "OLOS_PURE": pure},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == f"{compiled} {naive(b'x').hex()}\n"
