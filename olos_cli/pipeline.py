"""The main line behind a build: measuring, packing, unpacking, verifying. Knows nothing of the terminal.

What deals with packages is loaded by the functions that need it: measuring starts quicker without.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from measure.layout import Measured
from measure.layout import measure as measure_layout
from olos.binaries import LAUNCHER, TARGET, binary
from olos.digest import Digest
from olos.errors import MismatchError
from olos.layout import ANNOTATIONS, MANIFEST
from olos.package import open_any
from olos.progress import Progress

_PROGRAM_MODE = 0o755


@dataclass(frozen=True)
class Packed:
    """A new package, its size in bytes and its measurement."""

    path: Path
    size: int
    measurement: Digest


def measure(path: Path, progress: Progress) -> Measured:
    """Recompute everything from the bytes of a layout or package. Raises MismatchError or InputError."""
    return measure_layout(open_any(path), progress)


def pack(path: Path, output: Path, progress: Progress) -> Packed:
    """Layout → package. A layout that does not match its manifest is refused with MismatchError."""
    from olos.output import atomic_file  # noqa: PLC0415
    from pack import package  # noqa: PLC0415

    measured = measure(path, progress)
    with atomic_file(output, _PROGRAM_MODE) as stream:
        package.write(measured.layout, stream, binary(LAUNCHER).read_bytes(), progress)
    return Packed(output, output.stat().st_size, measured.measurement)


def unpack(path: Path, directory: Path, progress: Progress) -> Path:
    """Package → layout directory. Raises InputError."""
    from pack import unpack as unpacking  # noqa: PLC0415

    unpacking.unpack(open_any(path), directory, progress)
    return directory


def verify(path: Path, expected: Digest | None, progress: Progress) -> Measured:
    """Measure, compare with `expected`, and account for every byte of a package.

    The target program must be that of this olos, and the annotations must be well-formed. Raises
    MismatchError or InputError.
    """
    from pack import verify as verifying  # noqa: PLC0415

    measured = measure(path, progress)
    if expected is not None and measured.measurement != expected:
        raise MismatchError.of(f"{path}: measurement", expected=expected.hex, actual=measured.measurement.hex)
    target = binary(TARGET).read_bytes()
    if measured.layout.packed:
        launcher, checked = binary(LAUNCHER).read_bytes(), () if expected is None else (MANIFEST,)
        verifying.verify(path, launcher, progress, target=target, checked=checked)
    else:
        verifying.compare_target(measured.layout, target)
    _check_annotations(measured)
    return measured


def _check_annotations(measured: Measured) -> None:
    """They must be well-formed, and their origins, if any, those of as many entries as the image has."""
    from olos.annotations import load  # noqa: PLC0415

    found = load(measured.layout)
    entries = measured.manifest.rootfs.entries
    if found is not None and found.entries not in (0, entries):
        raise MismatchError.of(
            f"{measured.layout.origin}: {ANNOTATIONS}: number of entries",
            expected=entries,
            actual=found.entries,
        )
