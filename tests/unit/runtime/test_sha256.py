"""SHA-256 of the runtime against hashlib, in all ways that the processor has: SHA-NI, AVX2, plain C."""

import hashlib
from pathlib import Path

from support.probe import ask
from support.trees import noise

SIZES = (*range(130), 4095, 4096, 4097, 100_000)


def test_streams_whole_and_in_pieces(probe: Path) -> None:
    items = [noise(size, size) for size in SIZES]
    expected = [hashlib.sha256(item).hexdigest() for item in items]
    assert ask(probe, "sha256", items) == [f"0 {digest} {digest}" for digest in expected]


def test_plain_c_and_sha_ni_agree(probe: Path) -> None:
    items = [noise(64 * chunks, chunks) for chunks in (0, 1, 2, 7, 64, 1000)]
    answers = [answer.split() for answer in ask(probe, "compress", items)]
    assert all(quick == plain for _, quick, plain in answers)
    assert len({plain for _, _, plain in answers}) == len(items)


def test_blocks_in_every_way(probe: Path) -> None:
    """Also without a look at what lies before or behind them."""
    items = [noise(4096 * blocks, blocks) for blocks in range(1, 27)]
    for item, answer in zip(items, ask(probe, "blocks", items), strict=True):
        expected = [hashlib.sha256(item[at : at + 4096]).hexdigest() for at in range(0, len(item), 4096)]
        zero, *found = answer.split()
        assert zero == "0"
        assert found
        assert found == expected * (len(found) // len(expected))
