"""Quotes and their collateral, made under a test root as Intel makes them.

Written from Intel's "SGX ECDSA QuoteGen Library API" (quote version 3), "TDX DCAP Quoting Library API"
(versions 4 and 5) and "SGX PCK Certificate and CRL profile"; shares no code with the package that is tested.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
INTEL = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
FMSPC, PCE_SVN, CPU_SVN = bytes.fromhex("00a067110000"), 13, bytes([11] * 4 + [0] * 12)
QE_SIGNER, QE_PRODUCT = bytes(range(32)), {"sgx": 1, "tdx": 2}
ENCLAVE, SIGNER = b"\xe1" * 32, b"\x51" * 32
REPORT_DATA = b"hello, verifier".ljust(64, b"\0")
MRTD = b"\x7d" * 48
SEPT_VE_DISABLE = 1 << 28

Json = dict[str, object]


def sgx_report(
    *, attributes: int = 0x5, enclave: bytes = ENCLAVE, signer: bytes = SIGNER, data: bytes = REPORT_DATA,
    product_id: int = 7, svn: int = 3,
) -> bytes:  # fmt: skip
    """REPORTBODY (Intel SDM vol. 3D), 384 bytes."""
    return struct.pack(
        "<16sI28xQQ32s32x32s96xHH60x64s", CPU_SVN, 0, attributes, 0xE7, enclave, signer, product_id, svn, data
    )


def td_report(
    *, attributes: int = SEPT_VE_DISABLE, mrtd: bytes = MRTD, signer_seam: bytes = bytes(48),
    tcb: bytes = bytes([5, 0, 2]), data: bytes = REPORT_DATA,
) -> bytes:  # fmt: skip
    """TD report 1.0 as it stands in a quote, 584 bytes. RTMRn is made of the byte n + 1."""
    registers = b"".join(bytes([n + 1]) * 48 for n in range(4))
    return struct.pack(
        "<16s48s48s8xQQ48s144x192s64s",
        tcb.ljust(16, b"\0"), b"\x5e" * 48, signer_seam, attributes, 0xE7, mrtd, registers, data,
    )  # fmt: skip


def td_report_15() -> bytes:
    """TD report 1.5: the older one, TEE_TCB_SVN_2 and MRSERVICETD."""
    return td_report() + bytes([5, 0, 2]).ljust(16, b"\0") + bytes(48)


def pem(*certificates: x509.Certificate) -> str:
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in certificates)


def raw_signature(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@dataclass(frozen=True)
class Issuer:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def crl(self, *revoked: x509.Certificate, until: timedelta = 30 * DAY) -> bytes:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(NOW - DAY)
            .next_update(NOW + until)
            .add_extension(x509.CRLNumber(1), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
        )
        for one in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(one.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(NOW - DAY).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def issue(
        self, name: str, *, ca: bool, extension: bytes | None = None, until: timedelta = 3650 * DAY
    ) -> Issuer:
        return issue(name, self, ca=ca, extension=extension, until=until)


def issue(
    name: str, by: Issuer | None, *, ca: bool, extension: bytes | None = None, until: timedelta = 3650 * DAY
) -> Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = by.key if by else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 100 * DAY)
        .not_valid_after(NOW + until)
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(
            x509.KeyUsage(not ca, not ca, False, False, False, ca, ca, False, False), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if extension is not None:
        name_of_it = x509.ObjectIdentifier(".".join(map(str, SGX_EXTENSION)))
        builder = builder.add_extension(x509.UnrecognizedExtension(name_of_it, extension), critical=False)
    return Issuer(builder.sign(signer, hashes.SHA256()), key)


SGX_EXTENSION = (1, 2, 840, 113741, 1, 13, 1)


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    return bytes([tag]) + (bytes([size]) if size < 128 else b"\x82" + struct.pack(">H", size)) + content


def _entry(arcs: tuple[int, ...], value: bytes) -> bytes:
    """SEQUENCE of an OBJECT IDENTIFIER below the SGX extension's, and a value."""
    content = bytes([42])
    for arc in (*SGX_EXTENSION[2:], *arcs):
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(arc & 0x7F | 0x80)
        content += bytes(reversed(digits))
    return _der(0x30, _der(0x06, content) + value)


def sgx_extension(fmspc: bytes = FMSPC, cpu_svn: bytes = CPU_SVN, pce_svn: int = PCE_SVN) -> bytes:
    """The SGX extensions of a PCK certificate (profile, section 1.3.5)."""
    tcb = b"".join(_entry((2, n), _der(2, bytes([svn]))) for n, svn in enumerate(cpu_svn, 1))
    tcb += _entry((2, 17), _der(2, bytes([pce_svn]))) + _entry((2, 18), _der(4, cpu_svn))
    return _der(
        0x30,
        _entry((1,), _der(4, b"\x99" * 16))
        + _entry((2,), _der(0x30, tcb))
        + _entry((3,), _der(4, bytes(2)))
        + _entry((4,), _der(4, fmspc))
        + _entry((5,), _der(10, b"\0")),
    )


@dataclass(frozen=True)
class World:
    """A root, what it issued, and one platform."""

    root: Issuer
    pck_ca: Issuer
    pck: Issuer
    tcb_signing: Issuer

    @property
    def root_der(self) -> bytes:
        return self.root.certificate.public_bytes(Encoding.DER)

    def chain(self) -> bytes:
        return pem(self.pck.certificate, self.pck_ca.certificate, self.root.certificate).encode() + b"\0"


@cache
def world(*, fmspc: bytes = FMSPC, cpu_svn: bytes = CPU_SVN, pck_days: int = 3650) -> World:
    root = issue("Test SGX Root CA", None, ca=True)
    pck_ca = root.issue("Test SGX PCK Processor CA", ca=True)
    pck = pck_ca.issue(
        "Test SGX PCK Certificate", ca=False, extension=sgx_extension(fmspc, cpu_svn), until=pck_days * DAY
    )
    return World(root, pck_ca, pck, root.issue("Test SGX TCB Signing", ca=False))


def _time(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _dates(days: int) -> Json:
    return {"issueDate": _time(NOW - DAY), "nextUpdate": _time(NOW + days * DAY)}


def tcb_info(tee: str = "sgx", *, status: str = "UpToDate", advisories: tuple[str, ...] = ()) -> Json:
    """TCB info, version 3, of one level."""
    tcb: Json = {"sgxtcbcomponents": [{"svn": svn} for svn in CPU_SVN], "pcesvn": PCE_SVN}
    info: Json = {
        "id": tee.upper(),
        "version": 3,
        **_dates(30),
        "fmspc": FMSPC.hex().upper(),
        "pceId": "0000",
        "tcbType": 0,
        "tcbEvaluationDataNumber": 17,
    }
    if tee == "tdx":
        tcb["tdxtcbcomponents"] = [{"svn": svn} for svn in bytes([5, 0, 2]).ljust(16, b"\0")]
        module = {"mrsigner": "00" * 48, "attributes": "00" * 8, "attributesMask": "FF" * 8}
        info |= {"tdxModule": module, "tdxModuleIdentities": []}
    level = {
        "tcb": tcb,
        "tcbDate": "2025-11-01T00:00:00Z",
        "tcbStatus": status,
        "advisoryIDs": list(advisories),
    }
    return info | {"tcbLevels": [level]}


def qe_identity(tee: str = "sgx", *, status: str = "UpToDate") -> Json:
    """The identity of the quoting enclave, version 2."""
    level = {"tcb": {"isvsvn": 8}, "tcbDate": "2025-11-01T00:00:00Z", "tcbStatus": status, "advisoryIDs": []}
    return {
        "id": {"sgx": "QE", "tdx": "TD_QE"}[tee],
        "version": 2,
        **_dates(30),
        "tcbEvaluationDataNumber": 18,
        "miscselect": "00000000",
        "miscselectMask": "FFFFFFFF",
        "attributes": "11" + "00" * 15,
        "attributesMask": "FBFFFFFFFFFFFFFF0000000000000000",
        "mrsigner": QE_SIGNER.hex().upper(),
        "isvprodid": QE_PRODUCT[tee],
        "tcbLevels": [level],
    }


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a quote and its collateral are made of; tests replace one part."""

    tee: str = "sgx"
    version: int = 3
    world: World = field(default_factory=world)
    body: bytes | None = None
    body_type: int | None = None
    key_type: int = 2
    vendor: bytes = INTEL
    chain: bytes | None = None
    certification_type: int = 5
    qe_attributes: int = 0x11
    tcb_info: Json | None = None
    qe_identity: Json | None = None
    revoked_by_root: tuple[x509.Certificate, ...] = ()
    revoked_by_ca: tuple[x509.Certificate, ...] = ()
    crl_days: int = 30
    trailing: bytes = b""

    @property
    def signed(self) -> bytes:
        """The header and the body."""
        tee_type = {"sgx": 0, "tdx": 0x81}[self.tee]
        qe_svn, pce_svn = (10, PCE_SVN) if self.version == 3 else (0, 0)
        head = struct.pack(
            "<HHIHH16s20s", self.version, self.key_type, tee_type, qe_svn, pce_svn, self.vendor, b"\xaa" * 20
        )
        body = self.body or (sgx_report() if self.tee == "sgx" else td_report())
        if self.version == 5:
            kind = self.body_type or {384: 1, 584: 2, 648: 3}[len(body)]
            head += struct.pack("<HI", kind, len(body))
        return head + body

    def quote(self, forge: Callable[[bytes], bytes] = lambda signed: signed) -> bytes:
        """The quote; `forge` changes what was signed, after it was."""
        attestation = ec.generate_private_key(ec.SECP256R1())
        point = attestation.public_key().public_numbers()
        key = point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big")
        auth = bytes(range(32))
        qe_data = hashlib.sha256(key + auth).digest().ljust(64, b"\0")
        qe_report = sgx_report(
            attributes=self.qe_attributes, enclave=b"\x9e" * 32, signer=QE_SIGNER, data=qe_data,
            product_id=QE_PRODUCT[self.tee], svn=8,
        )  # fmt: skip
        chain = self.world.chain() if self.chain is None else self.chain
        certified = qe_report + raw_signature(self.world.pck.key, qe_report)
        certified += struct.pack("<H", len(auth)) + auth
        certified += struct.pack("<HI", self.certification_type, len(chain)) + chain
        if self.version > 3:
            certified = struct.pack("<HI", 6, len(certified)) + certified
        signature = raw_signature(attestation, self.signed) + key + certified
        return forge(self.signed) + struct.pack("<I", len(signature)) + signature + self.trailing

    def collateral(self) -> dict[str, str]:
        """The collateral, as the library dcap-qvl spells it in JSON."""
        signing = pem(self.world.tcb_signing.certificate, self.world.root.certificate)
        info, identity = (
            json.dumps(value, separators=(",", ":"))
            for value in (self.tcb_info or tcb_info(self.tee), self.qe_identity or qe_identity(self.tee))
        )
        sign = self.world.tcb_signing.key
        until = self.crl_days * DAY
        return {
            "pck_crl_issuer_chain": pem(self.world.pck_ca.certificate, self.world.root.certificate),
            "root_ca_crl": self.world.root.crl(*self.revoked_by_root, until=until).hex(),
            "pck_crl": self.world.pck_ca.crl(*self.revoked_by_ca, until=until).hex(),
            "tcb_info_issuer_chain": signing,
            "tcb_info": info,
            "tcb_info_signature": raw_signature(sign, info.encode()).hex(),
            "qe_identity_issuer_chain": signing,
            "qe_identity": identity,
            "qe_identity_signature": raw_signature(sign, identity.encode()).hex(),
        }
