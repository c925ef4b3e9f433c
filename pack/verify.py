"""Verifying a package: every byte that is not a file's must be the one that olos would write.

What the measured files hold is for `measure` to check. Of the two that are not measured, the
target program can be compared here; the annotations say what they say (formats.md section 1).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from olos.digest import Digest, sha256_stream
from olos.errors import InputError, MismatchError
from olos.layout import TARGET_PROGRAM, Layout
from olos.package import open_package
from olos.progress import Progress
from pack.package import Part, Plan, plan

_HINT = "the package was changed, or made by another version of olos"


def verify(package: Path, launcher: bytes, progress: Progress, *, target: bytes | None = None) -> None:
    """Compare a package with the one that its own files and this launcher give.

    With `target`, its target program must be that one. Raises MismatchError for the first byte that
    differs, naming the part in which it lies: launcher, file table, ISO structures, padding, trailing
    bytes or target program. Raises InputError if it is no package.
    """
    progress.step(f"comparing {package} with what its files give")
    layout = open_package(package)
    planned = plan({name: extent.size for name, extent in layout.files}, launcher)
    try:
        with package.open("rb") as stream:
            for offset, part in _parts(planned):
                _compare(stream, package, offset, part)
            if stream.seek(0, io.SEEK_END) > planned.size:
                raise MismatchError.of(
                    f"{package}: trailing bytes: size",
                    expected=planned.size,
                    actual=stream.tell(),
                    hint=_HINT,
                )
            if target is not None:
                _compare_target(layout, target)
    except OSError as exc:
        raise InputError(f"{package}: cannot be read: {exc.strerror}") from exc


def _compare_target(layout: Layout, target: bytes) -> None:
    with layout[TARGET_PROGRAM].open() as stream:
        actual, _ = sha256_stream(stream)
    expected = Digest.sha256(target)
    if actual != expected:
        raise MismatchError.of(
            f"{layout.origin}: {TARGET_PROGRAM}: sha256", expected=expected.hex, actual=actual.hex, hint=_HINT
        )


def _parts(planned: Plan) -> Iterator[tuple[int, Part]]:
    """All bytes of a package but those of its files, with their offsets, in order."""
    position = 0
    for part in planned.head:
        yield position, part
        position += len(part.data)
    for entry in sorted((entry for entry in planned.entries if entry.size), key=lambda entry: entry.offset):
        yield position, Part(f"padding before {entry.path}", bytes(entry.offset - position))
        position = entry.offset + entry.size
    yield position, Part("padding at the end", bytes(planned.size - position))


def _compare(stream: BinaryIO, package: Path, offset: int, part: Part) -> None:
    stream.seek(offset)
    actual = stream.read(len(part.data))
    if actual == part.data:
        return
    pairs = zip(part.data, actual, strict=False)
    first = next((i for i, (a, b) in enumerate(pairs) if a != b), len(actual))
    raise MismatchError.of(
        f"{package}: {part.name}: byte {offset + first}",
        expected=f"{part.data[first]:02x}",
        actual=actual[first : first + 1].hex() or "the end of the file",
        hint=_HINT,
    )
