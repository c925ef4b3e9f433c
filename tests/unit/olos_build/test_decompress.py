"""Judge: Python's own gzip module, and the frames that the zstandard library writes."""

import gzip
import io
import os
import random
import zlib

import pytest
import zstandard

from olos_build.images.decompress import DECOMPRESSORS, ERRORS, PIECE

NOISE = os.urandom(700_000)
CONTENTS = {
    "nothing": b"",
    "one byte": b"x",
    "noise": NOISE,
    "zeros": bytes(5 * PIECE + 7),
    "mixed": b"".join(NOISE[at : at + 997] + bytes(3000) for at in range(0, 300_000, 997)),
}


class Dribble:
    """Gives bytes in pieces of its own choice."""

    def __init__(self, data: bytes, most: int) -> None:
        self._stream, self._most, self._random = io.BytesIO(data), most, random.Random(most)

    def read(self, size: int, /) -> bytes:
        return self._stream.read(min(size, self._random.randint(1, self._most)))


def unpacked(name: str, data: bytes, most: int = 1 << 20) -> bytes:
    pieces = list(DECOMPRESSORS[name](Dribble(data, most)))
    assert all(0 < len(piece) <= PIECE for piece in pieces)
    return b"".join(pieces)


@pytest.mark.parametrize("most", [1000, 1 << 20])
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_gzip(content: bytes, most: int) -> None:
    for level in (0, 1, 9):
        assert unpacked("gzip", gzip.compress(content, level), most) == content


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_zstd(content: bytes) -> None:
    assert unpacked("zstd", zstandard.compress(content)) == content


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(b"one") + gzip.compress(b"two"),
        gzip.compress(b"one") + bytes(600_000) + gzip.compress(b"two") + bytes(3),
        gzip.compress(b"") + gzip.compress(NOISE) + gzip.compress(b""),
    ],
    ids=["two", "zeros-between", "empty-members"],
)
@pytest.mark.parametrize("most", [1, 1 << 20])
def test_members(data: bytes, most: int) -> None:
    if most == 1 and len(data) > 600_000:
        most = 7000
    assert unpacked("gzip", data, most) == gzip.decompress(data)


@pytest.mark.parametrize("most", [1, 1 << 20])
def test_damage_is_refused_where_gzip_refuses_it(most: int) -> None:
    whole = gzip.compress(b"some content, some content" * 3, mtime=0)
    damaged = [whole[:length] for length in range(1, len(whole))]
    damaged += [whole + b"x", whole + bytes(5) + b"\x1f", whole + whole[:-1]]
    damaged += [whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :] for at in range(10, len(whole))]
    refused = 0
    for data in damaged:
        try:
            expected = gzip.decompress(data)
        except (EOFError, OSError, zlib.error):
            refused += 1
            with pytest.raises(ERRORS):
                unpacked("gzip", data, most)
        else:  # unused bits
            assert unpacked("gzip", data, most) == expected
    assert refused > len(damaged) - 3


def test_bomb_comes_in_pieces() -> None:
    pieces = DECOMPRESSORS["gzip"](io.BytesIO(gzip.compress(bytes(64 << 20))))
    assert len(next(pieces)) <= PIECE
    pieces.close()
