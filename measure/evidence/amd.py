"""AMD's certificates for SEV-SNP (AMD publication 57230, "VCEK Certificate and KDS Interface Specification").

An endorsement key signs attestation reports: a VCEK belongs to one chip and one TCB, a VLEK to one cloud
provider and one TCB. Both say so in extensions of their certificates. A VCEK is issued by the ASK of the
processor's line, a VLEK by its ASVK, and both of these by its ARK.
"""

from __future__ import annotations

from dataclasses import dataclass

from measure.evidence import der
from measure.evidence.chain import Roots
from measure.evidence.snp_report import SigningKey, TcbLayout
from measure.evidence.x509 import Certificate, Extension
from olos.errors import InputError

ROOTS = Roots(
    {
        "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd": "ARK-Milan",
        "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1": "ARK-Genoa",
        "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a": "ARK-Turin",
    }
)
"""The ARK of each line, as https://kdsintf.amd.com/vcek/v1/{Milan,Genoa,Turin}/cert_chain has it.

The chains of VLEKs end in the same certificates.
"""

_ARC = "1.3.6.1.4.1.3704.1"
_PRODUCT_NAME = f"{_ARC}.2"
_HARDWARE_ID = f"{_ARC}.4"
_CSP_ID = f"{_ARC}.5"
_SPL = {
    "bootloader": f"{_ARC}.3.1",
    "tee": f"{_ARC}.3.2",
    "snp": f"{_ARC}.3.3",
    "microcode": f"{_ARC}.3.8",
    "fmc": f"{_ARC}.3.9",
}
_IA5_STRING = 0x16
_HARDWARE_ID_SIZES = (64, 8)  # eight bytes from Turin on


@dataclass(frozen=True)
class EndorsementKey:
    """What the certificate of a VCEK or VLEK says."""

    certificate: Certificate
    kind: SigningKey
    product: str
    layout: TcbLayout
    tcb: tuple[tuple[str, int], ...]
    hardware_id: bytes | None
    """Of a VCEK: the CHIP_ID of its chip, or the part of it that is not zero."""
    provider: str | None
    """Of a VLEK: the cloud provider."""


def is_endorsement(certificate: Certificate) -> bool:
    """Whether the certificate claims to be that of a VCEK or VLEK: it tells a TCB."""
    return _SPL["bootloader"] in certificate.extensions


def endorsement_key(certificate: Certificate) -> EndorsementKey:
    """Read the certificate of a VCEK or VLEK. Raises InputError for a missing or malformed extension."""
    where, extensions = certificate.where, certificate.extensions
    kind = SigningKey.VLEK if _CSP_ID in extensions else SigningKey.VCEK
    layout = TcbLayout.TURIN if _SPL["fmc"] in extensions else TcbLayout.MILAN
    tcb = tuple((name, _spl(certificate, name)) for name in layout.value if name)
    product = extensions.get(_PRODUCT_NAME)
    return EndorsementKey(
        certificate=certificate,
        kind=kind,
        product=_text(product.value, f"{where}: product name") if product else "unknown",
        layout=layout,
        tcb=tcb,
        hardware_id=_hardware_id(certificate) if kind is SigningKey.VCEK else None,
        provider=_text(extensions[_CSP_ID].value, f"{where}: provider") if kind is SigningKey.VLEK else None,
    )


def _required(certificate: Certificate, name: str) -> Extension:
    if name not in certificate.extensions:
        raise InputError(f"{certificate.where}: has no extension {name}")
    return certificate.extensions[name]


def _spl(certificate: Certificate, component: str) -> int:
    """The security version of a component."""
    where = f"{certificate.where}: security version of {component}"
    value = _required(certificate, _SPL[component]).value
    number = der.integer(der.single(value, der.INTEGER, where), where)
    if not 0 <= number <= 255:
        raise InputError(f"{where}: {number} is not from 0 to 255")
    return number


def _hardware_id(certificate: Certificate) -> bytes:
    """The hardware id, which stands there as it is, or as an OCTET STRING."""
    where, value = certificate.where, _required(certificate, _HARDWARE_ID).value
    if len(value) not in _HARDWARE_ID_SIZES:
        value = der.single(value, der.OCTET_STRING, f"{where}: hardware id").content
    if len(value) not in _HARDWARE_ID_SIZES:
        raise InputError(f"{where}: has a hardware id of {len(value)} bytes")
    return value


def _text(value: bytes, where: str) -> str:
    return der.single(value, _IA5_STRING, where).content.decode("ascii", "backslashreplace")
