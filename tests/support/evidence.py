"""Evidence of hardware that nobody has: reports and documents under roots made here."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID, ObjectIdentifier

from measure.evidence.model import File

TIME = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)
AMD = "1.3.6.1.4.1.3704.1"

# --- certificates -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Party:
    """Somebody with a key and a certificate (DER)."""

    name: str
    key: CertificateIssuerPrivateKeyTypes
    der: bytes = b""

    @property
    def pem(self) -> bytes:
        return x509.load_der_x509_certificate(self.der).public_bytes(serialization.Encoding.PEM)


@functools.cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """One key for each name."""
    return rsa.generate_private_key(65537, 3072)


@functools.cache
def ec_key(name: str, curve: type[ec.EllipticCurve] = ec.SECP384R1) -> ec.EllipticCurvePrivateKey:
    """One key for each name."""
    return ec.generate_private_key(curve())


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a certificate says."""

    start: datetime = TIME - DAY
    end: datetime = TIME + DAY
    ca: bool | None = True
    path_length: int | None = None
    key_usage: bool | None = True
    """Whether it may sign certificates; None leaves the extension out."""
    extensions: Mapping[str, bytes] = field(default_factory=dict)
    critical: bool = False
    digest: hashes.SHA256 | hashes.SHA384 = field(default_factory=hashes.SHA384)
    salt: int = 48


def issue(
    name: str, key: CertificateIssuerPrivateKeyTypes, issuer: Party | None = None, terms: Terms | None = None
) -> Party:
    """A certificate, self-signed if there is no issuer."""
    terms = terms or Terms()
    signer = issuer or Party(name, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(signer.name))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(terms.start)
        .not_valid_after(terms.end)
    )
    if terms.ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(terms.ca, terms.path_length), critical=True)
    if terms.key_usage is not None:
        usage = [not terms.key_usage, False, False, False, False, terms.key_usage, False, False, False]
        builder = builder.add_extension(x509.KeyUsage(*usage), critical=True)
    for oid, value in terms.extensions.items():
        unrecognised = x509.UnrecognizedExtension(ObjectIdentifier(oid), value)
        builder = builder.add_extension(unrecognised, critical=terms.critical)
    pss = padding.PSS(padding.MGF1(terms.digest), terms.salt)
    scheme = pss if isinstance(signer.key, rsa.RSAPrivateKey) else None
    certificate = builder.sign(signer.key, terms.digest, rsa_padding=scheme)
    return Party(name, key, certificate.public_bytes(serialization.Encoding.DER))


def _name(text: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"),
            x509.NameAttribute(NameOID.COMMON_NAME, text),
        ]
    )


def tlv(tag: int, content: bytes) -> bytes:
    """An element in DER."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + content


def rewritten(party: Party, issuer: Party, changes: Mapping[bytes, bytes]) -> Party:
    """The certificate with other bytes in it, and a new signature (ECDSA with SHA-384 by the issuer)."""
    tbs = x509.load_der_x509_certificate(party.der).tbs_certificate_bytes
    body = tbs[4:]
    algorithm = bytes.fromhex("300a06082a8648ce3d040303")
    for old, new in changes.items():
        assert old in body
        body = body.replace(old, new, 1)
        if old == algorithm:
            algorithm = new
    tbs = tlv(0x30, body)
    assert isinstance(issuer.key, ec.EllipticCurvePrivateKey)
    signature = issuer.key.sign(tbs, ec.ECDSA(hashes.SHA384()))
    return replace(party, der=tlv(0x30, tbs + algorithm + tlv(3, b"\0" + signature)))


# --- AMD SEV-SNP --------------------------------------------------------------------------------------------

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


# --- AWS Nitro Enclaves -------------------------------------------------------------------------------------

PCRS = {index: bytes([index + 1]) * 48 for index in range(3)} | {index: bytes(48) for index in range(3, 16)}
PCR8 = b"\x88" * 48
NONCE = b"nonce of the relying party"


@dataclass(frozen=True)
class NitroWorld:
    """A cloud provider, and one of its hypervisors."""

    root: Party
    regional: Party
    leaf: Party

    @property
    def roots(self) -> tuple[File, ...]:
        return (File("root.pem", self.root.pem),)

    def fields(self, **changes: Any) -> dict[str, Any]:
        """The fields of a good document."""
        good: dict[str, Any] = {
            "module_id": "i-0123456789abcdef0-enc0123456789abcdef",
            "digest": "SHA384",
            "timestamp": int(TIME.timestamp() * 1000),
            "pcrs": PCRS | {8: PCR8},
            "certificate": self.leaf.der,
            "cabundle": [self.root.der, self.regional.der],
            "public_key": None,
            "user_data": b"of the user",
            "nonce": NONCE,
        }
        return good | changes

    def document(self, **changes: Any) -> File:
        """A signed document with other values in it."""
        return self.signed(cbor2.dumps(self.fields(**changes)))

    def signed(
        self,
        payload: bytes,
        *,
        protected: bytes = bytes.fromhex("a1013822"),
        unprotected: Mapping[Any, Any] | None = None,
        tag: int | None = None,
    ) -> File:
        """A COSE_Sign1 message with any payload."""
        key = self.leaf.key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        to_be_signed = cbor2.dumps(["Signature1", protected, b"", payload])
        r, s = decode_dss_signature(key.sign(to_be_signed, ec.ECDSA(hashes.SHA384())))
        signature = r.to_bytes(48, "big") + s.to_bytes(48, "big")
        message: Any = [protected, dict(unprotected or {}), payload, signature]
        return File("document.cose", cbor2.dumps(message if tag is None else cbor2.CBORTag(tag, message)))


@functools.cache
def nitro_world() -> NitroWorld:
    """The usual one."""
    root = issue("Root", ec_key("root"))
    regional = issue("Region", ec_key("region"), root, Terms(path_length=0))
    leaf = issue("i-0123456789abcdef0", ec_key("leaf"), regional, Terms(ca=False, key_usage=False))
    return NitroWorld(root, regional, leaf)


# --- the simulated TEE --------------------------------------------------------------------------------------

SIMULATED_EXTENSION = "2.25.235170598882043719799641300614159717721"
SIMULATED_MEASUREMENT = bytes(range(32))
SIMULATED_SIGNER = bytes(range(200, 232))
SPKI_DIGESTS: Mapping[str, type[hashes.SHA256 | hashes.SHA384]] = {
    "secp256r1": hashes.SHA256,
    "secp384r1": hashes.SHA384,
}


@dataclass(frozen=True)
class SimulatedWorld:
    """Somebody's simulated TEE, as docs/formats.md section 13 has it."""

    root: Party
    leaf: Party

    @property
    def roots(self) -> tuple[File, ...]:
        return (File("root.pem", self.root.pem),)

    def claims(self, changes: Mapping[int, Any] | None = None) -> dict[int, Any]:
        """The claims of good evidence; a change to None leaves one out."""
        good = {
            6: int(TIME.timestamp()),
            10: REPORT_DATA,
            263: 1,
            265: "urn:uuid:b0ec35b8-3f4f-4a19-8ebb-1c3d54b6d559",
            -70001: True,
            -70002: SIMULATED_MEASUREMENT,
            -70003: SIMULATED_SIGNER,
            -70004: 7,
            -70005: 3,
            -70006: "linux",
        }
        return {label: value for label, value in (good | dict(changes or {})).items() if value is not None}

    def evidence(self, changes: Mapping[int, Any] | None = None) -> File:
        """Signed evidence with other claims in it."""
        return self.signed(cbor2.dumps(self.claims(changes), canonical=True))

    def signed(self, payload: bytes, header: Mapping[int, Any] | None = None) -> File:
        """A message with any payload; `header` changes its protected header."""
        good = {1: -35, 3: "application/eat+cwt", 33: [self.leaf.der, self.root.der]}
        protected = cbor2.dumps(good | dict(header or {}), canonical=True)
        key = self.leaf.key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        to_be_signed = cbor2.dumps(["Signature1", protected, b"", payload])
        r, s = decode_dss_signature(key.sign(to_be_signed, ec.ECDSA(hashes.SHA384())))
        signature = r.to_bytes(48, "big") + s.to_bytes(48, "big")
        return File("evidence.cbor", cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature])))

    def attested(
        self,
        key: ec.EllipticCurvePrivateKey,
        changes: Mapping[int, Any] | None = None,
        terms: Terms | None = None,
    ) -> Party:
        """An attested certificate (section 14) of a key."""
        spki = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        digest = hashes.Hash(SPKI_DIGESTS[key.curve.name]())
        digest.update(spki)
        evidence = self.evidence({10: digest.finalize().ljust(64, b"\0")} | dict(changes or {}))
        message = cbor2.dumps(["application/eat+cwt", evidence.data, 4])
        terms = replace(terms or Terms(ca=False, key_usage=False), digest=SPKI_DIGESTS[key.curve.name]())
        return issue(
            "app", key, None, replace(terms, extensions=terms.extensions or {"2.23.133.5.4.9": message})
        )


@functools.cache
def simulated_world(name: str = "simulated") -> SimulatedWorld:
    """The usual one, or another one of another name."""
    marked = Terms(path_length=0, extensions={SIMULATED_EXTENSION: b"\x0c\x09simulated"}, critical=True)
    root = issue("olos simulated TEE root, protects nothing", ec_key(f"{name} root"), None, marked)
    terms = replace(marked, ca=False, path_length=None, key_usage=False)
    return SimulatedWorld(root, issue("olos simulated TEE", ec_key(f"{name} leaf"), root, terms))
