"""Reading DER, the encoding of certificates (ITU-T X.690): what X.509 needs of it, and nothing lax.

Every error is an InputError that names `where`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from olos.errors import InputError

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31
STRINGS = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1E: "utf-16-be"}
"""UTF8String, PrintableString, TeletexString, IA5String, BMPString."""

_TIMES = {
    UTC_TIME: re.compile(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z"),
    GENERALIZED_TIME: re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z"),
}
_MAX_LENGTH_BYTES = 3
_PIVOT = 50  # RFC 5280, section 4.1.2.5.1: two digits from 50 on are of the 20th century


@dataclass(frozen=True)
class Element:
    """One value: its tag, its content, and the whole of its encoding."""

    tag: int
    content: bytes
    raw: bytes


def context(number: int) -> int:
    """The tag of a constructed context-specific element."""
    return 0xA0 | number


def elements(data: bytes, where: str) -> tuple[Element, ...]:
    """The elements that the bytes consist of, one behind the other."""
    found = []
    start = 0
    while start < len(data):
        header, length = _length(data, start, where)
        end = start + header + length
        if end > len(data):
            raise InputError(f"{where}: ends within an element")
        found.append(Element(data[start], data[start + header : end], data[start:end]))
        start = end
    return tuple(found)


def _length(data: bytes, start: int, where: str) -> tuple[int, int]:
    """The sizes of the header and of the content of the element that begins there."""
    if data[start] & 0x1F == 0x1F:
        raise InputError(f"{where}: has a tag of more than one byte")
    first = data[start + 1 : start + 2]
    if not first:
        raise InputError(f"{where}: ends within an element")
    if first[0] < 0x80:
        return 2, first[0]
    count = first[0] & 0x7F
    digits = data[start + 2 : start + 2 + count]
    length = int.from_bytes(digits, "big")
    if not 1 <= count <= _MAX_LENGTH_BYTES or len(digits) < count or digits[0] == 0 or length < 0x80:
        raise InputError(f"{where}: has a length that is no DER")
    return 2 + count, length


def single(data: bytes, tag: int, where: str) -> Element:
    """The one element that the bytes are; it must have this tag."""
    found = elements(data, where)
    if len(found) != 1:
        raise InputError(f"{where}: has {len(found)} elements, expected one")
    return expect(found[0], tag, where)


def expect(element: Element, tag: int, where: str) -> Element:
    """The element, which must have this tag."""
    if element.tag != tag:
        raise InputError(f"{where}: has the tag {element.tag:#04x}, expected {tag:#04x}")
    return element


def integer(element: Element, where: str) -> int:
    """The value of an INTEGER."""
    content = expect(element, INTEGER, where).content
    if not content or (content[0] == 0 and content[1:2] < b"\x80" and len(content) > 1):
        raise InputError(f"{where}: is an INTEGER that is no DER")
    return int.from_bytes(content, "big", signed=True)


def boolean(element: Element, where: str) -> bool:
    """The value of a BOOLEAN."""
    content = expect(element, BOOLEAN, where).content
    if content not in (b"\x00", b"\xff"):
        raise InputError(f"{where}: is a BOOLEAN that is no DER")
    return content == b"\xff"


def bits(element: Element, where: str) -> bytes:
    """The bytes of a BIT STRING without unused bits."""
    content = expect(element, BIT_STRING, where).content
    if content[:1] != b"\0":
        raise InputError(f"{where}: is a BIT STRING that is not whole bytes")
    return content[1:]


def oid(element: Element, where: str) -> str:
    """An OBJECT IDENTIFIER as numbers with dots."""
    content = expect(element, OID, where).content
    if not content or content[-1] & 0x80 or len(content) > 64:
        raise InputError(f"{where}: is an OBJECT IDENTIFIER that is no DER")
    arcs, arc = [], 0
    for byte in content:
        arc = arc << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(str(number) for number in (first, arcs[0] - 40 * first, *arcs[1:]))


def time(element: Element, where: str) -> datetime:
    """A UTCTime or GeneralizedTime in the form of RFC 5280: whole seconds, UTC."""
    form = _TIMES.get(element.tag)
    match = form.fullmatch(element.content) if form else None
    if match is None:
        raise InputError(f"{where}: is no time as RFC 5280 has it")
    year, *rest = (int(digits) for digits in match.groups())
    if element.tag == UTC_TIME:
        year += 1900 if year >= _PIVOT else 2000
    try:
        month, day, hour, minute, second = rest
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as exc:
        raise InputError(f"{where}: is no time of the calendar") from exc
