"""Verifying: every byte, and what is demanded of measurement and signer. Knows nothing of the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from measure import reference
from measure.layout import Measured
from measure.sigstruct import Sigstruct, check_statement, statement_of
from olos.digest import Digest
from olos.errors import MismatchError
from olos.files import read_limited
from olos.layout import SIGSTRUCT, SIGSTRUCT_SIZE
from olos.progress import Progress
from olos_cli import pipeline


@dataclass(frozen=True, kw_only=True)
class Demands:
    """What must hold. `signature` and `reference` are files; a `signer` is an MRSIGNER."""

    measurement: Digest | None = None
    signer: Digest | None = None
    signature: Path | None = None
    reference: Path | None = None
    min_security_version: int | None = None


@dataclass(frozen=True)
class Verified:
    """What was verified: all of `demands` holds, and so does the signature, if there is one."""

    measured: Measured
    demands: Demands
    sigstruct: Sigstruct | None


def verify(path: Path, demands: Demands, progress: Progress) -> Verified:
    """Check every byte, the embedded signature, and the demands.

    Raises MismatchError for the first that does not hold, InputError if something cannot be read.
    """
    # What is quickly read comes first: a wrong name should not be found after hashing gigabytes.
    expected = None if demands.reference is None else reference.load(demands.reference)
    detached = None if demands.signature is None else _read(demands.signature)
    measured = pipeline.verify(path, demands.measurement, progress)
    if expected is not None and expected.measurement != measured.measurement:
        raise MismatchError.of(
            f"{path}: measurement",
            expected=f"{expected.measurement.hex} (of {demands.reference})",
            actual=measured.measurement.hex,
            hint=f"see what differs with 'olos measure --check {demands.reference} {path}'",
        )
    embedded = _embedded(measured)
    for sigstruct, where in ((embedded, f"{path}: {SIGSTRUCT}"), (detached, str(demands.signature))):
        if sigstruct is not None:
            _check(sigstruct, measured, where)
    chosen = detached or embedded
    if demands.signer is not None:
        _check_signer(chosen, demands.signer, path)
    if demands.min_security_version is not None:
        _check_version(measured, demands.min_security_version)
    return Verified(measured, demands, chosen)


def _read(path: Path) -> Sigstruct:
    return Sigstruct.decode(read_limited(path, SIGSTRUCT_SIZE), where=str(path))


def _embedded(measured: Measured) -> Sigstruct | None:
    layout = measured.layout
    if SIGSTRUCT not in layout:
        return None
    return Sigstruct.decode(layout[SIGSTRUCT].read(SIGSTRUCT_SIZE), where=f"{layout.origin}: {SIGSTRUCT}")


def _check(sigstruct: Sigstruct, measured: Measured, where: str) -> None:
    """A signature must be one, and say what the measured manifest says."""
    sigstruct.check(where)
    expected = statement_of(measured.manifest, measured.measurement, sigstruct.statement.date)
    check_statement(sigstruct.statement, expected, where)


def _check_signer(sigstruct: Sigstruct | None, signer: Digest, path: Path) -> None:
    if sigstruct is None:
        raise MismatchError.of(
            f"{path}: signer",
            expected=signer.hex,
            actual="not signed",
            hint="name a signature beside it with --signature, or sign it with 'olos sign'",
        )
    if sigstruct.signer != signer:
        raise MismatchError.of(f"{path}: signer", expected=signer.hex, actual=sigstruct.signer.hex)


def _check_version(measured: Measured, least: int) -> None:
    actual = measured.manifest.policy.security_version
    if actual < least:
        raise MismatchError.of(
            f"{measured.layout.origin}: security version", expected=f"at least {least}", actual=actual
        )
