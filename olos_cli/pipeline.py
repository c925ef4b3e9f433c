"""The main line behind a build: measuring, packing, unpacking, verifying. Knows nothing of the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from measure.layout import Measured
from measure.layout import measure as measure_layout
from olos.binaries import LAUNCHER, TARGET, binary
from olos.digest import Digest
from olos.errors import MismatchError
from olos.output import atomic_file
from olos.package import open_any
from olos.progress import Progress
from pack import package
from pack import unpack as unpacking
from pack import verify as verifying

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
    measured = measure(path, progress)
    with atomic_file(output, _PROGRAM_MODE) as stream:
        package.write(measured.layout, stream, binary(LAUNCHER).read_bytes(), progress)
    return Packed(output, output.stat().st_size, measured.measurement)


def unpack(path: Path, directory: Path, progress: Progress) -> Path:
    """Package → layout directory. Raises InputError."""
    unpacking.unpack(open_any(path), directory, progress)
    return directory


def verify(path: Path, expected: Digest | None, progress: Progress) -> Measured:
    """Measure, account for every byte of a package, and compare with `expected`. Raises MismatchError."""
    measured = measure(path, progress)
    if measured.layout.packed:
        launcher, target = binary(LAUNCHER).read_bytes(), binary(TARGET).read_bytes()
        verifying.verify(path, launcher, progress, target=target)
    if expected is not None and measured.measurement != expected:
        raise MismatchError.of(f"{path}: measurement", expected=expected.hex, actual=measured.measurement.hex)
    return measured
