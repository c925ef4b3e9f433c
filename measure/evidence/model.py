"""What evidence proves (`Identity`), what it needs besides itself (`File`), what a format does (`Evidence`).

A format answers one question: is this evidence genuine, and what does it say? What the relying party
wants it to say is compared later, in one place (`demands.py`). So every format refuses forged, damaged and
expired evidence, and none of them knows a policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Tee = Literal["snp", "tdx", "sgx", "nitro", "simulated"]
"""The kinds of trusted execution environments."""


@dataclass(frozen=True)
class File:
    """Bytes from outside, and the name of the file for messages."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Claim:
    """One more thing that evidence says, as one shows it: a name and a printable value."""

    name: str
    value: str


@dataclass(frozen=True)
class Value:
    """Bytes that identify something, and what the specification calls them (`MRENCLAVE`, `PCR0`)."""

    name: str
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What genuine evidence says of the environment that it comes from.

    `signer`, `product_id` and `security_version` are None where the format has none, or where they were
    not set. Times are aware datetimes.
    """

    tee: Tee
    simulated: bool
    measurement: Value
    """The one that identifies what was started: launch digest, MRENCLAVE, MRTD, PCR0."""
    debug: bool
    """Whether the host can look into the environment. Nothing that it proves is worth much then."""
    migratable: bool = False
    """Whether an agent may move it to another machine. What it proves is worth as much as the agent then."""
    report_data: Value
    """What the environment itself put in: REPORT_DATA, or the nonce of a document."""
    report_data_padded: bool = True
    """Whether the field has a fixed length, and a shorter value is followed by zeros."""
    key: Value | None = None
    """The digest of the key of the certificate that the evidence was in, and that it vouches for."""
    signer: Value | None = None
    """Who vouches for the measurement: a digest of a key or a certificate."""
    product_id: int | None = None
    security_version: int | None = None
    registers: tuple[Value, ...] = ()
    """Other values that can be demanded by name, in order: `PCR1`, `RTMR0`, `IMAGE_ID`, …"""
    tcb: tuple[tuple[str, int], ...] = ()
    """Security versions of the platform's components by name, where the format tells them one by one."""
    tcb_status: str | None = None
    """What the maker of the platform says of its TCB (`UpToDate`), where the collateral says so."""
    advisories: tuple[str, ...] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    """From when and until when all certificates and other collateral are valid."""
    claims: tuple[Claim, ...] = ()
    """What else the evidence says, in the order in which it is to be shown."""


class Evidence(Protocol):
    """A format of evidence: one module each, all of them in the table of `formats.py`."""

    @property
    def name(self) -> str:
        """What people call it, such as `AMD SEV-SNP attestation report`."""

    def recognises(self, data: bytes) -> bool:
        """Whether the bytes claim to be of this format. Cheap, and true of damaged evidence as well."""

    def verify(
        self, evidence: File, *, collateral: tuple[File, ...], roots: tuple[File, ...], time: datetime
    ) -> Identity:
        """Check that evidence is genuine at this time, and say what it says.

        `evidence` is binary. `collateral` is what the evidence does not bring along itself: certificates
        (PEM or DER) or other documents. `roots`, if there are any, are certificates that are trusted in
        place of the maker's, which olos knows by digest.

        Raises InputError for what is malformed, missing or unknown, and MismatchError for a check that
        fails: a signature, a chain, a validity, a value that must agree with another. Both name the check,
        what was expected and what was found.
        """
