"""Verifying a package: every byte that is not a file's must be the one that olos would write.

What the recorded files hold is for `measure` to check. Of the others, the target program is compared with
that of this olos, and all together with their digest in the file table (docs/formats.md section 6).
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from olos.digest import Digest, sha256_stream
from olos.errors import InputError, MismatchError
from olos.layout import TARGET_PROGRAM, UNRECORDED, Layout
from olos.package import open_package
from olos.progress import Progress
from pack.package import Part, Plan, plan
from pack.table import stored_digest, unrecorded_digest

_HINT = "it was changed, or made by another version of olos"


def verify(
    package: Path,
    launcher: bytes,
    progress: Progress,
    *,
    target: bytes | None = None,
    checked: Collection[str] = (),
) -> None:
    """Compare a package with the one that its own files and this launcher give.

    With `target`, its target program must be that one. `checked` are unrecorded files that the caller knows
    to be right, so that they are not named. Raises MismatchError for the first byte that differs, naming
    the part in which it lies: launcher, file table, ISO structures, padding, trailing bytes, target program
    or other unrecorded files. Raises InputError if it is no package.
    """
    progress.step(f"comparing {package} with what its files give")
    layout = open_package(package)
    stored = stored_digest(layout)
    planned = plan({name: extent.size for name, extent in layout.files}, launcher, stored)
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
            compare_target(layout, target)
            checked = {*checked, TARGET_PROGRAM}
        compare_unrecorded(layout, stored, checked)
    except OSError as exc:
        raise InputError(f"{package}: cannot be read: {exc.strerror}") from exc


def compare_target(layout: Layout, target: bytes) -> None:
    """The target program of a layout must be this one. Raises MismatchError, or InputError if it has none."""
    with layout[TARGET_PROGRAM].open() as stream:
        actual, _ = sha256_stream(stream)
    expected = Digest.sha256(target)
    if actual != expected:
        raise MismatchError.of(
            f"{layout.origin}: {TARGET_PROGRAM}: sha256", expected=expected.hex, actual=actual.hex, hint=_HINT
        )


def compare_unrecorded(layout: Layout, stored: Digest, checked: Collection[str] = ()) -> None:
    """The unrecorded files of a package must have the digest that it states. Raises MismatchError."""
    actual = unrecorded_digest(layout)
    if actual == stored:
        return
    suspects = [name for name in UNRECORDED if name in layout and name not in checked]
    raise MismatchError.of(
        f"{layout.origin}: {' or '.join(suspects) or 'unrecorded files'}: digest in the file table",
        expected=stored.hex,
        actual=actual.hex,
        hint="the package was changed; pack its layout again",
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
    first = _first_difference(part.data, actual)
    raise MismatchError.of(
        f"{package}: {part.name}: byte {offset + first}",
        expected=f"{part.data[first]:02x}",
        actual=actual[first : first + 1].hex() or "the end of the file",
        hint=_HINT,
    )


def _first_difference(a: bytes, b: bytes) -> int:
    """The index of the first byte in which they differ, as far as both go."""
    size = min(len(a), len(b))
    bits = int.from_bytes(a[:size], "little") ^ int.from_bytes(b[:size], "little")
    return ((bits & -bits).bit_length() - 1) // 8 if bits else size
