"""Reports of AMD SEV-SNP by hardware that nobody has, under roots made here."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from measure.evidence.model import File
from support.certificates import Party, Terms, ec_key, issue, rsa_key, tlv

AMD = "1.3.6.1.4.1.3704.1"
FIELDS = {
    "version": (0x000, 4),
    "guest_svn": (0x004, 4),
    "policy": (0x008, 8),
    "family_id": (0x010, 16),
    "image_id": (0x020, 16),
    "vmpl": (0x030, 4),
    "signature_algo": (0x034, 4),
    "current_tcb": (0x038, 8),
    "platform_info": (0x040, 8),
    "key_info": (0x048, 4),
    "report_data": (0x050, 64),
    "measurement": (0x090, 48),
    "host_data": (0x0C0, 32),
    "id_key_digest": (0x0E0, 48),
    "author_key_digest": (0x110, 48),
    "report_id": (0x140, 32),
    "reported_tcb": (0x180, 8),
    "cpuid": (0x188, 3),
    "chip_id": (0x1A0, 64),
    "launch_mit_vector": (0x1F8, 8),
    "current_mit_vector": (0x200, 8),
}
MEASUREMENT = bytes(range(1, 49))
REPORT_DATA = bytes(range(100, 164))
ID_KEY = bytes(range(50, 98))
CHIP_ID = bytes(range(1, 65))
MILAN_TCB = bytes([3, 0, 0, 0, 0, 0, 8, 209])
TURIN_TCB = bytes([1, 3, 2, 4, 0, 0, 0, 70])


def snp_fields(**changes: int | bytes) -> dict[str, int | bytes]:
    """The fields of a good report of version 2."""
    good: dict[str, int | bytes] = {
        "version": 2,
        "guest_svn": 7,
        "policy": 0x30000,
        "signature_algo": 1,
        "current_tcb": MILAN_TCB,
        "report_data": REPORT_DATA,
        "measurement": MEASUREMENT,
        "id_key_digest": ID_KEY,
        "reported_tcb": MILAN_TCB,
        "chip_id": CHIP_ID,
    }
    assert set(changes) <= set(FIELDS)
    return good | changes


def snp_body(fields: Mapping[str, int | bytes]) -> bytes:
    """The signed bytes of a report."""
    body = bytearray(0x2A0)
    for name, value in fields.items():
        start, size = FIELDS[name]
        data = value.to_bytes(size, "little") if isinstance(value, int) else value.ljust(size, b"\0")
        assert len(data) == size, name
        body[start : start + size] = data
    return bytes(body)


def snp_signed(body: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """A report, signed as the firmware does it."""
    r, s = decode_dss_signature(key.sign(body, ec.ECDSA(hashes.SHA384())))
    return body + b"".join(number.to_bytes(72, "little") for number in (r, s)).ljust(512, b"\0")


def der_integer(number: int) -> bytes:
    return tlv(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def tcb_extensions(tcb: bytes, *, turin: bool = False) -> dict[str, bytes]:
    """The extensions of a VCEK or VLEK that say its TCB."""
    order = (9, 1, 2, 3, 4, 5, 6, 8) if turin else (1, 2, 4, 5, 6, 7, 3, 8)
    return {f"{AMD}.3.{arc}": der_integer(tcb[at]) for at, arc in enumerate(order)}


def vcek_extensions(
    tcb: bytes = MILAN_TCB, hwid: bytes = CHIP_ID, *, product: bytes = b"Milan-B0", turin: bool = False
) -> dict[str, bytes]:
    """The extensions of a VCEK."""
    return {
        f"{AMD}.1": der_integer(0),
        f"{AMD}.2": tlv(0x16, product),
        **tcb_extensions(tcb, turin=turin),
        f"{AMD}.4": hwid,
    }


def vlek_extensions(tcb: bytes = MILAN_TCB) -> dict[str, bytes]:
    """The extensions of a VLEK."""
    return {f"{AMD}.2": tlv(0x16, b"Milan"), **tcb_extensions(tcb), f"{AMD}.5": tlv(0x16, b"Cloud")}


@dataclass(frozen=True)
class SnpWorld:
    """A maker of processors, and one of its chips."""

    ark: Party
    ask: Party
    vcek: Party

    @property
    def roots(self) -> tuple[File, ...]:
        return (File("ark.pem", self.ark.pem),)

    @property
    def collateral(self) -> tuple[File, ...]:
        return (File("vcek.der", self.vcek.der), File("chain.pem", self.ask.pem))

    def report(self, **changes: int | bytes) -> File:
        """A report of the chip with other values in it."""
        key = self.vcek.key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return File("report.bin", snp_signed(snp_body(snp_fields(**changes)), key))

    def with_vcek(self, extensions: Mapping[str, bytes], name: str = "SEV-VCEK") -> SnpWorld:
        """The same, but the key of the chip has other extensions."""
        terms = Terms(ca=None, key_usage=None, extensions=extensions)
        return replace(self, vcek=issue(name, ec_key("vcek"), self.ask, terms))


@functools.cache
def snp_world() -> SnpWorld:
    """The usual one."""
    ark = issue("ARK-Test", rsa_key("ark"))
    ask = issue("SEV-Test", rsa_key("ask"), ark, Terms(path_length=0))
    world = SnpWorld(ark, ask, ask)
    return world.with_vcek(vcek_extensions())
