"""A second reader of SIGSTRUCT, which shares nothing with the one under test.

Written from the table "Layout of Enclave Signature Structure (SIGSTRUCT)" of the Intel SDM vol. 3D, and
from what EINIT does with it.
"""

import hashlib

# name: offset, size
TABLE = {
    "HEADER": (0, 16),
    "VENDOR": (16, 4),
    "DATE": (20, 4),
    "HEADER2": (24, 16),
    "SWDEFINED": (40, 4),
    "RESERVED 44": (44, 84),
    "MODULUS": (128, 384),
    "EXPONENT": (512, 4),
    "SIGNATURE": (516, 384),
    "MISCSELECT": (900, 4),
    "MISCMASK": (904, 4),
    "CET_ATTRIBUTES": (908, 1),
    "CET_ATTRIBUTES_MASK": (909, 1),
    "RESERVED 910": (910, 2),
    "ISVFAMILYID": (912, 16),
    "ATTRIBUTES": (928, 8),
    "XFRM": (936, 8),
    "ATTRIBUTEMASK": (944, 8),
    "XFRMMASK": (952, 8),
    "ENCLAVEHASH": (960, 32),
    "RESERVED 992": (992, 16),
    "ISVEXTPRODID": (1008, 16),
    "ISVPRODID": (1024, 2),
    "ISVSVN": (1026, 2),
    "RESERVED 1028": (1028, 12),
    "Q1": (1040, 384),
    "Q2": (1424, 384),
}
SIZE = 1808
DEBUG = 2


def number(data: bytes, name: str) -> int:
    """A field as an integer."""
    return int.from_bytes(raw(data, name), "little")


def raw(data: bytes, name: str) -> bytes:
    """The bytes of a field."""
    offset, size = TABLE[name]
    return data[offset : offset + size]


def to_be_signed(data: bytes) -> bytes:
    """The 256 bytes that the signature covers."""
    return data[0:128] + data[900:1028]


def einit(data: bytes) -> str:
    """Check as EINIT does; returns MRSIGNER."""
    assert len(data) == SIZE
    assert raw(data, "HEADER").hex() == "06000000e10000000000010000000000"
    assert raw(data, "HEADER2").hex() == "01010000600000006000000001000000"
    assert number(data, "VENDOR") in (0, 0x8086)
    assert number(data, "EXPONENT") == 3
    assert not any(number(data, name) for name in TABLE if name.startswith("RESERVED"))
    n, s = number(data, "MODULUS"), number(data, "SIGNATURE")
    q1, q2 = number(data, "Q1"), number(data, "Q2")
    assert s < n
    # The hardware multiplies and subtracts; it does not divide.
    square = s * s - q1 * n
    cube = square * s - q2 * n
    assert 0 <= square < n
    assert 0 <= cube < n
    digest = hashlib.sha256(to_be_signed(data)).hexdigest()
    expected = "0001" + "ff" * 330 + "00" + "3031300d060960864801650304020105000420" + digest
    assert f"{cube:0768x}" == expected
    return hashlib.sha256(raw(data, "MODULUS")).hexdigest()


def would_start(data: bytes, *, attributes: int, xfrm: int = 3, misc_select: int = 0) -> bool:
    """Whether EINIT lets an enclave with these SECS fields pass."""
    return all(
        actual & number(data, mask) == number(data, wanted) & number(data, mask)
        for actual, wanted, mask in (
            (attributes, "ATTRIBUTES", "ATTRIBUTEMASK"),
            (xfrm, "XFRM", "XFRMMASK"),
            (misc_select, "MISCSELECT", "MISCMASK"),
        )
    )
