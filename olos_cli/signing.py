"""Signing: layout or package + key → SIGSTRUCT, inside of it or beside it. Knows nothing of the terminal."""

from __future__ import annotations

import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from measure.layout import Measured
from measure.pkcs1 import MODULUS_BYTES
from measure.sigstruct import TO_BE_SIGNED_SIZE, Sigstruct, Statement, assemble, check_statement, statement_of
from olos.errors import InputError, MismatchError
from olos.extent import Extent
from olos.files import read_limited
from olos.layout import SIGSTRUCT, SIGSTRUCT_SIZE, Layout, with_file
from olos.output import atomic_file
from olos.package import TABLE_OFFSET
from olos.progress import Progress
from olos_cli import pipeline
from olos_cli.keyfile import PrivateKey
from pack import package
from pack.table import stored_digest
from pack.verify import compare_unrecorded


@dataclass(frozen=True)
class Signed:
    """A layout or package, its new signature, and where that was written."""

    measured: Measured
    sigstruct: Sigstruct
    output: Path


@dataclass(frozen=True)
class ToBeSigned:
    """A layout or package, and what is to be said of it."""

    measured: Measured
    statement: Statement
    output: Path


def sign(path: Path, key: PrivateKey, date: str, output: Path | None, progress: Progress) -> Signed:
    """Measure and sign. `date` is YYYY-MM-DD; without `output` the signature goes into the layout or package.

    Raises MismatchError if a component is not what the manifest says, InputError.
    """
    measured = pipeline.measure(path, progress)
    statement = _statement(measured, date)
    signature = key.sign(statement.encode())
    return _finish(measured, assemble(statement, key.modulus, signature), output, progress)


def write_to_be_signed(path: Path, date: str, output: Path, progress: Progress) -> ToBeSigned:
    """Measure, and write the bytes that are to be signed elsewhere. Raises like `sign`."""
    measured = pipeline.measure(path, progress)
    statement = _statement(measured, date)
    with atomic_file(output) as stream:
        stream.write(statement.encode())
    return ToBeSigned(measured, statement, output)


@dataclass(frozen=True)
class Offline:
    """What comes back from an offline signer: files with the signed bytes and the signature; the modulus."""

    to_be_signed: Path
    signature: Path
    modulus: int


def attach(path: Path, offline: Offline, output: Path | None, progress: Progress) -> Signed:
    """Measure, and put a signature that was made elsewhere in its place.

    Raises MismatchError if what was signed is not what there is now, or the signature is not one by that
    key; InputError if a file has another size.
    """
    where = str(offline.to_be_signed)
    statement = Statement.decode(read_limited(offline.to_be_signed, TO_BE_SIGNED_SIZE), where=where)
    signature = _raw_signature(offline.signature)
    measured = pipeline.measure(path, progress)
    check_statement(statement, _statement(measured, statement.date), where)
    if signature >= offline.modulus:
        raise MismatchError(f"{offline.signature}: is no signature by this key: larger than its modulus")
    sigstruct = assemble(statement, offline.modulus, signature)
    return _finish(measured, sigstruct, output, progress, where=str(offline.signature))


def _statement(measured: Measured, date: str) -> Statement:
    return statement_of(measured.manifest, measured.measurement, date)


def _raw_signature(path: Path) -> int:
    data = read_limited(path, 1 << 16)
    if len(data) != MODULUS_BYTES:
        raise InputError(
            f"{path}: {len(data)} bytes, but a signature has {MODULUS_BYTES}",
            hint="the bytes as they are, most significant first, as 'openssl dgst -sha256 -sign' writes them",
        )
    return int.from_bytes(data, "big")


def _finish(
    measured: Measured,
    sigstruct: Sigstruct,
    output: Path | None,
    progress: Progress,
    *,
    where: str = "the new signature",
) -> Signed:
    sigstruct.check(where)
    place = _place(measured.layout) if output is None else output
    if output is None and measured.layout.packed:
        _repack(measured.layout, place, sigstruct.encode(), progress)
    else:
        with atomic_file(place) as stream:
            stream.write(sigstruct.encode())
    return Signed(measured, sigstruct, place)


def _place(layout: Layout) -> Path:
    """Where the signature of a layout goes, or the package that gets it."""
    if not layout.packed:
        return layout.origin / SIGSTRUCT
    # A link to a package stays one.
    return Path(os.path.realpath(layout.origin)) if layout.origin.is_symlink() else layout.origin


def _repack(layout: Layout, place: Path, sigstruct: bytes, progress: Progress) -> None:
    """Write a package again with a signature in it; its launcher and its mode stay.

    The new one states a new digest of unrecorded files, so the old one is compared first.
    """
    compare_unrecorded(layout, stored_digest(layout))
    launcher = Extent(place, 0, TABLE_OFFSET).read(TABLE_OFFSET)
    mode = stat.S_IMODE(place.stat().st_mode)
    with tempfile.NamedTemporaryFile(prefix="olos-") as file:
        file.write(sigstruct)
        file.flush()
        signed = with_file(layout, SIGSTRUCT, Extent(Path(file.name), 0, SIGSTRUCT_SIZE))
        with atomic_file(place, mode) as stream:
            package.write(signed, stream, launcher, progress)
