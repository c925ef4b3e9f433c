"""Where two contents begin to differ: the line of a text, or the bytes."""

from __future__ import annotations

from typing import BinaryIO

from measure.diff.causes.rule import Pair
from measure.diff.model import Attribute

_CHUNK = 1 << 20
_BEFORE = 1 << 12
"""Most bytes of a line before the first one that differs."""
_LINE = 400
"""Bytes of a line that are shown."""
_BYTES = 8


def difference(pair: Pair) -> tuple[Attribute, ...]:
    """The first difference of two contents, if both are known. Raises InputError like reading."""
    streams = pair.streams()
    if streams is None:
        return ()
    with streams[0] as old, streams[1] as new:
        offset, line = _where(old, new)
        start, *texts = _lines(old, new, offset)
        shown = [_shown(text, offset - start) for text in texts]
        if all(map(_is_text, texts)) and shown[0] != shown[1]:
            return (Attribute(f"line {line}", *shown),)
        return (Attribute(f"byte {offset}", *(_bytes_at(stream, offset) for stream in (old, new))),)


def _where(old: BinaryIO, new: BinaryIO) -> tuple[int, int]:
    """Offset of the first byte that differs, or at which one ends; number of the line it is in, from 1."""
    offset, line = 0, 1
    while True:
        first, second = old.read(_CHUNK), new.read(_CHUNK)
        if first == second and first:
            offset, line = offset + len(first), line + first.count(b"\n")
            continue
        same = _common(first, second)
        return offset + same, line + first.count(b"\n", 0, same)


def _common(first: bytes, second: bytes) -> int:
    """The length of the common start, by halves."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _lines(old: BinaryIO, new: BinaryIO, offset: int) -> tuple[int, bytes, bytes]:
    """Where the line with a byte begins, and what both sides have from there on."""
    start = max(0, offset - _BEFORE)
    old.seek(start)
    before = old.read(offset - start)
    start += before.rfind(b"\n") + 1
    texts = []
    for stream in (old, new):
        stream.seek(start)
        texts.append(stream.read(offset - start + _BEFORE))
    return start, texts[0], texts[1]


def _is_text(data: bytes) -> bool:
    return b"\0" not in data and not any(byte < 7 or 13 < byte < 27 for byte in data)


def _shown(text: bytes, position: int) -> str | None:
    """The line around a byte; None behind the end of the file."""
    if not text[position:] and position == 0:
        return None
    line = text.split(b"\n", 1)[0]
    start = max(0, min(position, len(line)) - _LINE // 2)
    part = line[start : start + _LINE].decode("utf-8", "backslashreplace")
    return ("…" if start else "") + part + ("…" if start + _LINE < len(line) else "")


def _bytes_at(stream: BinaryIO, offset: int) -> str | None:
    stream.seek(offset)
    return stream.read(_BYTES).hex(" ") or None
