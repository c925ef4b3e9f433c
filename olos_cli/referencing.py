"""Reference values: writing one, and comparing with one. Knows nothing of the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from measure import reference
from measure.layout import Measured
from measure.reference import InputChange, Reference, changed_inputs
from olos.annotations import load as load_annotations
from olos.errors import InputError
from olos.output import atomic_file
from olos.progress import Progress
from olos_cli import pipeline


@dataclass(frozen=True)
class Written:
    """A reference file as it is now: `old` is what was there before, if it was a reference."""

    measured: Measured
    file: Path
    old: Reference | None
    changed: bool


@dataclass(frozen=True)
class Checked:
    """What was measured, what was expected, and which inputs are not the expected ones."""

    measured: Measured
    file: Path
    expected: Reference
    inputs: tuple[InputChange, ...]

    @property
    def equal(self) -> bool:
        return self.measured.measurement == self.expected.measurement


def write(path: Path, file: Path, progress: Progress) -> Written:
    """Measure a layout or package and write its reference. One that says the same stays untouched.

    Raises MismatchError or InputError.
    """
    measured = pipeline.measure(path, progress)
    data = _reference(measured, progress).encode()
    old = _old(file)
    changed = old is None or old.encode() != data
    if changed:
        with atomic_file(file) as stream:
            stream.write(data)
    return Written(measured, file, old, changed)


def check(path: Path, file: Path, progress: Progress) -> Checked:
    """Measure a layout or package and compare it with a reference. Raises MismatchError or InputError."""
    expected = reference.load(file)  # first: a wrong name should not be found after hashing gigabytes
    measured = pipeline.measure(path, progress)
    return Checked(measured, file, expected, changed_inputs(expected, _reference(measured, progress)))


def _reference(measured: Measured, progress: Progress) -> Reference:
    try:
        return reference.of(measured, load_annotations(measured.layout))
    except InputError as exc:  # they only explain, and the measurement does not depend on them
        progress.warn("annotations-unused", f"{exc.message}; so no inputs are known")
        return reference.of(measured, None)


def _old(file: Path) -> Reference | None:
    """What is there, if it can be read: a broken one is replaced."""
    try:
        return reference.load(file)
    except InputError:
        return None
