"""The simulated TEE of the target program, and the verifier of init, as a program fed with bytes."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.probe import CHECKERS, COMMON, FLAGS, FOR_MUSL, LIBRARIES, ROOT

SOURCE = ROOT / "tests" / "unit" / "runtime" / "tee_probe.c"
TARGET = ROOT / "runtime" / "target"
REPORT, KEY, ROOT_CERTIFICATE = 1, 2, 3
MEASUREMENT, SIGNER = 1, 2
_IDENTITY = struct.Struct("<IIIHH32s32s64sqqq48s40s")


@dataclass(frozen=True)
class Subject:
    """Whom the TEE speaks for."""

    measurement: bytes = bytes([1]) * 32
    signer: bytes | None = None
    debug: bool = False
    product_id: int = 7
    security_version: int = 3


@dataclass(frozen=True)
class Answer:
    """A negative errno, or 0 and what was asked for."""

    code: int
    body: bytes
    complaint: str = ""


@dataclass(frozen=True)
class Identity:
    """struct olos_identity, without what has one value."""

    flags: int
    product_id: int
    security_version: int
    measurement: bytes
    signer: bytes
    report_data: bytes
    issued: int
    valid_from: int
    valid_until: int
    key_digest: bytes = bytes(48)


def build(folder: Path) -> Path:
    """Compile the program into `folder`, with the compiler's memory checkers."""
    program = folder / "tee_probe"
    sources = [path for path in sorted(COMMON.glob("*.c")) if path.name not in FOR_MUSL]
    sources += [*sorted(TARGET.glob("tee*.c")), TARGET / "sigstruct.c"]
    sources = [path for path in sources if path.name != "tee_channel.c"]
    command: list[str | Path] = ["gcc", *FLAGS, *CHECKERS, SOURCE, *sources, *LIBRARIES, "-o", program]
    subprocess.run(command, check=True)
    return program


def report(data: bytes = bytes(64)) -> bytes:
    """A request for evidence."""
    return struct.pack("<II", REPORT, len(data)) + data


def key(policy: int, security_version: int = 0, zero: int = 0) -> bytes:
    """A request for a sealing key."""
    return struct.pack("<IIBBH", KEY, 4, policy, zero, security_version)


def root() -> bytes:
    """A request for the root certificate."""
    return struct.pack("<II", ROOT_CERTIFICATE, 0)


def words(program: Path, who: Subject) -> list[str]:
    """The command line of a start that answers requests."""
    numbers = (str(int(who.debug)), str(who.product_id), str(who.security_version))
    signer = who.signer.hex() if who.signer else "-"
    return [str(program), "answer", *numbers, who.measurement.hex(), signer]


def ask(
    program: Path, requests: Sequence[bytes], env: Mapping[str, str], subject: Subject | None = None
) -> list[Answer]:
    """The answers of one start to requests; the complaint is all that it said on standard error."""
    result = subprocess.run(
        words(program, subject or Subject()),
        input=b"".join(requests),
        env={**env, "PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
    )
    answers, rest = [], result.stdout
    while rest:
        code, size = struct.unpack_from("<iI", rest)
        answers.append(Answer(code, rest[8 : 8 + size], result.stderr.decode()))
        rest = rest[8 + size :]
    assert len(answers) == len(requests)
    return answers


def verify(
    program: Path, items: Iterable[bytes], roots: Sequence[bytes], now: int, what: str = "verify"
) -> list[tuple[int, Identity | None]]:
    """What the verifier of init says of each item: a negative errno, or 0 and the identity.

    Items are evidence, or attested certificates if `what` is "certificate".
    """
    given = list(items)
    data = struct.pack("<I", len(roots))
    data += b"".join(struct.pack("<I", len(one)) + one for one in (*roots, *given))
    result = subprocess.run([program, what, str(now)], input=data, capture_output=True, check=True)
    size = 4 + _IDENTITY.size
    assert (len(result.stdout), result.stderr) == (size * len(given), b"")
    return [_verdict(result.stdout[at : at + size]) for at in range(0, size * len(given), size)]


def _verdict(data: bytes) -> tuple[int, Identity | None]:
    (code,) = struct.unpack_from("<i", data)
    if code:
        assert not any(data[4:]), "something was told of what was refused"
        return code, None
    size, tee, *fields, reserved = _IDENTITY.unpack_from(data, 4)
    assert (size, tee, any(reserved)) == (_IDENTITY.size, 1, False)
    return code, Identity(*fields)
