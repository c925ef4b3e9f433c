"""The reader of file tables in C accepts and refuses the same tables as olos.package."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from olos.digest import Digest
from olos.errors import InputError
from olos.iso import Entry
from olos.package import TABLE_ENTRY, TABLE_HEADER, decode_table
from pack.table import encode
from support.probe import ask, fuzz

FILE_SIZE = 1 << 20
"""Of the file that the probe puts around a table."""

ENTRIES = (
    Entry("a/b", 0x9000, 10),
    Entry("empty", 0, 0),
    Entry("olos.json", 0x9800, 2048),
    Entry("rootfs.img", 0xA000, 8192),
    Entry("target/linux", 0xFF000, 4096),
)
TABLE = encode(ENTRIES, Digest.sha256(b""))


def field(number: int, offset: int, data: bytes) -> bytes:
    """The table with other bytes in an entry: offset 0 is the name, 48 the offset, 56 the size."""
    at = TABLE_HEADER.size + number * TABLE_ENTRY.size + offset
    return TABLE[:at] + data + TABLE[at + len(data) :]


def number(value: int) -> bytes:
    return value.to_bytes(8, "little")


def changed_tables() -> Iterator[bytes]:
    dice = random.Random(3)
    values = (0, 1, 0x7000, 0x7FFF, 0x8000, 0x9000, 0x9800, 0xA000, 0xB000, 0xFF000, 2**20, 2**53, 2**64 - 1)
    for entry in range(len(ENTRIES)):
        for value in values:
            yield field(entry, 48, number(value))
            yield field(entry, 56, number(value))
            yield field(entry, 48, number(value) * 2)
    names = (
        b"",
        b"..",
        b"a/../b",
        b"/a",
        b"a//b",
        b"a" * 48,
        b"a b",
        b"a\0b",
        b"\xff",
        b"empty/x",
        b"a/bc",
        b"z",
    )
    for entry in range(len(ENTRIES)):
        yield from (field(entry, 0, name.ljust(48, b"\0")) for name in names)
    for _ in range(3000):
        data = bytearray(TABLE)
        data[dice.choice((dice.randrange(400), dice.randrange(4096)))] = dice.choice((0, 1, 128, 255, 63, 64))
        yield bytes(data)


def accepts(table: bytes) -> bool:
    try:
        return all(entry.offset + entry.size <= FILE_SIZE for entry in decode_table(table, "table"))
    except InputError:
        return False


def test_values(probe: Path) -> None:
    expected = "0 " + " ".join(f"{entry.path}@{entry.offset}+{entry.size}" for entry in ENTRIES)
    assert ask(probe, "table", [TABLE]) == [expected]


def test_agrees_with_the_reader_in_python(probe: Path) -> None:
    tables = [TABLE, *changed_tables()]
    expected = [accepts(table) for table in tables]
    assert 1 < sum(expected) < len(expected)
    for table, wanted, answer in zip(tables, expected, ask(probe, "table", tables), strict=True):
        assert answer.startswith("0 " if wanted else "3 "), (answer, table[:400])


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (bytes(4096), "not a package"),
        (TABLE[:16] + b"\x40" + TABLE[17:], "number of files"),
        (TABLE[:-33] + b"x" + TABLE[-32:], "padding is wrong"),
        (field(0, 0, b"../b"), "no valid name"),
        (field(4, 56, number(4097)), "the package is truncated: target/linux ends at byte 1048577"),
        (field(3, 48, number(0xA800)), "rootfs.img is not aligned"),
        (field(2, 48, number(0x9000)), "overlap"),
        (field(3, 48, number(2**64 - 4096)), "rootfs.img has no valid place"),
        (field(2, 0, b"p"), "olos.json is missing"),
    ],
    ids=["zeros", "count", "padding", "climbs", "truncated", "aligned", "overlap", "overflow", "manifest"],
)
def test_says_what_is_wrong(probe: Path, table: bytes, reason: str) -> None:
    [answer] = ask(probe, "table", [table])
    assert answer.startswith("3 ")
    assert reason in answer


def test_nothing_crashes(probe: Path) -> None:
    assert fuzz(probe, "table", TABLE, seed=1, count=20_000) < 20_000
