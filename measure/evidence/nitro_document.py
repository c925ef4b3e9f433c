"""The attestation document of AWS Nitro Enclaves.

"Verifying the root of trust", section "Attestation document specification", in the AWS Nitro Enclaves User
Guide and in `docs/attestation_process.md` of aws-nitro-enclaves-nsm-api.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from measure.evidence import cbor
from olos.errors import InputError

DIGEST = "SHA384"
PCR_SIZE = 48
MAX_PCRS = 32
_MAX_CERTIFICATE = 1024
_OPTIONAL = {"public_key": 1024, "user_data": 512, "nonce": 512}
"""What the enclave itself puts in, each at most so many bytes; null where there is none."""
_REQUIRED = ("module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle")
_MAX_MILLISECONDS = 253402300799999  # the end of the year 9999


@dataclass(frozen=True, kw_only=True)
class Document:
    """The fields of a document that is well-formed. Nothing says yet that it is genuine."""

    module_id: str
    milliseconds: int
    pcrs: Mapping[int, bytes]
    certificate: bytes
    cabundle: tuple[bytes, ...]
    public_key: bytes | None
    user_data: bytes | None
    nonce: bytes | None


def parse(payload: bytes, where: str) -> Document:
    """Read the payload of a document. Raises InputError naming the field that is wrong."""
    fields = cbor.decode(payload, where)
    if not isinstance(fields, Mapping):
        raise InputError(f"{where}: is no CBOR map")
    for name in fields:
        if name not in (*_REQUIRED, *_OPTIONAL):
            raise InputError(f"{where}: has the unknown field {str(name)[:80]!r}")
    for name in _REQUIRED:
        if name not in fields:
            raise InputError(f"{where}: has no field {name!r}")
    if fields["digest"] != DIGEST:
        raise InputError(f"{where}: digest: {fields['digest']!r:.80} is not {DIGEST!r}")
    return Document(
        module_id=_module_id(fields["module_id"], where),
        milliseconds=_milliseconds(fields["timestamp"], where),
        pcrs=_pcrs(fields["pcrs"], f"{where}: pcrs"),
        certificate=_bytes(fields["certificate"], _MAX_CERTIFICATE, f"{where}: certificate"),
        cabundle=_cabundle(fields["cabundle"], f"{where}: cabundle"),
        public_key=_optional(fields, "public_key", where),
        user_data=_optional(fields, "user_data", where),
        nonce=_optional(fields, "nonce", where),
    )


def _module_id(value: cbor.Item, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"{where}: module_id: is no text, or an empty one")
    return value


def _milliseconds(value: cbor.Item, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MAX_MILLISECONDS:
        raise InputError(f"{where}: timestamp: is no number of milliseconds")
    return value


def _pcrs(value: cbor.Item, where: str) -> Mapping[int, bytes]:
    if not isinstance(value, Mapping) or not 1 <= len(value) <= MAX_PCRS:
        raise InputError(f"{where}: is no map of 1 to {MAX_PCRS} registers")
    found = {}
    for index, register in value.items():
        if not isinstance(index, int) or not 0 <= index < MAX_PCRS:
            raise InputError(f"{where}: {str(index)[:80]!r} is the number of no register")
        if not isinstance(register, bytes) or len(register) != PCR_SIZE:
            raise InputError(f"{where}: PCR{index} is not {PCR_SIZE} bytes")
        found[index] = register
    for index in range(3):
        if index not in found:
            raise InputError(f"{where}: PCR{index} is missing")
    return dict(sorted(found.items()))


def _cabundle(value: cbor.Item, where: str) -> tuple[bytes, ...]:
    if not isinstance(value, tuple) or not value:
        raise InputError(f"{where}: is no array, or an empty one")
    return tuple(_bytes(one, _MAX_CERTIFICATE, where) for one in value)


def _optional(fields: Mapping[int | str, cbor.Item], name: str, where: str) -> bytes | None:
    value = fields.get(name)
    if value is None:
        return None
    return _bytes(value, _OPTIONAL[name], f"{where}: {name}", least=0 if name != "public_key" else 1)


def _bytes(value: cbor.Item, limit: int, where: str, *, least: int = 1) -> bytes:
    if not isinstance(value, bytes) or not least <= len(value) <= limit:
        raise InputError(f"{where}: is not {least} to {limit} bytes")
    return value
