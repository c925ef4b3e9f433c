"""The one spelling of the PCK certificate chain in a quote (RFC 7468, strict: 64 characters a line).

Nobody signs how it is spelt. If there were two spellings, the bytes of a quote could be changed
without a trace.
"""

from __future__ import annotations

import base64

from measure.evidence.model import File
from measure.evidence.x509 import load_certificates
from olos.errors import InputError

_LINE = 64


def check_spelling(chain: File) -> None:
    """Raises InputError unless the chain is its certificates in PEM and nothing else.

    Lines may end with CR LF, and the last line break may be missing. One NUL may follow, since Intel's
    libraries hand the chain over as a string of C.
    """
    text = b"".join(_pem(certificate.raw) for certificate in load_certificates(chain))
    found = chain.data.removesuffix(b"\0")
    if found not in {
        spelling for one in (text, text[:-1]) for spelling in (one, one.replace(b"\n", b"\r\n"))
    }:
        raise InputError(f"{chain.name}: is not spelt as certificates in PEM are (RFC 7468)")


def _pem(der: bytes) -> bytes:
    digits = base64.b64encode(der)
    lines = (digits[at : at + _LINE] for at in range(0, len(digits), _LINE))
    return b"-----BEGIN CERTIFICATE-----\n" + b"\n".join(lines) + b"\n-----END CERTIFICATE-----\n"
