"""The attestation report of AMD SEV-SNP (AMD publication 56860, "SEV Secure Nested Paging Firmware ABI").

Table "ATTESTATION_REPORT Structure" in the section of MSG_REPORT_REQ; guest policy: table "Guest Policy
Structure"; TCB_VERSION: tables of the same name, one for processors before Turin and one from Turin on.
Integers are little-endian.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from olos.errors import InputError

SIZE = 0x4A0
SIGNED_SIZE = 0x2A0
VERSIONS = (2, 3, 5)
ECDSA_P384_SHA384 = 1
_WITH_CPUID = 3
_WITH_MITIGATIONS = 5

FIELDS: dict[str, tuple[int, int]] = {
    "VERSION": (0x000, 4),
    "GUEST_SVN": (0x004, 4),
    "POLICY": (0x008, 8),
    "FAMILY_ID": (0x010, 16),
    "IMAGE_ID": (0x020, 16),
    "VMPL": (0x030, 4),
    "SIGNATURE_ALGO": (0x034, 4),
    "CURRENT_TCB": (0x038, 8),
    "PLATFORM_INFO": (0x040, 8),
    "KEY_INFO": (0x048, 4),  # AUTHOR_KEY_EN, MASK_CHIP_KEY, SIGNING_KEY
    "REPORT_DATA": (0x050, 64),
    "MEASUREMENT": (0x090, 48),
    "HOST_DATA": (0x0C0, 32),
    "ID_KEY_DIGEST": (0x0E0, 48),
    "AUTHOR_KEY_DIGEST": (0x110, 48),
    "REPORT_ID": (0x140, 32),
    "REPORT_ID_MA": (0x160, 32),
    "REPORTED_TCB": (0x180, 8),
    "CPUID_FAM_ID": (0x188, 1),  # from version 3 on, as the next two
    "CPUID_MOD_ID": (0x189, 1),
    "CPUID_STEP": (0x18A, 1),
    "CHIP_ID": (0x1A0, 64),
    "COMMITTED_TCB": (0x1E0, 8),
    "CURRENT_VERSION": (0x1E8, 3),  # build, minor, major
    "COMMITTED_VERSION": (0x1EC, 3),
    "LAUNCH_TCB": (0x1F0, 8),
    "LAUNCH_MIT_VECTOR": (0x1F8, 8),  # from version 5 on, as the next
    "CURRENT_MIT_VECTOR": (0x200, 8),
    "SIGNATURE": (0x2A0, 512),
}
"""Offset and size of each field."""

POLICY_SMT, POLICY_MIGRATE_MA, POLICY_DEBUG, POLICY_SINGLE_SOCKET = 1 << 16, 1 << 18, 1 << 19, 1 << 20
_POLICY_ONE = 1 << 17  # reserved, must be one

_R_SIZE = 72
_SCALAR_SIZE = 48
_TURIN_FAMILY = 0x1A


class SigningKey(Enum):
    """SIGNING_KEY: which key signs the report."""

    VCEK = 0
    VLEK = 1


class TcbLayout(Enum):
    """TCB_VERSION: which byte is the security version of which component."""

    MILAN = ("bootloader", "tee", None, None, None, None, "snp", "microcode")
    TURIN = ("fmc", "bootloader", "tee", "snp", None, None, None, "microcode")

    def read(self, value: bytes) -> tuple[tuple[str, int], ...]:
        """The components by name."""
        return tuple((name, value[at]) for at, name in enumerate(self.value) if name)

    def reserved(self, value: bytes) -> bytes:
        """The bytes that are of no component: zero."""
        return bytes(value[at] for at, name in enumerate(self.value) if not name)


@dataclass(frozen=True)
class Report:
    """The fields of a report that is well-formed. Nothing says yet that it is genuine."""

    data: bytes

    def field(self, name: str) -> bytes:
        """The bytes of a field."""
        start, size = FIELDS[name]
        return self.data[start : start + size]

    def number(self, name: str) -> int:
        """A field as a number."""
        return int.from_bytes(self.field(name), "little")

    def policy(self, bit: int) -> bool:
        """Whether a bit of the guest policy is set."""
        return bool(self.number("POLICY") & bit)

    @property
    def author_key(self) -> bool:
        """AUTHOR_KEY_EN: whether the key of the ID block is certified by an author key."""
        return bool(self.number("KEY_INFO") & 1)

    @property
    def signing_key(self) -> SigningKey:
        """Which key signs the report."""
        return SigningKey(self.number("KEY_INFO") >> 2 & 7)

    @property
    def cpuid(self) -> tuple[int, int, int] | None:
        """Family, model and stepping, if this version tells them."""
        if self.number("VERSION") < _WITH_CPUID:
            return None
        return (self.number("CPUID_FAM_ID"), self.number("CPUID_MOD_ID"), self.number("CPUID_STEP"))

    @property
    def tcb_layout(self) -> TcbLayout | None:
        """The order of bytes in TCB_VERSION that the processor's family has, if this version tells it."""
        if self.cpuid is None:
            return None
        return TcbLayout.TURIN if self.cpuid[0] >= _TURIN_FAMILY else TcbLayout.MILAN

    @property
    def mitigations(self) -> tuple[int, int] | None:
        """Mitigation vectors at launch and now, if this version tells them."""
        if self.number("VERSION") < _WITH_MITIGATIONS:
            return None
        return self.number("LAUNCH_MIT_VECTOR"), self.number("CURRENT_MIT_VECTOR")

    @property
    def signature(self) -> bytes:
        """R and S as 48 bytes each, big-endian. In the report they are little-endian, in 72 bytes each."""
        field = self.field("SIGNATURE")
        return field[:_SCALAR_SIZE][::-1] + field[_R_SIZE : _R_SIZE + _SCALAR_SIZE][::-1]


def parse(data: bytes, where: str) -> Report:
    """Read a report. Raises InputError for another size or version, and for what cannot be genuine.

    Zeros behind a report are ignored: the buffer that the guest's driver fills is larger.
    """
    if len(data) < SIZE or any(data[SIZE:]):
        raise InputError(f"{where}: has {len(data)} bytes, but an attestation report has {SIZE}")
    report = Report(data[:SIZE])
    version = report.number("VERSION")
    if version not in VERSIONS:
        known = ", ".join(map(str, VERSIONS))
        raise InputError(f"{where}: is an attestation report of version {version}; known are {known}")
    algorithm = report.number("SIGNATURE_ALGO")
    if algorithm != ECDSA_P384_SHA384:
        raise InputError(f"{where}: has the signature algorithm {algorithm}; known is 1, ECDSA P-384 SHA-384")
    if report.number("KEY_INFO") >> 2 & 7 not in {key.value for key in SigningKey}:
        raise InputError(f"{where}: is signed by no key (SIGNING_KEY)")
    if not report.policy(_POLICY_ONE):
        raise InputError(f"{where}: has a guest policy whose bit 17 is not one")
    _check_signature_padding(report, where)
    return report


def _check_signature_padding(report: Report, where: str) -> None:
    """The bytes behind the signed ones that are not R and S: zero, so that a report has one spelling."""
    field = report.field("SIGNATURE")
    padding = field[_SCALAR_SIZE:_R_SIZE] + field[_R_SIZE + _SCALAR_SIZE :]
    if any(padding):
        raise InputError(f"{where}: has bytes that are not zero in or behind its signature")
