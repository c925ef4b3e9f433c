r"""Bytes from an image as text, in one unambiguous spelling (docs/formats.md section 7).

What is UTF-8 stands as it is; each byte that is not is spelt `\xNN` with two lower-case hexadecimal digits,
and a backslash is doubled. So every sequence of bytes has exactly one spelling, and every spelling one
sequence of bytes.
"""

from __future__ import annotations

import re

from olos.errors import InputError

_ESCAPE = re.compile(r"\\(?:(\\)|x([0-9a-f]{2}))?")
_FOREIGN = 0xDC00  # PEP 383: byte NN that is not UTF-8 is decoded as U+DCNN
_TO_TEXT = {ord("\\"): "\\\\", **{_FOREIGN + byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)}}


def spell(data: bytes) -> str:
    """The spelling of some bytes."""
    text = data.decode("utf-8", "surrogateescape")
    return text if text.isascii() and "\\" not in text else text.translate(_TO_TEXT)


def unspell(text: str, *, where: str) -> bytes:
    """The bytes that are spelt so. Raises InputError, naming `where`, for text that `spell` never gives."""
    try:
        if "\\" not in text:
            return text.encode()
        data = _ESCAPE.sub(lambda match: _byte(match, where), text).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as exc:
        raise InputError(f"{where}: contains a lone surrogate") from exc
    if spell(data) != text:
        raise InputError(f"{where}: {text[:80]!r} is not the one spelling of its bytes")
    return data


def _byte(match: re.Match[str], where: str) -> str:
    backslash, digits = match.groups()
    if backslash:
        return backslash
    if not digits:
        raise InputError(
            f"{where}: a backslash that begins neither \\\\ nor \\xNN", hint="write \\\\ for a backslash"
        )
    code = int(digits, 16)
    return chr(_FOREIGN + code) if code >= 0x80 else chr(code)
