import json
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olos.canonical import JSON, MAX_INTEGER, decode, encode
from olos.errors import InputError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_round_trip(value: JSON) -> None:
    data = encode(value)
    assert json.loads(data) == value
    assert decode(data, where="test") == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # RFC 8785 section 3.2.3: sorting is by UTF-16 code units, so that U+1F600 comes before U+FB33
        (
            {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\xf6": 7},
            '{"\\r":2,"1":4,"\x80":6,"\xf6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}',
        ),
        ('\x08\t\n\x0c\r\x1f"\\/\x7f\u2028', '"\\b\\t\\n\\f\\r\\u001f\\"\\\\/\x7f\u2028"'),
        ([None, True, False, 0, -1], "[null,true,false,0,-1]"),
        ({}, "{}"),
    ],
    ids=["key-order", "escapes", "scalars", "empty"],
)
def test_encoding_as_in_the_rfc(value: JSON, expected: str) -> None:
    assert encode(value) == expected.encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"b":1,"a":2}', "canonical form"),
        (b'{"a": 1}', "canonical form"),
        (b'{"a":1}\n', "canonical form"),
        (b'"\\u0041"', "canonical form"),
        (b'"\\/"', "canonical form"),
        (b"-0", "canonical form"),
        (b'{"a":1,"a":1}', "appears twice"),
        (b"1.5", "not an integer"),
        (b"1e3", "not an integer"),
        (b"NaN", "not an integer"),
        (b"9007199254740992", "not canonical"),
        (b'"\\ud800"', "not canonical"),
        (b'"\xff"', "not UTF-8 at byte 1"),
        (b"\xef\xbb\xbf1", "BOM"),
        (b"01", "Extra data"),
        (b"", "Expecting value"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 900 + b"]" * 900, "nested too deeply|recursion"),
        (b"9" * 5000, "digits"),
        (b" " * (1 << 20) + b"1", "more than the limit"),
    ],
    ids=lambda value: (
        None if isinstance(value, str) else value[:20].decode("latin-1").encode("ascii", "replace").decode()
    ),
)
def test_refuses_any_other_spelling(data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        decode(data, where="olos.json")
    assert caught.value.message.startswith("olos.json: ")


@pytest.mark.parametrize("value", [1.0, b"", {1, 2}, MAX_INTEGER + 1], ids=repr)
def test_has_no_spelling_for(value: object) -> None:
    with pytest.raises(ValueError, match="canonical JSON form|exact integers"):
        encode(cast("JSON", value))
