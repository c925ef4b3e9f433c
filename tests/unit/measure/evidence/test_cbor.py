from collections.abc import Mapping
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure.evidence import cbor
from olos.errors import InputError

SCALARS = (
    st.integers(-(1 << 64), (1 << 64) - 1)
    | st.binary(max_size=300)
    | st.text(max_size=80)
    | st.booleans()
    | st.none()
)
KEYS = st.integers(-(1 << 64), (1 << 64) - 1) | st.text(max_size=20)
ITEMS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


def plain(item: cbor.Item) -> Any:
    if isinstance(item, tuple):
        return [plain(one) for one in item]
    if isinstance(item, Mapping):
        return {key: plain(value) for key, value in item.items()}
    return item


def depth(item: Any) -> int:
    if isinstance(item, list):
        return 1 + max(map(depth, item), default=0)
    if isinstance(item, dict):
        return 1 + max(map(depth, item.values()), default=0)
    return 1


@given(ITEMS.filter(lambda item: depth(item) < cbor.MAX_DEPTH))
def test_it_reads_what_cbor2_writes(item: Any) -> None:
    assert plain(cbor.decode(cbor2.dumps(item), "x")) == item
    assert plain(cbor.decode(cbor2.dumps(item, indefinite_containers=True), "x")) == item


@given(st.binary(max_size=60))
def test_what_it_accepts_cbor2_reads_alike(data: bytes) -> None:
    try:
        item = cbor.decode(data, "x")
    except InputError:
        return
    assert plain(item) == cbor2.loads(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "ends within an item"),
        ("58", "ends within"),
        ("41", "ends within"),
        ("9bffffffffffffffff", "ends within"),
        ("bbffffffffffffffff", "ends within"),
        ("5bffffffffffffffff00", "ends within"),
        ("9f", "ends within"),
        ("bf00ff", "ends within|does not belong|reserved"),
        ("0000", "has 1 bytes behind its end"),
        ("1817", "not in its shortest form"),
        ("1900ff", "not in its shortest form"),
        ("1a0000ffff", "not in its shortest form"),
        ("1b00000000ffffffff", "not in its shortest form"),
        ("5f4100ff", "indefinite or reserved"),
        ("7f6161ff", "indefinite or reserved"),
        ("1c", "indefinite or reserved"),
        ("ff", "indefinite or reserved"),
        ("c249010000000000000000", "does not belong there"),
        ("d81c80", "does not belong there"),
        ("f7", "does not belong there"),
        ("f90000", "shortest form"),
        ("fb3ff0000000000000", "shortest form"),
        ("a2010101ff", "twice|reserved"),
        ("a201000100", "the key 1 twice"),
        ("a2616100616101", "the key 'a' twice"),
        ("a14100f6", "a key that is no number and no text"),
        ("a1f5f6", "a key that is no number and no text"),
        ("a18000", "a key that is no number and no text"),
        ("61ff", "not UTF-8"),
        ("81" * 8 + "00", "nested more than 8 deep"),
        ("9f" * 100000, "nested more than 8 deep"),
        ("d200", "does not belong there"),
    ],
)
def test_what_is_not_plain_is_refused(data: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        cbor.decode(bytes.fromhex(data), "x")


def test_one_tag_may_stand_in_front() -> None:
    assert cbor.decode(bytes.fromhex("d200"), "x", tag=18) == 0
    assert cbor.decode(bytes.fromhex("00"), "x", tag=18) == 0
    with pytest.raises(InputError, match="tag 17, expected 18"):
        cbor.decode(bytes.fromhex("d100"), "x", tag=18)
    with pytest.raises(InputError, match="does not belong there"):
        cbor.decode(bytes.fromhex("d2d200"), "x", tag=18)


@pytest.mark.parametrize(
    "data",
    [
        b"\x9f\x01\xff",
        b"\xbf\x01\x02\xff",
        b"\xa2\x02\x00\x01\x00",
        b"\xa2\x20\x00\x01\x00",
        b"\xa2\x61a\x00\x01\x00",
    ],
    ids=["array", "map", "order", "negative", "text"],
)
def test_what_is_not_deterministic(data: bytes) -> None:
    """Refused only where that form is demanded."""
    cbor.decode(data, "item")
    with pytest.raises(InputError, match="out of order|indefinite"):
        cbor.decode(data, "item", deterministic=True)


def test_what_is_deterministic() -> None:
    item = {1: b"a", 10: [1, -2], 300: "b", -1: True, -70001: None, "x": {}}
    assert cbor.decode(cbor2.dumps(item, canonical=False), "item", deterministic=True)
